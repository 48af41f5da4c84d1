/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Model to XML, in one canonical form: parsing it again gives the same model. Write errors stay in
 * the stream, for ferror().
 */
#ifndef VMSEG_POLICY_PRINT_H
#define VMSEG_POLICY_PRINT_H

#include <stdio.h>

#include "hostd/policy/model.h"

void print_policy(const struct policy *policy, FILE *stream);
void print_address_set(const struct address_set *set, FILE *stream);
void print_domain_policy(const struct domain_policy *policy, FILE *stream);

/* One element of a policy, `depth` steps to the right; nothing where it would say nothing. */
void print_description(const char *description, int depth, FILE *stream);
void print_defaults(const struct defaults *defaults, int depth, FILE *stream);
void print_guards(const struct guards *guards, int depth, FILE *stream);
void print_limits(const struct limits *limits, int depth, FILE *stream);
void print_rule(const struct rule *rule, int depth, FILE *stream);

#endif
