/* SPDX-License-Identifier: MIT */
/* The map of physical memory, drawn into a canvas pixel by pixel: a cell is a frame, or many. Cells that
 * did not change are not drawn again; all of them, when the state is another. A second canvas over it has
 * what moves with the pointer: the frame under it, the one selected, the cursor of the keyboard. */

import { CLASS, letterOf } from "../model/aggregate.js";
import { classColour, inkOn, mix, parts, pixel } from "./palette.js";

const GUTTER = 66;       // for addresses, in CSS pixels
const LETTER_PIXELS = 11; // cells at least so large have letters
const SOME_MAX = 20000;  // changed frames beyond which all are drawn

/* Zoom steps: [CSS pixels of a cell, frames in it], near to far. Farther away, larger cells that hold as
 * many frames are taken where there is room for them. */
const ZOOMS = [[28, 1], [22, 1], [18, 1], [15, 1], [13, 1], [12, 1], [11, 1], [10, 1], [9, 1], [8, 1], [7, 1],
    [6, 1], [5, 1], [4, 1], [3, 1], [3, 2], [3, 4], [3, 8],
    [3, 16], [3, 32], [3, 64], [3, 128], [3, 256], [3, 512], [3, 1024], [3, 4096]];

export class PhysMap {
    constructor(canvas, overlay) {
        this.canvas = canvas;
        this.overlay = overlay;
        this.context = canvas.getContext("2d", { alpha: false });
        this.above = overlay.getContext("2d");
        this.zoom = null;   // index of ZOOMS; null: as near as all of memory fits
        this.firstRow = 0;
        this.cursor = 0;
        this.all = true;
        this.glyphs = new Map();
        this.dark = false;
        this.drawn = { state: null, cells: 0, whole: 0 };
    }

    resize(width, height) {
        this.ratio = Math.min(2, globalThis.devicePixelRatio || 1);
        this.width = Math.max(50, Math.floor(width));
        this.height = Math.max(50, Math.floor(height));
        for (const canvas of [this.canvas, this.overlay]) {
            canvas.width = Math.round(this.width * this.ratio);
            canvas.height = Math.round(this.height * this.ratio);
        }
        this.image = this.context.createImageData(this.canvas.width, this.canvas.height);
        this.pixels = new Uint32Array(this.image.data.buffer);
        this.all = true;
        this._blank();
    }

    /* Until there is something to draw. */
    _blank() {
        this.context.fillStyle = background(this.dark);
        this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    }

    theme(dark) {
        this.dark = dark;
        this.palette = null;
        this.glyphs.clear();
        this.all = true;
        this._blank();
    }

    // ---- geometry ----

    _layout(count) {
        const index = this.zoom ?? this._fitting(count);
        const per = ZOOMS[index][1];
        const size = this.zoom === null && per > 1 ? this._largest(count, per) : ZOOMS[index][0];
        this.size = Math.max(1, Math.round(size * this.ratio));
        this.per = per;
        this.index = index;
        this.left = Math.round(GUTTER * this.ratio);
        this.columns = this._columns(size);
        this.rows = Math.max(1, Math.floor(this.canvas.height / this.size));
        this.total = Math.ceil(count / per / this.columns);
        this.firstRow = Math.max(0, Math.min(this.firstRow, this.total - this.rows));
    }

    /* Round numbers, so that rows begin at round addresses. */
    _columns(size) {
        const room = Math.max(8, Math.floor((this.width - GUTTER) / size));
        return room - room % (room < 32 ? 8 : 16);
    }

    _fitting(count) {
        for (let i = 0; i < ZOOMS.length; i++) {
            const [size, per] = ZOOMS[i];
            if (Math.ceil(count / per / this._columns(size)) * size <= this.height) {
                return i;
            }
        }
        return ZOOMS.length - 1;
    }

    /* The largest cells of so many frames with which all of memory fits. */
    _largest(count, per) {
        let size = 3;
        while (size < 12 && Math.ceil(count / per / this._columns(size + 1)) * (size + 1) <= this.height) {
            size++;
        }
        return size;
    }

    /* Nearer (-1) or farther (1), keeping a frame where it is. */
    zoomBy(change, pfn = this.cursor) {
        const next = Math.max(0, Math.min(ZOOMS.length - 1, this.index + change));
        const row = this._rowOf(pfn) - this.firstRow;
        this.zoom = next;
        const [size, per] = ZOOMS[next];
        this.firstRow = Math.floor(Math.floor(pfn / per) / this._columns(size)) - Math.max(0, Math.min(row, Math.floor(this.height / size) - 1));
        this.all = true;
    }

