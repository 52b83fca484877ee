/* SPDX-License-Identifier: MIT */
/*
 * The shoot-down: a right is taken away from a page, and every processor that may have it cached is
 * told before the page is used for something else. README.md tells what is modelled and what not.
 *
 * Stands for arch/x86_64/tlb.c, pmap_activate() of pmap.c, kernel/sync/cpu_call.c, spin_wait() of
 * spinlock.c, and the life of a space's threads in kernel/sched.
 *
 * Each processor is three processes: the kernel's code on it, its interrupt, and its hardware: a
 * walker that may fill the TLB whenever tables are loaded, and a store buffer of one store, which
 * reaches memory whenever it likes (x86-TSO: a fence or locked operation waits for it). Each space
 * has one page. An entry that is cached twice or evicted adds nothing: a later fill is fresher.
 *
 * Every #ifdef below takes one step away or puts it at the wrong place. With any of them the model
 * must fail; tools/models.py sees to that.
 */
#ifndef CPUS
#define CPUS 2
#endif
#ifndef SPACES
#define SPACES 2
#endif
#ifndef DEEDS
#define DEEDS 2 /* of each processor */
#endif
#ifndef THREADS
#define THREADS 1 /* of each space, that wait to run at first; one more runs */
#endif

#define NONE SPACES /* no space: the kernel's own tables */
#define BIT(c) (1 << (c))

/* What an entry allows: each includes those before. */
#define NOTHING 0
#define READ 1
#define WRITE 2

/* A space. */
byte entry[SPACES] = WRITE;   /* in memory, in its page table */
byte loaded[SPACES];          /* pmap->active: on which processors */
bool lock[SPACES];            /* vm_space->lock */
byte refs[SPACES];            /* vm_space->refs: its threads, and who works on it */
byte ready[SPACES] = THREADS; /* threads that wait for a processor */
byte allowed[SPACES] = WRITE; /* what anybody may still have: the invariant's own */
bool gone[SPACES];            /* its tables are free */

/* A processor. */
byte runs[CPUS] = NONE;  /* the space of its thread; NONE: idle */
byte pmap[CPUS] = NONE; /* cpu->pmap */
byte cr3[CPUS] = NONE;
byte tlb[CPUS];         /* what it has cached of the page of the space in cr3 */
bool left_over[CPUS];   /* cpu->pmap_is_left_over */
bool irq_on[CPUS] = true;
bool polls[CPUS];       /* it waits, and answers by itself */
bool answers[CPUS];     /* it is answering; the code below waits */
byte store[CPUS] = NONE, stored[CPUS]; /* the store buffer: whose entry, and what */

/* Calls: the record and the inbox of each processor. */
byte waiting[CPUS], call_space[CPUS], inbox[CPUS];
bool call_retires[CPUS]; /* let_go() rather than obey() */

byte c_; /* for what is checked in one step */

/* One step of the kernel's code, when no interrupt has it stopped. */
#define STEP_IF(condition, what) atomic { answers[me] == in_answer && (condition) -> what }
#define STEP(what) STEP_IF(true, what)
/* One that has all earlier stores in memory first: fence, locked operation, MOV to CR3. */
#define LOCKED_IF(condition, what) STEP_IF(store[me] == NONE && (condition), what)
#define LOCKED(what) LOCKED_IF(true, what)

/* No processor can do more with space s than `right`: then the right may be relied on. */
inline rely(s, right) {
    d_step {
        allowed[s] = right;
        assert(entry[s] <= right);
        c_ = 0;
        do
        :: c_ < CPUS -> assert(cr3[c_] != s || tlb[c_] <= right); c_++
        :: else -> break
        od;
        c_ = 0
    }
}

