/* SPDX-License-Identifier: MIT */
/* Begins: what the page was served or exported with says what it shows. */

import { render } from "preact";
import { App } from "./app.jsx";
import { Session } from "./session.js";
import { openAddress, openEmbedded, openLive } from "./source.js";

const config = JSON.parse(document.getElementById("config").textContent);
const embedded = document.getElementById("recording").textContent;
const session = new Session();

/* A scene is a recording that the server has, or a program that it starts: then it answers with the address
 * of the machine. */
async function openScene(name) {
    const scene = config.scenes.find((one) => one.name === name);
    config.stop?.();
    config.stop = null;
    session.scene = name;
    if (scene.recording) {
        await openAddress(session, scene.recording, scene.title ?? name);
        return;
    }
    config.again = () => runProgram(`/scene/${name}`, name);
    await config.again();
}

/* Has the server start a program, and follows it. */
async function runProgram(address, title) {
    session.tell("note", `${title} is being started`);
    const answer = await fetch(address, { method: "POST" }).catch((error) => ({ ok: false, text: () => error.message }));
    if (answer.ok) {
        config.stop?.();
        config.stop = openLive(session, (await answer.json()).live, title, fetchStatus);
    } else {
        session.tell("error", `${title} could not be started: ${await answer.text()}`);
    }
}

/* How the program ended; "": it has not. A server that is gone took the machine with it. */
async function fetchStatus() {
    const answer = await fetch("/status").catch(() => null);
    return answer?.ok ? (await answer.json()).ended : "./quire has ended";
}

render(<App session={session} config={config} openScene={openScene} />, document.getElementById("app"));
session.start();
if (embedded) {
    openEmbedded(session, embedded, config.title ?? "recording");
} else if (config.run) {
    config.again = () => runProgram(config.run, config.title);
    config.again();
} else if (config.live) {
    config.stop = openLive(session, config.live, config.title ?? "machine");
} else if (config.recording) {
    openAddress(session, config.recording, config.title ?? "recording");
}
globalThis.quire = session; // for tests, and whoever is curious
