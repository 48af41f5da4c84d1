/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file is changed first, then policies are reloaded: if the daemon ends in between, the next
 * one reads the new file.
 */
#include "hostd/change/policy_edit.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/change/policy_file.h"
#include "hostd/change/policy_use.h"
#include "hostd/enforce/inventory/state_file.h"

/* Between two attempts to roll back. */
#define RETRY_USEC (5 * USEC_PER_SEC)

static int reload_policies(struct policy_editor *editor, struct reload_result *ret,
			   struct diag *diag)
{
	return reload_enforcer(editor->enforcer, enforcer_config(editor->enforcer), ret, diag);
}

static const char *policy_directory(const struct policy_editor *editor)
{
	return enforcer_config(editor->enforcer)->policy_directory;
}

static int refuse_pending(const struct policy_editor *editor, const char *name, struct diag *diag)
{
	const struct pending_change *change = find_pending(&editor->pending, name);

	if (!change)
		return 0;
	return fail(diag, EBUSY, NULL, 0,
		    "a change of %s waits for confirmation (%u s are left): first run vmseg policy "
		    "confirm %s or vmseg policy rollback %s",
		    name, seconds_left(change), name, name);
}

/* ---- without confirmation ------------------------------------------------------------------- */

/* Puts the previous file back. The library in use was not changed, so nothing else must be
 * restored. */
static void undo_write(const char *directory, const char *name, bool existed, const char *text)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_free_ char *edited = NULL;

	if (restore_policy_file(directory, name, existed, text, &edited, &diag) < 0)
		log_error(NULL, "%s", diag_message(&diag));
}

