/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An error message with its place, in UTF-8, and warnings. Functions that check input fill one when
 * they fail. The first error is kept; warnings are kept in order.
 */
#ifndef VMSEG_DIAG_H
#define VMSEG_DIAG_H

#include <stdbool.h>
#include <stddef.h>

/* The most bytes of a place, and of a text; what is longer is cut at a character. */
#define DIAG_TEXT_MAX 1023

struct diag_entry {
	char *where; /* "web-server.xml:12" or "domain web:3" or "" */
	char *text;  /* one sentence without a full stop */
};

struct diag {
	struct diag_entry error; /* text NULL: none */
	struct diag_entry *warnings;
	size_t warning_count;
	char *message; /* the last result of diag_message(), or NULL */
};

/* Records an error at source:line (source NULL or line 0: that part is left out) unless one is
 * there already. Always returns -code, so that `return fail(diag, EINVAL, ...)` reads well. diag
 * may be NULL. The parentheses keep cmocka's macro of the same name out of tests. */
__attribute__((format(printf, 5, 6))) int(fail)(struct diag *diag, int code, const char *source,
						int line, const char *format, ...);
__attribute__((format(printf, 4, 5))) void warn(struct diag *diag, const char *source, int line,
						const char *format, ...);

/* Records "out of memory" as fail() does, for source (NULL: no place). Always returns -ENOMEM. */
int fail_memory(struct diag *diag, const char *source);

/* "where: text", or "text" if there is no place; "" if there is no error. Without memory for both,
 * the text alone. The pointer is valid until the next call, and until the diag is changed or
 * cleared. */
const char *diag_message(struct diag *diag);

/* Frees what is inside; the struct can be used again. */
void clear_diag(struct diag *diag);

#endif
