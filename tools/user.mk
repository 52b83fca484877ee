# SPDX-License-Identifier: MIT
#
# Our own programs, static with musl, and the archives that the kernel unpacks as its first
# file system: build/initramfs.cpio for everybody, build/tests.cpio on top of it for tests.
#
#   user/NAME.c        -> /init and /sbin/init for init, else /bin/NAME
#   tests/user/NAME.c  -> /tests/NAME; tests/runner/NAME.c too
#   tests/bench/*.c    -> /tests/bench, one program
#   user/lib/*.c, tests/user/lib/*.c    linked into each of their programs
#   user/*.sh          -> /usr/share/quire
#   tools/rootfs       -> / as it is
#   tests/scripts      -> /tests/scripts
# What gdb needs to know of them stays on the host: the archives have them without it.
# A program that needs other flags says so in user/rules.mk or tests/user/rules.mk:
#   $(USER_OUT)/tests/NAME: USER_CFLAGS += -static-pie

MUSL_CC := musl-gcc
USER_OUT := $(BUILD)/user
USER_CFLAGS := -std=gnu11 -Wall -Wextra -Werror -O2 -g -static -fno-strict-aliasing -I. \
    -I$(GEN)

USER_SRC := $(wildcard user/*.c)
USER_LIB := $(wildcard user/lib/*.c)
USER_TEST_SRC := $(wildcard tests/user/*.c tests/runner/*.c) tests/bench/bench.c
USER_TEST_LIB := $(wildcard tests/user/lib/*.c)
USER_PROGRAMS := $(patsubst user/%.c,$(USER_OUT)/bin/%,$(USER_SRC))
USER_TESTS := $(patsubst %.c,$(USER_OUT)/tests/%,$(notdir $(USER_TEST_SRC)))
USER_FILES := $(wildcard user/*.sh)
ROOTFS_FILES := $(shell find tools/rootfs)
SCRIPT_TESTS := $(wildcard tests/scripts/*)

INITRAMFS := $(BUILD)/initramfs.cpio
TESTS_CPIO := $(BUILD)/tests.cpio

.PHONY: initramfs user user-tests
initramfs: $(INITRAMFS)
user: $(USER_PROGRAMS)
user-tests: $(USER_TESTS) $(TESTS_CPIO)

-include user/rules.mk tests/user/rules.mk

$(USER_OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(USER_CFLAGS)' | cmp -s - $@ || echo '$(USER_CFLAGS)' >$@

define compile_user
	$(call say,MUSL,$<)
	@mkdir -p $(@D)
	$(Q)$(MUSL_CC) $(USER_CFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@ $(filter %.c,$^) $(USER_LIBS)
endef

$(USER_OUT)/bin/%: user/%.c $(USER_LIB) $(USER_OUT)/flags | $(SETUP_RUN) $(TRACE_HEADERS)
	$(compile_user)

define user_test_rule
$(USER_OUT)/tests/%: tests/$(1)/%.c $(USER_TEST_LIB) $(USER_OUT)/flags | $(SETUP_RUN) $(TRACE_HEADERS)
	$$(compile_user)
endef
$(foreach folder,user bench runner,$(eval $(call user_test_rule,$(folder))))
$(USER_OUT)/tests/bench: $(wildcard tests/bench/*.[ch])

$(INITRAMFS): $(USER_PROGRAMS) $(USER_FILES) $(ROOTFS_FILES) tools/mkinitramfs.py tools/cpio.py | $(SETUP_RUN)
	$(call say,CPIO,$@)
	$(Q)python3 tools/mkinitramfs.py base --programs $(USER_OUT)/bin --files user --output $@

$(TESTS_CPIO): $(USER_TESTS) $(SCRIPT_TESTS) tools/mkinitramfs.py tools/cpio.py | $(SETUP_RUN)
	$(call say,CPIO,$@)
	$(Q)python3 tools/mkinitramfs.py tests --programs $(USER_OUT)/tests --folder tests/scripts:tests/scripts \
	    --output $@

-include $(USER_PROGRAMS:=.d) $(USER_TESTS:=.d)
