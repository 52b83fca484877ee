/* SPDX-License-Identifier: MIT */
/* The page in a real Chromium: what a person sees, clicks and types. Nothing here waits for a time to be
 * over, only for what must come. */

import test, { after, before } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import path from "node:path";
import { PAGE_FILE, axeSource, drawn, give, launch, newPage, show } from "./browser.js";
import { HEAP, PAGE } from "./machine.js";
import * as scenes from "./scenes.js";

/* For what hangs; nothing here comes near it. */
const LIMIT = { timeout: 180000 };

let browser, folder;
before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "quire-viewer-"));
    browser = await launch();
});
after(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
});

/* A test with a page of its own, in which nothing may go wrong that the test did not ask for. */
function onPage(name, body, options) {
    test(name, LIMIT, async (context) => {
        const page = await newPage(browser, options);
        try {
            await body(page, context);
            assert.deepEqual(page.problems, []);
        } finally {
            await page.context().close();
        }
    });
}

const text = (page, selector) => page.textContent(selector);
const legend = async (page, key) => Number((await text(page, `#legend tr[data-kind="${key}"] td`)).replaceAll(",", ""));

/* The colour in the middle of a frame's cell, as #rrggbb. */
function colourOf(page, pfn) {
    return page.evaluate((frame) => {
        const map = globalThis.quire.physmap;
        const [x, y, size] = map.placeOf(frame);
        const { data } = map.context.getImageData(x + 1, y + 1, 1, 1);
        return size > 0 && `#${[...data].slice(0, 3).map((value) => value.toString(16).padStart(2, "0")).join("")}`;
    }, pfn);
}

/* Where a frame's cell is on the screen. */
function pointOf(page, pfn) {
    return page.evaluate((frame) => {
        const map = globalThis.quire.physmap;
        const [x, y, size] = map.placeOf(frame);
        const box = map.overlay.getBoundingClientRect();
        return { x: box.x + (x + size / 2 - 1) / map.ratio, y: box.y + (y + size / 2 - 1) / map.ratio };
    }, pfn);
}

onPage("scenes render: the map has each owner's colour, the legend its frames", async (page) => {
    const { bytes, programs } = scenes.allocator({});
    await show(page, bytes);
    await drawn(page);
    const colours = [];
    for (const [i, program] of programs.entries()) {
        colours.push(await colourOf(page, program.areas[1].pages.values().next().value));
        assert.equal(await legend(page, `process-${i}`), 61);
    }
    assert.equal(new Set(colours).size, 4);
    assert.equal(colours[0], "#0072b2");
    assert.equal(await colourOf(page, 1900), "#edf0f3");
    assert.equal(await page.locator(".space").count(), 4);
    assert.equal(await legend(page, "leaked"), 0);
    await show(page, scenes.forkexit({}).bytes);
    await drawn(page);
    assert.equal(await page.locator(".space").count(), 1);
    assert.equal(await legend(page, "process-0"), 40);
});

onPage("scenes render: what a fork shares, and the tables too", async (page) => {
    const { bytes } = scenes.large({ pages: 4096, frames: 8192 });
    await show(page, bytes);
    await drawn(page);
    assert.match(await text(page, "#tables-words"), /15 page tables, 7 of them shared/);
    assert.equal(await page.locator(".node.shared").count(), 1);
    assert.match(await text(page, ".node.shared"), /7 tables.*shared/);
    assert.equal(await legend(page, "shared"), 4095);
});

onPage("a click on a fault's frame, page and record tells why", async (page) => {
    const scene = scenes.fork({});
    await show(page, scene.bytes);
    await page.selectOption("#filter-case", { label: "copy" });
    await page.click("#first");
    await page.click("#next-fault");
    await page.waitForSelector("#why");
    const copy = scene.child.areas[1].pages.get(HEAP / PAGE + 3);
    assert.match(await text(page, "#inspector h3"), /Copy on write/);
    assert.match(await text(page, "#why"), new RegExp(`copied into frame 0x${copy.toString(16)}`));
    assert.equal(await page.locator(".walk > li").count(), 4);
    assert.match(await text(page, ".walk > li[data-level='1']"), /writable/);
    assert.match(await text(page, "#rights"), /for user programs, writable, not executable/);
    assert.equal(await page.evaluate(() => globalThis.quire.marked), copy);
    const { x, y } = await pointOf(page, copy);
    await page.mouse.click(x, y);
    assert.match(await text(page, "#inspector h3"), new RegExp(`0x${copy.toString(16)}`));
    assert.match(await text(page, "#others"), /mapped at 0x10003000 by p-fork \(2\)/);
    await page.click("#inspector .plain button.link >> nth=1");
    assert.match(await text(page, "#inspector h3"), /Page 0x10003000/);
    assert.match(await text(page, "#why"), /only ours/);
    await page.click(".walk li[data-level='4'] button");
    assert.match(await text(page, "#why"), /top table of p-fork \(2\)/);
    await page.keyboard.press("Backspace");
    assert.match(await text(page, "#inspector h3"), /Page 0x10003000/);
});

