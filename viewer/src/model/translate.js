/* SPDX-License-Identifier: MIT */
/* From an address to its frame and back: the walk that the processor does, level by level, who else
 * sees a frame, and the tree of page tables with its shared parts. */

import { ENTRIES, NX_HIGH, P, U, W, entryBytes, frameOf, isLeaf } from "./tables.js";
import { areaAt } from "./areas.js";

const USER_END = 2 ** 47;

/* The slot of an address in a table of a level. */
export function slotOf(va, level) {
    return Math.floor(va / entryBytes(level)) % ENTRIES;
}

/* Walks the tables of a space. {steps, mapped, pfn, writable, user, executable}: a step is {level,
 * table, slot, low, high, sharers}, the last one the entry where the walk ends. Rights are those of
 * all steps together: the processor ANDs W and U, and ORs NX. */
export function walk(state, root, va) {
    const result = { steps: [], mapped: false, pfn: 0, writable: true, user: true, executable: true };
    if (typeof va !== "number" || va >= USER_END) {
        return result; // the kernel's half, or no address at all: not in the trace
    }
    let pfn = root;
    for (let level = 4; level >= 1; level--) {
        const table = state.tables.get(pfn);
        if (!table) {
            return result;
        }
        const slot = slotOf(va, level);
        const low = table.low[slot], high = table.high[slot];
        result.steps.push({ level, table: pfn, slot, low, high, sharers: state.frames.has(pfn) ? state.frames.entries(pfn) : 0 });
        if (!(low & P)) {
            return result;
        }
        result.writable &&= (low & W) !== 0;
        result.user &&= (low & U) !== 0;
        result.executable &&= (high & NX_HIGH) === 0;
        pfn = frameOf(low, high);
        if (isLeaf(level, low)) {
            result.mapped = true;
            result.pfn = pfn + Math.floor((va % entryBytes(level)) / 4096);
            return result;
        }
    }
    return result;
}

/* All that is known of one page of a space: its area, its page in shadow and object, its entry. */
export function pageOf(state, root, va) {
    const space = state.spaces.get(root);
    const area = space && typeof va === "number" ? areaAt(space.areas, va) : null;
    const found = walk(state, root, va);
    if (!area) {
        return { root, va, area: null, walk: found };
    }
    const index = area.offset + Math.floor((va - area.start) / 4096);
    const shadow = state.owners.get(area.shadow) ?? null;
    const object = state.owners.get(area.object) ?? null;
    return { root, va, area, index, walk: found, shadow, object,
        inShadow: shadow ? shadow.pages.get(index) : 0, inObject: object ? object.pages.get(index) : 0 };
}

/* The processes that run in a space. */
export function processesOf(state, root) {
    return [...state.processes.values()].filter((process) => root && process.root === root);
}

/* Who sees a frame: {mappings: [{root, va, table, slot}], owners: [{owner, index}], tables:
 * [{pfn, slot}]}, at most `limit` of each. It looks at everything: for a click, not for a frame. */
export function seersOf(state, pfn, limit = 64) {
    const result = { mappings: [], owners: [], tables: [] };
    const hits = new Map();
    const slots = (table) => {
        if (!hits.has(table.pfn)) {
            hits.set(table.pfn, slotsTo(table, pfn));
        }
        return hits.get(table.pfn);
    };
    for (const root of state.spaces.keys()) {
        eachTable(state, root, (table, base) => {
            for (const slot of slots(table)) {
                const va = base + slot * entryBytes(table.level);
                if (isLeaf(table.level, table.low[slot]) && result.mappings.length < limit) {
                    const within = pfn - frameOf(table.low[slot], table.high[slot]);
                    result.mappings.push({ root, va: va + within * 4096, table: table.pfn, slot });
                }
            }
        });
    }
    for (const table of state.tables.values()) {
        for (const slot of slots(table)) {
            result.tables.push({ pfn: table.pfn, slot });
        }
    }
    for (const owner of state.owners.values()) {
        owner.pages.each((index, page) => {
            if (page === pfn && result.owners.length < limit) {
                result.owners.push({ owner, index });
            }
        });
    }
    return result;
}

