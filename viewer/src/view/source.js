/* SPDX-License-Identifier: MIT */
/* Where streams come from: a file (dropped, chosen or fetched from our own loopback server), the page
 * itself (an exported one), or a running machine, whose QEMU speaks WebSocket. */

import { several } from "../model/words.js";

const SLICE = 1 << 20;
const RETRY_MS = 1000, RETRY_SOON_MS = 100, SOON_MS = 15000; // at first: a machine is being started
const GZIP = [0x1f, 0x8b];

/* Begins a session with a recording in a Blob, unpacking it if it is packed by gzip. What is wrong with
 * it is told in the page; what came before it stays to be looked at. */
export async function openBlob(session, blob, title) {
    session.begin(title, "replay");
    const { generation } = session;
    try {
        const start = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
        const packed = start[0] === GZIP[0] && start[1] === GZIP[1];
        const stream = packed ? blob.stream().pipeThrough(new DecompressionStream("gzip")) : blob.stream();
        await readAll(session, stream.getReader());
    } catch (error) {
        session.tell("error", `${title}: ${plain(error)}`);
        session.history?.advance();
        return;
    }
    if (session.generation < generation) {
        return;
    }
    endNote(session, title);
    session.ended();
}

async function readAll(session, reader) {
    const { recording } = session;
    let last = performance.now();
    for (;;) {
        const { value, done } = await reader.read();
        if (done || session.recording !== recording) {
            return;
        }
        for (let at = 0; at < value.length; at += SLICE) {
            session.feed(value.subarray(at, at + SLICE));
            if (performance.now() - last > 30) {
                await new Promise((resume) => setTimeout(resume));
                last = performance.now();
            }
        }
    }
}

function endNote(session, title) {
    const { recording } = session;
    if (!recording.header) {
        session.tell("error", `${title}: this is no recording of Quire: it ends in its header`);
    } else if (recording.count === 0) {
        session.tell("error", `${title}: there is no record in it`);
    } else if (recording.restBytes > 0) {
        session.tell("note", `${title} was cut in the middle of a record: the last ${several(recording.restBytes, "byte")} are left out`);
    }
}

function plain(error) {
    return error.name === "TypeError" || error.name === "DataError"
        ? `it cannot be unpacked, or ends in the middle (${error.message})` : error.message;
}

export async function openAddress(session, address, title) {
    let answer;
    try {
        answer = await fetch(address);
    } catch {
        session.tell("error", `${title} cannot be fetched: is ./quire still running?`);
        return;
    }
    if (!answer.ok) {
        session.tell("error", `${title}: the server says ${answer.status} ${await answer.text()}`.trim());
        return;
    }
    await openBlob(session, await answer.blob(), title);
}

/* The recording that an exported page brings with it, in base64. */
export async function openEmbedded(session, text, title) {
    const binary = atob(text.trim());
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    await openBlob(session, new Blob([bytes]), title);
}

/* Follows a running machine, and tries again when it is lost, until `status()` says that the program has
 * ended. Returns a function that ends it. */
export function openLive(session, address, title, status = async () => "") {
    let socket, timer, ended = false, met = false;
    const began = performance.now();
    const connect = () => {
        socket = new WebSocket(address, ["binary"]);
        socket.binaryType = "arraybuffer";
        session.connection = "connecting";
        socket.onopen = () => {
            met = true;
            session.begin(title, "live");
            session.connection = "connected";
            session.changed();
        };
        socket.onmessage = ({ data }) => receive(session, socket, new Uint8Array(data));
        socket.onclose = () => lost();
    };
    const lost = async () => {
        const soon = !met && performance.now() - began < SOON_MS;
        const end = ended ? "" : await status();
        if (ended) {
            return;
        }
        if (end) {
            session.connection = "ended";
            session.following = false;
            session.tell("note", `${end}. All that it did can be looked at.`);
            return;
        }
        timer = setTimeout(connect, soon ? RETRY_SOON_MS : RETRY_MS);
        if (soon) {
            return;
        }
        session.connection = "lost";
        if (session.message?.kind !== "error") {
            const last = session.recording?.count ? " What came until then stays." : "";
            session.message = { kind: "note", text: `The machine is not there (${address}).${last} Trying again each second.` };
        }
        session.changed();
    };
    connect();
    return () => {
        ended = true;
        clearTimeout(timer);
        socket.close();
    };
}

function receive(session, socket, bytes) {
    try {
        session.feed(bytes);
    } catch (error) {
        session.tell("error", `The machine's stream: ${plain(error)}`);
        socket.close();
    }
}
