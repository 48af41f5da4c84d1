/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files first, then a reload: whatever ends the daemon in between, the next one reads what is
 * there.
 */
#include "hostd/change/policy_edit.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/change/policy_file.h"
#include "hostd/change/policy_use.h"
#include "hostd/enforce/inventory/enforcer_state.h"

/* Between two attempts to roll back. */
#define RETRY_USEC (5 * USEC_PER_SEC)

static int reload_policies(struct enforcer *enforcer, struct reload_result *ret, struct diag *diag)
{
	return reload_enforcer(enforcer, enforcer->config, ret, diag);
}

static int refuse_pending(const struct enforcer *enforcer, const char *name, struct diag *diag)
{
	const struct pending_change *change = find_pending(&enforcer->pending, name);

	if (!change)
		return 0;
	return fail(
		diag, EBUSY, NULL, 0,
		"%s waits for confirmation, %u s are left: say vmseg policy confirm %s, or vmseg "
		"policy rollback %s, first",
		name, seconds_left(change), name, name);
}

/* ---- for good ------------------------------------------------------------------------------- */

/* The library that is in use was not touched: with the file of before all is as it was. */
static void undo_write(const char *directory, const char *name, bool existed, const char *text)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_free_ char *edited = NULL;
	char message[512];

	if (restore_policy_file(directory, name, existed, text, &edited, &diag) < 0)
		log_error(NULL, "%s", diag_message(&diag, message, sizeof(message)));
}

static int apply_for_good(struct enforcer *enforcer, const char *name, const char *text,
			  bool *ret_is_new, struct reload_result *ret, struct diag *diag)
{
	const char *directory = enforcer->config->policy_directory;
	bool existed = false;
	int r = keep_policy_file(directory, name, &existed, diag);

	if (r == 0)
		r = write_policy_file(directory, name, text, diag);
	if (r == 0) {
		r = reload_policies(enforcer, ret, diag);
		if (r < 0)
			undo_write(directory, name, existed, text);
	}
	drop_kept_file(directory, name);
	if (r < 0)
		return r;
	log_notice(NULL, "policy file %s.xml %s", name, existed ? "replaced" : "created");
	*ret_is_new = !existed;
	return 0;
}

int delete_policy(struct enforcer *enforcer, const char *name, struct reload_result *ret,
		  struct diag *diag)
{
	const char *directory = enforcer->config->policy_directory;
	bool existed = false;
	int r = refuse_pending(enforcer, name, diag);

	if (r == 0)
		r = check_unused(enforcer, name, diag);
	if (r < 0)
		return r;
	r = keep_policy_file(directory, name, &existed, diag);
	if (r == 0)
		r = delete_policy_file(directory, name, diag);
	if (r == 0) {
		r = reload_policies(enforcer, ret, diag);
		if (r < 0)
			undo_write(directory, name, existed, "");
	}
	drop_kept_file(directory, name);
	if (r == 0)
		log_notice(NULL, "policy file %s.xml deleted", name);
	return r;
}

/* ---- until confirmed ------------------------------------------------------------------------ */

/* The library that is in use was not touched. */
static void undo_pending(struct enforcer *enforcer, struct pending_change *change)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char message[512];

	if (restore_pending(&enforcer->pending, change, &diag) == 0)
		drop_pending(&enforcer->pending, change);
	else
		log_error(NULL, "%s", diag_message(&diag, message, sizeof(message)));
}

static int apply_for_now(struct enforcer *enforcer, const char *name, const char *text,
			 uint32_t seconds, bool *ret_is_new, struct reload_result *ret,
			 struct diag *diag)
{
	const char *directory = enforcer->config->policy_directory;
	struct pending_change *change = NULL;
	_cleanup_free_ char *kept = kept_file_path(directory, name);
	int r = add_pending(&enforcer->pending, directory, name, text, seconds, &change, diag);

	if (r < 0)
		return r;
	/* What an earlier change had left there is replaced. */
	if (kept)
		clear_problem(&enforcer->problems, kept);
	r = write_policy_file(directory, name, text, diag);
	if (r < 0) {
		settle_pending(&enforcer->pending, change, NULL);
		return r;
	}
	r = reload_policies(enforcer, ret, diag);
	if (r < 0) {
		undo_pending(enforcer, change);
		return r;
	}
	log_notice(NULL, "policy file %s.xml %s; rolled back in %u s unless confirmed", name,
		   change->existed ? "replaced" : "created", seconds);
	*ret_is_new = !change->existed;
	return 0;
}

