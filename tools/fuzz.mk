# SPDX-License-Identifier: MIT
#
# Fuzzing on the host: libFuzzer makes up inputs and keeps those that reach something new in the
# kernel's sources, which run under the sanitizers as in the host tests.
#
#   make fuzz                        every target of tests/fuzz for FUZZ_SECONDS each
#   make fuzz FUZZ=map FUZZ_SECONDS=600
#   build/fuzz/map_fuzz FILE         runs one input again; PRINT=1 says what it does
#
# What was found worth keeping lies in build/fuzz/corpus/NAME and is where the next run starts, with
# the seeds that `NAME_fuzz --seeds FOLDER` writes and what is in tests/fuzz/corpus/NAME.

FUZZ ?= $(FUZZ_NAMES)
FUZZ_SECONDS ?= 60
FUZZ_OUT := $(BUILD)/fuzz
FUZZ_CC := clang
FUZZ_SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS = $(filter-out -fsanitize=%,$(HOST_CFLAGS)) $(FUZZ_SANITIZERS)

FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_TARGETS := $(patsubst %,$(FUZZ_OUT)/%_fuzz,$(FUZZ_NAMES))
fuzz_objects = $(patsubst $(HOST_OUT)/obj/%,$(FUZZ_OUT)/obj/%,$(1))

# What the host tests share, with a reporter that crashes where theirs ends the test.
FUZZ_LIB_SRC := $(filter-out tests/host/support/check.c,$(HOST_LIB_SRC)) tests/fuzz/check.c
FUZZ_ARCHIVE := $(FUZZ_OUT)/quire.a
FUZZ_LIB_OBJ := $(patsubst %.c,$(FUZZ_OUT)/obj/%.o,$(FUZZ_LIB_SRC))

# As in tests/host/rules.mk.
FUZZ_PMAP_X86 := $(call fuzz_objects,$(HOST_PMAP_X86))
FUZZ_VFS := $(call fuzz_objects,$(HOST_VFS))
FUZZ_ELF := $(call fuzz_objects,$(HOST_ELF))
$(FUZZ_OUT)/map_fuzz: $(FUZZ_PMAP_X86)
$(FUZZ_OUT)/elf_fuzz: $(FUZZ_VFS) $(FUZZ_ELF)
$(FUZZ_OUT)/cpio_fuzz: $(FUZZ_VFS)

# Only the kernel's sources guide the search, but for those that check. Comparing numbers with what
# they are compared with helps where formats are decoded, and costs half of the time elsewhere.
$(FUZZ_OUT)/obj/%.o: FUZZ_COVERAGE := -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp
$(FUZZ_OUT)/obj/kernel/proc/%.o $(FUZZ_OUT)/obj/fs/%.o: FUZZ_COVERAGE := -fsanitize=fuzzer-no-link
$(FUZZ_OUT)/obj/tests/%.o $(FUZZ_OUT)/obj/kernel/vm/check.o: FUZZ_COVERAGE :=

$(FUZZ_OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(FUZZ_CC) $(FUZZ_CFLAGS)' | cmp -s - $@ || echo '$(FUZZ_CC) $(FUZZ_CFLAGS)' >$@

$(FUZZ_OUT)/obj/%.o: %.c $(FUZZ_OUT)/flags | $(SETUP_CHECK) $(TRACE_HEADERS)
	$(call say,FUZZCC,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_COVERAGE) -MMD -MP -c -o $@ $<

$(FUZZ_ARCHIVE): $(FUZZ_LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ_OUT)/%_fuzz: $(FUZZ_OUT)/obj/tests/fuzz/%_fuzz.o $(FUZZ_ARCHIVE)
	$(call say,FUZZLD,$@)
	$(Q)$(FUZZ_CC) $(FUZZ_SANITIZERS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(FUZZ_ARCHIVE) \
	    $(HOST_LDLIBS)

.PHONY: fuzz fuzz-targets
fuzz-targets: $(FUZZ_TARGETS)
fuzz: $(patsubst %,$(FUZZ_OUT)/%_fuzz,$(FUZZ))
	$(Q)for name in $(FUZZ); do \
	    python3 tools/fuzz.py --build $(BUILD) --seconds $(FUZZ_SECONDS) $$name || exit 1; done

-include $(FUZZ_LIB_OBJ:.o=.d) \
    $(patsubst %.o,%.d,$(FUZZ_PMAP_X86) $(FUZZ_VFS) $(FUZZ_ELF)) \
    $(patsubst %,$(FUZZ_OUT)/obj/tests/fuzz/%_fuzz.d,$(FUZZ_NAMES))
