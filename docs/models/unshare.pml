/* SPDX-License-Identifier: MIT */
/*
 * Page tables that processes share after a fork, and the processes that un-share, fork, leave and
 * free them at once. README.md tells what is modelled and what not.
 *
 * Stands for arch/x86_64/pmap.c (own_child, unshare, fork_share, pmap_enter), page_table.c
 * (table_copy, table_regain, table_drop), case 3W of kernel/vm/fault.c and space_free() of space.c.
 *
 * A process has an entry that leads to a middle table, the middle table one that leads to a leaf
 * table, the leaf table two pages. The kernel's code of one space runs under its lock: one process
 * here. The other processors that run the space are one process, `walker`: it fills its caches, of
 * paths and of translations, whenever it likes, and forgets them only when it is told. How it is
 * told is shootdown.pml's matter; here it is one step.
 *
 * Every #ifdef below takes one step away or puts it at the wrong place. With any of them the model
 * must fail; tools/models.py sees to that.
 */
#ifndef SPACES
#define SPACES 2
#endif
#ifndef DEEDS
#define DEEDS 1 /* of each process, and then it ends */
#endif
#ifndef FIRST_DEEDS
#define FIRST_DEEDS 2 /* of the one that is there at first */
#endif

#define PAGES 2
#define TABLES (2 * SPACES + 2) /* and one more of each level, on its way out */
#define FRAMES (PAGES * SPACES + SPACES)
#define NO 255

/* A table. A middle one uses slot 0 of its entries, a leaf table both; an entry has W or not. */
byte refs[TABLES];
bool taken[TABLES]; /* it is in use, or being emptied */
byte lead[TABLES * PAGES] = NO;
bool lead_w[TABLES * PAGES];

/* A space: the entry of its top table; what it sees, by the map; whether it runs. */
byte top[SPACES] = NO;
bool top_w[SPACES];
byte page[SPACES * PAGES] = NO;
bool runs[SPACES];

/* Who sees a frame: the truth's count, page_tree's. */
byte seen[FRAMES];

/* What the processors that run a space have cached: the two paths, and the pages. */
byte middle[SPACES] = NO, leaf[SPACES] = NO, tlb[SPACES * PAGES] = NO;
bool middle_w[SPACES], leaf_w[SPACES], tlb_w[SPACES * PAGES];

byte c_, d_; /* for what is checked in one step */

/* Tells all that run space p: they forget everything. */
inline flush(p) {
    d_step {
        middle[p] = NO;
        leaf[p] = NO;
        middle_w[p] = false;
        leaf_w[p] = false;
        c_ = 0;
        do
        :: c_ < PAGES -> tlb[p * PAGES + c_] = NO; tlb_w[p * PAGES + c_] = false; c_++
        :: else -> break
        od;
        c_ = 0
    }
}

/* Nobody can reach a table that is freed. */
inline check_unreachable(t) {
    d_step {
        c_ = 0;
        do
        :: c_ < SPACES -> assert(top[c_] != t && middle[c_] != t && leaf[c_] != t); c_++
        :: else -> break
        od;
        c_ = 0
    }
}

/* A frame that some processor may write, is seen by none of another process. */
inline check_writers() {
    d_step {
        c_ = 0;
        do
        :: c_ < SPACES * PAGES ->
            d_ = 0;
            do
            :: d_ < SPACES * PAGES ->
                assert(!tlb_w[c_] || c_ == d_ || tlb[c_] != tlb[d_]);
                assert(!tlb_w[c_] || c_ == d_ || !runs[d_ / PAGES] || tlb[c_] != page[d_]);
                d_++
            :: else -> break
            od;
            c_++
        :: else -> break
        od;
        c_ = 0;
        d_ = 0
    }
}

/* Lets go of a page that a space saw. */
inline drop_page(f) {
    atomic {
        assert(seen[f] > 0);
        seen[f]--;
        if
        :: seen[f] == 0 ->
            c_ = 0;
            do
            :: c_ < SPACES * PAGES -> assert(tlb[c_] != f); c_++
            :: else -> break
            od;
            c_ = 0
        :: else
        fi
    }
}

/* table_alloc(): the first that is free, so that what is freed is used again at once. */
inline table_alloc(t) {
    d_step {
        t = 0;
        do
        :: taken[t] -> t++
        :: else -> break
        od;
        assert(t < TABLES && refs[t] == 0);
        taken[t] = true;
        refs[t] = 1
    }
}

inline drop_ref(t) {
#ifdef DROP_IN_TWO_STEPS
    left = refs[t];
    atomic { left--; refs[t] = left }
#else
    atomic { assert(taken[t] && refs[t] > 0); refs[t]--; left = refs[t] }
#endif
}

