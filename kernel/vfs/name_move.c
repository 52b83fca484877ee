/* SPDX-License-Identifier: MIT */
/*
 * Renaming names in use. What may fail (room for the new text) is done in prepare; the commit,
 * after the file system has renamed, cannot.
 */
#include "abi/errno.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "vfs/name_table.h"

int name_move_prepare(struct name_move *m, struct name *moved, struct name *to_parent,
                      const struct component *to) {
    *m = (struct name_move){.moved = moved, .to_parent = to_parent};
    m->text = kmalloc(to->length + 1);
    if (!m->text)
        return -ENOMEM;
    memcpy(m->text, to->text, to->length);
    m->text[to->length] = '\0';
    m->length = (uint16_t)to->length;
    return 0;
}

static void name_rehash_locked(struct name *n) {
    struct component c = {n->text, n->length, component_hash(n->text, n->length)};

    list_remove(&n->link);
    n->hash = name_hash(n->parent, &c);
    name_table_insert_locked(n);
}

void name_move_commit(struct name_move *m) {
    struct name *n = m->moved, *old_parent;
    char *old_text;

    spin_lock(&name_lock);
    old_text = n->text;
    old_parent = n->parent;
    n->text = m->text;
    n->length = m->length;
    n->parent = m->to_parent;
    name_ref(m->to_parent);
    name_rehash_locked(n);
    spin_unlock(&name_lock);
    m->text = NULL;
    if (old_text != n->inline_text)
        kfree(old_text);
    name_unref(old_parent);
}

void name_move_cancel(struct name_move *m) {
    kfree(m->text);
    m->text = NULL;
}

/* Makes n's text independent of its inline bytes' owner by swapping contents with other's. */
static void name_swap_texts_locked(struct name *a, struct name *b) {
    char inline_text[NAME_INLINE_BYTES];
    char *a_text = a->text == a->inline_text ? NULL : a->text;
    char *b_text = b->text == b->inline_text ? NULL : b->text;
    uint16_t length = a->length;

    memcpy(inline_text, a->inline_text, NAME_INLINE_BYTES);
    memcpy(a->inline_text, b->inline_text, NAME_INLINE_BYTES);
    memcpy(b->inline_text, inline_text, NAME_INLINE_BYTES);
    a->text = b_text ? b_text : a->inline_text;
    b->text = a_text ? a_text : b->inline_text;
    a->length = b->length;
    b->length = length;
}

void name_exchange(struct name *a, struct name *b) {
    struct name *parent;

    spin_lock(&name_lock);
    name_swap_texts_locked(a, b);
    parent = a->parent;
    a->parent = b->parent;
    b->parent = parent;
    name_rehash_locked(a);
    name_rehash_locked(b);
    spin_unlock(&name_lock);
}
