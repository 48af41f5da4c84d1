/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies and settings are read again.
 */
#ifndef VMSEG_RELOAD_H
#define VMSEG_RELOAD_H

#include "hostd/enforce/inventory/enforcer.h"

struct reload_result {
	size_t updated;   /* domains that now have what the new policies say */
	size_t failed;    /* domains that keep what they have; each says why in its `error` */
	size_t bad_files; /* in the policy directory */
};

/* Reads the policy directory again. `config` replaces the one in use and must outlive the enforcer;
 * the old one is not used any more when this returns 0. Each domain changes as a whole or not.
 * -EINVAL, and nothing has changed: other settings name a policy that does not exist. */
int reload_enforcer(struct enforcer *enforcer, const struct config *config,
		    struct reload_result *ret, struct diag *diag);

#endif
