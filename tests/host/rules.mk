# SPDX-License-Identifier: MIT
#
# What the host tests need beyond tools/host.mk.
#
# The allocators are reached through tests/host/support/inject.c, which can make them fail.

comma := ,
HOST_LIB_SRC += $(wildcard kernel/sync/*.c)

# process_vm_readv and writev, over a model of processes (support/process_model.c).
HOST_LIB_SRC += kernel/syscall/sys_process_vm.c kernel/syscall/user_vector.c kernel/vfs/iobuf.c

HOST_WRAPPED := frame_alloc frame_alloc_zeroed frame_alloc_order frame_alloc_run slab_alloc \
    slab_alloc_zeroed kmalloc kzalloc kcalloc
HOST_LDLIBS += $(patsubst %,-Wl$(comma)--wrap=%,$(HOST_WRAPPED))

# The pmap of x86-64 on the host, with a model of its MMU: linked before the archive, whose model
# pmap it replaces.
HOST_PMAP_X86 := $(patsubst %.c,$(HOST_OUT)/obj/%.o,$(wildcard arch/x86_64/pmap*.c) \
    arch/x86_64/page_table.c arch/x86_64/tlb.c arch/x86_64/tlb_check.c tests/host/x86/mmu.c)
HOST_CONFORMANCE := $(patsubst %.c,$(HOST_OUT)/obj/%.o,$(wildcard tests/conformance/*.c))
$(HOST_OUT)/pmap_x86_test: $(HOST_PMAP_X86) $(HOST_CONFORMANCE)
$(HOST_OUT)/pmap_model_test: $(HOST_CONFORMANCE)
$(HOST_OUT)/vm_random_x86_test $(HOST_OUT)/shared_tables_test $(HOST_OUT)/huge_test \
$(HOST_OUT)/shootdown_test $(HOST_OUT)/explain_test: $(HOST_PMAP_X86)
-include $(patsubst %.o,%.d,$(HOST_PMAP_X86) $(HOST_CONFORMANCE))

# The firmware's table of processors.
$(HOST_OUT)/acpi_test: $(HOST_OUT)/obj/arch/x86_64/acpi_tables.o
-include $(HOST_OUT)/obj/arch/x86_64/acpi_tables.d

# The line discipline, which is a driver's but knows no kernel.
HOST_LDISC := $(patsubst %,$(HOST_OUT)/obj/drivers/%.o,tty_ldisc tty_output)
$(HOST_OUT)/ldisc_test: $(HOST_LDISC)
-include $(HOST_LDISC:.o=.d)

# Virtqueues, which are memory alone.
HOST_VIRTQUEUE := $(HOST_OUT)/obj/drivers/virtqueue.o
$(HOST_OUT)/virtqueue_test: $(HOST_VIRTQUEUE)
-include $(HOST_VIRTQUEUE:.o=.d)

# The file system over a model of one thread.
HOST_VFS_SRC := $(filter-out kernel/vfs/epoll.c kernel/vfs/eventfd.c kernel/vfs/anon_file.c \
    kernel/vfs/poll_wait.c,$(wildcard kernel/vfs/*.c)) $(wildcard fs/tmpfs/*.c fs/initramfs/*.c)
HOST_VFS := $(patsubst %.c,$(HOST_OUT)/obj/%.o,$(HOST_VFS_SRC) tests/host/vfs/world.c)
$(HOST_OUT)/vfs_memory_test $(HOST_OUT)/vfs_random_test $(HOST_OUT)/initramfs_test \
$(HOST_OUT)/tmpfs_test $(HOST_OUT)/elf_test: $(HOST_VFS)
-include $(HOST_VFS:.o=.d)

# The loader of executable files, over that file system.
HOST_ELF := $(patsubst %,$(HOST_OUT)/obj/%.o,kernel/proc/elf tests/host/elf/loader)
$(HOST_OUT)/elf_test: $(HOST_ELF)
-include $(HOST_ELF:.o=.d)

# Shared memory, which knows credentials and so the file system.
HOST_IPC := $(patsubst %.c,$(HOST_OUT)/obj/%.o,$(wildcard kernel/ipc/*.c))
$(HOST_OUT)/shm_test: $(HOST_IPC) $(HOST_VFS)
-include $(HOST_IPC:.o=.d)

# Small objects from malloc, where the address sanitizer sees each by itself.
HOST_SLAB_MALLOC := $(HOST_OUT)/obj/tests/host/malloc/slab_malloc.o
$(HOST_OUT)/vm_random_malloc_test: $(HOST_SLAB_MALLOC)
-include $(HOST_SLAB_MALLOC:.o=.d)

# Processors that are threads, under the thread sanitizer, which does not go together with the
# others: all is built for it once more, but for the MMU.
HOST_THREADS_CFLAGS := $(patsubst -fsanitize=address%,-fsanitize=thread,$(HOST_CFLAGS)) -pthread \
    -Wno-unknown-warning-option -Wno-tsan -fno-pie
HOST_THREADS_CFLAGS := -Itests/host/threads/include $(HOST_THREADS_CFLAGS)
HOST_THREADS := $(patsubst %.c,$(HOST_OUT)/threads/%.o,tests/host/threads_test.c \
    tests/host/threads/mmu.c $(wildcard kernel/sync/*.c arch/x86_64/pmap*.c) \
    $(addprefix arch/x86_64/,page_table.c tlb.c tlb_check.c) \
    kernel/core/trace_ring.c tests/host/support/trace_model.c tests/host/threads/trace.c \
    $(addprefix kernel/mm/,alloc_fail.c frame.c frame_collect.c frame_init.c \
    frame_run.c kmalloc.c slab.c))
$(HOST_OUT)/threads/tests/host/threads/mmu.o: HOST_THREADS_CFLAGS += -fno-sanitize=all
$(HOST_OUT)/threads/%.o: %.c $(HOST_OUT)/flags tests/host/rules.mk | $(SETUP_CHECK) $(TRACE_HEADERS)
	$(call say,HOSTCC,$< for threads)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_THREADS_CFLAGS) -MMD -MP -c -o $@ $<
$(HOST_OUT)/threads_test: $(HOST_THREADS)
	$(call say,HOSTLD,$@)
	$(Q)$(CC) $(HOST_THREADS_CFLAGS) -no-pie -o $@ $^
-include $(HOST_THREADS:.o=.d)

# The viewer in the terminal, over streams that the tests write.
ifdef TRACE_HEADERS
HOST_MEMVIEW := $(patsubst %.c,$(HOST_OUT)/obj/%.o, \
    $(filter-out user/memview/main.c,$(wildcard user/memview/*.c)) tests/host/memview/story.c)
$(HOST_OUT)/memview_test $(HOST_OUT)/memview_parts_test $(HOST_OUT)/memview_program_test: $(HOST_MEMVIEW)
-include $(HOST_MEMVIEW:.o=.d)
else
HOST_TEST_SRC := $(filter-out tests/host/memview%,$(HOST_TEST_SRC))
endif
