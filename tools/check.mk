# SPDX-License-Identifier: MIT
#
# What is run rather than built: the system itself, the tests, lint, and the setup before them.

RUN_ARGS ?=
DEBUG_ARGS ?=
GUEST_FILES := --initramfs $(INITRAMFS)
FORMAT_SRC = $(shell find arch drivers fs include kernel lib tests user -name '*.[ch]' 2>/dev/null)

# As many at once as there are processors, unless the user said how many.
PARALLEL = $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(shell nproc))

.PHONY: run
run: setup-run
	$(Q)$(MAKE) $(PARALLEL) all
	$(Q)./quire default --kernel $(KERNEL) $(GUEST_FILES) $(RUN_ARGS)

.PHONY: check check-long
check: setup-check
	$(Q)python3 tools/check.py --build $(BUILD) $(CHECK_ARGS)
check-long: setup-check
	$(Q)python3 tools/check.py --build $(BUILD) --long $(CHECK_ARGS)

.PHONY: debug
debug: setup-check
	$(Q)$(MAKE) $(PARALLEL) DEBUG=1 all
	$(Q)./quire debug --kernel $(BUILD)/debug/quire.elf $(GUEST_FILES) $(DEBUG_ARGS)

.PHONY: lint format
lint: setup-check
	$(Q)python3 tools/lint.py
format: setup-check
	$(Q)clang-format -i $(FORMAT_SRC)

# Cheap when nothing is missing, so it is asked each time; the stamps only order the rules that
# use what it installs.
.PHONY: setup setup-run setup-check
setup: setup-check
setup-run: $(SETUP_RUN)
setup-check: $(SETUP_CHECK)

$(BUILD)/setup-%.stamp: FORCE
	@mkdir -p $(@D)
	$(Q)tools/setup.sh $*
	@touch $@
$(SETUP_CHECK): $(SETUP_RUN)
$(SETUP_WEB): $(SETUP_RUN)

# Breaks the kernel on purpose, in each of the ways of tests/mutants, and sees that a test fails.
MUTANT_ARGS ?=
.PHONY: mutants
mutants: setup-check
	$(Q)$(MAKE) $(PARALLEL) kernel initramfs user-tests
	$(Q)python3 tools/mutants.py --build $(BUILD) $(MUTANT_ARGS)
