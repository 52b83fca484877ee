/* SPDX-License-Identifier: MIT */
/* Rates over time, drawn by uPlot, and totals up to the moment, in a table. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { rate } from "../model/aggregate.js";
import { CASE_TITLES } from "../model/words.js";
import { useDark, useDrawer, useSession, useSize } from "./hooks.js";

const SERIES = [
    ["faults", "faults", "#0072b2"], ["frames_taken", "frames taken", "#009e73"], ["frames_freed", "frames freed", "#cc79a7"],
    ["copies", "copies", "#e69f00"], ["flushes", "flushes", "#d55e00"],
];
const BINS = 160;
const DRAW_MS = 250;
const LIVE_SECONDS = 30; // shown of a running machine

export function RatesPanel() {
    const session = useSession();
    const dark = useDark();
    const [box, size] = useSize();
    const plot = useRef(null);
    const drawn = useRef({ key: "", at: 0 });
    useEffect(() => {
        if (!size.width) {
            return undefined;
        }
        plot.current = new uPlot(options(size, dark), [[0], ...SERIES.map(() => [0])], box.current);
        drawn.current.key = "";
        return () => plot.current.destroy();
    }, [size.width, size.height, dark]);
    useDrawer(session, (now) => {
        const { recording } = session;
        if (!plot.current || !recording?.schema || !recording.count || now - drawn.current.at < DRAW_MS) {
            return;
        }
        const key = `${session.generation} ${recording.count} ${session.window} ${size.width} ${dark}`;
        if (key !== drawn.current.key) {
            drawn.current = { key, at: now };
            plot.current.setData(data(session));
        }
    });
    return (
        <div class="rates">
            <div class="plot" ref={box} role="img" aria-label="Rates over time; totals are in the table below" />
            <Totals session={session} />
        </div>
    );
}

function data(session) {
    const { recording } = session;
    const second = recording.header.ticks_per_second;
    const from = session.window && session.axis === "time" ? session.window[0]
        : session.live ? Math.max(recording.firstTime, recording.lastTime - LIVE_SECONDS * second) : recording.firstTime;
    const to = session.window && session.axis === "time" ? session.window[1] : recording.lastTime + 1;
    const bin = Math.max((to - from) / BINS, 1e-9);
    const times = Array.from({ length: BINS }, (_, i) => recording.seconds(from + (i + 0.5) * bin));
    return [times, ...SERIES.map(([name]) => [...rate(recording.times[name], from, to, BINS)].map((count) => count * second / bin))];
}

function options({ width }, dark) {
    const ink = dark ? "#93a0ae" : "#5a6673", grid = { stroke: dark ? "#2a313a" : "#e4e8ec", width: 1 };
    const axis = { stroke: ink, grid, ticks: grid, font: "11px system-ui, sans-serif" };
    return {
        width, height: 170, cursor: { drag: { x: false, y: false } }, legend: { live: false },
        scales: { x: { time: false } },
        axes: [{ ...axis, values: (_, values) => values.map((value) => `${+value.toPrecision(4)} s`) },
            { ...axis, size: 76, values: (_, values) => values.map((value) => `${value.toLocaleString("en")}/s`) }],
        series: [{}, ...SERIES.map(([, label, stroke]) => ({ label, stroke, width: 1.5, points: { show: false } }))],
    };
}

function Totals({ session }) {
    const totals = session.history?.view.totals ?? {};
    const cases = Object.entries(CASE_TITLES).map(([name, title]) => [`${name}: ${title.toLowerCase()}`, totals[`fault:${name}`] ?? 0]);
    const others = Object.entries(totals).filter(([name]) => !name.includes(":") && !name.startsWith("snapshot")).sort((a, b) => b[1] - a[1]);
    const list = (caption, rows) => (
        <table class="list"><caption>{caption}</caption>
            <tbody>{rows.map(([name, count]) => <tr key={name}><th scope="row">{name}</th><td class="number">{count.toLocaleString("en")}</td></tr>)}</tbody>
        </table>);
    return <div class="two scroll" tabIndex={0} role="group" aria-label="Totals up to this moment">{list("Faults by case, up to this moment", cases)}{list("Events", others)}</div>;
}
