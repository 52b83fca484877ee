# SPDX-License-Identifier: MIT
#
# Builds, runs and checks Quire. `make help` lists what there is.
#
#   BUILD=DIR    put everything that is made there (default: build)
#   DEBUG=1      the debug kernel: debug assertions and lock ranks checked
#   TRACE=0      a kernel without tracepoints, to measure what they cost
#   CC=clang     compile the kernel and the host's programs with clang
#   WERROR=      let warnings pass
#   V=1          show the commands
#
# The rules live in tools/*.mk, one concern each:
#   kernel.mk    the kernel          user.mk    our programs and the initramfs
#   host.mk      host tests          fuzz.mk    fuzzing
#   check.mk     tests, lint, setup  bench.mk   speed, beside Linux
#   viewer.mk    the viewer in the browser

BUILD ?= build
# One name for one folder: objects and the dependencies written beside them are found by name, and
# tools/check.py gives the folder's whole path.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
DEBUG ?= 0
TRACE ?= 1
V ?= 0
WERROR ?= -Werror
ARCH := x86_64
ifeq ($(origin CC),default)
CC := gcc
endif

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '%-8s%s\n' '$(1)' '$(2)')

FLAVOUR := $(if $(filter 1,$(DEBUG)),debug,release)$(if $(findstring clang,$(CC)),-clang)$(if $(filter 0,$(TRACE)),-untraced)
OUT := $(BUILD)/$(FLAVOUR)

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:

.PHONY: all
all: kernel initramfs compile-commands

SETUP_RUN := $(BUILD)/setup-run.stamp
SETUP_WEB := $(BUILD)/setup-web.stamp
SETUP_CHECK := $(BUILD)/setup-check.stamp

include tools/kernel.mk
include tools/user.mk
include tools/host.mk
include tools/fuzz.mk
include tools/check.mk
include tools/bench.mk
include tools/viewer.mk

.PHONY: help
help:
	@echo 'make            build the kernel and the initramfs'
	@echo 'make run        boot into a shell; with standard input not a terminal, play the tour'
	@echo 'make check      all tests, on the host and in QEMU'
	@echo 'make check-long the same, with more and longer random sequences'
	@echo 'make mutants    break the kernel on purpose, and see that a test fails each time'
	@echo 'make page       the viewer for ./quire view --web; make pictures: its pictures in docs'
	@echo 'make bench      what services cost in instructions and in time, beside Linux (BENCH_ARGS=--help)'
	@echo 'make bench-update the same, and writes the figures into the documents and the guard'
	@echo 'make fuzz       inputs made up by libFuzzer (FUZZ=map|elf|cpio FUZZ_SECONDS=N)'
	@echo 'make debug      boot the debug kernel under gdb'
	@echo 'make lint       the rules of the code: sizes, layers, includes, formatting'
	@echo 'make format     format the C sources in place'
	@echo 'make kernel     the kernel alone (DEBUG=1: the debug kernel)'
	@echo 'make initramfs  our programs and the archive with them, busybox and bash'
	@echo 'make host-tests the tests that run on the host, built'
	@echo 'make compile_commands.json   for editors, at the top; it is in BUILD anyway'
	@echo 'make setup      install the Debian packages that are needed'
	@echo 'make clean      remove what was made'
	@echo
	@echo 'Variables: BUILD=DIR DEBUG=1 CC=gcc|clang V=1'
	@echo 'To run one program: ./quire run -- PROGRAM [args]; see ./quire --help'

.PHONY: clean
clean:
	$(Q)rm -rf $(BUILD) compile_commands.json
