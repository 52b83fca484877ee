/* SPDX-License-Identifier: MIT */
/* What happened, in plain words with the numbers: faults case by case, entries of page tables bit by
 * bit, areas, records. */

import { flagNames } from "./schema.js";
import { BITS, P, bitOf, frameOf, isLeaf } from "./tables.js";
import { pageOf, processesOf } from "./translate.js";

export function hex(value) {
    return `0x${value.toString(16)}`;
}

export function bytes(count) {
    const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (count >= 1023.95 && unit < units.length - 1) {
        count /= 1024;
        unit++;
    }
    return `${Number.isInteger(count) ? count : count.toFixed(1)} ${count === 1 && unit === 0 ? "byte" : units[unit]}`;
}

/* A number of things: "1 entry", "2,000 entries". */
export function several(count, one, many = `${one}s`) {
    return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

export function pages(count) {
    return several(count, "page");
}

/* A page's index in its object or shadow: without an object the page's number in the space, told as addresses are. */
export function indexWords(index) {
    return index < 0x10000 ? String(index) : hex(index);
}

export function rights(prot) {
    return ["r", "w", "x"].map((letter, bit) => prot & (1 << bit) ? letter : "-").join("");
}

const RIGHTS_WORDS = ["read", "written", "executed"];

export function rightsWords(prot) {
    const words = RIGHTS_WORDS.filter((_, bit) => prot & (1 << bit));
    return words.length ? `may be ${words.join(" and ")}` : "may not be touched at all";
}

/* Who runs in a space: "p-fork (2)". */
export function spaceName(state, root) {
    const names = processesOf(state, root).map((process) => `${process.name.split("/").at(-1)} (${process.pid})`);
    return names.join(", ") || `space ${hex(root)}`;
}

export function ownerName(owner) {
    return owner.shadow ? `shadow ${hex(owner.id)}` : `${owner.kind} ${owner.name || hex(owner.id)}`;
}

/* What an area is, in a word or two. */
export function areaName(state, area) {
    const flags = state.schema.flags.area;
    const object = state.owners.get(area.object);
    if (area.flags & flags.stack) {
        return "stack";
    }
    if (area.flags & flags.heap) {
        return "heap";
    }
    if (object) {
        return object.name ? object.name.split("/").at(-1) : object.kind;
    }
    return area.object ? "object" : area.flags & flags.shared ? "shared memory" : "anonymous";
}

export function areaWords(state, area) {
    const kind = area.flags & state.schema.flags.area.shared ? "shared" : "private";
    return `${hex(area.start)} to ${hex(area.end)}, ${bytes(area.end - area.start)}, ${kind}; ${rightsWords(area.prot)}`;
}

const FLAG_WORDS = {
    grows_down: "grows downwards", huge: "large pages wanted", no_huge: "no large pages", lock_on_fault: "locked page by page",
    no_fork: "not for children", wipe_on_fork: "zeroes for children", no_dump: "not in core dumps", random: "read at random",
    sequential: "read in order", no_reserve: "no memory promised", accounted: "memory promised",
};

export function areaFlags(state, area) {
    return flagNames(state.schema.flags.area, area.flags).map((name) => FLAG_WORDS[name] ?? name.replaceAll("_", " "));
}

/* The bits of an entry: [{name, set, text}], those that are set and those whose absence says something. */
export function entryBits(low, high) {
    return BITS.map((bit) => ({ name: bit.name, set: bitOf(low, high, bit.bit) === 1, ...pick(bit, low, high) }))
        .filter((bit) => bit.text);
}

function pick(bit, low, high) {
    return { text: bitOf(low, high, bit.bit) ? bit.set : bit.clear };
}

export function entryWords(level, low, high) {
    if (!(low | high)) {
        return "empty";
    }
    if (!(low & P)) {
        return "not present";
    }
    const kind = !isLeaf(level, low) ? "the table in frame" : level === 1 ? "frame" : "the large page at frame";
    return `leads to ${kind} ${hex(frameOf(low, high))}`;
}

export function accessWords(schema, access) {
    const table = schema.flags.access;
    const deed = access & table.exec ? "execute" : access & table.write ? "write" : "read";
    return { deed, noun: deed === "execute" ? "an instruction fetch" : `a ${deed}`, by: access & table.user ? " by the program" : "" };
}

const ERRNO = { 14: "EFAULT", 13: "EACCES", 12: "ENOMEM", 5: "EIO", 7: "E2BIG", 11: "EAGAIN", 4: "EINTR", 22: "EINVAL", 1: "EPERM", 28: "ENOSPC" };

export function resultWords(result) {
    return result === 0 ? "repaired" : `refused (${ERRNO[-result] ?? `error ${-result}`})`;
}

/* What each case of the fault path means; `f` has the numbers (see explainFault). */
const CASES = {
    no_area: {
        title: "No area here",
        text: (f) => `No area of ${f.who} holds ${f.va}${f.gap}, and it is not just below a stack that may grow. ` +
            "The map is the truth: with no area there is nothing to repair.",
    },
    forbidden: {
        title: "The area forbids it",
        text: (f) => `The address lies in ${f.area}, which ${f.rights}, so it may not be ${f.done}. ` +
            "Whatever the page table says, the area decides.",
    },
    stale: {
        title: "The table was only behind",
        text: (f) => `${f.area} has the page, frame ${f.pfn}, with all the rights that were asked for; the page table ` +
            "did not say so yet, or said less, or another thread was quicker. The page table is a cache: the entry was written again, nothing else changed.",
    },
    shared: {
        title: "A page of a shared mapping",
        text: (f) => `${f.area} is shared: whoever maps ${f.object} sees one and the same page. Page ${f.index} of it is frame ${f.pfn}, and was entered with the area's rights.`,
    },
    read_private: {
        title: "Read of a private page",
        text: (f) => `Page ${f.index} is in the private changes of ${f.area} (${f.shadow}): frame ${f.pfn}. ` +
            `It was entered ${f.seen}.`,
    },
    read_object: {
        title: "Read through to the object",
        text: (f) => `${f.who} has not changed page ${f.index}, so it sees the page of ${f.object}: frame ${f.pfn}, ` +
            "entered not writable. The first write will copy it.",
    },
    read_zero: {
        title: "Read of what was never written",
        text: (f) => `Nobody wrote page ${f.index} of ${f.area} yet and there is no object below: it reads as zeroes. ` +
            `The one zero frame ${f.pfn} was entered, not writable; no memory was taken.`,
    },
    reuse: {
        title: "Only ours: made writable",
        text: (f) => `Page ${f.index} was read-only because it was shared once, since a fork for instance. Now ${f.who} is the only one ` +
            `who has frame ${f.pfn}: it was made writable, nothing was copied.`,
    },
    copy: {
        title: "Copy on write",
        text: (f) => `Others see page ${f.index} too${f.source}. So it was copied into frame ${f.pfn}, which ` +
            `${f.who} alone has; the others keep the old one.`,
    },
    copy_object: {
        title: "Private copy of the object's page",
        text: (f) => `The mapping is private: a write must never reach ${f.object}. Page ${f.index} was copied${f.sourceOnly} into ` +
            `frame ${f.pfn}, which is in ${f.shadow} from now on.`,
    },
    zero_fill: {
        title: "A new page of zeroes",
        text: (f) => `The first write to page ${f.index} of ${f.area}: a free frame, ${f.pfn}, was zeroed, put into ${f.shadow} and entered writable.`,
    },
    waited: {
        title: "Had to wait, then looked again",
        text: (f) => `The page had to come from a device (page ${f.index} of ${f.object}), or another was at work on it. The fault slept ` +
            "without the space's lock; since anything may have changed meanwhile, the instruction simply runs again.",
    },
    stack_grown: {
        title: "The stack grew",
        text: (f) => `${f.va} lay just below the stack, above its limit. The area was made larger; it is ${f.area} now.`,
    },
};

export const CASE_TITLES = Object.fromEntries(Object.entries(CASES).map(([name, { title }]) => [name, title]));

/* A fault in words, with the state right after it: {title, summary, why, facts, numbers}. */
export function explainFault(recording, state, fault) {
    const page = pageOf(state, fault.root, fault.va);
    const { deed, noun, by } = accessWords(state.schema, fault.access);
    const f = numbersOf(recording, state, fault, page);
    f.done = RIGHTS_WORDS[["read", "write", "execute"].indexOf(deed)];
    const known = CASES[fault.case];
    return {
        title: known?.title ?? fault.case,
        repaired: fault.result === 0,
        summary: `${f.who}: ${noun} at ${f.va}${by} was ${fault.result === 0 ? "repaired" : "refused"} in ${f.took}.`,
        why: known ? capital(known.text(f)) : `Case ${fault.case}.`,
        page,
    };
}

function capital(text) {
    return text[0].toUpperCase() + text.slice(1);
}

function numbersOf(recording, state, fault, page) {
    const { area } = page;
    const source = copySource(recording, fault);
    return {
        who: spaceName(state, fault.root), va: hex(fault.va), pfn: hex(fault.pfn), took: ticksWords(recording, Number(fault.ticks)),
        area: area ? `the area "${areaName(state, area)}" (${hex(area.start)} to ${hex(area.end)}, ${rights(area.prot)})` : "an area that is gone since",
        rights: area ? rightsWords(area.prot) : "", index: area ? indexWords(page.index) : "?", gap: area ? "" : gapWords(state, fault),
        shadow: page.shadow ? ownerName(page.shadow) : "its shadow",
        object: page.object ? ownerName(page.object) : "the object",
        seen: state.frames.has(fault.pfn) && state.frames.owners(fault.pfn) > 1
            ? `not writable, since ${state.frames.owners(fault.pfn)} shadows have it` : "as the area allows",
        source: source ? `: they share frame ${hex(source)}` : "", sourceOnly: source ? ` from frame ${hex(source)}` : "",
    };
}

/* Between which areas an address lies that is in none. */
function gapWords(state, fault) {
    const areas = state.spaces.get(fault.root)?.areas ?? [];
    const before = areas.filter((area) => area.end <= fault.va).at(-1);
    const after = areas.find((area) => area.start > fault.va);
    const parts = [];
    if (before) {
        parts.push(`the one before it ends at ${hex(before.end)}`);
    }
    if (after) {
        parts.push(`the next begins at ${hex(after.start)}`);
    }
    return parts.length ? ` (${parts.join(", ")})` : "";
}

const BACK = 400; // records to look back for what a fault did

/* The frame that a fault copied from; 0: it copied none. */
export function copySource(recording, fault) {
    return recordsOfFault(recording, fault).find((record) => record.event === "copy" && record.to === fault.pfn)?.from ?? 0;
}

/* What a fault changed: the records of its thread between the one before it and itself. */
export function recordsOfFault(recording, fault) {
    const found = [];
    for (let i = fault.number - 1; i >= Math.max(0, fault.number - BACK); i--) {
        const record = recording.record(i);
        if (record.who !== fault.who) {
            continue;
        }
        if (["fault", "switch", "snapshot_end", "exec", "fork"].includes(record.event)) {
            break;
        }
        found.unshift(record);
    }
    return found;
}

export function ticksWords(recording, ticks) {
    return secondsWords(ticks / recording.header.ticks_per_second);
}

export function secondsWords(seconds) {
    const size = Math.abs(seconds);
    if (size === 0) {
        return "0 s";
    }
    const [scale, unit] = size < 1e-6 ? [1e9, "ns"] : size < 1e-3 ? [1e6, "\u00b5s"] : size < 1 ? [1e3, "ms"] : [1, "s"];
    return `${(seconds * scale).toFixed(size < 1e-6 ? 0 : size * scale < 10 ? 2 : 1)} ${unit}`;
}

const HEX_FIELDS = new Set(["va", "start", "end", "rip", "root", "child", "pfn", "from", "to", "object", "shadow", "owner", "code", "processors"]);

/* The fields of a record as [name, text] pairs. */
export function fieldsOf(record) {
    return (record.def?.fields ?? []).map((field) => [field.name, fieldText(field, record[field.name])]);
}

function fieldText(field, value) {
    if (field.raw && Array.isArray(value)) {
        return hex((BigInt(value[1]) << 32n) | BigInt(value[0]));
    }
    if (field.kind === "flags") {
        return flagNames(field.names, value).join("|") || "-";
    }
    if (field.array && field.kind !== "str") {
        return `${value.length / (field.raw ? 2 : 1)} values`;
    }
    return HEX_FIELDS.has(field.name) && typeof value !== "string" ? hex(value) : String(value);
}

export function recordWords(record) {
    return `${record.event} ${fieldsOf(record).map(([name, text]) => `${name}=${text}`).join(" ")}`;
}
