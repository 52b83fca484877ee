# SPDX-License-Identifier: MIT
#
# Test programs that need other flags than tools/user.mk gives them.

# With glibc in place of musl: NAME_glibc.
$(USER_OUT)/tests/%_glibc: MUSL_CC := $(CC)

# The walk of user/ptwalk.c.
$(USER_OUT)/tests/test_ptwalk: user/lib/ptformat.c user/lib/ptwalk.c
