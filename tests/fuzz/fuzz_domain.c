/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes what comes through the hook: a domain's XML, and the policy in its metadata.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/domain/domain.h"
#include "hostd/domain/domain_xml.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	(void)count;
	(void)arguments;
	set_schema_path("build/vmseg.rng");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	int r = parse_domain((const char *)data, size, &domain, &diag);

	if (r == 0 && domain->metadata)
		r = parse_domain_policy(domain->metadata, strlen(domain->metadata), domain->name,
					domain->metadata_line, &policy, &diag);
	if (r < 0 && !diag.error.text)
		abort(); /* refused without a word */
	return 0;
}
