/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uthash, which ends the process when it gets no memory: here not without a word. What is filtered
 * stays filtered, and the next daemon takes over what there is.
 */
#ifndef VMSEG_BASE_HASH_H
#define VMSEG_BASE_HASH_H

/* Says so on stderr, for which it needs no memory, and ends the process with status 1. */
_Noreturn void end_out_of_memory(void);

#define uthash_fatal(message) end_out_of_memory()
#include <uthash.h>

#endif
