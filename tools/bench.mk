# SPDX-License-Identifier: MIT
#
# What Quire's services cost, measured beside Linux: make bench BENCH_ARGS='--help' tells the rest.

BENCH_ARGS ?=
LINUX_INIT := $(USER_OUT)/linux-init

$(LINUX_INIT): tests/bench/linux/init.c $(USER_OUT)/flags | $(SETUP_RUN)
	$(compile_user)

-include $(LINUX_INIT).d

.PHONY: bench bench-update bench-build
bench: setup-run
	$(Q)$(MAKE) $(PARALLEL) bench-build
	$(Q)python3 tools/bench.py --build $(BUILD) $(BENCH_ARGS)
bench-update: setup-run
	$(Q)$(MAKE) $(PARALLEL) bench-build
	$(Q)python3 tools/bench.py --build $(BUILD) --update $(BENCH_ARGS)
bench-build: kernel initramfs user-tests $(LINUX_INIT)
