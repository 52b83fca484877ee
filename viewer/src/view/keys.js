/* SPDX-License-Identifier: MIT */
/* Keys of the page as a whole; the maps have their own while they have the focus. */

import { zoomTimeline } from "./timeline.jsx";
import { SPEEDS } from "./session.js";

/* [keys as shown, what they do, event.key values, deed(session, page)]. */
export const KEYS = [
    ["space", "play or pause; of a running machine: hold the moment, or follow", [" "], (session) => session.toggle()],
    ["\u2190 \u2192", "previous, next fault (as filtered)", ["ArrowLeft", "ArrowRight"], (session, page, key) => session.stepFaults(key === "ArrowLeft" ? -1 : 1)],
    [", .", "one record back, forward", [",", "."], (session, page, key) => session.stepRecords(key === "," ? -1 : 1)],
    ["n N", "next, previous mark, fork, exec or exit", ["n", "N"], (session, page, key) => session.stepMarks(key === "n" ? 1 : -1)],
    ["Home End", "first, last moment", ["Home", "End"], (session, page, key) => key === "Home" ? session.go(0) : session.goToEnd()],
    ["< >", "slower, faster", ["<", ">"], (session, page, key) => changeSpeed(session, key === "<" ? -1 : 1)],
    ["z Z 0", "zoom the timeline in, out, all of it", ["z", "Z", "0"], (session, page, key) => zoomTimeline(session, key === "z" ? 0.5 : key === "Z" ? 2 : null)],
    ["+ \u2212 f", "map of memory: nearer, farther, all of it", ["+", "=", "-", "f"], (session, page, key) => zoomMap(session, key)],
    ["1 to 6", "focus: memory, spaces, page tables, objects, rates, inspector", ["1", "2", "3", "4", "5", "6"], (session, page, key) => page.focus(Number(key))],
    ["t", "focus: the timeline", ["t"], (session, page) => page.focus(0)],
    ["Backspace", "select what was selected before", ["Backspace"], (session) => session.back()],
    ["Esc", "select nothing; close", ["Escape"], (session, page) => page.close()],
    ["r", "run the program again", ["r"], (session, page) => page.again()],
    ["o", "open a recording", ["o"], (session, page) => page.open()],
    ["d", "light or dark", ["d"], (session, page) => page.theme()],
    ["?", "these keys", ["?"], (session, page) => page.help()],
];

export const MAP_KEYS = [
    ["arrows, PgUp, PgDn", "move over the map, or over an area's pages"],
    ["Enter", "select the frame or page"],
];

function changeSpeed(session, change) {
    const at = SPEEDS.indexOf(session.speed);
    session.speed = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + change))];
    session.changed();
}

function zoomMap(session, key) {
    const { physmap } = session;
    if (!physmap?.per) {
        return;
    }
    if (key === "f") {
        physmap.fit();
    } else {
        physmap.zoomBy(key === "-" ? 1 : -1, session.marked || physmap.cursor);
    }
    session.changed();
}

/* Does what a key stands for; false: it stands for nothing. */
export function press(event, session, page) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
        return false;
    }
    if (event.target.tagName === "BUTTON" && [" ", "Enter"].includes(event.key)) {
        return false;
    }
    const known = KEYS.find(([, , keys]) => keys.includes(event.key));
    if (!known || (!session.recording && !["?", "d", "o", "Escape"].includes(event.key))) {
        return false;
    }
    known[3](session, page, event.key);
    event.preventDefault();
    return true;
}