/* pmap_activate(). Interrupts off. */
inline activate(s) {
    if
    :: STEP_IF(pmap[me] == s, skip)
    :: STEP_IF(pmap[me] != s, old = pmap[me]);
#ifdef ACTIVATE_WITH_INTERRUPTS
        STEP(irq_on[me] = true);
#endif
#ifdef CLEAR_BEFORE_LOAD
        if
        :: old != NONE -> LOCKED(loaded[old] = loaded[old] & ~BIT(me))
        :: else
        fi;
#endif
#ifndef SET_AFTER_LOAD
        if
        :: s != NONE -> LOCKED(loaded[s] = loaded[s] | BIT(me))
        :: else
        fi;
#endif
        STEP(pmap[me] = s);
        LOCKED(cr3[me] = s; tlb[me] = NOTHING; assert(s == NONE || !gone[s]));
#ifdef SET_AFTER_LOAD
        if
        :: s != NONE -> LOCKED(loaded[s] = loaded[s] | BIT(me))
        :: else
        fi;
#endif
#ifndef CLEAR_BEFORE_LOAD
        if
        :: old != NONE -> LOCKED(loaded[old] = loaded[old] & ~BIT(me))
        :: else
        fi;
#endif
#ifdef ACTIVATE_WITH_INTERRUPTS
        STEP(irq_on[me] = false);
#endif
        old = NONE
    fi
}

/* cpu_call(): has the processors of `others` do obey() or let_go(). */
inline call(others, s, retires) {
    if
    :: others == 0
    :: else ->
#ifndef RECORD_LAST
        STEP(call_space[me] = s; call_retires[me] = retires; waiting[me] = others);
#endif
        peer = 0;
        do
        :: peer < CPUS ->
            if
            :: others & BIT(peer) -> LOCKED(inbox[peer] = inbox[peer] | BIT(me); peer++)
            :: else -> peer++
            fi
        :: else -> break
        od;
        peer = 0;
#ifdef RECORD_LAST
        STEP(call_space[me] = s; call_retires[me] = retires; waiting[me] = others);
#endif
#ifndef NO_ANSWER_WHILE_WAITING
        STEP(polls[me] = true);
#endif
#ifndef NO_WAIT
        STEP_IF(waiting[me] == 0, polls[me] = false);
#else
        STEP(polls[me] = false);
#endif
    fi
}

/* Gives back a reference to space s; with the last one, the space: pmap_retire() and what follows. */
inline unref(s) {
    STEP(refs[s]--; is_last = refs[s] == 0);
    if
    :: is_last ->
        assert(pmap[me] != s);
        STEP(others = loaded[s]);
#ifndef NO_RETIRE
        call(others, s, true);
#endif
        atomic {
            assert(loaded[s] == 0);
            gone[s] = true;
            entry[s] = NOTHING;
            rely(s, NOTHING)
        };
        c = 0;
        d_step {
            do
            :: c < CPUS -> assert(cr3[c] != s); c++
            :: else -> break
            od;
            c = 0;
            others = 0;
            is_last = false
        }
    :: else
    fi
}

/* Takes a right to the page of space s, which is held. As mprotect() or munmap() of one page. */
inline take_away(s) {
    if /* with interrupts off or on */
    :: STEP(skip)
    :: STEP(irq_on[me] = false)
    fi;
#ifndef NO_ANSWER_AT_LOCK
    STEP(polls[me] = true);
#endif
    STEP_IF(!lock[s], lock[s] = true; polls[me] = false);
    LOCKED(right = (entry[s] == NOTHING -> NOTHING : entry[s] - 1);
        store[me] = s;
        stored[me] = right);
#ifdef RELY_BEFORE_CALL
    LOCKED(rely(s, right));
#endif
#ifdef NO_FENCE
    STEP(others = loaded[s] & ~BIT(me));
#else
    LOCKED(others = loaded[s] & ~BIT(me));
#endif
#ifndef NO_LOCAL_FLUSH
    if
    :: LOCKED_IF(pmap[me] == s, tlb[me] = NOTHING)
    :: STEP_IF(pmap[me] != s, skip)
    fi;
#endif
    call(others, s, false);
    LOCKED(rely(s, right));
    STEP_IF(store[me] == NONE, lock[s] = false; irq_on[me] = true; others = 0; right = 0)
}

