/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of the verdict table: classes of remote addresses, with what each decides.
 */
#ifndef VMSEG_POLICY_ROWS_H
#define VMSEG_POLICY_ROWS_H

#include "hostd/policy/compile/terms.h"
#include "hostd/policy/compile/trie.h"

/* Most words of the verdict table: a whole image of them. */
#define TABLE_CELLS_MAX (1U << 24)

struct rows {
	struct interner verdicts; /* one record of row_width() words per row */
	struct runs runs[2];      /* addresses to rows: [0] IPv4, [1] IPv6 */
	uint32_t *list_rows;      /* by list: the row of its first prefix */
};

/* A row that only a prefix without addresses of its own has (they all lie in longer prefixes) is in
 * no run. Returns 0, -E2BIG when the rows get more than TABLE_CELLS_MAX words or -ENOMEM. */
int build_rows(const struct effective_policy *policy, const struct terms *terms, struct rows *ret);
void free_rows(struct rows *rows);

#endif
