/* SPDX-License-Identifier: MIT */
/* Address spaces side by side: a column each, its areas from low to high, and in each area its pages. */

import { useEffect, useRef } from "preact/hooks";
import { PAGE, PAGE_LABELS, areaCells, letterOf, processClass } from "../model/aggregate.js";
import { areaFlags, areaName, bytes, hex, pages, rights, spaceName } from "../model/words.js";
import { pageOf, processesOf } from "../model/translate.js";
import { colourOfOrder, inkOn, pageColours, parts } from "./palette.js";
import { useDark, useDrawer, useSession, useSize } from "./hooks.js";

const CELL = 9, ROWS_MAX = 6; // of an area's strip, in CSS pixels
const DRAW_MS = 160;

export function orderOf(session, root) {
    const process = session.state ? processesOf(session.state, root)[0] : null;
    return process ? session.recording.processes.get(process.pid)?.order ?? -1 : -1;
}

export function SpacesPanel() {
    const session = useSession();
    const dark = useDark();
    const { state } = session;
    const roots = state ? [...state.spaces.keys()].sort((a, b) => orderOf(session, a) - orderOf(session, b)) : [];
    return (
        <section class="panel spaces" aria-labelledby="spaces-title">
            <header>
                <h2 id="spaces-title" tabIndex={-1}>Address spaces</h2>
                <span class="grow quiet">{roots.length ? `${roots.length} at this moment` : ""}</span>
                <PageKey dark={dark} />
            </header>
            <div class="columns" tabIndex={0} role="group" aria-label="Address spaces side by side">
                {roots.map((root) => <Space key={root} root={root} session={session} dark={dark} />)}
                {state && !roots.length && <p class="quiet">No process has an address space at this moment.</p>}
            </div>
        </section>
    );
}

function PageKey({ dark }) {
    const colours = pageColours("#0072b2", dark);
    return (
        <ul class="page-key" aria-label="Colours of pages">
            {[PAGE.own, PAGE.shared, PAGE.object, PAGE.zero, PAGE.shadowOnly, PAGE.objectOnly].map((kind) => (
                <li key={kind} title={PAGE_LABELS[kind]}><i style={{ background: colours[kind] }} />{SHORT[kind]}</li>))}
        </ul>
    );
}

const SHORT = { [PAGE.own]: "own", [PAGE.shared]: "shared", [PAGE.object]: "file", [PAGE.zero]: "zero",
    [PAGE.shadowOnly]: "unmapped", [PAGE.objectOnly]: "cached" };

function Space({ root, session, dark }) {
    const { state } = session;
    const space = state.spaces.get(root);
    const order = orderOf(session, root);
    const colour = order >= 0 ? colourOfOrder(order) : "#7f8fa6";
    const running = [...state.running].filter(([, tid]) => processesOf(state, root).some((process) => state.threads.get(tid) === process.pid));
    const size = space.areas.reduce((sum, area) => sum + area.end - area.start, 0);
    return (
        <article class="space" aria-label={`Space of ${spaceName(state, root)}`} data-root={root}>
            <h3>
                <button class="owner" style={{ background: colour, color: `rgb(${inkOn(parts(colour))})` }} title="Its top page table"
                    aria-label={`Top page table of ${spaceName(state, root)}`} onClick={() => session.select({ kind: "table", pfn: root })}>
                    {order >= 0 ? letterOf(processClass(order)) : "\u2013"}</button>
                <span>{spaceName(state, root)}</span>
                {running.map(([cpu]) => <em key={cpu}>cpu {cpu}</em>)}
            </h3>
            <p class="quiet">{bytes(size)} in {space.areas.length === 1 ? "1 area" : `${space.areas.length} areas`}</p>
            {space.areas.map((area) => <Area key={area.start} area={area} root={root} session={session} dark={dark} colour={colour} />)}
        </article>
    );
}

