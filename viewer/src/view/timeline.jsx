/* SPDX-License-Identifier: MIT */
/* The timeline: faults over time, stacked by what became of them, marks above, the moment looked at as a
 * line. It is a slider: drag or keys move the moment, the wheel zooms. */

import { useEffect, useRef } from "preact/hooks";
import { faultColumns } from "../model/aggregate.js";
import { CASE_TITLES, secondsWords } from "../model/words.js";
import { FAULT_GROUPS, groupOfCase } from "./palette.js";
import { useDark, useDrawer, useSession, useSize } from "./hooks.js";
import { SPEEDS } from "./session.js";

const TOP = 16, BOTTOM = 16; // rows of marks and of times, in CSS pixels
const DRAW_MS = 100;         // between two drawings while the recording grows

/* [from, to] of what is shown, along the axis. */
function range(session) {
    const { recording } = session;
    const all = session.axis === "time" ? [recording.firstTime, Math.max(recording.lastTime, recording.firstTime + 1)]
        : [0, Math.max(1, recording.count)];
    return session.window ?? all;
}

function here(session) {
    const { recording, moment } = session;
    return session.axis === "time" ? (moment > 0 ? recording.time(Math.min(moment, recording.count) - 1) : recording.firstTime) : moment;
}

function goTo(session, value) {
    if (session.axis === "time") {
        session.goToTime(value);
    } else {
        session.go(value);
    }
}

/* Zooms by a factor about a place; null: all of it. */
export function zoomTimeline(session, factor, about = here(session)) {
    if (!session.recording) {
        return;
    }
    const saved = session.window;
    session.window = null;
    const [first, last] = range(session);
    session.window = saved;
    const [from, to] = range(session);
    if (factor === null || (to - from) * factor >= last - first) {
        session.window = null;
    } else {
        const width = Math.max(session.axis === "time" ? 50 : 4, (to - from) * factor);
        const part = Math.max(0, Math.min(1, (about - from) / (to - from)));
        const start = Math.max(first, Math.min(last - width, about - part * width));
        session.window = [start, start + width];
    }
    session.changed();
}

/* Moves the window so that the moment is in it. */
function keepInSight(session) {
    if (session.window) {
        const [from, to] = session.window, at = here(session);
        if (at < from || at > to) {
            session.window = [at - (to - from) / 2, at + (to - from) / 2];
        }
    }
}

