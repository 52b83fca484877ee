# SPDX-License-Identifier: MIT
#
# Test programs that need other flags than tools/user.mk gives them.

# With glibc in place of musl: NAME_glibc.
$(USER_OUT)/tests/%_glibc: MUSL_CC := $(CC)

# The walk of user/ptwalk.c.
$(USER_OUT)/tests/test_ptwalk: user/lib/ptformat.c user/lib/ptwalk.c

# Lies anywhere in memory, and has no C library: musl's has no start for such a program.
$(USER_OUT)/tests/debuggee_pie: MUSL_CC := $(CC)
$(USER_OUT)/tests/debuggee_pie: USER_CFLAGS := $(filter-out -static,$(USER_CFLAGS)) \
    -static-pie -fPIE -nostdlib -ffunction-sections -Wl,--gc-sections

# Answers of /proc/PID/explain.
$(USER_OUT)/tests/test_explain: user/lib/explanation.c