onPage("every case of the fault path is explained", async (page) => {
    const scene = scenes.cases();
    await show(page, scene.bytes);
    const titles = new Set();
    for (const [name, number] of Object.entries(scene.found)) {
        await page.evaluate((record) => globalThis.quire.selectFault(record), number);
        titles.add(await text(page, "#inspector h3"));
        assert.ok((await text(page, "#why")).length > 60, name);
        assert.equal(await page.locator("#inspector h3.bad").count(), ["no_area", "forbidden"].includes(name) ? 1 : 0, name);
    }
    assert.equal(titles.size, 13);
});

onPage("scrubbing shows the earlier state, and back", async (page) => {
    const scene = scenes.fork({});
    await show(page, scene.bytes);
    await drawn(page);
    assert.equal(await page.locator(".space").count(), 2);
    const last = await legend(page, "free");
    const box = await page.locator("#timeline").boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
    await page.mouse.down();
    await page.mouse.up();
    await drawn(page);
    assert.equal(await page.locator(".space").count(), 1);
    const half = await legend(page, "free");
    assert.ok(half > last);
    const own = await legend(page, "process-0");
    assert.ok(own > 20 && own < 80, `${own}`);
    await page.click("#first");
    await drawn(page);
    assert.equal(await page.locator(".space").count(), 0);
    await page.click("#last");
    await drawn(page);
    assert.equal(await legend(page, "free"), last);
    assert.match(await text(page, "#moment"), new RegExp(`record (\\d+) of \\1`));
    await page.keyboard.press("N");
    await drawn(page);
    assert.equal(await page.evaluate(() => globalThis.quire.moment), scene.afterFork + 1);
    assert.match(await text(page, "#mark"), /after the fork: nothing was copied/);
});

onPage("playing comes to the end by itself", async (page) => {
    await show(page, scenes.fork({}).bytes);
    await page.click("#first");
    await page.selectOption("#speed", "1");
    await page.click("#play");
    await page.waitForFunction(() => !globalThis.quire.playing && globalThis.quire.moment === globalThis.quire.recording.count);
});

onPage("everything with the keyboard alone", async (page) => {
    const scene = scenes.fork({});
    await show(page, scene.bytes);
    const press = async (...keys) => {
        for (const key of keys) {
            await page.keyboard.press(key);
        }
    };
    await press("Home", "ArrowRight", "ArrowRight");
    assert.match(await text(page, "#inspector h3"), /new page of zeroes/);
    assert.match(await text(page, "#spoken"), /fault zero_fill/);
    await press("End", "n", "1");
    assert.equal(await page.evaluate(() => document.activeElement.id), "physmap");
    await press("ArrowDown", "ArrowDown", "ArrowRight", "Enter");
    assert.match(await text(page, "#inspector h3"), /Frame 0x/);
    await press("+", "+", "-", "0");
    await press("4");
    assert.equal(await page.getAttribute("#tab-objects", "aria-selected"), "true");
    await press("ArrowLeft");
    assert.equal(await page.getAttribute("#tab-tables", "aria-selected"), "true");
    await press("Tab", "Tab", "Tab", "Enter");
    assert.match(await text(page, "#inspector h3"), /Page table/);
    await press("?");
    await page.waitForSelector("dialog[open]");
    await press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await page.focus(".space:nth-child(2) .pages >> nth=1");
    await press("ArrowRight", "ArrowRight");
    assert.match(await text(page, "#inspector h3"), /Page 0x10001000/);
    await press("Escape");
    assert.equal(await page.evaluate(() => globalThis.quire.selection), null);
    const reached = new Set();
    for (let i = 0; i < 60; i++) {
        await press("Tab");
        reached.add(await page.evaluate(() => document.activeElement.id || document.activeElement.className));
    }
    for (const id of ["physmap", "timeline", "play", "inspector", "theme", "pages"]) {
        assert.ok(reached.has(id), `${id} cannot be reached by Tab: ${[...reached]}`);
    }
});