static int apply_for_good(struct policy_editor *editor, const char *name, const char *text,
			  bool *ret_is_new, struct reload_result *ret, struct diag *diag)
{
	const char *directory = policy_directory(editor);
	bool existed = false;
	int r = keep_policy_file(directory, name, &existed, diag);

	if (r == 0)
		r = write_policy_file(directory, name, text, diag);
	if (r == 0) {
		r = reload_policies(editor, ret, diag);
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

int delete_policy(struct policy_editor *editor, const char *name, struct reload_result *ret,
		  struct diag *diag)
{
	const char *directory = policy_directory(editor);
	bool existed = false;
	int r = refuse_pending(editor, name, diag);

	if (r == 0)
		r = check_unused(editor->enforcer, &editor->pending, name, diag);
	if (r < 0)
		return r;
	r = keep_policy_file(directory, name, &existed, diag);
	if (r == 0)
		r = delete_policy_file(directory, name, diag);
	if (r == 0) {
		r = reload_policies(editor, ret, diag);
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
static void undo_pending(struct policy_editor *editor, struct pending_change *change)
{
	_cleanup_(clear_diag) struct diag diag = {0};

	if (restore_pending(&editor->pending, change, &diag) == 0)
		drop_pending(&editor->pending, change);
	else
		log_error(NULL, "%s", diag_message(&diag));
}

static int apply_for_now(struct policy_editor *editor, const char *name, const char *text,
			 uint32_t seconds, bool *ret_is_new, struct reload_result *ret,
			 struct diag *diag)
{
	const char *directory = policy_directory(editor);
	struct pending_change *change = NULL;
	_cleanup_free_ char *kept = kept_file_path(directory, name);
	int r = add_pending(&editor->pending, directory, name, text, seconds, &change, diag);

	if (r < 0)
		return r;
	/* The copy that an earlier change left is replaced, so its problem is solved. */
	if (kept)
		clear_problem(enforcer_problems(editor->enforcer), kept);
	r = write_policy_file(directory, name, text, diag);
	if (r < 0) {
		settle_pending(&editor->pending, change, NULL);
		return r;
	}
	r = reload_policies(editor, ret, diag);
	if (r < 0) {
		undo_pending(editor, change);
		return r;
	}
	log_notice(NULL, "policy file %s.xml %s; it is rolled back in %u s unless it is confirmed",
		   name, change->existed ? "replaced" : "created", seconds);
	*ret_is_new = !change->existed;
	return 0;
}

int apply_policy(struct policy_editor *editor, const char *name, const char *text, uint32_t seconds,
		 bool *ret_is_new, struct reload_result *ret, struct diag *diag)
{
	int r = refuse_pending(editor, name, diag);

	if (r < 0)
		return r;
	return seconds ? apply_for_now(editor, name, text, seconds, ret_is_new, ret, diag)
		       : apply_for_good(editor, name, text, ret_is_new, ret, diag);
}

static struct pending_change *need_pending(const struct policy_editor *editor, const char *name,
					   struct diag *diag)
{
	struct pending_change *change = find_pending(&editor->pending, name);

	if (!change)
		fail(diag, ENOENT, NULL, 0, "no change of %s waits for confirmation", name);
	return change;
}

int confirm_policy(struct policy_editor *editor, const char *name, struct diag *diag)
{
	struct pending_change *change = need_pending(editor, name, diag);
	int r;

	if (!change)
		return -ENOENT;
	if (change->restored)
		return fail(diag, EALREADY, NULL, 0, "%s is already rolled back", name);
	r = settle_pending(&editor->pending, change, diag);
	if (r == 0)
		log_notice(NULL, "policy file %s.xml confirmed", name);
	return r;
}

/* Leaves the change in the table when it fails. */
static int roll_back(struct policy_editor *editor, struct pending_change *change,
		     struct reload_result *ret, struct diag *diag)
{
	int restored = restore_pending(&editor->pending, change, diag);
	int r = change->restored ? reload_policies(editor, ret, diag) : restored;

	if (r == 0)
		r = restored;
	if (r < 0)
		return r;
	log_notice(NULL, "policy file %s.xml rolled back: %s, %zu domains updated", change->name,
		   change->existed ? "the previous file is in force" : "there was no file before",
		   ret->updated);
	drop_pending(&editor->pending, change);
	return 0;
}

int roll_back_policy(struct policy_editor *editor, const char *name, struct reload_result *ret,
		     struct diag *diag)
{
	struct pending_change *change = need_pending(editor, name, diag);

	return change ? roll_back(editor, change, ret, diag) : -ENOENT;
}

/* Logged once; `vmseg status` shows it until it is solved. */
static void try_again_later(struct pending_change *change, struct diag *diag)
{
	if (!change->error)
		log_error(NULL, "%s cannot be rolled back yet: %s", change->name,
			  diag_message(diag));
	replace_text(&change->error, diag_message(diag));
	change->deadline = boottime_usec() + RETRY_USEC;
}

static void report_overdue(const struct pending_change *change)
{
	if (!change->error)
		log_warning(NULL, "%s was not confirmed in %u s", change->name, change->seconds);
}

void roll_back_overdue(struct policy_editor *editor)
{
	struct pending_change *change, *next;
	struct reload_result result = {0};

	HASH_ITER (hh, editor->pending.table, change, next) {
		_cleanup_(clear_diag) struct diag diag = {0};

		if (seconds_left(change) > 0)
			continue;
		report_overdue(change);
		if (roll_back(editor, change, &result, &diag) < 0)
			try_again_later(change, &diag);
	}
}

/* As roll_back_overdue(), before policies are read: there is nothing to reload yet. */
static void restore_overdue(struct policy_editor *editor)
{
	struct pending_change *change, *next;

	HASH_ITER (hh, editor->pending.table, change, next) {
		_cleanup_(clear_diag) struct diag diag = {0};

		if (seconds_left(change) > 0)
			continue;
		report_overdue(change);
		if (restore_pending(&editor->pending, change, &diag) < 0) {
			try_again_later(change, &diag);
			continue;
		}
		log_notice(NULL, "policy file %s.xml rolled back: %s", change->name,
			   change->existed ? "the previous file is restored"
					   : "there was no file before");
		drop_pending(&editor->pending, change);
	}
}

static int compare_names(const struct pending_change *a, const struct pending_change *b)
{
	return strcmp(a->name, b->name);
}

void for_each_pending(struct policy_editor *editor,
		      void (*visit)(const struct pending_change *change, void *context),
		      void *context)
{
	HASH_SORT(editor->pending.table, compare_names);
	for (const struct pending_change *c = editor->pending.table; c; c = c->hh.next)
		visit(c, context);
}

uint64_t next_rollback(const struct policy_editor *editor)
{
	return next_deadline(&editor->pending);
}

/* ---- the editor's life ---------------------------------------------------------------------- */

int open_policy_editor(const char *state_directory, struct policy_editor *ret, struct diag *diag)
{
	struct policy_editor editor = {0};
	int r = load_pending(state_directory, &editor.pending, diag);

	if (r < 0)
		return r;
	restore_overdue(&editor);
	*ret = editor;
	return 0;
}

static void note_bad_pending(const char *path, void *context)
{
	struct enforcer *enforcer = context;

	set_file_problem(
		enforcer_problems(enforcer), path,
		"this state file cannot be used: the policy change that waited for confirmation is "
		"in force and will not be rolled back; remove the file when you no longer need it");
}

/* A file of before that no pending change is to bring back. */
static void note_kept_file(const char *path, const char *name, void *context)
{
	struct policy_editor *editor = context;

	if (find_pending(&editor->pending, name))
		return;
	log_warning(NULL, "%s: this copy of a previous policy file has no state file", path);
	set_file_problem(
		enforcer_problems(editor->enforcer), path,
		"this is the previous %s.xml, kept for a change that waits for confirmation, but "
		"the state file of the change is missing, so there will be no rollback: to roll "
		"back, rename this file to %s.xml; otherwise remove it",
		name, name);
}

void begin_policy_edits(struct policy_editor *editor, struct enforcer *enforcer)
{
	editor->enforcer = enforcer;
	for_each_bad_state_file(editor->pending.directory, note_bad_pending, enforcer);
	for_each_kept_file(policy_directory(editor), note_kept_file, editor);
}

void close_policy_editor(struct policy_editor *editor)
{
	free_pending(&editor->pending);
	editor->enforcer = NULL;
}
