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

/* One domain under the new settings and library: planned, or left alone from here on. */
static void reload_domain(struct enforcer *enforcer, struct replanning *replanning,
			  struct managed_domain *managed, struct reload_result *result)
{
	if (!add_replan(enforcer, replanning, managed)) {
		leave_alone(enforcer, managed);
		return;
	}
	if (managed->error)
		result->failed++;
	else if (!managed->detached)
		result->updated++;
}

static void reload_domains(struct enforcer *enforcer, struct replanning *replanning,
			   struct reload_result *result)
{
	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next)
		reload_domain(enforcer, replanning, m, result);
	end_replanning(enforcer, replanning);
	refresh_groups(enforcer);
}

/* There is no file of that name. One that is there and bad holds up its own domains only. */
static int check_named_policy(const struct config *config, const struct library *library,
			      const char *key, const char *name, int line, struct diag *diag)
{
	if (!name || find_policy(library, name, NULL) || find_file_error(library, name))
		return 0;
	return fail(diag, EINVAL, config->path, line,
		    "%s: there is no policy \"%s\" in %s: nothing is changed", key, name,
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

int reload_enforcer(struct enforcer *enforcer, const struct config *config,
		    struct reload_result *ret, struct diag *diag)
{
	struct library_share *share = NULL;
	struct reload_result result = {0};
	struct replanning replanning;
	int r = read_library_share(config->policy_directory, &share, diag);

	if (r < 0)
		return r;
	if (config != enforcer->config)
		r = check_named_policies(config, share->library, diag);
	if (r < 0) {
		release_library(&share);
		return r;
	}
	if (begin_replanning(enforcer, &replanning) < 0) {
		release_library(&share);
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	}
	clear_rules_cache(&enforcer->rules);
	release_library(&enforcer->library);
	enforcer->library = share;
	enforcer->config = config;
	reload_domains(enforcer, &replanning, &result);
	result.bad_files = count_bad_files(share->library);
	*ret = result;
	return 0;
}
