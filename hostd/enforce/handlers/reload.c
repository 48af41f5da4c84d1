/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reload: the library is read, every domain is planned with it, and all plans are applied
 * together.
 */
#include "hostd/enforce/handlers/reload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/handlers/replan.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"

/* There is no file of that name. One that is there and bad holds up its own domains only. */
static int check_named_policy(const struct config *config, const struct library *library,
			      const char *key, const char *name, int line, struct diag *diag)
{
	if (!name || find_policy(library, name, NULL) || find_file_error(library, name))
		return 0;
	return fail(diag, EINVAL, config->path, line,
		    "%s: there is no policy \"%s\" in %s: nothing has changed", key, name,
		    config->policy_directory);
}

/* New settings must not take from running domains what they have because a name is misspelt. */
static int check_named_policies(const struct config *config, const struct library *library,
				struct diag *diag)
{
	int r = check_named_policy(config, library, "mandatory-policy", config->mandatory_policy,
				   config->mandatory_policy_line, diag);

	return r < 0 ? r
		     : check_named_policy(config, library, "unmanaged", config->unmanaged_policy,
					  config->unmanaged_policy_line, diag);
}

/* Plans one domain with the new library and settings. */
static void replan_domain(struct enforcer *enforcer, struct managed_domain *managed,
			  struct replanning *replanning, struct reload_result *result)
{
	if (!add_replan(enforcer, replanning, managed))
		stop_filtering(enforcer, managed);
	else if (managed->error)
		result->failed++;
	else if (!managed->detached)
		result->updated++;
}

static void publish_library(struct enforcer *enforcer, struct library_share *library,
			    const struct config *config)
{
	clear_rules_cache(&enforcer->rules);
	release_library(&enforcer->library);
	enforcer->library = library;
	enforcer->config = config;
}

int reload_enforcer(struct enforcer *enforcer, const struct config *config,
		    struct reload_result *ret, struct diag *diag)
{
	_cleanup_(release_library) struct library_share *library = NULL;
	struct reload_result result = {0};
	struct replanning replanning;
	int r;

	/* Until everything that is new has been read, nothing changes. */
	r = read_library_share(config->policy_directory, &library, diag);
	if (r == 0 && config != enforcer->config)
		r = check_named_policies(config, library->library, diag);
	if (r == 0 && begin_replanning(enforcer, &replanning) < 0)
		r = fail(diag, ENOMEM, NULL, 0, "out of memory");
	if (r < 0)
		return r;
	result.bad_files = count_bad_files(library->library);
	publish_library(enforcer, TAKE_PTR(library), config);

	/* All plans are made before the first port changes. */
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		replan_domain(enforcer, m, &replanning, &result);
	end_replanning(enforcer, &replanning);

	/* Domains without metadata may have joined or left groups. */
	refresh_groups(enforcer);
	*ret = result;
	return 0;
}