onPage("nothing for axe to complain of, light and dark", async (page) => {
    const scene = scenes.fork({});
    await show(page, scene.bytes);
    await page.addScriptTag({ path: axeSource() });
    for (const scheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: scheme });
        await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, scheme);
        for (const tab of ["tables", "objects", "rates"]) {
            await page.click(`#tab-${tab}`);
            await page.evaluate((number) => globalThis.quire.selectFault(number), scene.copyFault);
            const found = await page.evaluate(async () => {
                const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
                return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).join(" | ")}`);
            });
            assert.deepEqual(found, [], `${scheme} ${tab}`);
        }
    }
});

onPage("light and dark: by the system, and by the switch", async (page) => {
    await show(page, scenes.fork({}).bytes);
    await drawn(page);
    assert.equal(await colourOf(page, 1900), "#edf0f3");
    await page.click("#theme");
    await drawn(page);
    assert.equal(await colourOf(page, 1900), "#20262d");
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(13, 16, 20)");
});

onPage("no part is cut off from 1000 pixels to 4K", async (page) => {
    await show(page, scenes.fork({}).bytes);
    for (const [width, height] of [[1000, 700], [1366, 768], [3840, 2160]]) {
        await page.setViewportSize({ width, height });
        await drawn(page);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= width, `${wide} of ${width}`);
        for (const selector of ["#physmap", "#timeline", ".space", "#inspector"]) {
            const box = await page.locator(selector).first().boundingBox();
            assert.ok(box.width > 100 && box.height > 40 && box.x >= 0 && box.x + box.width <= width, `${selector} at ${width}`);
        }
    }
});

onPage("what is no recording is said to be none, and the page goes on", async (page) => {
    const { bytes } = scenes.fork({});
    await show(page, bytes);
    const message = async (data, name) => {
        await give(page, data, name);
        return text(page, "#message");
    };
    assert.match(await message(new TextEncoder().encode("GIF89a and more"), "picture.gif"), /picture.gif: this is no recording of Quire/);
    assert.match(await message(bytes.map((byte, i) => i > bytes.length - 900 ? 0xee : byte), "garbage"), /garbage: broken at byte \d+, after \d+ records/);
    await drawn(page);
    assert.ok(await page.locator(".space").count() > 0, "what came before the garbage is shown");
    const packed = gzipSync(bytes);
    assert.match(await message(packed.subarray(0, packed.length >> 1), "half.gz"), /half.gz: it cannot be unpacked/);
    assert.equal(await page.locator("[role=alert] .error").count(), 1);
    await page.setInputFiles("#file", { name: "empty", mimeType: "text/plain", buffer: Buffer.alloc(0) });
    await page.waitForFunction(() => /empty: this is no recording/.test(document.getElementById("message")?.textContent));
    assert.match(await message(bytes.subarray(0, bytes.length - 5), "cut"), /cut was cut in the middle of a record: the last \d+ bytes/);
    await give(page, packed, "good.gz");
    assert.equal(await page.locator("#message").count(), 0);
    await drawn(page);
    assert.equal(await page.locator(".space").count(), 2);
});

onPage("a recording dropped onto the page is opened", async (page) => {
    await page.goto(`file://${PAGE_FILE}`);
    assert.match(await text(page, "#message"), /Drop a recording/);
    await page.waitForFunction(() => globalThis.quire.physmap?.pixels);
    assert.equal(await page.evaluate(() => globalThis.quire.physmap.context.getImageData(9, 9, 1, 1).data.join()), "255,255,255,255");
    const data = await page.evaluateHandle((base64) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const transfer = new DataTransfer();
        transfer.items.add(new File([bytes], "dropped.trace"));
        return transfer;
    }, Buffer.from(scenes.fork({}).bytes).toString("base64"));
    await page.dispatchEvent("#app", "drop", { dataTransfer: data });
    await page.waitForSelector(".space");
    assert.equal(await text(page, "#title"), "dropped.trace");
});

/* ./quire view with what is built here. */
function quire(...words) {
    return spawn("./quire", ["view", "--build", path.dirname(path.dirname(PAGE_FILE)), ...words], { stdio: ["pipe", "pipe", "inherit"] });
}

/* Ends with the test what a test has started. */
function started(context, child) {
    context.after(() => child.kill("SIGKILL"));
    return child;
}

