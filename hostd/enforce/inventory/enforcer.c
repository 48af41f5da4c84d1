/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enforcer's own life.
 */
#include "hostd/enforce/inventory/enforcer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/trusted_file.h"
#include "hostd/change/policy_file.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/state_file.h"

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

/* What others could write there would decide what is filtered. Refused rather than repaired: nobody
 * knows what has been written. */
static int check_directory(const char *path, struct diag *diag)
{
	_cleanup_close_ int fd = -1;

	/* Made when it is needed. */
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return open_trusted_directory(path, &fd, diag);
}

static int check_state_directories(const struct enforcer *enforcer, struct diag *diag)
{
	const char *parent = enforcer->config->state_directory;
	_cleanup_free_ char *pending = pending_directory(parent);
	const char *const paths[] = {enforcer->state_directory, parent, enforcer->port_directory,
				     pending};
	int r = 0;

	if (!pending)
		return fail(diag, ENOMEM, NULL, 0, "out of memory");
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(paths); i++)
		r = check_directory(paths[i], diag);
	return r;
}

static void note_bad_pending(const char *path, void *context)
{
	struct enforcer *enforcer = context;

	set_file_problem(&enforcer->problems, path,
			 "this state file could not be used: a change that was to be confirmed is "
			 "in force and will not be rolled back; remove the file when it is not "
			 "needed any more");
}

/* A file of before that no pending change is to bring back. */
static void note_kept_file(const char *path, const char *name, void *context)
{
	struct enforcer *enforcer = context;

	if (find_pending(&enforcer->pending, name))
		return;
	log_warning(NULL, "%s: no state file says what it was kept for", path);
	set_file_problem(&enforcer->problems, path,
			 "this is %s.xml from before a change that was to be confirmed; no state "
			 "file says until when, so it will not be rolled back: rename the file to "
			 "%s.xml to roll back, or remove it",
			 name, name);
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
	if (r == 0 && new_libvirts(enforcer) < 0)
		r = fail(diag, ENOMEM, NULL, 0, "out of memory");
	if (r == 0)
		r = check_state_directories(enforcer, diag);
	if (r == 0)
		r = load_pending(config->state_directory, &enforcer->pending, diag);
	if (r < 0)
		return r;
	for_each_bad_state_file(enforcer->pending.directory, note_bad_pending, enforcer);
	restore_overdue(enforcer);
	r = load_trusted_library(config->policy_directory, &enforcer->library->library, diag);
	if (r < 0)
		return r;
	for_each_kept_file(config->policy_directory, note_kept_file, enforcer);
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
	free_libvirts(*enforcer);
	free_groups(&(*enforcer)->groups);
	clear_rules_cache(&(*enforcer)->rules);
	free_pending(&(*enforcer)->pending);
	free_problems(&(*enforcer)->problems);
	release_library(&(*enforcer)->library);
	free((*enforcer)->pins_problem);
	free_bypasses(&(*enforcer)->bypasses);
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

void for_each_problem(struct enforcer *enforcer,
		      void (*visit)(const struct problem *problem, void *context), void *context)
{
	drop_solved_problems(&enforcer->problems);
	for (const struct problem *p = enforcer->problems; p; p = p->hh.next)
		visit(p, context);
}

void report_problem(struct enforcer *enforcer, const char *subject, const char *text)
{
	const struct problem *known = find_problem(enforcer->problems, subject);

	if (text && (!known || strcmp(known->text, text) != 0)) {
		log_error(NULL, "%s: %s", subject, text);
		set_problem(&enforcer->problems, subject, "%s", text);
	}
	if (!text && known) {
		log_notice(NULL, "%s: well again", subject);
		clear_problem(&enforcer->problems, subject);
	}
}
