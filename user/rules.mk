# SPDX-License-Identifier: MIT
#
# Our programs that are not one file of user/: memview, and the scenes that it shows; fault-tour.
#
#   user/memview/*.c   -> /bin/memview
#   user/scenes/NAME.c -> /bin/NAME, with user/scenes/lib and user/lib
#   user/tour/*.c      in /bin/fault-tour, with user/fault-tour.c

ifdef TRACE_HEADERS
MEMVIEW_SRC := $(wildcard user/memview/*.c)
USER_PROGRAMS += $(USER_OUT)/bin/memview

$(USER_OUT)/bin/memview: private USER_CFLAGS += -I$(GEN)
$(USER_OUT)/bin/memview: $(MEMVIEW_SRC) $(wildcard user/memview/*.h) $(USER_OUT)/flags | $(SETUP_RUN) $(TRACE_HEADERS)
	$(compile_user)
endif

SCENE_SRC := $(wildcard user/scenes/*.c)
SCENE_LIB := $(wildcard user/scenes/lib/*.c)
SCENES := $(patsubst user/scenes/%.c,$(USER_OUT)/bin/%,$(SCENE_SRC))
USER_PROGRAMS += $(SCENES)

$(SCENES): $(USER_OUT)/bin/%: user/scenes/%.c $(SCENE_LIB) $(USER_LIB) $(USER_OUT)/flags | $(SETUP_RUN)
	$(compile_user)

user: $(USER_PROGRAMS)

$(USER_OUT)/bin/fault-tour: $(wildcard user/tour/*.c)
