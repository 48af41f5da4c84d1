/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From terms and rows to the smallest table that says the same.
 */
#include "hostd/policy/compile/verdict_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"

#define NO_NUMBER UINT32_MAX

/* ---- verdict cells -------------------------------------------------------------------------- */

static uint32_t rule_cell(const struct effective_policy *policy, uint32_t index)
{
	const struct rule *rule = policy->rules[index].rule;
	uint32_t cell = index + 1;

	if (rule->action == ACTION_ALLOW)
		cell |= VERDICT_ALLOW;
	if (rule->log)
		cell |= VERDICT_LOG;
	if (rule->keep_established)
		cell |= VERDICT_KEEP_ESTABLISHED;
	return cell;
}

/* The direction of each column; where defaults are equal a column may have both, and either is
 * right. */
static void find_directions(const struct axis *columns, uint8_t *directions)
{
	for (size_t i = 0; i < columns->atom_count; i++)
		directions[columns->classes[i]] = (uint8_t)(columns->starts[i] >> DIRECTION_SHIFT);
}

/* Turns rule indices into verdict cells, and NO_RULE into the default. */
static int convert_to_cells(const struct effective_policy *policy, struct verdict_table *table)
{
	const struct axis *columns = &table->terms.columns;
	uint32_t sources = table->terms.sources.class_count;
	size_t width = row_width(&table->terms), words = table->rows.verdicts.count * width;
	_cleanup_free_ uint8_t *directions = calloc(columns->class_count, 1);
	uint32_t *cells = table->rows.verdicts.records;

	if (!directions)
		return -ENOMEM;
	find_directions(columns, directions);
	for (size_t i = 0; i < words; i++) {
		uint8_t direction = directions[i % width / sources];

		if (cells[i] != NO_RULE)
			cells[i] = rule_cell(policy, cells[i]);
		else
			cells[i] = policy->default_action[direction] == ACTION_ALLOW ? VERDICT_ALLOW
										     : 0;
	}
	return 0;
}

/* ---- merging -------------------------------------------------------------------------------- */

/* Along which dimension to merge. */
enum dimension { COLUMNS, SOURCES };

static uint32_t original_cell(const struct verdict_table *table, uint32_t row, uint32_t column,
			      uint32_t source)
{
	return interned_record(
		&table->rows.verdicts,
		table->row_of[row])[(size_t)column * table->terms.sources.class_count + source];
}

uint32_t verdict_cell(const struct verdict_table *table, uint32_t row, uint32_t column,
		      uint32_t source)
{
	return original_cell(table, row, table->column_of[column], table->source_of[source]);
}

/* Calls for every cell of class `index` would cost too much: the two loops are written out. */
static void hash_classes(const struct verdict_table *table, enum dimension dimension,
			 uint64_t *hashes)
{
	uint32_t columns = table->terms.columns.class_count;
	uint32_t sources = table->terms.sources.class_count;

	for (uint32_t row = 0; row < table->row_count; row++) {
		const uint32_t *cell = interned_record(&table->rows.verdicts, table->row_of[row]);

		for (uint32_t column = 0; column < columns; column++) {
			for (uint32_t source = 0; source < sources; source++, cell++) {
				uint64_t *hash = &hashes[dimension == COLUMNS ? column : source];

				*hash = hash_word(*hash, *cell);
			}
		}
	}
}

static bool equal_columns(const struct verdict_table *table, uint32_t a, uint32_t b)
{
	uint32_t sources = table->terms.sources.class_count;

	for (uint32_t row = 0; row < table->row_count; row++) {
		for (uint32_t source = 0; source < sources; source++) {
			if (original_cell(table, row, a, source) !=
			    original_cell(table, row, b, source))
				return false;
		}
	}
	return true;
}

static bool equal_sources(const struct verdict_table *table, uint32_t a, uint32_t b)
{
	for (uint32_t row = 0; row < table->row_count; row++) {
		for (uint32_t column = 0; column < table->terms.columns.class_count; column++) {
			if (original_cell(table, row, column, a) !=
			    original_cell(table, row, column, b))
				return false;
		}
	}
	return true;
}

struct hashed_class {
	uint64_t hash;
	uint32_t class;
};

static int compare_hashed_classes(const void *a, const void *b)
{
	const struct hashed_class *left = a, *right = b;

	if (left->hash != right->hash)
		return left->hash < right->hash ? -1 : 1;
	return (left->class > right->class) - (left->class < right->class);
}

/* Sets first[class] to the lowest class that is equal to it. Different classes with the same hash
 * stay different. Equal classes after such a pair may stay unmerged; this costs only space. */
static int find_equals(const struct verdict_table *table, enum dimension dimension, uint32_t count,
		       uint32_t *first)
{
	_cleanup_free_ struct hashed_class *sorted = calloc(count, sizeof(*sorted));
	_cleanup_free_ uint64_t *hashes = calloc(count, sizeof(*hashes));

	if (!sorted || !hashes)
		return -ENOMEM;
	hash_classes(table, dimension, hashes);
	for (uint32_t i = 0; i < count; i++)
		sorted[i] = (struct hashed_class){hashes[i], i};
	qsort(sorted, count, sizeof(*sorted), compare_hashed_classes);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t class = sorted[i].class;
		uint32_t head = i > 0 ? first[sorted[i - 1].class] : class;
		bool equal = i > 0 && sorted[i].hash == sorted[i - 1].hash &&
			     (dimension == COLUMNS ? equal_columns(table, head, class)
						   : equal_sources(table, head, class));

		first[class] = equal ? head : class;
	}
	return 0;
}