    fit() {
        this.zoom = null;
        this.firstRow = 0;
        this.all = true;
    }

    scroll(rows) {
        this.firstRow += rows;
        this.all = true;
    }

    _rowOf(pfn) {
        return Math.floor(Math.floor(pfn / this.per) / this.columns);
    }

    /* Sees to it that a frame is in sight. */
    show(pfn) {
        const row = this._rowOf(pfn);
        if (row < this.firstRow || row >= this.firstRow + this.rows) {
            this.firstRow = row - (this.rows >> 1);
            this.all = true;
        }
    }

    /* The first frame of the cell at a place in CSS pixels; -1: none. */
    frameAt(x, y) {
        const column = Math.floor((x * this.ratio - this.left) / this.size);
        const row = this.firstRow + Math.floor(y * this.ratio / this.size);
        const pfn = (row * this.columns + column) * this.per;
        return column < 0 || column >= this.columns || pfn >= this.count ? -1 : pfn;
    }

    /* Where a frame's cell is: [x, y, size] in pixels of the canvas, or null. */
    placeOf(pfn) {
        const cell = Math.floor(pfn / this.per);
        const row = Math.floor(cell / this.columns) - this.firstRow;
        if (row < 0 || row >= this.rows) {
            return null;
        }
        return [this.left + (cell % this.columns) * this.size, row * this.size, this.size];
    }

    // ---- drawing ----

    /* Brings the canvas up to date; false: there was nothing to do. */
    draw(classes, state) {
        const owners = classes.update(state);
        const { frames } = state;
        const changed = frames.takeChanged();
        const another = this.drawn.state !== state || this.drawn.frames !== frames;
        this.count = frames.count;
        for (const owner of changed === null ? [] : owners) {
            owner.pages.each((_, pfn) => changed.push(pfn));
        }
        if (this.all || another || changed === null || changed.length > SOME_MAX) {
            this._drawAll(classes, frames.count);
            this.drawn = { ...this.drawn, state, frames, whole: this.drawn.whole + 1 };
            this.all = false;
            return true;
        }
        if (changed.length === 0) {
            return false;
        }
        this._drawSome(classes, changed);
        return true;
    }

    _drawAll(classes, count) {
        this._layout(count);
        this.palette ??= makePalette(this.dark);
        this.pixels.fill(this.palette.background);
        const cells = Math.min(this.rows * this.columns, Math.ceil(count / this.per) - this.firstRow * this.columns);
        this.kinds = new Uint8Array(Math.max(0, cells));
        this.parts = new Uint8Array(this.kinds.length);
        this.seen = new Uint32Array(this.kinds.length); // the pass in which a cell was last looked at
        this.pass = 0;
        classes.cells(this.firstRow * this.columns * this.per, this.per, this.kinds, this.parts);
        for (let cell = 0; cell < this.kinds.length; cell++) {
            this._cell(cell);
        }
        this.context.putImageData(this.image, 0, 0);
        this._labels();
    }

    _drawSome(classes, changed) {
        const first = this.firstRow * this.columns;
        const kinds = new Uint8Array(1), part = new Uint8Array(1);
        let top = Infinity, bottom = -1;
        this.pass++;
        for (const pfn of changed) {
            const cell = Math.floor(pfn / this.per) - first;
            if (cell < 0 || cell >= this.kinds.length || this.seen[cell] === this.pass) {
                continue;
            }
            this.seen[cell] = this.pass;
            classes.cells((first + cell) * this.per, this.per, kinds, part);
            if (kinds[0] !== this.kinds[cell] || part[0] !== this.parts[cell]) {
                this.kinds[cell] = kinds[0];
                this.parts[cell] = part[0];
                this._cell(cell);
                const row = Math.floor(cell / this.columns);
                top = Math.min(top, row);
                bottom = Math.max(bottom, row);
            }
        }
        if (bottom >= 0) {
            this.context.putImageData(this.image, 0, 0, this.left, top * this.size, this.columns * this.size, (bottom - top + 1) * this.size);
        }
    }

