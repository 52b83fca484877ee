/* SPDX-License-Identifier: MIT */
/*
 * The names of the system; see uts.h. It calls itself Linux, since that is the interface it keeps,
 * of the release whose manual pages were followed.
 */
#include "proc/uts.h"

#include "abi/errno.h"
#include "lib/string.h"
#include "sync/spinlock.h"

static struct spinlock lock = SPINLOCK_INIT("uts", LOCK_RANK_UTS);
static struct linux_utsname uts = {
    .sysname = "Linux",
    .nodename = "quire",
    .release = "6.1.0-quire",
    .version = "#1 Quire",
    .machine = "x86_64",
    .domainname = "(none)",
};

void uts_get(struct linux_utsname *names) {
    spin_lock(&lock);
    *names = uts;
    spin_unlock(&lock);
}

static int set(char field[UTSNAME_LENGTH], const char *name, size_t length) {
    if (length >= UTSNAME_LENGTH)
        return -EINVAL;
    spin_lock(&lock);
    memset(field, 0, UTSNAME_LENGTH);
    memcpy(field, name, length);
    spin_unlock(&lock);
    return 0;
}

int uts_set_host(const char *name, size_t length) {
    return set(uts.nodename, name, length);
}

int uts_set_domain(const char *name, size_t length) {
    return set(uts.domainname, name, length);
}
