/* SPDX-License-Identifier: MIT */
/* Pictures with a palette of 256 colours: a quarter of what the browser's own screenshots take. */

import { deflateSync } from "node:zlib";

const COLOURS = 256;

/* A screenshot's bytes, in the page's browser, as {width, height, palette: [0xRRGGBB], rows: base64}. Colours
 * are taken one by one: always the one that would be most wrong without, by how often it is there and how far the
 * nearest taken is. All others become the nearest. */
function indexed(page, png) {
    return page.evaluate(async ([base64, most]) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const { width, height } = image;
        const context = new OffscreenCanvas(width, height).getContext("2d");
        context.drawImage(image, 0, 0);
        const { data } = context.getImageData(0, 0, width, height);
        const colourAt = (at) => data[at] << 16 | data[at + 1] << 8 | data[at + 2];
        const counts = new Map();
        for (let at = 0; at < data.length; at += 4) {
            counts.set(colourAt(at), (counts.get(colourAt(at)) ?? 0) + 1);
        }
        const distance = (one, other) => [16, 8, 0].reduce((sum, shift) => sum + ((one >> shift & 255) - (other >> shift & 255)) ** 2, 0);
        const colours = [...counts].map(([colour, count]) => ({ colour, count, number: 0, gap: Infinity }));
        const palette = [];
        let worst = colours.reduce((one, other) => one.count > other.count ? one : other);
        while (worst.gap > 0 && palette.length < most) {
            const taken = palette.push(worst.colour) - 1;
            for (const one of colours) {
                const gap = distance(one.colour, palette[taken]);
                if (gap < one.gap) {
                    Object.assign(one, { gap, number: taken });
                }
            }
            worst = colours.reduce((one, other) => one.count * one.gap > other.count * other.gap ? one : other);
        }
        const number = new Map(colours.map((one) => [one.colour, one.number]));
        let rows = "";
        for (let y = 0; y < height; y++) {
            rows += "\0"; // no filter
            for (let x = 0; x < width; x++) {
                rows += String.fromCharCode(number.get(colourAt(4 * (y * width + x))));
            }
        }
        return { width, height, palette, rows: btoa(rows) };
    }, [png.toString("base64"), COLOURS]);
}

function crc(bytes) {
    let value = 0xffffffff;
    for (const byte of bytes) {
        value ^= byte;
        for (let bit = 0; bit < 8; bit++) {
            value = value >>> 1 ^ (value & 1 ? 0xedb88320 : 0);
        }
    }
    return ~value >>> 0;
}

function chunk(name, data) {
    const body = Buffer.concat([Buffer.from(name, "latin1"), data]);
    const whole = Buffer.alloc(body.length + 8);
    whole.writeUInt32BE(data.length, 0);
    body.copy(whole, 4);
    whole.writeUInt32BE(crc(body), whole.length - 4);
    return whole;
}

/* A screenshot of the page, as the bytes of a PNG file. */
export async function picture(page) {
    const { width, height, palette, rows } = await indexed(page, await page.screenshot());
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 3], 8); // bits of a pixel; a palette's number
    return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head),
        chunk("PLTE", Buffer.from(palette.flatMap((colour) => [colour >> 16, colour >> 8 & 255, colour & 255]))),
        chunk("IDAT", deflateSync(Buffer.from(rows, "base64"), { level: 9 })), chunk("IEND", Buffer.alloc(0))]);
}
