/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables by libsmartcols.
 */
#include "hostd/ctl/text_table.h"

#include <inttypes.h>
#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/ctl/reply.h"

static void need(const void *pointer)
{
	if (pointer)
		return;
	fputs("vmseg: out of memory\n", stderr);
	exit(EXIT_FAILURE);
}

/* ---- cells ---------------------------------------------------------------------------------- */

void show_value(FILE *out, const json_t *row, const char *member)
{
	const json_t *value = json_object_get(row, member);

	if (json_is_integer(value))
		fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		fputs(get_text(row, member), out);
}

void show_list(FILE *out, const json_t *row, const char *member)
{
	_cleanup_free_ char *text = join_texts(json_object_get(row, member), "-");

	need(text);
	fputs(text, out);
}

void show_count(FILE *out, const json_t *row, const char *member)
{
	fprintf(out, "%zu", json_array_size(json_object_get(row, member)));
}

void show_size(FILE *out, const json_t *row, const char *member)
{
	char text[HUMAN_BYTES];

	fputs(format_size((uint64_t)get_number(row, member), text), out);
}

void show_age(FILE *out, const json_t *row, const char *member)
{
	char text[HUMAN_BYTES];

	fputs(format_age((uint64_t)get_number(row, member), text), out);
}

/* What a cell shows; the caller frees it. */
static char *cell_text(const json_t *row, const struct column *column)
{
	show_cell show = column->show ? column->show : show_value;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	need(stream);
	show(stream, row, column->member);
	if (fclose(stream) != 0)
		free(TAKE_PTR(text));
	need(text);
	return text;
}

/* ---- the table ------------------------------------------------------------------------------ */

static void add_column(struct libscols_table *table, const struct column *column)
{
	int flags = (column->right ? SCOLS_FL_RIGHT : 0) | (column->truncate ? SCOLS_FL_TRUNC : 0);

	need(scols_table_new_column(table, column->heading, 0, flags));
}

static bool has_cells(const json_t *rows, const struct column *column)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		_cleanup_free_ char *text = cell_text(row, column);

		if (text[0])
			return true;
	}
	return false;
}

static void add_row(struct libscols_table *table, const json_t *row, const struct column *columns,
		    size_t column_count)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);

	need(line);
	for (size_t i = 0; i < column_count; i++)
		scols_line_refer_data(line, i, cell_text(row, &columns[i]));
}

static void print_indented(char *text, int indent)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		printf("%*s%s\n", indent, "", line);
}

/* The columns that are not left out; *ret_count is how many. The caller frees the list. */
static struct column *choose_columns(const json_t *rows, const struct column *columns, size_t count,
				     size_t *ret_count)
{
	struct column *shown = calloc(count, sizeof(*shown));

	need(shown);
	*ret_count = 0;
	for (size_t i = 0; i < count; i++) {
		if (!columns[i].optional || has_cells(rows, &columns[i]))
			shown[(*ret_count)++] = columns[i];
	}
	return shown;
}

void print_table(const json_t *rows, const struct column *columns, size_t column_count, int indent)
{
	_cleanup_free_ struct column *shown = NULL;
	_cleanup_free_ char *text = NULL;
	struct libscols_table *table;
	json_t *row;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	scols_init_debug(0);
	/* Texts are UTF-8, whatever the locale. In the C locale, libsmartcols does not return from
	 * a text that is not ASCII. */
	setlocale(LC_CTYPE, "C.UTF-8");
	table = scols_new_table();
	need(table);
	/* What must not be shown is escaped already (escape_texts()). */
	scols_table_enable_noencoding(table, 1);
	shown = choose_columns(rows, columns, column_count, &column_count);
	for (i = 0; i < column_count; i++)
		add_column(table, &shown[i]);
	json_array_foreach(rows, i, row) add_row(table, row, shown, column_count);
	if (indent == 0)
		scols_print_table(table);
	else if (scols_print_table_to_string(table, &text) == 0)
		print_indented(text, indent);
	scols_unref_table(table);
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
