/* SPDX-License-Identifier: MIT */
/* Pictures of the viewer for the documents: `node pictures.js OUT NAME=RECORDING...` writes OUT/viewer-NAME.png
 * for each, at the moment that tells most. */

import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { drawn, launch, newPage, show } from "./browser.js";
import { picture } from "./png.js";

const [out, ...scenes] = process.argv.slice(2);
const SIZE = { width: 1440, height: 950 };

/* The fault that a picture is about: of a case, and where it is among those faults, 1 for the last; or the last
 * before a mark. */
const MOMENTS = {
    "p-allocator": ["zero_fill", 0.9], "p-trees": ["copy", "the child wrote one byte"], "p-stack": ["zero_fill", "it was"],
    "p-file": ["copy_object", 0.8], "p-guard": ["forbidden", 0.5],
    "guide-1": ["zero_fill", 1], "guide-2": ["copy", 1], "guide-3": ["zero_fill", 0.9], "guide-4": ["copy_object", 1],
    "guide-5": ["copy", 1], "guide-6": ["copy_object", 1], "guide-7": ["copy", 1], "guide-8": ["reuse", 0.9],
};

/* Where nothing is said: in the middle of the copies. Of those with a place, faults count while most spaces are there. */
function lookAt(page, name) {
    return page.evaluate(([wanted, place]) => {
        const session = globalThis.quire;
        const { faults, schema, ticks } = session.recording;
        const mark = ticks.find(({ event, text }) => event === "mark" && text.includes(place))?.record ?? Infinity;
        const found = [...faults.kind.data.subarray(0, faults.kind.length)].flatMap((kind, i) =>
            kind === schema.number("fault_case", wanted) && faults.record.data[i] < mark ? [faults.record.data[i]] : []);
        const spaces = found.map((number) => {
            session.seek(number + 1);
            return session.state?.spaces.size ?? 0;
        });
        const busiest = found.filter((_, i) => spaces[i] === Math.max(...spaces));
        session.selectFault(mark < Infinity || place === 1 ? found.at(-1) : busiest[Math.floor(busiest.length * place)]);
    }, MOMENTS[name] ?? ["copy", 0.5]);
}

const browser = await launch();
for (const scene of scenes) {
    const [name, file] = scene.split("=");
    const page = await newPage(browser, { viewport: SIZE, colorScheme: name === "p-trees" ? "dark" : "light" });
    await show(page, readFileSync(file), name);
    await lookAt(page, name);
    await drawn(page);
    await drawn(page);
    writeFileSync(path.join(out, `viewer-${name}.png`), await picture(page));
    await page.context().close();
}
await browser.close();