const ended = (child) => new Promise((resolve) => child.on("exit", resolve));

onPage("an exported page works by itself, from a file", async (page) => {
    const trace = path.join(folder, "p-fork.trace"), html = path.join(folder, "p-fork.html");
    writeFileSync(trace, scenes.fork({}).bytes);
    assert.equal(await ended(quire("--export", html, trace)), 0);
    await page.goto(`file://${html}`);
    await page.waitForSelector(".space >> nth=1");
    assert.equal(await text(page, "#title"), "p-fork.trace");
    const packed = gzipSync(scenes.fork({}).bytes);
    for (const [what, status] of [["no trace", 240], [packed.subarray(0, packed.length >> 1), 0], [packed.map((byte, i) => i > 99 ? 0xff : byte), 240]]) {
        writeFileSync(trace, what);
        assert.equal(await ended(quire("--export", html, trace)), status);
    }
});

onPage("./quire view --web serves the page and recordings, to pages of its own", async (page, context) => {
    const files = ["fork", "forkexit"].map((name) => {
        const file = path.join(folder, `${name}.trace`);
        writeFileSync(file, scenes[name]({}).bytes);
        return file;
    });
    const server = started(context, quire("--web", "--port", "0", "--recording", files[0], "--recording", files[1]));
    const [line] = await once(createInterface({ input: server.stdout }), "line");
    const address = line.match(/^http:\/\/127\.0\.0\.1:\d+\//)[0];
    await page.goto(address);
    await page.waitForSelector(".space >> nth=1");
    await page.selectOption("#scenes", "forkexit.trace");
    await page.waitForFunction(() => globalThis.quire.title === "forkexit.trace" && globalThis.quire.state);
    await drawn(page);
    assert.equal(await page.locator(".space").count(), 1);
    const foreign = await fetch(address, { headers: { Origin: "http://elsewhere.example" } });
    assert.equal(foreign.status, 403);
    assert.equal((await fetch(`${address}recording/7`)).status, 404);
    server.kill("SIGTERM");
    await ended(server);
});

function once(emitter, event) {
    return new Promise((resolve) => emitter.once(event, (...values) => resolve(values)));
}

/* The page with a machine's address, as the server would tell it. */
function livePage(port) {
    const file = path.join(folder, `live-${port}.html`);
    const config = JSON.stringify({ live: `ws://127.0.0.1:${port}/`, title: "machine" });
    writeFileSync(file, readFileSync(PAGE_FILE, "utf8").replace('id="config">{}<', `id="config">${config}<`));
    return file;
}

test("live: follows a stream, holds a moment, says when it is lost, and goes on when it is back", LIMIT, async (context) => {
    const { bytes } = scenes.forkexit({});
    const file = path.join(folder, "live.trace");
    writeFileSync(file, bytes);
    const server = started(context, spawn("python3", [new URL("server.py", import.meta.url).pathname, file], { stdio: ["pipe", "pipe", "inherit"] }));
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
    const port = (await lines.next()).value;
    const say = (deed) => server.stdin.write(`${deed}\n`);
    const page = await newPage(browser);
    const count = (more) => page.waitForFunction((least) => globalThis.quire.recording?.count > least && globalThis.quire.history.tip.index === globalThis.quire.recording.count, more);
    await page.goto(`file://${livePage(port)}`);
    assert.equal((await lines.next()).value, "connected");
    say(`send ${bytes.length >> 1}`);
    await count(500);
    await page.waitForSelector("#connection:text('live')");
    const half = await page.evaluate(() => globalThis.quire.recording.count);
    await page.keyboard.press(" "); // hold
    const held = await page.evaluate(() => globalThis.quire.moment);
    say("send 20000");
    await count(half);
    assert.equal(await page.evaluate(() => globalThis.quire.moment), held);
    await page.keyboard.press(" "); // follow
    await page.waitForFunction(() => globalThis.quire.moment === globalThis.quire.recording.count);
    say("drop");
    await page.waitForSelector("#connection:text('lost')");
    assert.match(await text(page, "#message"), /not there .* What came until then stays/);
    assert.ok(await page.locator(".space").count() > 0);
    assert.equal((await lines.next()).value, "connected");
    say("rewind");
    say(`send ${bytes.length}`);
    await page.waitForFunction(() => globalThis.quire.connection === "connected" && globalThis.quire.state && !globalThis.quire.message);
    await count(half);
    say("rewind");
    say("send 5000"); // a header where a record should be
    await page.waitForFunction(() => /stream: broken at byte/.test(document.getElementById("message")?.textContent));
    await page.context().close();
    server.stdin.end();
    await ended(server);
});

/* The program waits for a line until the page has the machine's state: so it is all seen, however busy this is. */
test("live: a booted kernel, by QEMU's own WebSocket", LIMIT, async (context) => {
    const server = started(context, quire("--web", "--port", "0", "--once", "--mem", "128M", "--", "sh", "-c", "read go; p-fork"));
    const [line] = await once(createInterface({ input: server.stdout }), "line");
    const page = await newPage(browser);
    context.after(() => page.context().close());
    await page.goto(line.match(/^http:\/\/127\.0\.0\.1:\d+\//)[0]);
    await page.waitForFunction(() => globalThis.quire.state && globalThis.quire.connection === "connected");
    server.stdin.write("go\n");
    const status = ended(server);
    await page.waitForFunction(() => globalThis.quire.connection === "ended");
    assert.equal(await status, 0);
    assert.match(await text(page, "#message"), /has ended/);
    const copy = await page.evaluate(() => {
        const { recording } = globalThis.quire;
        const kind = recording.schema.number("fault_case", "copy");
        const names = [...recording.processes.values()].map(({ name }) => name);
        const found = recording.faults.kind.data.subarray(0, recording.faults.kind.length).lastIndexOf(kind);
        globalThis.quire.selectFault(recording.faults.record.data[found]);
        return { found, names };
    });
    assert.ok(copy.found > 0 && copy.names.filter((name) => name.endsWith("p-fork")).length >= 2, JSON.stringify(copy));
    assert.match(await text(page, "#inspector h3"), /Copy on write/);
    assert.equal(await page.locator(".walk > li").count(), 4);
});

/* 1M frames, and in each frame of the screen the 167 records that make 10,000 a second. What must hold on any
 * machine is counted: frames do not draw the whole map again (one after a long pause may: then very much has
 * changed). The processor's time that the main thread needs is told, and held only to what no busy machine can come near. */
test("60 frames a second with 4 GiB of memory and 10,000 events a second", LIMIT, async (context) => {
    const page = await newPage(browser);
    context.after(() => page.context().close());
    const { bytes, start, frameBytes } = scenes.busy({ events: 16000, frames: 1 << 20 });
    await show(page, scenes.fork({}).bytes);
    await page.evaluate(([base64, first]) => {
        globalThis.data = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const session = globalThis.quire;
        session.begin("busy", "live");
        session.connection = "connected";
        session.feed(globalThis.data.subarray(0, first));
        globalThis.at = first;
    }, [Buffer.from(bytes).toString("base64"), start]);
    await page.waitForFunction(() => globalThis.quire.state && globalThis.quire.history.tip.index === globalThis.quire.recording.count);
    await drawn(page);
    const run = (frames) => page.evaluate(([count, step]) => new Promise((resolve) => {
        const session = globalThis.quire, before = session.recording.count, { whole } = session.physmap.drawn;
        let left = count;
        const frame = () => {
            session.feed(globalThis.data.subarray(globalThis.at, globalThis.at += step));
            if (--left > 0) {
                requestAnimationFrame(frame);
            } else {
                resolve({ records: session.recording.count - before, whole: session.physmap.drawn.whole - whole, frames: session.state.frameCount, per: session.physmap.per });
            }
        };
        requestAnimationFrame(frame);
    }), [frames, frameBytes]);
    const tools = await page.context().newCDPSession(page);
    await tools.send("Performance.enable", { timeDomain: "threadTicks" });
    const used = async () => Object.fromEntries((await tools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, 1000 * value]));
    await run(10);
    const before = await used();
    const result = await run(40);
    const after = await used();
    const each = (name) => (after[name] - before[name]) / 40;
    context.diagnostic(`${result.records / 40} records a frame: ${each("TaskDuration").toFixed(1)} ms of the processor on the main thread, ` +
        `${each("ScriptDuration").toFixed(1)} ms of them in scripts`);
    assert.equal(result.frames, 1 << 20);
    assert.ok(result.records >= 40 * 160, `${result.records} records`);
    assert.ok(result.whole < 20, `${result.whole} of 40 frames drew the whole map`);
    assert.ok(each("ScriptDuration") < 100, `${each("ScriptDuration")} ms`);
    assert.deepEqual(page.problems, []);
});