export function Timeline() {
    const session = useSession();
    const dark = useDark();
    const [box, size] = useSize();
    const canvas = useRef(null);
    const drawn = useRef({ key: "", at: 0 });

    useDrawer(session, (now) => {
        const { recording } = session;
        if (!recording?.schema || !size.width) {
            return;
        }
        keepInSight(session);
        const key = [session.generation, session.moment, session.window, session.axis, size.width, size.height, dark, filterKey(session), session.marked].join();
        const grown = drawn.current.count !== recording.count;
        if (key === drawn.current.key && (!grown || now - drawn.current.at < DRAW_MS)) {
            return;
        }
        if (session.following && session.live && now - drawn.current.at < DRAW_MS) {
            return;
        }
        drawn.current = { key, at: now, count: recording.count };
        drawTimeline(canvas.current, session, size, dark);
    });
    const valueAt = (event) => {
        const [from, to] = range(session);
        return from + (to - from) * Math.max(0, Math.min(1, event.offsetX / size.width));
    };
    const hover = (event) => {
        const [from, to] = session.recording?.schema ? range(session) : [0, 0];
        event.target.title = to > from ? ticksWords(session, valueAt(event), (to - from) * TICK_NEAR / size.width) : "";
        drag(event);
    };
    const drag = (event) => {
        if (event.buttons === 1 && session.recording?.schema) {
            event.target.setPointerCapture?.(event.pointerId);
            goTo(session, valueAt(event));
        }
    };
    useEffect(() => {
        const element = canvas.current;
        const wheel = (event) => {
            event.preventDefault();
            if (session.recording?.schema) {
                zoomTimeline(session, event.deltaY > 0 ? 1.4 : 1 / 1.4, valueAtOf(session, element, event));
            }
        };
        element.addEventListener("wheel", wheel, { passive: false });
        return () => element.removeEventListener("wheel", wheel);
    }, []);
    const { recording } = session;
    return (
        <section class="panel timeline" aria-labelledby="timeline-title">
            <header>
                <h2 id="timeline-title">Faults over time</h2>
                <span class="quiet" id="moment">{momentWords(session)}</span>
                <span class="grow mark" id="mark" title={markWords(session)}>{markWords(session)}</span>
                <Transport session={session} />
                <button class="small" onClick={() => zoomTimeline(session, 0.5)} title="Zoom in (z)" aria-label="Zoom the timeline in">+</button>
                <button class="small" onClick={() => zoomTimeline(session, 2)} title="Zoom out (Z)" aria-label="Zoom the timeline out">{"\u2212"}</button>
                <button class="small" onClick={() => zoomTimeline(session, null)} title="All of it (0)">all</button>
                <label class="small"><span class="unseen">Axis of the timeline</span>
                    <select value={session.axis} onChange={(event) => { session.axis = event.target.value; session.window = null; session.changed(); }}>
                        <option value="time">by time</option><option value="records">by records</option>
                    </select></label>
            </header>
            <div class="canvas-box slim" ref={box}>
                <canvas id="timeline" ref={canvas} tabIndex={0} role="slider" aria-label="Moment looked at"
                    aria-valuemin={0} aria-valuemax={recording?.count ?? 0} aria-valuenow={session.moment} aria-valuetext={momentWords(session)}
                    style={{ width: `${size.width}px`, height: `${size.height}px` }} onPointerDown={drag} onPointerMove={hover} />
            </div>
            <Filters session={session} />
        </section>
    );
}

function valueAtOf(session, element, event) {
    const [from, to] = range(session);
    return from + (to - from) * event.offsetX / element.clientWidth;
}

function filterKey(session) {
    const { kinds, pid } = session.wanted;
    return `${kinds ? [...kinds].sort().join("+") : "all"} ${pid}`;
}

export function momentWords(session) {
    const { recording, moment } = session;
    if (!recording?.header || !moment) {
        return "";
    }
    const seconds = recording.seconds(recording.time(Math.min(moment, recording.count) - 1));
    return `${secondsWords(seconds)}, record ${moment.toLocaleString("en")} of ${recording.count.toLocaleString("en")}`;
}

/* What the last mark before the moment said. */
function markWords(session) {
    const { recording, moment } = session;
    const last = recording?.ticks.findLast((tick) => tick.event === "mark" && tick.record < moment);
    return last ? `\u25bc ${last.text}` : "";
}

const TICK_NEAR = 6; // CSS pixels

/* What the ticks under the pointer are, for a tooltip. */
function ticksWords(session, value, near) {
    const { recording, axis } = session;
    const found = recording.ticks.filter((tick) => Math.abs((axis === "time" ? tick.time : tick.record) - value) <= near);
    return found.slice(0, 6).map((tick) => `${TICK_LETTERS[tick.event]} ${tick.text} (process ${tick.pid})`).join("\n");
}

