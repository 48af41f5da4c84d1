/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The verdict table: rows x columns x sources of verdict cells, with equal columns and equal
 * sources merged (equal rows never arise).
 */
#ifndef VMSEG_POLICY_VERDICT_TABLE_H
#define VMSEG_POLICY_VERDICT_TABLE_H

#include "hostd/policy/compile/rows.h"
#include "hostd/policy/compile/terms.h"

struct verdict_table {
	struct terms terms;
	struct rows rows; /* verdict cells instead of rule indices once the table is built */
	/* The mapping after merging: number -> the original row, column or source class. */
	uint32_t *row_of, *column_of, *source_of;
	uint32_t row_count, column_count, source_count;
	/* Lines for the tries, with numbers after merging. */
	struct runs row_runs[2];    /* [0] IPv4, [1] IPv6 */
	struct runs column_runs[2]; /* by enum direction */
	struct runs source_runs;
};

/* Returns 0, -E2BIG with the numbers or -ENOMEM, with an error in diag. */
int build_verdict_table(const struct effective_policy *policy, struct verdict_table *ret,
			struct diag *diag);
void free_verdict_table(struct verdict_table *table);

/* The verdict cell by numbers after merging. */
uint32_t verdict_cell(const struct verdict_table *table, uint32_t row, uint32_t column,
		      uint32_t source);

#endif
