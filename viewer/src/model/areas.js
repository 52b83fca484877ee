/* SPDX-License-Identifier: MIT */
/* The areas of a space: lists in order of address that are never changed, only replaced, so states
 * of different moments share them. An area: start, end, prot, max_prot, flags, object, shadow,
 * offset (index of its first page in object and shadow). */

const PAGE = 4096;

function from(area, start) {
    return { ...area, start, offset: area.offset + (start - area.start) / PAGE };
}

/* [areas before, those within (cut to it), those after] for [start, end). */
function cut(areas, start, end) {
    const before = [], within = [], after = [];
    for (const area of areas) {
        if (area.start < start) {
            before.push(area.end > start ? { ...area, end: start } : area);
        }
        if (area.end > start && area.start < end) {
            const inner = area.start < start ? from(area, start) : area;
            within.push(inner.end > end ? { ...inner, end } : inner);
        }
        if (area.end > end) {
            after.push(area.start < end ? from(area, end) : area);
        }
    }
    return [before, within, after];
}

function alike(one, next) {
    return one.end === next.start && one.prot === next.prot && one.max_prot === next.max_prot &&
        one.flags === next.flags && one.object === next.object && one.shadow === next.shadow &&
        ((!one.object && !one.shadow) || one.offset + (one.end - one.start) / PAGE === next.offset);
}

function merged(areas) {
    const result = [];
    for (const area of areas) {
        const last = result.at(-1);
        if (last && alike(last, area)) {
            result[result.length - 1] = { ...last, end: area.end };
        } else {
            result.push(area);
        }
    }
    return result;
}

export function areasMap(areas, area) {
    const [before, , after] = cut(areas, area.start, area.end);
    return merged([...before, area, ...after]);
}

export function areasUnmap(areas, start, end) {
    const [before, , after] = cut(areas, start, end);
    return [...before, ...after];
}

/* The same with fields of those in [start, end) changed. */
export function areasChange(areas, start, end, fields) {
    const [before, within, after] = cut(areas, start, end);
    return merged([...before, ...within.map((area) => ({ ...area, ...fields })), ...after]);
}

export function areaAt(areas, va) {
    return areas.find((area) => area.start <= va && va < area.end) ?? null;
}
