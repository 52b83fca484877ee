# SPDX-License-Identifier: MIT
#
# What the host tests need beyond tools/host.mk.
#
# The allocators are reached through tests/host/support/inject.c, which can make them fail.

comma := ,
HOST_LIB_SRC += $(wildcard kernel/sync/*.c)

HOST_WRAPPED := frame_alloc frame_alloc_zeroed frame_alloc_order slab_alloc slab_alloc_zeroed \
    kmalloc kzalloc kcalloc
HOST_LDLIBS += $(patsubst %,-Wl$(comma)--wrap=%,$(HOST_WRAPPED))

# The pmap of x86-64 on the host, with a model of its MMU: linked before the archive, whose model
# pmap it replaces.
HOST_PMAP_X86 := $(patsubst %,$(HOST_OUT)/obj/arch/x86_64/%.o,page_table pmap pmap_cursor tlb) \
    $(HOST_OUT)/obj/tests/host/x86/mmu.o
HOST_CONFORMANCE := $(HOST_OUT)/obj/tests/conformance/pmap_conformance.o
$(HOST_OUT)/pmap_x86_test: $(HOST_PMAP_X86) $(HOST_CONFORMANCE)
$(HOST_OUT)/pmap_model_test: $(HOST_CONFORMANCE)
$(HOST_OUT)/vm_random_x86_test: $(HOST_PMAP_X86)
-include $(patsubst %.o,%.d,$(HOST_PMAP_X86) $(HOST_CONFORMANCE))

# The line discipline, which is a driver's but knows no kernel.
HOST_LDISC := $(patsubst %,$(HOST_OUT)/obj/drivers/%.o,tty_ldisc tty_output)
$(HOST_OUT)/ldisc_test: $(HOST_LDISC)
-include $(HOST_LDISC:.o=.d)
