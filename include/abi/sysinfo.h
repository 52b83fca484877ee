/* SPDX-License-Identifier: MIT */
/* Memory and load figures: sysinfo(2). */
#ifndef ABI_SYSINFO_H
#define ABI_SYSINFO_H

#include <stdint.h>

#define SI_LOAD_SHIFT 16

struct linux_sysinfo {
    int64_t uptime;
    uint64_t loads[3];
    uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs;
    uint16_t pad;
    uint32_t padding;
    uint64_t totalhigh, freehigh;
    uint32_t mem_unit;
    uint32_t padding2;
};

#endif
