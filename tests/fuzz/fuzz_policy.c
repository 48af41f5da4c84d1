/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzes what admins write: a policy or set document goes the whole way to the image, and what is
 * accepted must survive its own canonical form.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/compile/compile.h"
#include "hostd/policy/read/library.h"
#include "hostd/policy/read/parse.h"
#include "hostd/policy/read/schema.h"
#include "hostd/policy/write/print.h"

int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct library *library;

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
	_cleanup_(clear_diag) struct diag diag = {0};

	(void)count;
	(void)arguments;
	set_schema_path("build/vmseg.rng");
	return load_library("policies", &library, &diag);
}

/* Groups have no members here. */
static size_t no_members(void *context, const char *group, const struct prefix **ret)
{
	(void)context;
	(void)group;
	*ret = NULL;
	return 0;
}

/* Compiles the policy as the only one of a domain. */
static void compile_policy(struct policy *policy)
{
	const struct group_source groups = {.members = no_members};
	struct policy_item item = {.policy = policy};
	struct domain_policy domain;
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_(free_effective_policy) struct effective_policy *effective = NULL;
	_cleanup_(free_image) struct image *image = NULL;
	uint8_t mac[MAC_BYTES] = {0x52, 0x54};

	init_domain_policy(&domain);
	domain.policies = &item;
	domain.policy_count = 1;
	if (resolve_policy(library, NULL, &domain, mac, &groups, &effective, &diag) == 0)
		compile_image(effective, &image, &diag);
}

static char *print_text(const struct policy *policy, const struct address_set *set, size_t *ret)
{
	char *text = NULL;
	FILE *stream = open_memstream(&text, ret);

	if (!stream)
		abort();
	if (policy)
		print_policy(policy, stream);
	else
		print_address_set(set, stream);
	fclose(stream);
	return text;
}

/* The canonical form of the canonical form is itself. */
static void check_round_trip(const struct policy *policy, const struct address_set *set)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_(free_policy) struct policy *again = NULL;
	_cleanup_(free_address_set) struct address_set *set_again = NULL;
	_cleanup_free_ char *text = NULL, *text_again = NULL;
	size_t size, size_again;

	text = print_text(policy, set, &size);
	if (parse_policy_text(text, size, "canonical", &again, &set_again, &diag) < 0)
		abort();
	text_again = print_text(again, set_again, &size_again);
	if (size != size_again || memcmp(text, text_again, size) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_(free_policy) struct policy *policy = NULL;
	_cleanup_(free_address_set) struct address_set *set = NULL;

	if (parse_policy_text((const char *)data, size, "input", &policy, &set, &diag) < 0) {
		if (!diag.error.text)
			abort(); /* refused without a word */
		return 0;
	}
	check_round_trip(policy, set);
	if (policy)
		compile_policy(policy);
	return 0;
}
