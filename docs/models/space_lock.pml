/* SPDX-License-Identifier: MIT */
/*
 * The lock of an address space: faults that get around it, calls that have the space alone, and one
 * that takes away in slices and lets others in between. README.md tells what is modelled and what
 * not.
 *
 * Stands for kernel/vm/space_lock.c and .h, kernel/vm/narrow.c, and who calls them.
 *
 * The lock is one word. A fault says so in its place and then looks at the word; who wants the space
 * alone exchanges the word and then looks at the places: both are atomic exchanges, so that no store
 * of a processor is still on its way when it looks. Whoever finds the word taken says that it waits.
 *
 * Every #ifdef below takes one step away or puts it at the wrong place. With any of them the model
 * must fail; tools/models.py sees to that.
 */
#ifndef FAULTS
#define FAULTS 1 /* processors that fault */
#endif
#ifndef CALLS
#define CALLS 1 /* that make a call on the range which is being narrowed */
#endif
#ifndef BESIDE
#define BESIDE 0 /* that make one on another */
#endif
#ifndef NARROWERS
#define NARROWERS 1 /* that narrow a range, each its own */
#endif
#ifndef SLICES
#define SLICES 3 /* that it takes */
#endif
#ifndef DEEDS
#define DEEDS 1 /* of each of the others */
#endif

#define FIRST_CALL FAULTS
#define FIRST_BESIDE (FIRST_CALL + CALLS)
#define FIRST_NARROWER (FIRST_BESIDE + BESIDE)
#define CPUS (FIRST_NARROWER + NARROWERS)
#define NOBODY 255

/* What the word says: 1, or bits of what it is when it is free. */
#define TAKEN 1
#define NARROWING 4
byte word;
byte when_free;

bool under_way[CPUS]; /* vm_fault_place */
byte waiting;         /* space->waiting */
bool waits[CPUS];     /* vm_wait: for this space */
bool number[CPUS];    /* which wait it is, as far as one can be taken for the next */
byte narrowings;      /* ranges that are being narrowed */
byte over;            /* space->narrowed */
byte want_end;        /* space->want_end */
bool excess[NARROWERS]; /* the table says more than the map in this one's range */

/* What must be true, for those who count on it. */
byte alone = NOBODY;  /* who has the space alone */
byte in_fault;        /* faults that count on nobody having it */
bool hopes[CPUS];       /* it has said that it waits, in one way or the other */
byte passed_over[CPUS]; /* and how often somebody has let others in since */

inline has_alone(me) {
    d_step {
        assert(alone == NOBODY && in_fault == 0);
        alone = me
    }
}

inline unlock() {
    d_step { assert(alone != NOBODY); alone = NOBODY };
#ifdef UNLOCK_FORGETS
    word = 0
#else
    word = when_free
#endif
}

/* ---- waiting for the word ---- */

inline wait_begin(me) {
#ifdef COUNT_FIRST
    atomic { waiting++; hopes[me] = true };
    atomic { number[me] = !number[me]; waits[me] = true };
#else
    atomic { number[me] = !number[me]; waits[me] = true; hopes[me] = true };
    waiting++;
#endif
}

inline wait_end(me) {
    atomic { waiting--; hopes[me] = false; passed_over[me] = 0 };
#ifdef NO_END
    skip
#else
    waits[me] = false
#endif
}

/* take(): the word, which said `was`, becomes ours; `was` is then what it says when it is free. */
inline take(me) {
    atomic { was = word; word = TAKEN };
    if
    :: was == TAKEN ->
        wait_begin(me);
        do
        :: was == TAKEN ->
            word != TAKEN;
            atomic { was = word; word = TAKEN }
        :: else -> break
        od;
        wait_end(me)
    :: else
    fi
}

inline await_faults() {
#ifdef NO_WAIT_FOR_FAULTS
    skip
#else
    i = 0;
    do
    :: i < FAULTS -> !under_way[i]; i++
    :: else -> break
    od;
    i = 0
#endif
}

/* vm_space_lock_beside(), of what narrowings are no hindrance. */
inline lock_beside(me) {
    take(me);
    await_faults();
    atomic { was = 0; has_alone(me) }
}

/* Whether who wants nothing narrowed (or begins to narrow, in another range) has to wait. */
#ifdef NARROWER_DOES_NOT_QUEUE
#define HINDERS(narrower) (!(narrower))
#else
#define HINDERS(narrower) (!(narrower) || want_end > 0)
#endif

