/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables by libsmartcols.
 */
#include "hostd/ctl/text_table.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"

struct text_table {
	struct libscols_table *scols;
	struct libscols_line *line;
};

static void need(const void *pointer)
{
	if (pointer)
		return;
	fputs("vmseg: out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

struct text_table *new_text_table(const struct column *columns, size_t count)
{
	struct text_table *table = calloc(1, sizeof(*table));

	need(table);
	scols_init_debug(0);
	table->scols = scols_new_table();
	need(table->scols);
	/* What must not be shown is escaped already (escape_texts()). */
	scols_table_enable_noencoding(table->scols, 1);
	for (size_t i = 0; i < count; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].truncate ? SCOLS_FL_TRUNC : 0);

		need(scols_table_new_column(table->scols, columns[i].name, 0, flags));
	}
	return table;
}

void free_text_table(struct text_table **table)
{
	if (!*table)
		return;
	scols_unref_table((*table)->scols);
	free(*table);
	*table = NULL;
}

void add_line(struct text_table *table)
{
	table->line = scols_table_new_line(table->scols, NULL);
	need(table->line);
}

void set_text(struct text_table *table, size_t column, const char *text)
{
	scols_line_set_data(table->line, column, text);
}

void set_number(struct text_table *table, size_t column, int64_t number)
{
	char text[HUMAN_BYTES];

	snprintf(text, sizeof(text), "%" PRId64, number);
	set_text(table, column, text);
}

void set_size(struct text_table *table, size_t column, uint64_t bytes)
{
	char text[HUMAN_BYTES];

	set_text(table, column, format_size(bytes, text));
}

void set_age(struct text_table *table, size_t column, uint64_t seconds)
{
	char text[HUMAN_BYTES];

	set_text(table, column, format_age(seconds, text));
}

bool is_empty(const struct text_table *table)
{
	return scols_table_is_empty(table->scols);
}

void print_text_table(struct text_table *table, int indent)
{
	_cleanup_free_ char *text = NULL;
	char *rest = NULL;

	if (is_empty(table))
		return;
	if (indent == 0) {
		scols_print_table(table->scols);
		return;
	}
	scols_print_table_to_string(table->scols, &text);
	for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		printf("%*s%s\n", indent, "", line);
}

char *format_size(uint64_t bytes, char out[static HUMAN_BYTES])
{
	static const char units[] = "BKMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 2 < sizeof(units)) {
		value /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 "B", bytes);
	else
		snprintf(out, HUMAN_BYTES, value < 10 ? "%.1f%c" : "%.0f%c", value, units[unit]);
	return out;
}

char *format_age(uint64_t seconds, char out[static HUMAN_BYTES])
{
	if (seconds < 60)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 "m%02" PRIu64 "s", seconds / 60,
			 seconds % 60);
	else if (seconds < 86400)
		snprintf(out, HUMAN_BYTES, "%" PRIu64 "h%02" PRIu64 "m", seconds / 3600,
			 seconds / 60 % 60);
	else
		snprintf(out, HUMAN_BYTES, "%" PRIu64 "d%02" PRIu64 "h", seconds / 86400,
			 seconds / 3600 % 24);
	return out;
}
