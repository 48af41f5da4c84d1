/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XML to model. Checked first by vmseg's own code, whose messages say what was expected, then by
 * the RELAX NG schema (policies/vmseg.rng.in). A document must pass both. No entity expansion, no
 * network, at most POLICY_FILE_MAX bytes.
 */
#ifndef VMSEG_POLICY_PARSE_H
#define VMSEG_POLICY_PARSE_H

#include "hostd/base/diag.h"
#include "hostd/policy/model.h"

/* Exactly one of *ret_policy and *ret_set is set on success. `source` names the text in messages.
 * Returns 0 or -errno with an error in diag: -EINVAL for bad input. */
int parse_policy_file(const char *path, struct policy **ret_policy, struct address_set **ret_set,
		      struct diag *diag);
/* The same for a file of the policy directory: it must be trusted (base/trusted_file.h). */
int parse_trusted_policy_file(const char *path, struct policy **ret_policy,
			      struct address_set **ret_set, struct diag *diag);
int parse_policy_text(const char *xml, size_t size, const char *source, struct policy **ret_policy,
		      struct address_set **ret_set, struct diag *diag);

/* `xml` is one <vmseg:domain> element as a document of its own. Line numbers in messages count
 * from first_line. */
int parse_domain_policy(const char *xml, size_t size, const char *source, int first_line,
			struct domain_policy **ret, struct diag *diag);

#endif
