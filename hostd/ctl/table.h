/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text tables, as lsblk prints them.
 */
#ifndef VMSEG_TABLE_H
#define VMSEG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table;

struct column {
	const char *name;
	bool right;    /* flush right: numbers */
	bool truncate; /* may be cut to fit the terminal */
};

/* Out of memory ends the program: nothing can be printed then. */
struct table *new_table(const struct column *columns, size_t count);
void free_table(struct table **table);

void add_line(struct table *table);
void set_text(struct table *table, size_t column, const char *text);
void set_number(struct table *table, size_t column, int64_t number);
/* Bytes as "1.2M", seconds as "3h 12m". */
void set_size(struct table *table, size_t column, uint64_t bytes);
void set_age(struct table *table, size_t column, uint64_t seconds);

bool is_empty(const struct table *table);
/* Prints with this many blanks before each line. */
void print_table(struct table *table, int indent);

#define HUMAN_BYTES 32
/* Both write to out and return it. */
char *format_size(uint64_t bytes, char out[static HUMAN_BYTES]);
char *format_age(uint64_t seconds, char out[static HUMAN_BYTES]);

#endif
