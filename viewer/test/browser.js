/* SPDX-License-Identifier: MIT */
/* A real Chromium for the tests, without a window, and pages in it that see recordings as people do. */

import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import path from "node:path";

export const OUT = path.resolve(process.env.VIEWER_OUT ?? "build/viewer");
export const PAGE_FILE = path.join(OUT, "viewer.html");
const modules = createRequire(path.join(OUT, "package.json"));

/* The browser of Debian; it speaks to nobody but us. */
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--no-first-run", "--disable-dev-shm-usage", "--disable-features=Translate,OptimizationHints,MediaRouter"];
const PROGRAM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((name) => existsSync(name));

export function launch() {
    const { chromium } = modules("playwright-core");
    return chromium.launch({ executablePath: PROGRAM, headless: true, args: ARGUMENTS });
}

export function axeSource() {
    return modules.resolve("axe-core/axe.min.js");
}

/* A page; `faults` collects what went wrong in it, and what it asked of the network. */
export async function newPage(browser, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1600, height: 950 }, colorScheme: "light", reducedMotion: "reduce", ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(90000); // for what hangs
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.stack ?? String(error)));
    page.on("console", (message) => message.type() === "error" && page.problems.push(message.text()));
    page.on("request", (request) => !/^(file|data|blob|http:\/\/127\.0\.0\.1)/.test(request.url()) && page.problems.push(`it asked for ${request.url()}`));
    return page;
}

/* Opens the page with a recording in it. */
export async function show(page, bytes, name = "test.trace") {
    await page.goto(`file://${PAGE_FILE}`);
    await give(page, bytes, name);
}

/* Chooses a file on the page, and waits until it was taken in. */
export async function give(page, bytes, name = "test.trace") {
    await page.setInputFiles("#file", { name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) });
    await page.waitForFunction((title) => {
        const { title: shown, recording, history, message } = globalThis.quire;
        return shown === title && (message?.kind === "error" || (recording?.count > 0 && history?.tip.index === recording.count));
    }, name);
}

/* Two frames later everything that was asked for is drawn. */
export function drawn(page) {
    return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => {
        globalThis.quire.changed();
        requestAnimationFrame(() => requestAnimationFrame(resolve));
    }))));
}