/* table_drop() of a leaf table; pages are not counted by entries. */
inline drop_leaf(t) {
    drop_ref(t);
    if
    :: left == 0 ->
        atomic {
            check_unreachable(t);
            lead[t * PAGES] = NO; lead_w[t * PAGES] = false;
            lead[t * PAGES + 1] = NO; lead_w[t * PAGES + 1] = false;
            taken[t] = false
        }
    :: else
    fi
}

inline drop_middle(t) {
    drop_ref(t);
    if
    :: left == 0 ->
        atomic {
            check_unreachable(t);
            below = lead[t * PAGES]; lead[t * PAGES] = NO; lead_w[t * PAGES] = false
        };
        drop_leaf(below);
        below = NO;
        taken[t] = false
    :: else
    fi
}

/* Stores an entry: only into a table that is ours alone. */
inline table_set(t, slot, to, w) {
    atomic {
        assert(taken[t] && refs[t] == 1);
        lead[t * PAGES + slot] = to;
        lead_w[t * PAGES + slot] = w
    }
}

#ifdef COPY_KEEPS_W
#define COPIED_W(i) lead_w[i]
#else
#define COPIED_W(i) false
#endif

/* own_child() for the middle table: sets u. */
inline own_middle() {
    u = top[p];
    atomic { is_shared = refs[u] > 1 };
#ifdef NO_UNSHARE
    is_shared = false;
#endif
    if
    :: is_shared ->
        table_alloc(copy);
#ifdef NO_COPY_REF
        skip;
#else
        atomic { below = lead[u * PAGES]; refs[below]++ }; /* frame_ref() */
#endif
        atomic { lead[copy * PAGES] = lead[u * PAGES]; lead_w[copy * PAGES] = COPIED_W(u * PAGES); below = NO };
        atomic { top[p] = copy; top_w[p] = true };
#ifdef DROP_BEFORE_FLUSH
        drop_middle(u);
#endif
#ifndef NO_FLUSH
        flush(p);
#endif
#ifndef DROP_BEFORE_FLUSH
        drop_middle(u);
#endif
        atomic { u = copy; copy = NO; left = 0 }
    :: else ->
        if
        :: !top_w[p] ->
#ifdef REGAIN_LATE
            top_w[p] = true;
#endif
#ifndef NO_REGAIN
            table_set(u, 0, lead[u * PAGES], false);
#endif
            top_w[p] = true
        :: else
        fi
    fi
}

/* own_child() for the leaf table: sets l. */
inline own_leaf() {
    l = lead[u * PAGES];
    atomic { is_shared = refs[l] > 1 };
#ifdef NO_UNSHARE
    is_shared = false;
#endif
    if
    :: is_shared ->
        table_alloc(copy);
        atomic { lead[copy * PAGES] = lead[l * PAGES]; lead_w[copy * PAGES] = COPIED_W(l * PAGES) };
        atomic { lead[copy * PAGES + 1] = lead[l * PAGES + 1]; lead_w[copy * PAGES + 1] = COPIED_W(l * PAGES + 1) };
        table_set(u, 0, copy, true);
#ifdef DROP_BEFORE_FLUSH
        drop_leaf(l);
#endif
#ifndef NO_FLUSH
        flush(p);
#endif
#ifndef DROP_BEFORE_FLUSH
        drop_leaf(l);
#endif
        atomic { l = copy; copy = NO; left = 0 }
    :: else ->
        if
        :: !lead_w[u * PAGES] ->
#ifdef REGAIN_LATE
            table_set(u, 0, l, true);
#endif
#ifndef NO_REGAIN
            table_set(l, 0, lead[l * PAGES], false);
            table_set(l, 1, lead[l * PAGES + 1], false);
#endif
            table_set(u, 0, l, true)
        :: else
        fi
    fi
}

/* A write fault, cases 3Wa and 3Wb: fault_replace(), pmap_enter(). */
inline write_fault(slot) {
    atomic {
        old = page[p * PAGES + slot];
        f = old;
        if
        :: seen[old] > 1 ->
            f = 0;
            do
            :: seen[f] > 0 -> f++
            :: else -> break
            od;
            assert(f < FRAMES);
            seen[f] = 1;
            page[p * PAGES + slot] = f
        :: else
        fi
    };
#ifdef DROP_PAGE_EARLY
    if
    :: old != f -> drop_page(old)
    :: else
    fi;
#endif
    own_middle();
    own_leaf();
    table_set(l, slot, f, true);
    if
    :: old != f ->
#ifndef NO_ENTER_FLUSH
        d_step { tlb[p * PAGES + slot] = NO; tlb_w[p * PAGES + slot] = false };
#endif
#ifndef DROP_PAGE_EARLY
        drop_page(old)
#endif
    :: else
    fi;
    atomic { u = NO; l = NO; f = NO; old = NO; left = 0; is_shared = false }
}

