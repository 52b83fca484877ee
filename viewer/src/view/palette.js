/* SPDX-License-Identifier: MIT */
/* Colours of what is drawn on canvases, for light and dark. Processes have the hues of Okabe and Ito,
 * which people with any kind of colour vision tell apart; letters say the same again. */

import { CLASSES, PROCESS, PROCESS_COLOURS } from "../model/aggregate.js";

const PROCESSES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8565c4", "#7a8b2e"];

const LIGHT = {
    free: "#edf0f3", reserved: "#c3c9d0", kernel: "#98a2ae", slab: "#aab4bf", stack: "#8793a1", table: "#2e3a4a",
    file: "#c9a06a", shmem: "#a8834b", zero: "#ffffff", spare: "#d6e2da", hole: "#ffffff", shared: "#f2d13c",
    anon: "#7f8fa6", pending: "#b9d3c2", "freed-mapped": "#e3002b", leaked: "#e3002b",
};
const DARK = {
    free: "#20262d", reserved: "#3a424c", kernel: "#5a6673", slab: "#4b5661", stack: "#6b7886", table: "#dfe6ef",
    file: "#a9814b", shmem: "#87673a", zero: "#f7f9fb", spare: "#34453b", hole: "#14181d", shared: "#f2d13c",
    anon: "#7f8fa6", pending: "#4f6b59", "freed-mapped": "#ff3355", leaked: "#ff3355",
};

/* Groups of fault cases, as the timeline stacks them. */
export const FAULT_GROUPS = [
    { key: "refused", label: "refused", cases: ["no_area", "forbidden"], colour: "#d4002a", letter: "R" },
    { key: "copied", label: "copied", cases: ["copy", "copy_object"], colour: "#e69f00", letter: "C" },
    { key: "made", label: "new page", cases: ["zero_fill", "stack_grown"], colour: "#0072b2", letter: "N" },
    { key: "reused", label: "made writable", cases: ["reuse"], colour: "#009e73", letter: "W" },
    { key: "found", label: "found", cases: ["stale", "shared", "read_private", "read_object", "read_zero"], colour: "#8793a1", letter: "F" },
    { key: "waited", label: "waited", cases: ["waited"], colour: "#8565c4", letter: "D" },
];

export function groupOfCase(name) {
    return FAULT_GROUPS.find((group) => group.cases.includes(name)) ?? FAULT_GROUPS[4];
}

export function colourOfOrder(order) {
    return PROCESSES[order % PROCESS_COLOURS];
}

/* The colour of a class of frames (aggregate.js). */
export function classColour(kind, dark) {
    return kind >= PROCESS ? PROCESSES[(kind - PROCESS) % PROCESS_COLOURS] : (dark ? DARK : LIGHT)[CLASSES[kind].key];
}

/* The colours of a page of an area by PAGE of aggregate.js; `own` is the process's. */
export function pageColours(own, dark) {
    const table = dark ? DARK : LIGHT;
    return [table.free, dark ? "#4a3f30" : "#ecdcc4", dark ? "#5d5a3c" : "#f3ecc4", table.zero, table.file, table.shared, own];
}

export function parts(colour) {
    return [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
}

/* 0xAABBGGRR, as ImageData has its pixels on little-endian machines; those are all there are. */
export function pixel([red, green, blue]) {
    return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0;
}

export function mix(one, other, part) {
    return one.map((value, i) => Math.round(value * (1 - part) + other[i] * part));
}

/* Black or white, whichever is read more easily on a colour. */
export function inkOn([red, green, blue]) {
    return red * 0.299 + green * 0.587 + blue * 0.114 > 140 ? [10, 14, 20] : [255, 255, 255];
}
