/* SPDX-License-Identifier: MIT */
/* The panel of physical memory: the map, its legend with what there is of each class (the same in text),
 * zoom, and the frame under the pointer in words. */

import { useEffect, useRef, useState } from "preact/hooks";
import { CLASSES, PROCESS, letterOf, processOfClass } from "../model/aggregate.js";
import { bytes, hex } from "../model/words.js";
import { PhysMap } from "./physmap.js";
import { classColour, inkOn, parts } from "./palette.js";
import { useDark, useDrawer, useSession, useSize } from "./hooks.js";

const TOTALS_MS = 1000; // between two counts of all of memory while it changes

export function className(session, kind, long = false) {
    if (kind < PROCESS) {
        const { label, more } = CLASSES[kind];
        return long && more ? `${label}: ${more}` : label;
    }
    const process = processOfClass(session.recording, session.state, kind);
    return process ? `private to ${process.name.split("/").at(-1)} (${process.pid})` : "private";
}

export function MemoryPanel() {
    const session = useSession();
    const dark = useDark();
    const [box, size] = useSize();
    const canvas = useRef(null), overlay = useRef(null), map = useRef(null);
    const [words, setWords] = useState("");
    const [cursor, setCursor] = useState(false);

    useEffect(() => {
        map.current = new PhysMap(canvas.current, overlay.current);
        session.physmap = map.current;
    }, []);
    useEffect(() => map.current.theme(dark), [dark]);
    useEffect(() => {
        if (size.width) {
            map.current.resize(size.width, size.height);
        }
    }, [size.width, size.height]);

    const shown = useRef("");
    useDrawer(session, () => {
        const { state } = session;
        if (!state || !map.current.pixels) {
            return;
        }
        map.current.draw(session.classes, state);
        const marked = session.marked;
        const key = [marked, session.hover, cursor && map.current.cursor, map.current.firstRow, map.current.index, size.width, size.height, dark].join();
        if (key !== shown.current) {
            shown.current = key;
            map.current.drawMarks([
                { pfn: session.hover ?? -1, colour: dark ? "#ffffff" : "#000000", width: 1.5 },
                { pfn: marked || -1, colour: dark ? "#ffffff" : "#000000", width: 3 },
                { pfn: cursor ? map.current.cursor : -1, colour: "#e3002b", width: 2 },
            ]);
        }
    });

    const say = (pfn) => {
        if (pfn < 0 || !session.state) {
            setWords("");
            return;
        }
        const { first, count, kind } = map.current.cellOf(pfn);
        const range = count === 1 ? `frame ${hex(first)}` : `frames ${hex(first)} to ${hex(first + count - 1)}, mostly`;
        setWords(`${range}: ${className(session, kind, true)}`);
    };
    const hover = (event) => {
        const pfn = map.current.frameAt(event.offsetX, event.offsetY);
        session.point(pfn < 0 ? null : pfn);
        say(pfn);
    };
    const choose = (pfn) => {
        if (pfn >= 0) {
            map.current.cursor = pfn;
            session.select({ kind: "frame", pfn });
        }
    };
    const wheel = (event) => {
        event.preventDefault();
        if (event.ctrlKey || event.metaKey) {
            map.current.zoomBy(event.deltaY > 0 ? 1 : -1, Math.max(0, map.current.frameAt(event.offsetX, event.offsetY)));
        } else {
            map.current.scroll(Math.sign(event.deltaY) * Math.max(1, Math.floor(map.current.rows / 8)));
        }
    };
    useEffect(() => {
        const element = overlay.current;
        element.addEventListener("wheel", wheel, { passive: false });
        return () => element.removeEventListener("wheel", wheel);
    }, []);
    const keys = (event) => {
        const { columns, per, rows, count } = map.current;
        const steps = { ArrowLeft: -per, ArrowRight: per, ArrowUp: -per * columns, ArrowDown: per * columns,
            PageUp: -per * columns * rows, PageDown: per * columns * rows };
        if (event.key in steps && count) {
            map.current.cursor = Math.max(0, Math.min(count - 1, map.current.cursor + steps[event.key]));
            map.current.show(map.current.cursor);
            say(map.current.cursor);
        } else if (event.key === "Enter") {
            choose(map.current.cursor);
        } else if (event.key === "+" || event.key === "=") {
            map.current.zoomBy(-1);
        } else if (event.key === "-") {
            map.current.zoomBy(1);
        } else if (event.key === "0") {
            map.current.fit();
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    };
    return (
        <section class="panel memory" aria-labelledby="memory-title">
            <header>
                <h2 id="memory-title">Physical memory</h2>
                <span class="grow quiet">{session.state ? `${bytes(session.state.frameCount * 4096)}, ${zoomWords(map.current)}` : ""}</span>
                <button class="small" title="Nearer (+)" aria-label="Nearer" onClick={() => { map.current.zoomBy(-1); session.changed(); }}>+</button>
                <button class="small" title="Farther (-)" aria-label="Farther" onClick={() => { map.current.zoomBy(1); session.changed(); }}>{"\u2212"}</button>
                <button class="small" title="All of it (0)" onClick={() => { map.current.fit(); session.changed(); }}>fit</button>
            </header>
            <div class="canvas-box" ref={box}>
                <canvas ref={canvas} aria-hidden="true" style={{ width: `${size.width}px`, height: `${size.height}px` }} />
                <canvas ref={overlay} id="physmap" class="over" tabIndex={0} role="application"
                    aria-label={`Map of physical memory, arrow keys move, Enter selects. ${words}`}
                    style={{ width: `${size.width}px`, height: `${size.height}px` }}
                    onMouseMove={hover} onMouseLeave={() => { session.point(null); setWords(""); }}
                    onClick={(event) => choose(map.current.frameAt(event.offsetX, event.offsetY))}
                    onKeyDown={keys} onFocus={() => setCursor(true)} onBlur={() => setCursor(false)} />
            </div>
            <p class="under" aria-live="off">{words || "\u00a0"}</p>
            <Legend session={session} dark={dark} />
        </section>
    );
}

function zoomWords(map) {
    return !map?.per ? "" : map.per === 1 ? "one frame a cell" : `${map.per} frames a cell`;
}

/* What there is of each class: the legend of the colours, and the map as text. */
function Legend({ session, dark }) {
    const cache = useRef({ at: -Infinity, key: null, totals: null });
    const { state } = session;
    if (!state) {
        return null;
    }
    const moving = session.playing || (session.live && session.following);
    const now = performance.now();
    const key = `${session.generation} ${state.index}`;
    if (key !== cache.current.key && (!moving || now - cache.current.at > TOTALS_MS)) {
        session.classes.update(state);
        cache.current = { at: now, key, totals: session.classes.totals() };
    }
    const entries = [...(cache.current.totals ?? [])].map((count, kind) => ({ kind, count }))
        .filter(({ kind, count }) => count > 0 || (kind < PROCESS && CLASSES[kind].error)).sort((a, b) => b.kind - a.kind);
    return (
        <table class="legend" id="legend">
            <caption class="unseen">Frames of each kind</caption>
            <thead class="unseen"><tr><th>Kind</th><th>Frames</th><th>Bytes</th></tr></thead>
            <tbody>{entries.map(({ kind, count }) => (
                <tr key={kind} data-kind={kind < PROCESS ? CLASSES[kind].key : `process-${kind - PROCESS}`}
                    class={kind < PROCESS && CLASSES[kind].error ? count ? "bad" : "fine" : ""}>
                    <th scope="row" title={className(session, kind, true)}><Swatch kind={kind} dark={dark} /> {className(session, kind)}</th>
                    <td>{count.toLocaleString("en")}</td>
                    <td>{count ? bytes(count * 4096) : ""}</td>
                </tr>))}
            </tbody>
        </table>
    );
}

export function Swatch({ kind, dark, letter = letterOf(kind) }) {
    const colour = classColour(kind, dark);
    return <span class="swatch" aria-hidden="true" style={{ background: colour, color: `rgb(${inkOn(parts(colour))})` }}>{letter}</span>;
}
