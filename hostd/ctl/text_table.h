/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Text tables, as lsblk prints them: a line for each object of a JSON array. A column names the
 * member that it shows.
 */
#ifndef VMSEG_TEXT_TABLE_H
#define VMSEG_TEXT_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Writes what a cell shows. `member` is that of the column; a cell that depends on several members
 * looks them up in the row. */
typedef void (*show_cell)(FILE *out, const json_t *row, const char *member);

struct column {
	const char *heading;
	const char *member;
	show_cell show; /* NULL: show_value() */
	bool right;     /* flush right: numbers */
	bool truncate;  /* may be cut to fit the terminal */
	bool optional;  /* left out where all its cells are empty */
};

/* A string as it is, a number in digits, anything else as nothing. */
void show_value(FILE *out, const json_t *row, const char *member);
/* The strings of an array: "a, b"; "-" if there are none. */
void show_list(FILE *out, const json_t *row, const char *member);
/* How many items an array has. */
void show_count(FILE *out, const json_t *row, const char *member);
/* Bytes: "1.2M". */
void show_size(FILE *out, const json_t *row, const char *member);
/* Seconds: "3h12m". */
void show_age(FILE *out, const json_t *row, const char *member);

/* Prints the rows below the headings, with `indent` blanks before each line; without rows nothing.
 * Out of memory ends the program: nothing can be printed then. */
void print_table(const json_t *rows, const struct column *columns, size_t column_count, int indent);

#define HUMAN_BYTES 32
/* Both write to out and return it. */
char *format_size(uint64_t bytes, char out[static HUMAN_BYTES]);
char *format_age(uint64_t seconds, char out[static HUMAN_BYTES]);

#endif
