/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enforcer's parts are opened in the order in which they need each other.
 */
#include "hostd/enforce/handlers/open.h"

#include <errno.h>
#include <stdlib.h>

#include "hostd/base/cleanup.h"
#include "hostd/enforce/handlers/adopt_domains.h"
#include "hostd/enforce/handlers/arrivals.h"
#include "hostd/enforce/handlers/chores.h"
#include "hostd/enforce/handlers/handlers_state.h"
#include "hostd/enforce/handlers/policed.h"
#include "hostd/enforce/handlers/repair.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/groups.h"
#include "hostd/enforce/inventory/libvirts.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"
#include "hostd/enforce/inventory/unclaimed.h"

int open_enforcer(const struct config *config, struct datapath *datapath, struct enforcer **ret,
		  struct diag *diag)
{
	_cleanup_(close_enforcer) struct enforcer *enforcer = calloc(1, sizeof(*enforcer));
	int r;

	if (!enforcer)
		return fail_memory(diag, NULL);
	enforcer->config = config;
	enforcer->datapath = datapath;
	enforcer->handlers = calloc(1, sizeof(*enforcer->handlers));
	if (!enforcer->handlers || new_libvirts(config, &enforcer->libvirts) < 0)
		return fail_memory(diag, NULL);
	r = open_state_directories(config, &enforcer->directories, diag);
	if (r == 0)
		r = read_library_share(config->policy_directory, &enforcer->library, diag);
	if (r < 0)
		return r;
	adopt_domains(enforcer);
	*ret = TAKE_PTR(enforcer);
	return 0;
}

static void free_handlers(struct enforcer *enforcer)
{
	if (!enforcer->handlers)
		return;
	free_chores(enforcer);
	free_repair(enforcer);
	free_arrivals(enforcer);
	free_policed(enforcer);
	free(enforcer->handlers);
}

void close_enforcer(struct enforcer **pointer)
{
	struct enforcer *enforcer = *pointer;
	struct managed_domain *managed, *next;

	if (!enforcer)
		return;
	HASH_ITER (hh, enforcer->domains, managed, next)
		drop_managed(enforcer, managed);
	free_handlers(enforcer);
	free_unclaimed(enforcer);
	free(enforcer->opened);
	free_libvirts(&enforcer->libvirts);
	free_groups(&enforcer->groups);
	clear_rules_cache(&enforcer->rules);
	free_problems(&enforcer->problems);
	release_library(&enforcer->library);
	free_state_directories(&enforcer->directories);
	free(enforcer);
	*pointer = NULL;
}