/* vm_space_fork(): shadows first, then tables, then the parent's processors; then the child runs. */
inline fork(q) {
    d_step {
        c_ = 0;
        do
        :: c_ < PAGES ->
            page[q * PAGES + c_] = page[p * PAGES + c_];
            seen[page[p * PAGES + c_]]++;
            c_++
        :: else -> break
        od;
        c_ = 0
    };
#ifndef FORK_KEEPS_W
    top_w[p] = false;
#endif
    atomic { top[q] = top[p]; top_w[q] = top_w[p] };
#ifndef NO_FORK_REF
    atomic { refs[top[q]]++ };
#endif
#ifndef NO_FORK_FLUSH
    flush(p);
#endif
    atomic { runs[q] = true; check_writers(); run process(q); run walker(q) }
}

/* space_free(): active nowhere, then the tables, then the pages. */
inline end_space() {
#ifdef NO_RETIRE
    runs[p] = false;
#else
    atomic { runs[p] = false; flush(p) };
#endif
    atomic { u = top[p]; top[p] = NO; top_w[p] = false };
    drop_middle(u);
    atomic { u = NO; left = 0; f = page[p * PAGES]; page[p * PAGES] = NO };
    drop_page(f);
    atomic { f = page[p * PAGES + 1]; page[p * PAGES + 1] = NO };
    drop_page(f);
    f = NO
}

byte unborn = 1; /* the first space that no fork has made yet */
byte ended;      /* spaces that are gone */

/* What one space does, under its lock. */
proctype process(byte p) {
    byte deeds = (p == 0 -> FIRST_DEEDS : DEEDS), u = NO, l = NO, copy = NO, f = NO, old = NO, below = NO, left, q = NO, slot;
    bool is_shared;

    do
    :: atomic {
        deeds > 0 ->
            deeds--;
            if
            :: slot = 0
            :: slot = 1
            fi
        };
        write_fault(slot);
        slot = 0
    :: atomic { deeds > 0 && unborn < SPACES -> deeds--; q = unborn; unborn++ }; fork(q); q = NO
    :: deeds = 0; break
    od;
    end_space();
    atomic { left = 0; ended++ }
}

/* The processors that run it: caches of the path, and of pages through it. */
proctype walker(byte p) {
    byte i;

end:
    do
    :: atomic {
        runs[p] && middle[p] == NO && top[p] != NO ->
            middle[p] = top[p];
            middle_w[p] = top_w[p];
            assert(taken[middle[p]] && refs[middle[p]] > 0)
        }
    :: atomic {
        runs[p] && middle[p] != NO && leaf[p] == NO ->
            assert(taken[middle[p]] && refs[middle[p]] > 0);
            leaf[p] = lead[middle[p] * PAGES];
            leaf_w[p] = middle_w[p] && lead_w[middle[p] * PAGES];
            assert(taken[leaf[p]] && refs[leaf[p]] > 0)
        }
    :: atomic {
        runs[p] && leaf[p] != NO && (tlb[p * PAGES] == NO || tlb[p * PAGES + 1] == NO) ->
            i = p * PAGES;
            if
            :: tlb[i] == NO
            :: tlb[i + 1] == NO -> i++
            fi;
            assert(taken[leaf[p]] && refs[leaf[p]] > 0);
            tlb[i] = lead[leaf[p] * PAGES + i - p * PAGES];
            tlb_w[i] = leaf_w[p] && lead_w[leaf[p] * PAGES + i - p * PAGES];
            assert(tlb[i] != NO && seen[tlb[i]] > 0);
            check_writers();
            i = 0
        }
    od
}

/* One process, with all its pages, which it may write. At the end nothing is left. */
init {
    byte i;

    atomic {
        top[0] = 0; top_w[0] = true; refs[0] = 1; taken[0] = true;
        lead[0] = 1; lead_w[0] = true; refs[1] = 1; taken[1] = true;
        do
        :: i < PAGES ->
            lead[1 * PAGES + i] = i; lead_w[1 * PAGES + i] = true;
            page[i] = i; seen[i] = 1; i++
        :: else -> break
        od;
        i = 0;
        runs[0] = true;
        run process(0);
        run walker(0)
    };
    atomic {
        ended == unborn ->
            do
            :: i < TABLES -> assert(refs[i] == 0 && !taken[i]); i++
            :: else -> break
            od;
            i = 0;
            do
            :: i < FRAMES -> assert(seen[i] == 0); i++
            :: else -> break
            od
    }
}