function Area({ area, root, session, dark, colour }) {
    const { state } = session;
    const [box, size] = useSize();
    const canvas = useRef(null);
    const last = useRef({});
    const total = (area.end - area.start) / 4096;
    const columns = Math.max(1, Math.floor(size.width / CELL));
    const rows = Math.max(1, Math.min(ROWS_MAX, Math.ceil(total / columns)));
    const cells = Math.min(total, columns * rows);
    const sum = useRef(null);
    const marked = session.markedPage?.root === root && session.markedPage.va >= area.start && session.markedPage.va < area.end
        ? session.markedPage.va : null;

    useDrawer(session, (now) => {
        const current = session.state;
        const key = [area.start, area.end, area.prot, area.shadow, area.object, columns, rows, dark, session.hover, session.marked, marked].join();
        if (!current || !size.width || !canvas.current) {
            return;
        }
        const same = last.current.state === current && last.current.index === current.index && last.current.key === key;
        if (same || now - last.current.at < DRAW_MS * (session.following || session.playing ? 1 : 0)) {
            return;
        }
        last.current = { state: current, index: current.index, key, at: now };
        const data = { kinds: new Uint8Array(cells), parts: new Uint8Array(cells), writable: new Uint8Array(cells) };
        sum.current = areaCells(current, root, area, data.kinds, data.parts, data.writable);
        drawArea(canvas.current, { ...data, columns, rows, colours: pageColours(colour, dark), dark, guard: !area.prot });
        markPages(canvas.current, session, { root, area, cells, columns, total, dark, marked });
    });
    useEffect(() => { last.current = {}; }, [size.width]);
    const row = useRef(null);
    useEffect(() => {
        if (marked !== null) {
            bringIntoSight(row.current);
        }
    }, [marked, session.selection]);

    const vaAt = (event) => {
        const cell = Math.floor(event.offsetY / CELL) * columns + Math.min(columns - 1, Math.floor(event.offsetX / CELL));
        return cell >= cells ? -1 : area.start + Math.floor(cell * total / cells) * 4096;
    };
    const hover = (event) => {
        const va = vaAt(event);
        const page = va < 0 ? null : pageOf(state, root, va);
        session.point(page ? page.walk.pfn || page.inShadow || page.inObject || null : null);
    };
    const choose = (va) => va >= 0 && session.select({ kind: "page", root, va });
    const keys = (event) => {
        const line = Math.round(columns * total / cells);
        const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -line, ArrowDown: line };
        if (event.key in steps) {
            const from = marked ?? area.start - 4096 * (steps[event.key] > 0 ? 1 : 0);
            const va = Math.floor(from / 4096) * 4096 + steps[event.key] * 4096;
            choose(Math.max(area.start, Math.min(area.end - 4096, va)));
        } else if (event.key === "Enter") {
            choose(marked ?? area.start);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    };
    const there = state.owners.get(area.shadow)?.pages.count ?? 0;
    const label = `${areaName(state, area)}, ${hex(area.start)} to ${hex(area.end)}, ${rights(area.prot)}`;
    return (
        <div ref={row} class={`area${marked !== null ? " on" : ""}`} data-start={hex(area.start)}>
            <div class="area-head" title={`${label} ${areaFlags(state, area).join(", ")}`}>
                <b>{areaName(state, area)}</b> <code>{area.start.toString(16)}</code>
                <span class="rights">{rights(area.prot)}{area.flags & state.schema.flags.area.shared ? "s" : "p"}</span>
                <span class="grow" /><span class="quiet">{bytes(area.end - area.start)}</span>
            </div>
            <div ref={box} class="strip">
                <canvas ref={canvas} tabIndex={0} role="application" class="pages" style={{ width: `${size.width}px`, height: `${rows * CELL}px` }}
                    aria-label={`Pages of ${label}: ${pages(total)}, ${there} private. Arrow keys move, Enter selects.`}
                    onMouseMove={hover} onMouseLeave={() => session.point(null)} onClick={(event) => choose(vaAt(event))} onKeyDown={keys} />
            </div>
        </div>
    );
}