int apply_policy(struct enforcer *enforcer, const char *name, const char *text, uint32_t seconds,
		 bool *ret_is_new, struct reload_result *ret, struct diag *diag)
{
	int r = refuse_pending(enforcer, name, diag);

	if (r < 0)
		return r;
	return seconds ? apply_for_now(enforcer, name, text, seconds, ret_is_new, ret, diag)
		       : apply_for_good(enforcer, name, text, ret_is_new, ret, diag);
}

static struct pending_change *need_pending(const struct enforcer *enforcer, const char *name,
					   struct diag *diag)
{
	struct pending_change *change = find_pending(&enforcer->pending, name);

	if (!change)
		fail(diag, ENOENT, NULL, 0, "no change of %s waits for confirmation", name);
	return change;
}

int confirm_policy(struct enforcer *enforcer, const char *name, struct diag *diag)
{
	struct pending_change *change = need_pending(enforcer, name, diag);
	int r;

	if (!change)
		return -ENOENT;
	if (change->restored)
		return fail(diag, EALREADY, NULL, 0, "%s was rolled back already", name);
	r = settle_pending(&enforcer->pending, change, diag);
	if (r == 0)
		log_notice(NULL, "policy file %s.xml confirmed", name);
	return r;
}

/* Leaves the change in the table when it fails. */
static int roll_back(struct enforcer *enforcer, struct pending_change *change,
		     struct reload_result *ret, struct diag *diag)
{
	int restored = restore_pending(&enforcer->pending, change, diag);
	int r = change->restored ? reload_policies(enforcer, ret, diag) : restored;

	if (r == 0)
		r = restored;
	if (r < 0)
		return r;
	log_notice(NULL, "policy file %s.xml rolled back: %s, %zu domains updated", change->name,
		   change->existed ? "the earlier one is in force" : "there was none before",
		   ret->updated);
	drop_pending(&enforcer->pending, change);
	return 0;
}

int roll_back_policy(struct enforcer *enforcer, const char *name, struct reload_result *ret,
		     struct diag *diag)
{
	struct pending_change *change = need_pending(enforcer, name, diag);

	return change ? roll_back(enforcer, change, ret, diag) : -ENOENT;
}

/* Said once; status has it for as long as it lasts. */
static void try_again_later(struct pending_change *change, struct diag *diag)
{
	char text[1024];

	if (!change->error)
		log_error(NULL, "%s cannot be rolled back yet: %s", change->name,
			  diag_message(diag, text, sizeof(text)));
	set_error(&change->error, diag_message(diag, text, sizeof(text)));
	change->deadline = boottime_usec() + RETRY_USEC;
}

static void report_overdue(const struct pending_change *change)
{
	if (!change->error)
		log_warning(NULL, "%s was not confirmed in %u s", change->name, change->seconds);
}

void roll_back_overdue(struct enforcer *enforcer)
{
	struct pending_change *change, *next;
	struct reload_result result = {0};

	HASH_ITER (hh, enforcer->pending.table, change, next) {
		_cleanup_(clear_diag) struct diag diag = {0};

		if (seconds_left(change) > 0)
			continue;
		report_overdue(change);
		if (roll_back(enforcer, change, &result, &diag) < 0)
			try_again_later(change, &diag);
	}
}

void restore_overdue(struct enforcer *enforcer)
{
	struct pending_change *change, *next;

	HASH_ITER (hh, enforcer->pending.table, change, next) {
		_cleanup_(clear_diag) struct diag diag = {0};

		if (seconds_left(change) > 0)
			continue;
		report_overdue(change);
		if (restore_pending(&enforcer->pending, change, &diag) < 0) {
			try_again_later(change, &diag);
			continue;
		}
		log_notice(NULL, "policy file %s.xml rolled back: %s", change->name,
			   change->existed ? "the earlier one is there again"
					   : "there was none before");
		drop_pending(&enforcer->pending, change);
	}
}

static int compare_names(const struct pending_change *a, const struct pending_change *b)
{
	return strcmp(a->name, b->name);
}

void for_each_pending(struct enforcer *enforcer,
		      void (*visit)(const struct pending_change *change, void *context),
		      void *context)
{
	HASH_SORT(enforcer->pending.table, compare_names);
	for (const struct pending_change *c = enforcer->pending.table; c; c = c->hh.next)
		visit(c, context);
}

uint64_t next_rollback(const struct enforcer *enforcer)
{
	return next_deadline(&enforcer->pending);
}
