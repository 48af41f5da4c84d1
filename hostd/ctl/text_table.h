/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text tables, as lsblk prints them.
 */
#ifndef VMSEG_TEXT_TABLE_H
#define VMSEG_TEXT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_table;

struct column {
	const char *name;
	bool right;    /* flush right: numbers */
	bool truncate; /* may be cut to fit the terminal */
};

/* Out of memory ends the program: nothing can be printed then. */
struct text_table *new_text_table(const struct column *columns, size_t count);
void free_text_table(struct text_table **table);

void add_line(struct text_table *table);
void set_text(struct text_table *table, size_t column, const char *text);
void set_number(struct text_table *table, size_t column, int64_t number);
/* Bytes as "1.2M", seconds as "3h 12m". */
void set_size(struct text_table *table, size_t column, uint64_t bytes);
void set_age(struct text_table *table, size_t column, uint64_t seconds);

bool is_empty(const struct text_table *table);
/* Prints with this many blanks before each line. */
void print_text_table(struct text_table *table, int indent);

#define HUMAN_BYTES 32
/* Both write to out and return it. */
char *format_size(uint64_t bytes, char out[static HUMAN_BYTES]);
char *format_age(uint64_t seconds, char out[static HUMAN_BYTES]);

#endif
