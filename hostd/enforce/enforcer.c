/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enforcer's own life.
 */
#include "hostd/enforce/enforcer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "hostd/base/cleanup.h"
#include "hostd/enforce/state.h"

static size_t list_members(void *context, const char *group, const struct prefix **ret)
{
	const struct enforcer *enforcer = context;

	return group_members(enforcer->groups, group, ret);
}

struct plan_inputs plan_inputs(struct enforcer *enforcer, const struct library_share *library)
{
	bool newest = !library || library == enforcer->library;

	return (struct plan_inputs){
		.config = enforcer->config,
		.library = library ? library->library : enforcer->library->library,
		.groups = {list_members, enforcer},
		.rules = newest ? &enforcer->rules : NULL,
	};
}

static int make_state_directory(struct enforcer *enforcer, struct diag *diag)
{
	enforcer->state_directory = run_path(enforcer->config, "domains");
	if (asprintf(&enforcer->port_directory, "%s/ports", enforcer->config->state_directory) < 0)
		enforcer->port_directory = NULL;
	if (!enforcer->state_directory || !enforcer->port_directory)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	if (mkdir(enforcer->state_directory, 0700) < 0 && errno != EEXIST)
		return fail(diag, errno, enforcer->state_directory, 0, "%s", strerror(errno));
	return 0;
}

int open_enforcer(const struct config *config, struct datapath *datapath, struct enforcer **ret,
		  struct diag *diag)
{
	_cleanup_(close_enforcer) struct enforcer *enforcer = calloc(1, sizeof(*enforcer));
	int r;

	if (!enforcer)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	enforcer->config = config;
	enforcer->datapath = datapath;
	enforcer->library = calloc(1, sizeof(*enforcer->library));
	if (!enforcer->library)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	enforcer->library->users = 1;
	r = make_state_directory(enforcer, diag);
	if (r == 0)
		r = load_pending(config->state_directory, &enforcer->pending, diag);
	if (r < 0)
		return r;
	restore_overdue(enforcer);
	r = load_library(config->policy_directory, &enforcer->library->library, diag);
	if (r < 0)
		return r;
	adopt_domains(enforcer);
	*ret = TAKE_PTR(enforcer);
	return 0;
}

void close_enforcer(struct enforcer **enforcer)
{
	struct managed_domain *managed, *next;

	if (!*enforcer)
		return;
	HASH_ITER (hh, (*enforcer)->domains, managed, next)
		drop_managed(*enforcer, managed);
	free_chores(*enforcer);
	free_arrivals(*enforcer);
	free_policed(*enforcer);
	free_unclaimed(*enforcer);
	free_groups(&(*enforcer)->groups);
	clear_rules_cache(&(*enforcer)->rules);
	free_pending(&(*enforcer)->pending);
	release_library(&(*enforcer)->library);
	free((*enforcer)->pins_problem);
	free((*enforcer)->state_directory);
	free((*enforcer)->port_directory);
	free(*enforcer);
	*enforcer = NULL;
}

struct datapath *enforcer_datapath(const struct enforcer *enforcer)
{
	return enforcer->datapath;
}

const struct config *enforcer_config(const struct enforcer *enforcer)
{
	return enforcer->config;
}

const struct library *enforcer_library(const struct enforcer *enforcer)
{
	return enforcer->library->library;
}

struct groups *enforcer_groups(const struct enforcer *enforcer)
{
	return enforcer->groups;
}
