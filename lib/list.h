/* SPDX-License-Identifier: MIT */
/*
 * Doubly linked circular lists, intrusive.
 *
 * A list is a head node that links to itself when the list is empty; members embed a node.
 * Invariant: n->next->prev == n and n->prev->next == n for the head and for every member.
 * A node that is on no list links to itself (after list_init or list_remove), so removing twice
 * is harmless and list_is_empty(node) says "on no list".
 *
 * Locks: the caller's. Nothing here allocates or sleeps.
 */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include <stdbool.h>

#include "lib/bits.h"

struct list_node {
    struct list_node *prev;
    struct list_node *next;
};

/* For a head with static storage: struct list_node head = LIST_HEAD_INIT(head); */
#define LIST_HEAD_INIT(head)                                                                       \
    { &(head), &(head) }

#define LIST_ENTRY(node, type, member) container_of(node, type, member)

/* Makes `node` an empty head, or a member of no list. */
static inline void list_init(struct list_node *node) {
    node->prev = node;
    node->next = node;
}

static inline bool list_is_empty(const struct list_node *head) {
    return head->next == head;
}

/* Puts `node` (on no list) after `at`, which is a head or a member. */
static inline void list_insert_after(struct list_node *at, struct list_node *node) {
    node->prev = at;
    node->next = at->next;
    at->next->prev = node;
    at->next = node;
}

static inline void list_push_front(struct list_node *head, struct list_node *node) {
    list_insert_after(head, node);
}

static inline void list_push_back(struct list_node *head, struct list_node *node) {
    list_insert_after(head->prev, node);
}

/* Takes `node` off its list, if it is on one; it is on none afterwards. */
static inline void list_remove(struct list_node *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The first or last member's node, NULL if the list is empty. */
static inline struct list_node *list_first(const struct list_node *head) {
    return list_is_empty(head) ? NULL : head->next;
}

static inline struct list_node *list_last(const struct list_node *head) {
    return list_is_empty(head) ? NULL : head->prev;
}

/* Takes the first member off and returns its node, NULL if the list is empty. */
static inline struct list_node *list_pop_front(struct list_node *head) {
    struct list_node *node = list_first(head);

    if (node)
        list_remove(node);
    return node;
}

/* Moves every member of `from` to the end of `to`, in order; `from` is empty afterwards. */
static inline void list_splice_back(struct list_node *to, struct list_node *from) {
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* Runs the body with `var` (a pointer to the containing structure) at each member in order.
 * The body must not take `var` off the list; LIST_FOR_EACH_SAFE allows that. After the loop
 * `var` is meaningless unless left by break. */
#define LIST_FOR_EACH(head, var, member)                                                           \
    for ((var) = LIST_ENTRY((head)->next, __typeof__(*(var)), member); &(var)->member != (head);   \
         (var) = LIST_ENTRY((var)->member.next, __typeof__(*(var)), member))

#define LIST_FOR_EACH_SAFE(head, var, tmp, member)                                                 \
    for ((var) = LIST_ENTRY((head)->next, __typeof__(*(var)), member),                             \
        (tmp) = LIST_ENTRY((var)->member.next, __typeof__(*(var)), member);                        \
         &(var)->member != (head);                                                                 \
         (var) = (tmp), (tmp) = LIST_ENTRY((var)->member.next, __typeof__(*(var)), member))

#endif
