/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy from XML text to an image in one call, for tests. What should work and does not fails
 * the test at hand.
 */
#ifndef VMSEG_TEST_POLICY_CASE_H
#define VMSEG_TEST_POLICY_CASE_H

#include "hostd/policy/compile/compile.h"
#include "hostd/policy/compile/resolve.h"
#include "hostd/policy/read/library.h"

#define CASE_GROUPS_MAX 16

struct case_group {
	char name[NAME_MAX_BYTES + 1];
	struct prefix *members;
	size_t count;
};

struct policy_case {
	char directory[32]; /* the policy directory */
	struct library *library;
	struct domain_policy *domain;
	struct policy *mandatory; /* NULL: none */
	struct effective_policy *effective;
	struct image *image;
	struct case_group groups[CASE_GROUPS_MAX];
	size_t group_count;
	struct diag diag;
};

/* The MAC address of the interface that is resolved. */
extern const uint8_t case_mac[MAC_BYTES];
#define CASE_MAC "52:54:00:00:00:01"

void open_case(struct policy_case *test);
void close_case(struct policy_case *test);

/* Writes a file of the policy directory: name without ".xml". */
void add_case_file(struct policy_case *test, const char *name, const char *xml);

/* A group with its members in text; the list ends with NULL. */
void add_case_group(struct policy_case *test, const char *name, ...);

struct group_source case_groups(struct policy_case *test);

/* Parses, resolves and compiles the content of a <domain>; 0 or the first error's code, with the
 * error in test->diag. May be called again. */
int build_case(struct policy_case *test, const char *domain_content);

/* build_case() with one inline policy of this content; it must succeed. */
void compile_case(struct policy_case *test, const char *policy_content);

/* The error of the last build_case(). */
const char *case_error(struct policy_case *test);

struct policy_query make_query(enum direction direction, const char *remote, uint8_t protocol,
			       uint16_t port);

/* The number of the rule that decides, 0 for the default; allow in *ret_allow. */
uint32_t judge_case(const struct policy_case *test, const struct policy_query *query,
		    bool *ret_allow);

#endif
