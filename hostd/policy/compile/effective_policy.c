/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/policy/compile/effective_policy.h"

#include <stdlib.h>

void free_effective_policy(struct effective_policy **policy)
{
	struct effective_policy *p = *policy;

	if (!p)
		return;
	free(p->rules);
	for (size_t i = 0; i < p->list_count; i++)
		free(p->lists[i].prefixes);
	free(p->lists);
	for (size_t i = 0; i < p->group_count; i++)
		free(p->groups[i]);
	free(p->groups);
	free(p);
	*policy = NULL;
}
