/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Converts between JSON values and text, completely or not at all.
 *
 * jansson does not check every allocation. If a string cannot grow, its reader (2.14, load.c,
 * lex_save) drops a byte, and may then end the process by an assertion; its writer (dump.c) drops a
 * key. Callers of json_object_set_new() and similar functions rarely check the result, either. So
 * failed allocations are counted here for the whole program.
 */
#ifndef VMSEG_JSON_WHOLE_H
#define VMSEG_JSON_WHOLE_H

#include <jansson.h>

/* Reads a text of so many bytes. 0, -ENOMEM, or -EBADMSG when it is not JSON or an object has a key
 * twice; `error` says what and where. By one thread only. */
int parse_json(const char *text, size_t size, json_t **ret, json_error_t *error);

/* The text of a value, for free(); NULL when there is no memory. Flags are jansson's. */
char *format_json(const json_t *value, size_t flags);

/* Allocations for JSON of this thread that have failed so far. When the number is another one than
 * before a value was made, the value may lack parts. */
unsigned long count_json_failures(void);

#endif
