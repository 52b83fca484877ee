/* SPDX-License-Identifier: MIT */
/* The tree of page tables of all spaces: top tables above, tables that several lead to drawn once, with all
 * their parents. Many tables alike are one node. dagre does the layout, when the tree has changed. */

import { useEffect, useRef, useState } from "preact/hooks";
import { graphlib, layout } from "@dagrejs/dagre";
import { processClass, letterOf } from "../model/aggregate.js";
import { hex, several, spaceName } from "../model/words.js";
import { tableGraph, walk } from "../model/translate.js";
import { colourOfOrder } from "./palette.js";
import { orderOf } from "./spaces.jsx";
import { useSession } from "./hooks.js";

const NODE = { width: 92, height: 40 }, SHARED_WIDTH = 118;
const LAYOUT_MS = 400; // between two layouts while things move
const NODES_MAX = 160;
const LEVEL_NAMES = ["", "level 1", "level 2", "level 3", "top"];

export function TablesPanel() {
    const session = useSession();
    const cache = useRef({ key: "", at: -Infinity, picture: null });
    const [only, setOnly] = useState(0);
    const { state } = session;
    if (!state) {
        return <p class="quiet">Nothing yet.</p>;
    }
    const roots = [...state.spaces.keys()].filter((root) => state.tables.has(root)).sort((a, b) => orderOf(session, a) - orderOf(session, b));
    const wanted = only && roots.includes(only) ? [only] : roots;
    const key = `${session.generation} ${state.index} ${wanted.join()}`;
    const moving = session.playing || (session.live && session.following);
    if (key !== cache.current.key && (!moving || performance.now() - cache.current.at > LAYOUT_MS)) {
        cache.current = { key, at: performance.now(), picture: picture(state, wanted) };
    }
    return (
        <div class="tables">
            <p class="bar">
                <label>space <select value={only} onChange={(event) => setOnly(Number(event.target.value))}>
                    <option value={0}>all side by side</option>
                    {roots.map((root) => <option value={root}>{spaceName(state, root)}</option>)}
                </select></label>
                <span class="quiet" id="tables-words">{tablesWords(state, cache.current.picture)}</span>
            </p>
            <Picture picture={cache.current.picture} session={session} />
        </div>
    );
}

function tablesWords(state, drawn) {
    const shared = drawn?.nodes.filter((node) => node.shared).reduce((sum, node) => sum + node.tables.length, 0) ?? 0;
    return `${several(state.tables.size, "page table")}, ${shared} of them shared`;
}

function widthOf(node) {
    return node.shared ? SHARED_WIDTH : NODE.width;
}

/* Where everything is: {nodes, edges, width, height}. */
function picture(state, roots) {
    const graph = tableGraph(state, roots);
    const nodes = graph.nodes.slice(0, NODES_MAX);
    const known = new Set(nodes.map((node) => node.id));
    const edges = graph.edges.filter((edge) => known.has(edge.from) && known.has(edge.to));
    const dag = new graphlib.Graph();
    dag.setGraph({ rankdir: "TB", nodesep: 12, ranksep: 22, marginx: 8, marginy: 4 });
    dag.setDefaultEdgeLabel(() => ({}));
    nodes.forEach((node) => dag.setNode(node.id, { height: NODE.height, width: widthOf(node) }));
    edges.forEach((edge) => dag.setEdge(edge.from, edge.to));
    layout(dag);
    const { width = 0, height = 0 } = dag.graph();
    return {
        width: Math.max(1, width), height: Math.max(1, height), left: graph.nodes.length - nodes.length,
        nodes: nodes.map((node) => ({ ...node, x: dag.node(node.id).x, y: dag.node(node.id).y })),
        edges: edges.map((edge) => ({ ...edge, points: dag.edge(edge.from, edge.to).points })),
    };
}

/* The tables that the selection's address goes through, and the one that it is. */
function tablesOnWay(session) {
    const page = session.markedPage;
    const onWay = new Set(page ? walk(session.state, page.root, page.va).steps.map((step) => step.table) : []);
    for (const pfn of [session.marked, session.hover]) {
        if (session.state.tables.has(pfn)) {
            onWay.add(pfn);
        }
    }
    return onWay;
}