    _cell(cell) {
        const kind = this.kinds[cell], { size } = this;
        const gap = size > 8 ? 2 : size > 3 ? 1 : 0;
        const colour = this.palette.colours[kind * 16 + (this.parts[cell] >> 4)];
        const stride = this.canvas.width;
        const start = this.left + (cell % this.columns) * size + Math.floor(cell / this.columns) * size * stride;
        const end = size - gap;
        for (let y = 0; y < end; y++) {
            this.pixels.fill(colour, start + y * stride, start + y * stride + end);
        }
        if (size >= LETTER_PIXELS * this.ratio && this.per === 1) {
            this._letter(kind, start, end);
        }
    }

    _letter(kind, start, size) {
        const mask = this._glyph(letterOf(kind), size);
        const ink = this.palette.inks[kind];
        const stride = this.canvas.width;
        for (let i = 0; i < mask.length; i++) {
            if (mask[i] > 40) {
                const at = start + Math.floor(i / size) * stride + i % size;
                this.pixels[at] = blend(this.pixels[at], ink, mask[i]);
            }
        }
    }

    _glyph(letter, size) {
        const key = `${letter}${size}`;
        if (!this.glyphs.has(key)) {
            const canvas = new OffscreenCanvas(size, size);
            const context = canvas.getContext("2d");
            context.font = `600 ${Math.round(size * 0.68)}px ui-monospace, monospace`;
            context.textAlign = "center";
            context.textBaseline = "middle";
            context.fillText(letter, size / 2, size / 2 + size * 0.04);
            const { data } = context.getImageData(0, 0, size, size);
            this.glyphs.set(key, Uint8Array.from({ length: size * size }, (_, i) => data[4 * i + 3]));
        }
        return this.glyphs.get(key);
    }

    _labels() {
        const { context, ratio } = this;
        context.font = `${11 * ratio}px ui-monospace, monospace`;
        context.fillStyle = this.dark ? "#93a0ae" : "#5a6673";
        context.textAlign = "right";
        context.textBaseline = "middle";
        const step = Math.max(1, Math.ceil(16 * ratio / this.size));
        for (let row = 0; row < Math.min(this.rows, this.total - this.firstRow); row += step) {
            const address = (this.firstRow + row) * this.columns * this.per * 4096;
            context.fillText(address.toString(16), this.left - 8 * ratio, Math.max(row * this.size + this.size / 2, 6 * ratio));
        }
    }

    /* The canvas above: marks around frames. */
    drawMarks(marks) {
        const { above, ratio } = this;
        above.clearRect(0, 0, this.overlay.width, this.overlay.height);
        for (const { pfn, colour, width } of marks) {
            const place = pfn >= 0 && this.size ? this.placeOf(pfn) : null;
            if (place) {
                const [x, y, size] = place;
                above.lineWidth = width * ratio;
                above.strokeStyle = colour;
                const grow = size < 8 ? 3 * ratio : 0;
                above.strokeRect(x - 1 - grow, y - 1 - grow, size + 2 * grow, size + 2 * grow);
            }
        }
    }

    /* What a cell holds, for words: {first, count, kind}. */
    cellOf(pfn) {
        const first = Math.floor(pfn / this.per) * this.per;
        const at = Math.floor(pfn / this.per) - this.firstRow * this.columns;
        return { first, count: Math.min(this.per, this.count - first), kind: this.kinds?.[at] ?? CLASS.hole };
    }
}

function blend(under, ink, alpha) {
    const mixed = (shift) => (((under >>> shift) & 255) * (255 - alpha) + ((ink >>> shift) & 255) * alpha) / 255;
    return (0xff000000 | (mixed(16) << 16) | (mixed(8) << 8) | mixed(0)) >>> 0;
}

/* Colours of each class by how full the cell is, in sixteen steps, and of letters on them. */
function makePalette(dark) {
    const colours = new Uint32Array(256 * 16), inks = new Uint32Array(256);
    const free = parts(classColour(CLASS.free, dark));
    for (let kind = 0; kind < 256; kind++) {
        const full = parts(classColour(kind, dark));
        const idle = kind === CLASS.free || kind === CLASS.hole;
        inks[kind] = pixel(idle ? mix(full, inkOn(full), 0.35) : inkOn(full));
        for (let step = 0; step < 16; step++) {
            colours[kind * 16 + step] = pixel(idle ? full : mix(free, full, 0.3 + 0.7 * step / 15));
        }
    }
    return { colours, inks, background: pixel(parts(background(dark))) };
}

function background(dark) {
    return dark ? "#14181d" : "#ffffff";
}
