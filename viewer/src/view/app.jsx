/* SPDX-License-Identifier: MIT */
/* The page: bar, timeline, panels, what is told to screen readers, and the keys' help. */

import { useEffect, useRef, useState } from "preact/hooks";
import { SessionContext, ThemeContext, useSession } from "./hooks.js";
import { MemoryPanel } from "./memory.jsx";
import { Timeline, momentWords } from "./timeline.jsx";
import { SpacesPanel } from "./spaces.jsx";
import { TablesPanel } from "./tables.jsx";
import { ObjectsPanel } from "./objects.jsx";
import { RatesPanel } from "./rates.jsx";
import { Inspector } from "./inspector.jsx";
import { KEYS, MAP_KEYS, press } from "./keys.js";
import { openBlob } from "./source.js";
import { several } from "../model/words.js";

const TABS = [["tables", "Page tables", TablesPanel], ["objects", "Objects", ObjectsPanel], ["rates", "Rates", RatesPanel]];

export function App({ session, config, openScene }) {
    const [dark, setDark] = useState(() => preferredDark());
    const [help, setHelp] = useState(false);
    const [tab, setTab] = useState("tables");
    const file = useRef(null);
    useEffect(() => {
        document.documentElement.dataset.theme = dark ? "dark" : "light";
    }, [dark]);
    useEffect(() => {
        const query = matchMedia("(prefers-color-scheme: dark)");
        const changed = () => setDark(query.matches);
        query.addEventListener("change", changed);
        return () => query.removeEventListener("change", changed);
    }, []);
    const page = {
        theme: () => setDark((old) => !old),
        help: () => setHelp((old) => !old),
        open: () => file.current.click(),
        again: () => config.again?.(),
        close: () => help ? setHelp(false) : session.select(null),
        focus: (number) => focusPanel(number, setTab),
    };
    const latest = useRef(page);
    latest.current = page;
    useEffect(() => {
        const listener = (event) => press(event, session, latest.current);
        addEventListener("keydown", listener);
        return () => removeEventListener("keydown", listener);
    }, []);
    useDrop(session);
    const opened = (event) => {
        const [chosen] = event.target.files;
        if (chosen) {
            config.stop?.();
            openBlob(session, chosen, chosen.name);
        }
        event.target.value = "";
    };
    return (
        <SessionContext.Provider value={session}>
            <ThemeContext.Provider value={dark}>
                <Bar page={page} config={config} dark={dark} openScene={openScene} />
                <input ref={file} id="file" type="file" hidden onChange={opened} aria-label="Recording to open" />
                <Message />
                <Timeline />
                <main>
                    <h1 class="unseen">Memory of Quire</h1>
                    <MemoryPanel />
                    <div class="middle">
                        <SpacesPanel />
                        <Tabs tab={tab} setTab={setTab} />
                    </div>
                    <Inspector />
                </main>
                <Spoken />
                {help && <Help close={() => setHelp(false)} />}
            </ThemeContext.Provider>
        </SessionContext.Provider>
    );
}

function preferredDark() {
    return matchMedia("(prefers-color-scheme: dark)").matches;
}

const FOCUS = ["timeline", "physmap", "spaces-title", "tab-tables", "tab-objects", "tab-rates", "inspector-title"];

function focusPanel(number, setTab) {
    if (number >= 3 && number <= 5) {
        setTab(TABS[number - 3][0]);
    }
    const element = document.getElementById(FOCUS[number]);
    element?.focus();
    element?.scrollIntoView({ block: "nearest" });
}

/* A recording dropped anywhere onto the page is opened. */
function useDrop(session) {
    useEffect(() => {
        const over = (event) => event.preventDefault();
        const drop = (event) => {
            event.preventDefault();
            const [chosen] = event.dataTransfer.files;
            if (chosen) {
                openBlob(session, chosen, chosen.name);
            }
        };
        addEventListener("dragover", over);
        addEventListener("drop", drop);
        return () => {
            removeEventListener("dragover", over);
            removeEventListener("drop", drop);
        };
    }, []);
}

