/* SPDX-License-Identifier: MIT */
/* Makes the page: `node viewer/build.mjs OUT` bundles viewer/src with the libraries in OUT/node_modules into
 * OUT/viewer.html, one file that needs nothing else. */

import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const out = path.resolve(process.argv[2]);
const source = path.join(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "src");
const { build } = createRequire(path.join(out, "package.json"))("esbuild");

const result = await build({
    entryPoints: [path.join(source, "view/main.jsx")], bundle: true, minify: true, write: false, format: "iife",
    target: ["chrome110", "firefox115", "safari16"], jsx: "automatic", jsxImportSource: "preact", nodePaths: [path.join(out, "node_modules")],
    legalComments: "inline", logLevel: "warning", charset: "utf8",
});

/* The licences ask that they go along. */
const notices = ["preact", "uplot", "@dagrejs/dagre", "@dagrejs/graphlib"].map((name) =>
    `${name}\n\n${readFileSync(path.join(out, "node_modules", name, "LICENSE"), "utf8").trim()}\n`).join("\n").replaceAll("--", "- -");
const style = readFileSync(path.join(out, "node_modules/uplot/dist/uPlot.min.css"), "utf8") + readFileSync(path.join(source, "style.css"), "utf8");
const script = result.outputFiles[0].text.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
const page = readFileSync(path.join(source, "page.html"), "utf8")
    .replace("/*STYLE*/", () => style).replace("/*SCRIPT*/", () => script)
    .replace("</body>", () => `</body>\n<!--\nThis page has in it:\n\n${notices}-->`);
writeFileSync(path.join(out, "viewer.html.new"), page);
renameSync(path.join(out, "viewer.html.new"), path.join(out, "viewer.html"));
