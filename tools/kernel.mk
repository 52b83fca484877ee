# SPDX-License-Identifier: MIT
#
# The kernel: every C and assembly file of its folders, found by wildcard, compiled for no host,
# linked by arch/$(ARCH)/kernel.ld, with its own symbol table inside for backtraces.

KERNEL := $(OUT)/quire.elf
# The same kernel with tests/kernel and tests/conformance linked in: the linker is the seam.
TEST_KERNEL := $(OUT)/quire-test.elf

KERNEL_SRC := $(wildcard lib/*.c kernel/*/*.c fs/*/*.c drivers/*.c \
                arch/$(ARCH)/*.c arch/$(ARCH)/*.S)
TEST_KERNEL_SRC := $(wildcard tests/kernel/*.c tests/conformance/*.c)
KERNEL_LD := arch/$(ARCH)/kernel.ld

# What is made of the trace's schema: trace/*.h.
GEN := $(BUILD)/gen
TRACE_SCHEMA := include/trace/schema.json tools/trace_schema.py
TRACE_HEADERS := $(addprefix $(GEN)/trace/,events.h agree.h records.h schema_text.h)

INCLUDES := -I. -Iinclude -Ikernel -Iarch/$(ARCH)/include -I$(GEN)
WARNINGS := -Wall -Wextra $(WERROR) -Wstrict-prototypes -Wmissing-prototypes -Wvla
# The release kernel is optimised as a whole: short functions of one file are inlined into the hot
# paths of another, which saves a sixth of a fork. Debug kernels keep every function in backtraces.
WHOLE_PROGRAM := $(if $(filter release release-untraced,$(FLAVOUR)),-flto=auto)
KERNEL_CFLAGS := -std=gnu11 $(WARNINGS) $(INCLUDES) -ffreestanding -nostdinc \
    -isystem $(shell $(CC) -print-file-name=include) \
    -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-pic -fno-pie \
    -fno-stack-protector -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
    -fno-asynchronous-unwind-tables -O2 -g -DQUIRE_DEBUG=$(if $(filter 1,$(DEBUG)),1,0) \
    -DQUIRE_TRACE=$(if $(filter 0,$(TRACE)),0,1) \
    $(WHOLE_PROGRAM)
KERNEL_LDFLAGS := -nostdlib -static -z max-page-size=0x1000 -z noexecstack --build-id=none \
    --fatal-warnings -T $(KERNEL_LD)
LD := ld
NM := nm

KERNEL_OBJ := $(patsubst %,$(OUT)/%.o,$(basename $(KERNEL_SRC)))
TEST_KERNEL_OBJ := $(patsubst %,$(OUT)/%.o,$(basename $(TEST_KERNEL_SRC)))

.PHONY: kernel
kernel: $(KERNEL)

# Rewritten only when the command changes, so that objects depend on their flags too.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(KERNEL_CFLAGS)' | cmp -s - $@ || echo '$(CC) $(KERNEL_CFLAGS)' >$@
.PHONY: FORCE
FORCE:

$(OUT)/%.o: %.c $(OUT)/flags | $(TRACE_HEADERS)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/%.o: %.S $(OUT)/flags
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(KERNEL_CFLAGS) -D__ASSEMBLER__ -MMD -MP -c -o $@ $<

$(GEN)/trace/events.h: TRACE_KIND := kernel
$(GEN)/trace/agree.h: TRACE_KIND := agree
$(GEN)/trace/records.h: TRACE_KIND := records
$(GEN)/trace/schema_text.h: TRACE_KIND := text
$(TRACE_HEADERS): $(TRACE_SCHEMA) | $(SETUP_RUN)
	$(call say,SCHEMA,$@)
	$(Q)python3 tools/trace_schema.py $(TRACE_KIND) $@

.PHONY: trace-docs
trace-docs:
	$(Q)python3 tools/trace_schema.py docs docs/trace-events.md

# Three links: without the table, with a table of the right size, and with the addresses that
# the second gave. The last must not have moved anything: tools/link-kernel.sh checks it.
define link_kernel
	$(call say,LINK,$@)
	$(Q)CC='$(CC)' LD='$(LD)' NM='$(NM)' tools/link-kernel.sh $@ $(KERNEL_LDFLAGS) $(filter %.o,$^)
endef

# The kernel and its tests are each optimised as a whole, so that the test kernel has the very code
# of the kernel in it, and that code is made once.
WHOLE_OBJ := $(OUT)/kernel.whole.o
TEST_WHOLE_OBJ := $(OUT)/tests.whole.o
$(WHOLE_OBJ): $(KERNEL_OBJ)
$(TEST_WHOLE_OBJ): $(TEST_KERNEL_OBJ)
$(WHOLE_OBJ) $(TEST_WHOLE_OBJ):
	$(call say,WHOLE,$@)
	$(Q)$(CC) $(KERNEL_CFLAGS) -r -nostdlib -flinker-output=nolto-rel -o $@ $^

$(KERNEL): $(if $(WHOLE_PROGRAM),$(WHOLE_OBJ),$(KERNEL_OBJ))
$(TEST_KERNEL): $(if $(WHOLE_PROGRAM),$(WHOLE_OBJ) $(TEST_WHOLE_OBJ),$(KERNEL_OBJ) $(TEST_KERNEL_OBJ))
$(KERNEL) $(TEST_KERNEL): $(KERNEL_LD) tools/link-kernel.sh tools/mksyms
	$(link_kernel)

.PHONY: test-kernel
test-kernel: $(TEST_KERNEL)

# clangd and other editors look for it in build/ by themselves; at the top for those that do not.
COMPILE_COMMANDS := $(BUILD)/compile_commands.json
$(OUT)/sources: FORCE
	@mkdir -p $(@D)
	@echo '$(KERNEL_SRC) $(TEST_KERNEL_SRC)' | cmp -s - $@ || \
	    echo '$(KERNEL_SRC) $(TEST_KERNEL_SRC)' >$@
$(COMPILE_COMMANDS): $(OUT)/flags $(OUT)/sources tools/compile_commands.py | $(SETUP_RUN)
	$(Q)python3 tools/compile_commands.py --directory '$(CURDIR)' \
	    --command '$(CC) $(KERNEL_CFLAGS)' --output $@ \
	    $(KERNEL_SRC) $(TEST_KERNEL_SRC)
.PHONY: compile-commands
compile-commands: $(COMPILE_COMMANDS)
compile_commands.json: $(COMPILE_COMMANDS)
	$(Q)cp $< $@

-include $(KERNEL_OBJ:.o=.d) $(TEST_KERNEL_OBJ:.o=.d)