/* Gives the classes of an axis their numbers after merging; *ret_of leads back. */
static int merge_classes(struct verdict_table *table, enum dimension dimension, struct axis *axis,
			 uint32_t **ret_of, uint32_t *ret_count)
{
	uint32_t classes = axis->class_count, count = 0;
	_cleanup_free_ uint32_t *first = calloc(classes, sizeof(*first));
	_cleanup_free_ uint32_t *number = calloc(classes, sizeof(*number));
	uint32_t *of = calloc(classes, sizeof(*of));
	int r;

	*ret_of = of;
	if (!first || !number || !of)
		return -ENOMEM;
	r = find_equals(table, dimension, classes, first);
	if (r)
		return r;
	for (uint32_t i = 0; i < classes; i++) {
		if (first[i] == i) {
			of[count] = i;
			number[i] = count++;
		}
	}
	for (size_t i = 0; i < axis->atom_count; i++)
		axis->classes[i] = number[first[axis->classes[i]]];
	*ret_count = count;
	return 0;
}

/* ---- rows in use ---------------------------------------------------------------------------- */

/* Numbers the rows that have addresses in order of the first one, IPv4 before IPv6. */
static int number_rows(struct verdict_table *table)
{
	uint32_t rows = table->rows.verdicts.count;
	_cleanup_free_ uint32_t *number = malloc(rows * sizeof(*number));
	int r = 0;

	table->row_of = calloc(rows, sizeof(*table->row_of));
	if (!number || !table->row_of)
		return -ENOMEM;
	for (uint32_t i = 0; i < rows; i++)
		number[i] = NO_NUMBER;
	for (size_t family = 0; family < ARRAY_SIZE(table->row_runs); family++) {
		const struct runs *runs = &table->rows.runs[family];

		for (size_t i = 0; !r && i < runs->count; i++) {
			uint32_t row = runs->items[i].value;

			if (number[row] == NO_NUMBER) {
				table->row_of[table->row_count] = row;
				number[row] = table->row_count++;
			}
			r = add_run(&table->row_runs[family], runs->items[i].start, number[row]);
		}
	}
	return r;
}

/* ---- lines for the tries -------------------------------------------------------------------- */

/* An atom may reach from one direction into the next. */
static int add_column_runs(struct verdict_table *table, uint32_t direction)
{
	const struct axis *axis = &table->terms.columns;
	uint32_t first = direction << DIRECTION_SHIFT, end = (direction + 1) << DIRECTION_SHIFT;
	int r = 0;

	for (size_t i = 0; !r && i < axis->atom_count; i++) {
		uint32_t start = axis->starts[i];
		bool ends_before = i + 1 < axis->atom_count && axis->starts[i + 1] <= first;

		if (start >= end || ends_before)
			continue;
		r = add_run(&table->column_runs[direction], start > first ? start - first : 0,
			    axis->classes[i]);
	}
	return r;
}

static int add_source_runs(struct verdict_table *table)
{
	const struct axis *axis = &table->terms.sources;
	int r = 0;

	for (size_t i = 0; !r && i < axis->atom_count; i++)
		r = add_run(&table->source_runs, axis->starts[i], axis->classes[i]);
	return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int report(const struct effective_policy *policy, const struct verdict_table *table,
		  int error, struct diag *diag)
{
	const struct axis *columns = &table->terms.columns, *sources = &table->terms.sources;
	size_t prefixes = 0;

	for (size_t i = 0; i < policy->list_count; i++)
		prefixes += policy->lists[i].count;
	if (error != -E2BIG)
		return fail(diag, -error, NULL, 0, "out of memory");
	return fail(diag, E2BIG, policy->place.source, policy->place.line,
		    "the %zu rules divide services into %u classes, source ports into %u, and "
		    "%zu prefixes of remote addresses into at least %zu: the verdict table has at "
		    "most %u entries",
		    policy->rule_count, columns->class_count, sources->class_count, prefixes,
		    TABLE_CELLS_MAX / row_width(&table->terms) + 1, TABLE_CELLS_MAX);
}

static int fill_table(const struct effective_policy *policy, struct verdict_table *table)
{
	int r = build_terms(policy, &table->terms);

	if (!r)
		r = build_rows(policy, &table->terms, &table->rows);
	if (!r)
		r = number_rows(table);
	if (!r)
		r = convert_to_cells(policy, table);
	if (!r)
		r = merge_classes(table, COLUMNS, &table->terms.columns, &table->column_of,
				  &table->column_count);
	if (!r)
		r = merge_classes(table, SOURCES, &table->terms.sources, &table->source_of,
				  &table->source_count);
	if (!r)
		r = add_column_runs(table, DIRECTION_IN);
	if (!r)
		r = add_column_runs(table, DIRECTION_OUT);
	return r ? r : add_source_runs(table);
}

int build_verdict_table(const struct effective_policy *policy, struct verdict_table *ret,
			struct diag *diag)
{
	struct verdict_table table = {0};
	int r = fill_table(policy, &table);

	if (!r) {
		*ret = table;
		return 0;
	}
	r = report(policy, &table, r, diag);
	free_verdict_table(&table);
	return r;
}

void free_verdict_table(struct verdict_table *table)
{
	free_terms(&table->terms);
	free_rows(&table->rows);
	free(table->row_of);
	free(table->column_of);
	free(table->source_of);
	for (size_t i = 0; i < ARRAY_SIZE(table->row_runs); i++)
		free_runs(&table->row_runs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(table->column_runs); i++)
		free_runs(&table->column_runs[i]);
	free_runs(&table->source_runs);
	*table = (struct verdict_table){0};
}
