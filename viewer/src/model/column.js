/* SPDX-License-Identifier: MIT */
/* A column of numbers that grows: a typed array with room to spare. */

export class Column {
    constructor(Kind, room = 1024) {
        this.Kind = Kind;
        this.data = new Kind(room);
        this.length = 0;
    }

    push(value) {
        if (this.length === this.data.length) {
            const more = new this.Kind(2 * this.data.length);
            more.set(this.data);
            this.data = more;
        }
        this.data[this.length++] = value;
    }

    /* The first place whose value is not less, in a column that rises. */
    lowerBound(value) {
        let low = 0;
        let high = this.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (this.data[middle] < value) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }
}
