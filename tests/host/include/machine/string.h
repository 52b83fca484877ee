/* SPDX-License-Identifier: MIT */
/*
 * The host's machine/string.h: nothing, so that the sanitizers see every call.
 */
#ifndef MACHINE_STRING_H
#define MACHINE_STRING_H

#endif