function slotsTo(table, pfn) {
    const found = [];
    for (let slot = 0; slot < ENTRIES; slot++) {
        if (table.low[slot] & P) {
            const first = frameOf(table.low[slot], table.high[slot]);
            const frames = isLeaf(table.level, table.low[slot]) ? ENTRIES ** (table.level - 1) : 1;
            if (pfn >= first && pfn < first + frames) {
                found.push(slot);
            }
        }
    }
    return found;
}

/* Calls visit(table, base address, parent, slot) for the tables of a space, the top one first. */
export function eachTable(state, root, visit) {
    const go = (pfn, base, parent, slot) => {
        const table = state.tables.get(pfn);
        if (!table) {
            return;
        }
        visit(table, base, parent, slot);
        for (let i = 0; table.level > 1 && i < ENTRIES; i++) {
            if (table.low[i] & P && !isLeaf(table.level, table.low[i])) {
                go(frameOf(table.low[i], table.high[i]), base + i * entryBytes(table.level), table, i);
            }
        }
    };
    go(root, 0, null, -1);
}

/* The page tables of some spaces as a graph: a table that several lead to is one node with several
 * parents. Tables of one level with the same parents, where they are more than `few`, are one node.
 * {nodes: [{id, level, tables, used, shared}], edges: [{from, to, slots}]}. */
export function tableGraph(state, roots, few = 4) {
    const parents = new Map(); // pfn -> Map(parent pfn -> slots)
    const seen = new Set();
    for (const root of roots) {
        collect(state, root, parents, seen);
    }
    const nodes = new Map(), nodeOf = new Map();
    for (const [pfn, from] of parents) {
        const table = state.tables.get(pfn);
        const key = [...from.keys()].map((parent) => nodeOf.get(parent) ?? parent).join();
        const alone = table.level === 4 || siblings(state, from, table.level) <= few;
        const id = alone ? `${pfn}` : `${table.level}:${key}`;
        const node = nodes.get(id) ?? { id, level: table.level, tables: [], used: 0, parents: new Map() };
        node.tables.push(pfn);
        node.used += table.used;
        for (const [parent, slots] of from) {
            const above = nodeOf.get(parent) ?? `${parent}`;
            node.parents.set(above, [...(node.parents.get(above) ?? []), ...slots]);
        }
        nodes.set(id, node);
        nodeOf.set(pfn, id);
    }
    const edges = [...nodes.values()].flatMap((node) => [...node.parents].map(
        ([from, slots]) => ({ from, to: node.id, slots })));
    return { nodes: [...nodes.values()].map(({ parents: above, ...node }) => ({ ...node, shared: above.size > 1 })), edges };
}

function siblings(state, from, level) {
    let most = 0;
    for (const pfn of from.keys()) {
        const table = state.tables.get(pfn);
        let count = 0;
        for (let slot = 0; slot < ENTRIES; slot++) {
            count += (table.low[slot] & P) !== 0 && !isLeaf(level + 1, table.low[slot]);
        }
        most = Math.max(most, count);
    }
    return most;
}

/* Parents before children, level by level, so that a node's parents have theirs already. */
function collect(state, root, parents, seen) {
    let level = [root];
    if (state.tables.has(root) && !parents.has(root)) {
        parents.set(root, new Map());
    }
    while (level.length) {
        const next = [];
        for (const pfn of level.filter((one) => !seen.has(one))) {
            seen.add(pfn);
            const table = state.tables.get(pfn);
            for (let slot = 0; table && table.level > 1 && slot < ENTRIES; slot++) {
                const child = table.low[slot] & P && !isLeaf(table.level, table.low[slot])
                    ? frameOf(table.low[slot], table.high[slot]) : 0;
                if (child && state.tables.has(child)) {
                    const from = parents.get(child) ?? new Map();
                    from.set(pfn, [...(from.get(pfn) ?? []), slot]);
                    parents.set(child, from);
                    next.push(child);
                }
            }
        }
        level = next;
    }
}
