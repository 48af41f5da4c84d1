/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Equality of policy models: everything but where it was written.
 */
#ifndef VMSEG_TEST_COMPARE_MODELS_H
#define VMSEG_TEST_COMPARE_MODELS_H

#include "hostd/policy/model.h"

/* Each fails the test at hand where the two differ. */
void assert_same_policy(const struct policy *a, const struct policy *b);
void assert_same_set(const struct address_set *a, const struct address_set *b);
void assert_same_domain(const struct domain_policy *a, const struct domain_policy *b);

#endif
