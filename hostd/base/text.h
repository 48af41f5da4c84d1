/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text from outside: UTF-8, cut and shown.
 */
#ifndef VMSEG_TEXT_H
#define VMSEG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at `text`, of which `size` bytes are there: 1 to 4; 0: there is none
 * (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
size_t character_bytes(const char *text, size_t size);

/* The number of bytes before the first that is not UTF-8; `size` where all of it is. */
size_t utf8_bytes(const char *text, size_t size);

/* Takes a character off the end of which the last bytes are missing: what was cut by a number of
 * bytes is then cut at a character. Returns text. */
char *end_at_character(char *text);

/* Puts '?' in the place of each byte that is not UTF-8. Returns text. */
char *make_utf8(char *text);

/* A copy that can be shown on a terminal and in a log line: control characters (C0, C1, DEL), those
 * that change the direction of text, and bytes that are not UTF-8 are written as \xNN, for each of
 * their bytes. NULL: out of memory. */
char *escape_text(const char *text);

/* Frees *target and puts a copy of text there; text NULL: *target becomes NULL. When memory is out
 * *target keeps its text, so that it does not become NULL. */
void replace_text(char **target, const char *text);

#endif
