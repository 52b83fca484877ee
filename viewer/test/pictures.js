/* SPDX-License-Identifier: MIT */
/* Pictures of the viewer for the documents: `node pictures.js OUT NAME=RECORDING...` writes OUT/viewer-NAME.png
 * for each, at the moment that tells most. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { drawn, launch, newPage, show } from "./browser.js";

const [out, ...scenes] = process.argv.slice(2);
const SIZE = { width: 1440, height: 860 };

/* The fault that a picture is about. */
const CASES = {
    "p-allocator": "zero_fill", "guide-1": "zero_fill", "guide-3": "zero_fill", "guide-4": "copy_object",
    "guide-6": "copy_object", "guide-8": "reuse",
};

/* Where to look: in the middle of the copies, when most spaces are there; of p-allocator, late among the new pages. */
function lookAt(page, name) {
    return page.evaluate((wanted) => {
        const session = globalThis.quire;
        const { faults, schema } = session.recording;
        const numbers = (name) => [...faults.kind.data.subarray(0, faults.kind.length)].flatMap(
            (kind, i) => kind === schema.number("fault_case", name) ? [faults.record.data[i]] : []);
        const busiest = (list) => list.map((number) => {
            session.seek(number + 1);
            return [session.state?.spaces.size ?? 0, number];
        }).filter(([spaces], _, all) => spaces === Math.max(...all.map(([count]) => count))).map(([, number]) => number);
        const found = busiest(numbers(wanted));
        session.selectFault(found[Math.floor(found.length * (wanted === "copy" ? 0.5 : 0.9))]);
    }, CASES[name] ?? "copy");
}

const browser = await launch();
for (const scene of scenes) {
    const [name, file] = scene.split("=");
    const page = await newPage(browser, { viewport: SIZE, colorScheme: name === "p-trees" ? "dark" : "light" });
    await show(page, readFileSync(file), name);
    await lookAt(page, name);
    await drawn(page);
    await drawn(page);
    await page.screenshot({ path: path.join(out, `viewer-${name}.png`) });
    await page.context().close();
}
await browser.close();