/* Scrolls the panel, and nothing else, so that an area is seen. */
function bringIntoSight(element) {
    const panel = element.closest(".columns"), space = element.closest(".space");
    const [inner, outer] = [element.getBoundingClientRect(), panel.getBoundingClientRect()];
    if (inner.left < outer.left || inner.right > outer.right) {
        panel.scrollLeft += space.getBoundingClientRect().left - outer.left - 8;
    }
    if (inner.top < outer.top || inner.bottom > outer.bottom) {
        panel.scrollTop += inner.top - outer.top - 60;
    }
}

/* Nobody may touch this. */
function drawGuard(context, x, y, dark) {
    context.strokeStyle = dark ? "#93a0ae" : "#5a6673";
    context.beginPath();
    for (const at of [3, 6]) {
        context.moveTo(x + at - 0.5, y);
        context.lineTo(x + at - 0.5, y + CELL - 1);
        context.moveTo(x, y + at - 0.5);
        context.lineTo(x + CELL - 1, y + at - 0.5);
    }
    context.stroke();
}

function drawArea(canvas, { kinds, parts: full, writable, columns, rows, colours, dark, guard }) {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    canvas.width = columns * CELL * ratio;
    canvas.height = rows * CELL * ratio;
    canvas.style.width = `${columns * CELL}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    for (let cell = 0; cell < kinds.length; cell++) {
        const x = (cell % columns) * CELL, y = Math.floor(cell / columns) * CELL;
        context.fillStyle = colours[PAGE.none];
        context.fillRect(x, y, CELL - 1, CELL - 1);
        const kind = kinds[cell];
        if (kind !== PAGE.none) {
            const height = Math.max(2, Math.round((CELL - 1) * full[cell] / 255));
            context.fillStyle = colours[kind];
            context.fillRect(x, y + CELL - 1 - height, CELL - 1, height);
        }
        if (kind === PAGE.zero) {
            context.strokeStyle = dark ? "#5a6673" : "#98a2ae";
            context.strokeRect(x + 0.5, y + 0.5, CELL - 2, CELL - 2);
        }
        if (guard) {
            drawGuard(context, x, y, dark);
        }
        if (writable[cell]) { // what may be written has a notch
            context.fillStyle = "rgba(0,0,0,0.55)";
            context.fillRect(x + CELL - 4, y, 3, 3);
        }
    }
}

/* The selected page, and pages that are the frame selected or under the pointer, wherever. */
function markPages(canvas, session, { root, area, cells, columns, total, dark, marked }) {
    const context = canvas.getContext("2d");
    const outline = (va, colour, width) => {
        const cell = Math.floor((va - area.start) / 4096 * cells / total);
        context.lineWidth = width;
        context.strokeStyle = colour;
        context.strokeRect((cell % columns) * CELL + 0.5, Math.floor(cell / columns) * CELL + 0.5, CELL - 2, CELL - 2);
    };
    const ink = dark ? "#ffffff" : "#000000";
    const frames = [session.marked, session.hover].filter((pfn) => pfn);
    for (const pfn of frames) {
        for (const va of pagesWith(session.state, root, area, pfn)) {
            outline(va, ink, 1.5);
        }
    }
    if (marked !== null) {
        outline(marked, "#e3002b", 2);
    }
}

/* Addresses of an area whose page, by shadow or object, is a frame: at most a few. */
function pagesWith(state, root, area, pfn) {
    const found = [];
    for (const id of [area.shadow, area.object]) {
        state.owners.get(id)?.pages.each((index, page) => {
            if (page === pfn && found.length < 16) {
                found.push(area.start + (index - area.offset) * 4096);
            }
        }, area.offset, area.offset + (area.end - area.start) / 4096);
    }
    return found;
}
