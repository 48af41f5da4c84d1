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

#endif
