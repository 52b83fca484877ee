/* SPDX-License-Identifier: MIT */
/* What the cases of the fault path are called. */
#include "vm/fault.h"

static const char *const case_names[VM_FAULT_CASES] = {
    [VM_FAULT_NO_AREA] = "no area",
    [VM_FAULT_FORBIDDEN] = "forbidden",
    [VM_FAULT_STALE] = "stale entry",
    [VM_FAULT_SHARED] = "shared page",
    [VM_FAULT_READ_PRIVATE] = "read private page",
    [VM_FAULT_READ_OBJECT] = "read object page",
    [VM_FAULT_READ_ZERO] = "read zeroes",
    [VM_FAULT_REUSE] = "write alone",
    [VM_FAULT_COPY] = "copy shared page",
    [VM_FAULT_COPY_OBJECT] = "copy object page",
    [VM_FAULT_ZERO_FILL] = "new zeroed page",
    [VM_FAULT_WAITED] = "waited for device",
    [VM_FAULT_STACK_GROWN] = "stack grown",
};

const char *vm_fault_case_name(enum vm_fault_case which) {
    return case_names[which];
}