function Transport({ session }) {
    const moving = session.playing || (session.live && session.following);
    const button = (id, label, keys, text, act) => (
        <button id={id} class="small" title={`${label} (${keys})`} aria-label={label} onClick={act}>{text}</button>);
    return (
        <span class="transport" role="group" aria-label="Moment">
            {button("first", "First moment", "Home", "|\u25c2", () => session.go(0))}
            {button("previous-fault", "Previous fault", "left arrow", "\u25c2\u25c2", () => session.stepFaults(-1))}
            {button("previous-record", "Previous record", "comma", "\u25c2", () => session.stepRecords(-1))}
            <button id="play" class="small play" aria-pressed={moving} title="Play or pause (space)" onClick={() => session.toggle()}>
                {session.live ? session.following ? "pause" : "follow" : moving ? "pause" : "play"}</button>
            {button("next-record", "Next record", "full stop", "\u25b8", () => session.stepRecords(1))}
            {button("next-fault", "Next fault", "right arrow", "\u25b8\u25b8", () => session.stepFaults(1))}
            {button("last", "Last moment", "End", "\u25b8|", () => session.goToEnd())}
            {!session.live && <label class="small"><span class="unseen">Speed</span>
                <select id="speed" value={session.speed} onChange={(event) => { session.speed = Number(event.target.value); session.changed(); }}>
                    {SPEEDS.map((speed) => <option value={speed}>{speed >= 1 ? `${speed} \u00d7` : `1/${Math.round(1 / speed)} \u00d7`}</option>)}
                </select></label>}
        </span>
    );
}

/* Which faults are shown: by what became of them, and of whom. */
function Filters({ session }) {
    const { recording } = session;
    const cases = recording?.schema?.enums.fault_case ?? [];
    const all = cases.map((_, number) => number);
    const chosen = session.wanted.kinds ?? new Set(all);
    const put = (kinds) => {
        session.wanted = { ...session.wanted, kinds: kinds.size === all.length ? null : kinds };
        session.changed();
    };
    const flip = (numbers) => {
        const kinds = new Set(chosen);
        const on = numbers.every((number) => kinds.has(number));
        numbers.forEach((number) => on ? kinds.delete(number) : kinds.add(number));
        put(kinds);
    };
    const counts = session.history?.view.totals ?? {};
    return (
        <div class="filters" role="group" aria-label="Faults shown">
            {FAULT_GROUPS.map((group) => {
                const numbers = group.cases.map((name) => cases.indexOf(name)).filter((number) => number >= 0);
                const sum = group.cases.reduce((total, name) => total + (counts[`fault:${name}`] ?? 0), 0);
                return (
                    <button key={group.key} class="chip" data-group={group.key} aria-pressed={numbers.every((number) => chosen.has(number))}
                        onClick={() => flip(numbers)} title={group.cases.map((name) => CASE_TITLES[name]).join("; ")}>
                        <i style={{ background: group.colour }} />{group.label} <b>{sum.toLocaleString("en")}</b>
                    </button>);
            })}
            <label>case <select id="filter-case" value={chosen.size === 1 ? [...chosen][0] : ""} onChange={(event) =>
                put(event.target.value === "" ? new Set(all) : new Set([Number(event.target.value)]))}>
                <option value="">any</option>
                {cases.map((name, number) => <option value={number}>{name}</option>)}
            </select></label>
            <label>process <select id="filter-process" value={session.wanted.pid} onChange={(event) => {
                session.wanted = { ...session.wanted, pid: Number(event.target.value) };
                session.changed();
            }}>
                <option value={0}>any</option>
                {[...(recording?.processes ?? [])].map(([pid, { name }]) => <option value={pid}>{name.split("/").at(-1)} ({pid})</option>)}
            </select></label>
        </div>
    );
}

// ---- drawing ----

