# SPDX-License-Identifier: MIT
#
# Tests that run on the host: lib, kernel/mm and kernel/vm unchanged, under the address and
# undefined-behaviour sanitizers.
#
#   tests/host/*_test.c       one program each, linked with the rest as the linker needs it:
#   tests/host/support/*.c    what the layers below need of the machine, as a model
#   tests/host/abi_*.c        compiled only: include/abi asserted against the host's headers
#   tests/host/include        found before the kernel's own folders: the host's machine/*.h
# A test that needs other sources or flags says so in tests/host/rules.mk:
#   $(HOST_OUT)/NAME_test: HOST_CFLAGS += -pthread

HOST_OUT := $(BUILD)/host$(if $(findstring clang,$(CC)),-clang)
HOST_OPTIMIZE := -O1
HOST_CFLAGS := -std=gnu11 -Wall -Wextra $(WERROR) $(HOST_OPTIMIZE) -g -fno-omit-frame-pointer \
    -fno-strict-aliasing -fsanitize=address,undefined -fno-sanitize-recover=all \
    -DQUIRE_DEBUG=1 -Itests/host/include -I. -Itests/host -Iinclude -Ikernel -I$(GEN)
HOST_LDLIBS :=

HOST_TEST_SRC := $(wildcard tests/host/*_test.c)
HOST_ABI_SRC := $(wildcard tests/host/abi_*.c)
# The host's own C library serves for lib/string.c.
HOST_LIB_SRC := $(filter-out lib/string.c,$(wildcard lib/*.c)) \
    $(wildcard kernel/core/trace*.c kernel/mm/*.c kernel/vm/*.c tests/host/support/*.c)

-include tests/host/rules.mk

HOST_TESTS := $(patsubst tests/host/%.c,$(HOST_OUT)/%,$(HOST_TEST_SRC))
HOST_ABI := $(patsubst %.c,$(HOST_OUT)/obj/%.o,$(HOST_ABI_SRC))
HOST_LIB_OBJ := $(patsubst %.c,$(HOST_OUT)/obj/%.o,$(HOST_LIB_SRC))
HOST_ARCHIVE := $(HOST_OUT)/quire.a

.PHONY: host-tests
host-tests: $(HOST_TESTS) $(HOST_ABI)

$(HOST_OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(HOST_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(HOST_CFLAGS)' >$@

$(HOST_OUT)/obj/%.o: %.c $(HOST_OUT)/flags | $(SETUP_CHECK) $(TRACE_HEADERS)
	$(call say,HOSTCC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -MMD -MP -c -o $@ $<

$(HOST_ARCHIVE): $(HOST_LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(HOST_OUT)/%_test: $(HOST_OUT)/obj/tests/host/%_test.o $(HOST_ARCHIVE)
	$(call say,HOSTLD,$@)
	$(Q)$(CC) $(HOST_CFLAGS) -o $@ $(filter %.o,$^) $(HOST_ARCHIVE) $(HOST_LDLIBS)

-include $(HOST_LIB_OBJ:.o=.d) $(HOST_ABI:.o=.d) \
    $(patsubst %.c,$(HOST_OUT)/obj/%.d,$(HOST_TEST_SRC))