function Bar({ page, config, dark, openScene }) {
    const session = useSession();
    const scenes = config.scenes ?? [];
    return (
        <header class="bar-top">
            <strong class="brand">Quire</strong>
            <span class="title" id="title">{session.title}</span>
            {session.mode !== "empty" && <span class={`state ${session.live ? session.connection : "replay"}`} id="connection">
                {session.live ? session.connection === "connected" ? "live" : session.connection : "recording"}</span>}
            {session.recording?.header?.command && <code class="quiet">{session.recording.header.command}</code>}
            {session.recording?.lost > 0 && <span class="warn">{several(session.recording.lost, "event")} lost</span>}
            <span class="grow" />
            {scenes.length > 0 && <label>scene <select id="scenes" value={session.scene ?? ""} onChange={(event) => openScene(event.target.value)}>
                <option value="" disabled>choose</option>
                {scenes.map(({ name, title }) => <option value={name}>{title ?? name}</option>)}
            </select></label>}
            {session.live && config.again && <button id="again" onClick={config.again} title="Run the program again (r)">run again</button>}
            <button onClick={page.open} title="Open a recording (o), or drop one onto the page">open</button>
            <button id="theme" onClick={page.theme} title="Light or dark (d)" aria-pressed={dark}>{dark ? "light" : "dark"}</button>
            <button onClick={page.help} title="Keys (?)">keys</button>
        </header>
    );
}

function Message() {
    const session = useSession();
    const { message } = session;
    if (!message && session.mode === "empty") {
        return (
            <p class="message welcome" role="status" id="message">Drop a recording onto this page, or choose one with <kbd>o</kbd>.
                {" "}<code>./quire record -o FILE -- PROGRAM</code> makes one; <code>./quire view --web -- PROGRAM</code> shows a program as it runs.</p>);
    }
    return (
        <div role="alert" id="alert">{message && (
            <p id="message" class={`message ${message.kind}`}>{message.text}
                {" "}<button class="small" aria-label="Close this message" onClick={() => session.tell(null)}>{"\u00d7"}</button></p>)}
        </div>);
}

function Tabs({ tab, setTab }) {
    const [, , Panel] = TABS.find(([key]) => key === tab);
    const move = (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (step) {
            const next = TABS[(TABS.findIndex(([key]) => key === tab) + step + TABS.length) % TABS.length][0];
            setTab(next);
            document.getElementById(`tab-${next}`).focus();
            event.preventDefault();
            event.stopPropagation();
        }
    };
    return (
        <section class="panel tabs" aria-label="Tables, objects, rates">
            <div class="tablist" role="tablist" aria-label="What is shown" onKeyDown={move}>
                {TABS.map(([key, title]) => (
                    <button key={key} id={`tab-${key}`} role="tab" aria-selected={tab === key} aria-controls="tabpanel" tabIndex={tab === key ? 0 : -1}
                        onClick={() => setTab(key)}>{title}</button>))}
            </div>
            <div id="tabpanel" role="tabpanel" aria-labelledby={`tab-${tab}`}><Panel /></div>
        </section>
    );
}

/* What a screen reader is told when the moment or the selection changes by hand. */
function Spoken() {
    const session = useSession();
    const last = useRef("");
    const moving = session.playing || (session.live && session.following);
    if (!moving) {
        const { selection, state } = session;
        const fault = selection?.kind === "fault" ? session.recording.record(selection.number) : null;
        last.current = [momentWords(session), fault ? `fault ${fault.case}` : selection ? `${selection.kind} selected` : "",
            state ? `${state.spaces.size} address spaces` : ""].filter((text) => text).join("; ");
    }
    return <p class="unseen" aria-live="polite" id="spoken">{last.current}</p>;
}

function Help({ close }) {
    const box = useRef(null);
    useEffect(() => {
        const before = document.activeElement;
        box.current.showModal();
        return () => before?.focus?.();
    }, []);
    return (
        <dialog ref={box} class="help" aria-labelledby="help-title" onClose={close}>
            <h2 id="help-title">Keys</h2>
            <table class="list"><tbody>
                {[...KEYS, ...MAP_KEYS].map(([keys, deed]) => <tr key={keys}><th scope="row"><kbd>{keys}</kbd></th><td>{deed}</td></tr>)}
            </tbody></table>
            <p class="quiet">A frame under the pointer, or selected, is marked wherever it is seen. Letters say the same as colours:
                A, B, C are processes, S is shared, T a page table, F a file's page. Over the timeline: {"\u25bc"} a mark, f fork, e exec, x exit, {"\u2020"} a signal
                for a fault that was refused, ! events lost; the pointer tells more of each.</p>
            <button onClick={close} autofocus>close</button>
        </dialog>
    );
}