function drawTimeline(canvas, session, size, dark) {
    const ratio = Math.min(2, globalThis.devicePixelRatio || 1);
    const width = Math.round(size.width), height = Math.round(size.height);
    if (canvas.width !== width * ratio || canvas.height !== height * ratio) {
        canvas.width = width * ratio;
        canvas.height = height * ratio;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const ink = dark ? "#93a0ae" : "#5a6673";
    context.fillStyle = dark ? "#14181d" : "#ffffff";
    context.fillRect(0, 0, width, height);
    const [from, to] = range(session);
    const at = (value) => (value - from) / (to - from) * width;
    drawBars(context, session, { from, to, width, height });
    drawTicks(context, session, { at, width, height, ink, dark });
    drawTimes(context, session, { from, to, at, width, height, ink });
    const x = Math.round(at(here(session)));
    context.fillStyle = dark ? "#ffffff" : "#000000";
    context.fillRect(x - 1, 0, 2, height - BOTTOM + 4);
}

function drawBars(context, session, { from, to, width, height }) {
    const { recording } = session;
    const step = 3;
    const columns = Math.max(1, Math.floor(width / step));
    const filtered = session.wanted.kinds || session.wanted.pid;
    const counts = faultColumns(recording.faults, session.axis, from, to, columns, filtered ? (i) => session.wants(i) : null);
    const cases = recording.schema.enums.fault_case;
    const groups = FAULT_GROUPS.map((group) => ({ ...group, numbers: group.cases.map((name) => cases.indexOf(name)) }));
    let most = 1;
    for (let column = 0; column < columns; column++) {
        let sum = 0;
        cases.forEach((_, kind) => { sum += counts[kind * columns + column]; });
        most = Math.max(most, sum);
    }
    const room = height - TOP - BOTTOM;
    const scale = (count) => room * Math.sqrt(count / most);
    for (let column = 0; column < columns; column++) {
        let sum = 0;
        for (const group of groups) {
            const count = group.numbers.reduce((total, kind) => total + counts[kind * columns + column], 0);
            if (count > 0) {
                const low = scale(sum), high = Math.max(scale(sum + count), low + 2);
                context.fillStyle = group.colour;
                context.fillRect(column * step, TOP + room - high, step - 1, high - low);
                sum += count;
            }
        }
    }
}

const TICK_LETTERS = { mark: "\u25bc", fork: "f", exec: "e", exit: "x", lost: "!", signal_fault: "\u2020" };

function drawTicks(context, session, { at, width, height, ink, dark }) {
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "top";
    context.textAlign = "center";
    let free = -Infinity;
    for (const tick of session.recording.ticks) {
        const x = at(session.axis === "time" ? tick.time : tick.record);
        if (x < 0 || x > width) {
            continue;
        }
        const mark = tick.event === "mark";
        context.fillStyle = tick.event === "lost" ? "#e3002b" : mark ? (dark ? "#ffd84d" : "#8a6d00") : ink;
        if (mark || x > free) {
            context.fillText(TICK_LETTERS[tick.event], x, 2);
            free = x + 9;
        }
        if (mark) {
            context.fillRect(x - 0.5, TOP - 2, 1, height - TOP - BOTTOM + 2);
        }
    }
    drawMarkedFaults(context, session, { at, width, height });
}

/* Faults that ended with the frame that is selected. */
function drawMarkedFaults(context, session, { at, width, height }) {
    const { faults } = session.recording;
    const { marked } = session;
    if (!marked) {
        return;
    }
    const along = session.axis === "time" ? faults.time : faults.record;
    for (let i = 0; i < faults.pfn.length; i++) {
        if (faults.pfn.data[i] === marked) {
            const x = at(along.data[i]);
            if (x >= 0 && x <= width) {
                context.strokeStyle = "#e3002b";
                context.strokeRect(x - 3, height - BOTTOM - 5, 5, 5);
            }
        }
    }
}

function drawTimes(context, session, { from, to, at, width, height, ink }) {
    context.fillStyle = ink;
    context.textBaseline = "bottom";
    const { recording } = session;
    const unit = session.axis === "time" ? recording.header.ticks_per_second : 1;
    const base = session.axis === "time" ? recording.firstTime : 0;
    const step = niceStep((to - from) / unit / Math.max(2, width / 110)) * unit;
    for (let value = base + Math.ceil((from - base) / step) * step; value <= to; value += step) {
        const x = at(value);
        context.textAlign = x < 30 ? "left" : x > width - 30 ? "right" : "center";
        context.fillRect(x, height - BOTTOM, 1, 3);
        context.fillText(session.axis === "time" ? secondsWords((value - base) / unit) : Math.round(value).toLocaleString("en"), x, height);
    }
}

function niceStep(rough) {
    const power = 10 ** Math.floor(Math.log10(rough));
    const part = rough / power;
    return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

export { groupOfCase };
