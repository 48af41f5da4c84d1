/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a domain's description asks for.
 */
#ifndef VMSEG_DESCRIPTION_H
#define VMSEG_DESCRIPTION_H

#include "hostd/base/diag.h"
#include "hostd/config/config.h"
#include "hostd/domain/domain.h"
#include "hostd/policy/model.h"

/* Reads a domain's XML and its policy. Both outputs are set on success; *ret_policy NULL: the
 * domain is unmanaged. Returns 0 or -errno with an error in diag. */
int read_description(const struct config *config, const char *xml, struct domain **ret_domain,
		     struct domain_policy **ret_policy, struct diag *diag);

/* The policy of the domain's metadata, or that of hostd.conf for domains without. *ret is NULL for
 * a domain that is not filtered. Returns 0 or -errno with an error in diag. */
int read_domain_policy(const struct config *config, const struct domain *domain,
		       struct domain_policy **ret, struct diag *diag);

/* From now on a policy of the library, by its name, is the only one of the domain and of all its
 * interfaces. Returns 0 or -ENOMEM. */
int set_only_policy(struct domain_policy *policy, const char *name);

/* Warns in diag of metadata that has no effect: it is about interfaces that the domain does not
 * have. */
void warn_of_unknown_interfaces(const struct domain *domain, const struct domain_policy *policy,
				struct diag *diag);

/* Interfaces that cannot be filtered: -EOPNOTSUPP with an error in diag where the settings refuse
 * such domains; else 0, and a warning for each. */
int check_unfilterable(const struct config *config, const struct domain *domain, struct diag *diag);

#endif