/* A thread that waits for a processor comes to this one; what ran here waits. */
inline switch_to(s) {
    STEP(last = runs[me]; runs[me] = s);
#ifndef STAYS_LEFT_OVER
    STEP(left_over[me] = false); /* placement_idle_end() */
#endif
    STEP(irq_on[me] = false);
    activate(s);
    STEP(
        if
        :: last != NONE -> ready[last]++
        :: else
        fi;
        last = NONE;
        irq_on[me] = true)
}

proctype processor(byte me) {
    bool in_answer = false, is_last;
    byte deeds = DEEDS, s = NONE, others, right, old = NONE, last = NONE, peer, c;

    do
    :: STEP_IF(deeds > 0,
            assert(runs[me] == NONE || cr3[me] == runs[me]);
            deeds--;
            if
            :: s = 0
            :: s = SPACES - 1
            fi);
        if
        :: STEP_IF(ready[s] > 0, ready[s]--);
            switch_to(s);
            s = NONE
        :: STEP_IF(runs[me] == s, ready[s]++; runs[me] = NONE; left_over[me] = true; s = NONE)
        :: STEP_IF(runs[me] != NONE && refs[s] > 0, refs[s]++);
            take_away(s)
        :: STEP_IF(runs[me] == s, irq_on[me] = false; runs[me] = NONE); /* the thread ends */
            activate(NONE);
            STEP(irq_on[me] = true)
        :: STEP(deeds = 0; s = NONE)
        fi;
        if
        :: s != NONE -> unref(s)
        :: else
        fi;
        s = NONE
    :: STEP_IF(deeds == 0, assert(runs[me] == NONE || cr3[me] == runs[me])); break
    od
}

/* What one caller wants: obey() or let_go(). */
inline obey(k) {
    if
    :: pmap[me] != call_space[k]
    :: else ->
        if
        :: call_retires[k] || left_over[me] -> activate(NONE)
        :: else -> LOCKED(tlb[me] = NOTHING)
        fi
    fi
}

/* cpu_call_answer(), in an interrupt or in a loop that waits. */
proctype answer(byte me) {
    bool in_answer = true;
    byte callers, k, old = NONE;

end:
    do
    :: atomic {
        inbox[me] != 0 && (irq_on[me] || polls[me]) && store[me] == NONE ->
            answers[me] = true;
            callers = inbox[me];
            inbox[me] = 0
        };
        k = 0;
        do
        :: k < CPUS ->
            if
            :: callers & BIT(k) ->
#ifndef ANSWER_BEFORE_FLUSH
                obey(k);
#endif
                LOCKED(waiting[k] = waiting[k] & ~BIT(me));
#ifdef ANSWER_BEFORE_FLUSH
                obey(k);
#endif
            :: else
            fi;
            k++
        :: else -> break
        od;
        atomic { callers = 0; k = 0; answers[me] = false }
    od
}

/* The walker and the store buffer. */
proctype hardware(byte me) {
end:
    do
    :: atomic {
        cr3[me] != NONE && tlb[me] == NOTHING && entry[cr3[me]] != NOTHING ->
            tlb[me] = entry[cr3[me]];
            assert(!gone[cr3[me]] && tlb[me] <= allowed[cr3[me]])
        }
    :: atomic {
        store[me] != NONE ->
            entry[store[me]] = stored[me];
            store[me] = NONE;
            stored[me] = 0
        }
    od
}

/* At first one thread of each space runs, each on a processor of its own; others are idle. */
init {
    byte me;

    atomic {
        me = 0;
        do
        :: me < SPACES -> refs[me] = THREADS + 1; loaded[me] = BIT(me);
            runs[me] = me; pmap[me] = me; cr3[me] = me; me++
        :: else -> break
        od;
        me = 0;
        do
        :: me < CPUS -> run processor(me); run answer(me); run hardware(me); me++
        :: else -> break
        od
    }
}