/* The same, of what they are. */
inline lock_after(me, narrower) {
    take(me);
    do
#ifndef NO_WAIT_FOR_END
    :: (was & NARROWING) && HINDERS(narrower) ->
        atomic { seen = over; want_end++ };
#ifdef END_COUNTS_AS_WAIT
        wait_begin(me);
#endif
        word = when_free;
#ifdef SEEN_LATE
        seen = over;
#endif
        over != seen;
#ifdef END_COUNTS_AS_WAIT
        wait_end(me);
#endif
        take(me);
        want_end--
#endif
    :: else -> break
    od;
    await_faults();
    atomic { was = 0; seen = 0; has_alone(me) }
}

/* vm_space_let_in(): everybody who waits now gets in before the lock is ours again. */
inline let_in(me) {
    if
    :: waiting == 0
    :: else ->
        i = 0;
        d_step {
            do
            :: i < CPUS -> still[i] = waits[i]; which[i] = number[i]; i++
            :: else -> break
            od;
            i = 0
        };
        unlock();
#ifndef TAKES_AT_ONCE
        do
        :: i < CPUS -> !(still[i] && waits[i] && which[i] == number[i]); i++
        :: else -> break
        od;
#endif
        i = 0;
        d_step {
            do
            :: i < CPUS -> still[i] = false; which[i] = false; i++
            :: else -> break
            od;
            i = 0
        };
        lock_beside(me);
        /* Who waited when we let go, and still waits, would see us go on for ever. */
        d_step {
            do
            :: i < FIRST_NARROWER ->
                passed_over[i] = (hopes[i] -> passed_over[i] + 1 : 0);
                assert(passed_over[i] <= NARROWERS);
                i++
            :: else -> break
            od;
            i = 0
        }
    fi
}

/* ---- who does so ---- */

/* vm_space_fault_begin(), _end(). */
proctype fault(byte me) {
    byte deeds = DEEDS;

    do
    :: deeds > 0 ->
        deeds--;
#ifdef LOOKS_FIRST
        word != TAKEN;
        under_way[me] = true;
#else
        under_way[me] = true;
#ifndef FAULT_GOES_ON
        if
        :: word == TAKEN ->
            wait_begin(me);
            do
            :: under_way[me] = false;
                word != TAKEN;
                under_way[me] = true;
                if
                :: word != TAKEN -> break
                :: else
                fi
            od;
            wait_end(me)
        :: else
        fi;
#endif
#endif
        d_step { assert(alone == NOBODY); in_fault++ };
        d_step { assert(alone == NOBODY); in_fault-- };
        under_way[me] = false
    :: else -> break
    od
}

/* A call that counts on the table: fork, or one on the same range. */
proctype call(byte me) {
    byte deeds = DEEDS, was, seen, i;

    do
    :: deeds > 0 ->
        deeds--;
        lock_after(me, false);
        assert(!excess[0] && !excess[NARROWERS - 1]);
        unlock()
    :: else -> break
    od
}

/* One that does not. */
proctype beside(byte me) {
    byte deeds = DEEDS, was, i;

    do
    :: deeds > 0 ->
        deeds--;
        lock_beside(me);
        unlock()
    :: else -> break
    od
}

/* vm_narrow(): all of it, or slice by slice. */
proctype narrower(byte me) {
    byte was, seen, i, slices = SLICES;
    bool still[CPUS], which[CPUS];

    lock_after(me, true);
    atomic {
        assert(narrowings == 0 || want_end == 0); /* else who waits for the end waits on and on */
        excess[me - FIRST_NARROWER] = true;
        narrowings++;
        when_free = NARROWING
    };
    do
    :: slices > 1 -> slices--; let_in(me)
    :: else -> break
    od;
    atomic {
        excess[me - FIRST_NARROWER] = false;
        narrowings--;
#ifdef END_CLEARS_FOR_ALL
        when_free = 0;
#else
        when_free = (narrowings > 0 -> NARROWING : 0);
#endif
#ifndef END_NOT_TOLD
        over++
#endif
    };
    unlock()
}

init {
    byte i;

    atomic {
        do
        :: i < FIRST_CALL -> run fault(i); i++
        :: i >= FIRST_CALL && i < FIRST_BESIDE -> run call(i); i++
        :: i >= FIRST_BESIDE && i < FIRST_NARROWER -> run beside(i); i++
        :: i >= FIRST_NARROWER && i < CPUS -> run narrower(i); i++
        :: i == CPUS -> break
        od;
        i = 0
    }
}