function Picture({ picture: drawn, session }) {
    const box = useRef(null);
    const onWay = tablesOnWay(session);
    const lit = new Set(drawn?.nodes.filter((node) => node.tables.some((pfn) => onWay.has(pfn))).map((node) => node.id));
    useEffect(() => {
        if (lit.size > 0 && session.selection && box.current) {
            bringIntoSight(box.current, drawn, lit);
        }
    }, [session.selection]);
    if (!drawn || !drawn.nodes.length) {
        return <p class="quiet">There is no page table at this moment.</p>;
    }
    return (
        <div ref={box} class="scroll" tabIndex={0} role="group" aria-label="Tree of page tables">
            <svg width={drawn.width} height={drawn.height} viewBox={`0 0 ${drawn.width} ${drawn.height}`} role="group" aria-label="Page tables">
                {drawn.edges.map((edge) => <Edge key={`${edge.from} ${edge.to}`} edge={edge} lit={lit.has(edge.from) && lit.has(edge.to)} />)}
                {drawn.nodes.map((node) => <Node key={node.id} node={node} session={session} lit={lit.has(node.id)} />)}
            </svg>
            {drawn.left > 0 && <p class="quiet">{drawn.left} more are not drawn: choose one space.</p>}
        </div>
    );
}

/* Scrolls sideways so that the selection's way is seen, with what branches off it where there is room for all. */
function bringIntoSight(box, drawn, lit) {
    const ends = new Set(drawn.edges.filter(({ from }) => lit.has(from)).map(({ to }) => to));
    const reach = (nodes) => [Math.min(...nodes.map((node) => node.x - widthOf(node) / 2)), Math.max(...nodes.map((node) => node.x + widthOf(node) / 2))];
    const way = drawn.nodes.filter(({ id }) => lit.has(id));
    const all = reach(drawn.nodes.filter(({ id }) => lit.has(id) || ends.has(id)));
    const [left, right] = all[1] - all[0] <= box.clientWidth ? all : reach(way);
    if (left < box.scrollLeft || right > box.scrollLeft + box.clientWidth) {
        box.scrollLeft = (left + right - box.clientWidth) / 2;
    }
}

/* Slots of a table that lead the same way: "3", "3, 5", "3 to 9", "6 slots". */
function slotsWords(slots) {
    const first = slots[0], last = slots.at(-1);
    return slots.length <= 3 ? slots.join(", ") : last - first === slots.length - 1 ? `${first} to ${last}` : `${slots.length} slots`;
}

function Edge({ edge, lit }) {
    const path = edge.points.map(({ x, y }, i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    const slots = slotsWords(edge.slots);
    const middle = edge.points[edge.points.length >> 1];
    return (
        <g class={`edge${lit ? " lit" : ""}`}>
            <path d={path}><title>{`slot ${edge.slots.join(", ")}`}</title></path>
            <text x={middle.x + 3} y={middle.y + 3}>{slots}</text>
        </g>
    );
}

function Node({ node, session, lit }) {
    const first = node.tables[0];
    const many = node.tables.length > 1;
    const order = node.level === 4 ? orderOf(session, first) : -1;
    const name = order >= 0 ? letterOf(processClass(order)) : "";
    const what = many ? `${node.tables.length} tables` : hex(first);
    const more = `${LEVEL_NAMES[node.level]}, ${several(node.used, "entry", "entries")}${name ? `, of ${spaceName(session.state, first)}` : ""}`;
    const choose = () => session.select({ kind: "table", pfn: first });
    return (
        <g class={`node${node.shared ? " shared" : ""}${lit ? " lit" : ""}`} transform={`translate(${node.x - widthOf(node) / 2} ${node.y - NODE.height / 2})`}
            role="button" tabindex={0} data-table={first} onClick={choose}
            onKeyDown={(event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), event.stopPropagation(), choose())}
            onMouseEnter={() => session.point(first)} onMouseLeave={() => session.point(null)}>
            <title>{more}</title>
            {many && <rect x={4} y={4} width={widthOf(node)} height={NODE.height} rx={4} class="behind" />}
            <rect width={widthOf(node)} height={NODE.height} rx={4} style={order >= 0 ? { stroke: colourOfOrder(order), strokeWidth: 3 } : null} />
            <text x={8} y={16} class="name">{name ? `${name} ` : ""}{what}</text>
            <text x={8} y={31} class="quiet">{node.shared ? "shared \u00b7 " : ""}{`L${node.level} \u00b7 ${node.used}`}</text>
        </g>
    );
}
