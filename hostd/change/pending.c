/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of pending changes and its state files.
 *
 * A deadline is stored as CLOCK_BOOTTIME and as wall-clock time. The former is used until the next
 * boot. After a reboot the wall clock says how much of the time is left, but the change never gets
 * more than its full time again.
 */
#include "hostd/change/pending.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/base/trusted_file.h"
#include "hostd/change/policy_file.h"
#include "hostd/enforce/inventory/state_file.h"
#include "hostd/policy/model.h"

#define STATE_VERSION 1
#define BOOT_ID_FILE  "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_BYTES 37

static void free_change(struct pending_change *change)
{
	free(change->name);
	free(change->directory);
	free(change->written);
	free(change->error);
	free(change);
}

static struct pending_change *new_change(const char *directory, const char *name, const char *text)
{
	struct pending_change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->name = strdup(name);
	change->directory = strdup(directory);
	change->written = strdup(text);
	if (change->name && change->directory && change->written)
		return change;
	free_change(change);
	return NULL;
}

static bool insert_change(struct pending_changes *changes, struct pending_change *change)
{
	HASH_ADD_KEYPTR(hh, changes->table, change->name, strlen(change->name), change);
	return was_added(&change->hh);
}

void drop_pending(struct pending_changes *changes, struct pending_change *change)
{
	HASH_DEL(changes->table, change);
	free_change(change);
}

void free_pending(struct pending_changes *changes)
{
	struct pending_change *change, *next;

	HASH_ITER (hh, changes->table, change, next)
		drop_pending(changes, change);
	free(TAKE_PTR(changes->directory));
}

struct pending_change *find_pending(const struct pending_changes *changes, const char *name)
{
	struct pending_change *change;

	HASH_FIND_STR(changes->table, name, change);
	return change;
}

uint64_t next_deadline(const struct pending_changes *changes)
{
	uint64_t next = UINT64_MAX;

	for (const struct pending_change *c = changes->table; c; c = c->hh.next) {
		if (c->deadline < next)
			next = c->deadline;
	}
	return next;
}

uint32_t seconds_left(const struct pending_change *change)
{
	uint64_t now = boottime_usec();

	if (change->deadline <= now)
		return 0;
	return (uint32_t)((change->deadline - now + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

/* ---- state files ---------------------------------------------------------------------------- */

static void read_boot_id(char out[static BOOT_ID_BYTES])
{
	_cleanup_fclose_ FILE *stream = fopen(BOOT_ID_FILE, "re");

	if (!stream || !fgets(out, BOOT_ID_BYTES, stream))
		out[0] = '\0';
}

static json_t *describe_change(const struct pending_change *change)
{
	char boot_id[BOOT_ID_BYTES];

	read_boot_id(boot_id);
	return json_pack("{s:i, s:s, s:s, s:s, s:b, s:I, s:s, s:I, s:I}", "version", STATE_VERSION,
			 "name", change->name, "directory", change->directory, "written",
			 change->written, "existed", change->existed, "seconds",
			 (json_int_t)change->seconds, "boot_id", boot_id, "deadline",
			 (json_int_t)change->deadline, "wall_deadline",
			 (json_int_t)time(NULL) + seconds_left(change));
}

/* The saved deadline on this boot's clock. */
static uint64_t read_deadline(const json_t *state, uint32_t seconds)
{
	const char *saved_id = json_string_value(json_object_get(state, "boot_id"));
	json_int_t deadline = json_integer_value(json_object_get(state, "deadline"));
	json_int_t left = json_integer_value(json_object_get(state, "wall_deadline")) -
			  (json_int_t)time(NULL);
	char boot_id[BOOT_ID_BYTES];

	read_boot_id(boot_id);
	if (saved_id && boot_id[0] && strcmp(saved_id, boot_id) == 0 && deadline > 0)
		return (uint64_t)deadline;
	if (left < 0)
		left = 0;
	if (left > seconds)
		left = seconds;
	return boottime_usec() + (uint64_t)left * USEC_PER_SEC;
}

static int read_change(const json_t *state, struct pending_change **ret)
{
	const char *name = json_string_value(json_object_get(state, "name"));
	const char *directory = json_string_value(json_object_get(state, "directory"));
	const char *written = json_string_value(json_object_get(state, "written"));
	json_int_t seconds = json_integer_value(json_object_get(state, "seconds"));
	struct pending_change *change;

	if (json_integer_value(json_object_get(state, "version")) != STATE_VERSION || !name ||
	    !is_name(name) || !directory || !written || seconds < 1 ||
	    seconds > CONFIRM_SECONDS_MAX)
		return -EBADMSG;
	change = new_change(directory, name, written);
	if (!change)
		return -ENOMEM;
	change->existed = json_is_true(json_object_get(state, "existed"));
	change->seconds = (uint32_t)seconds;
	change->deadline = read_deadline(state, change->seconds);
	*ret = change;
	return 0;
}

static void set_aside(const char *path, const char *why)
{
	_cleanup_free_ char *bad_path = NULL;
	int r = set_aside_state_file(path, &bad_path);

	log_error(NULL,
		  "%s: %s; the policy change that it describes stays in force and will not be "
		  "rolled back; %s %s",
		  path, why, r < 0 ? "the file cannot be renamed:" : "the file is renamed to",
		  r < 0 ? strerror(-r) : bad_path);
}

static void load_change(const struct state_file *file, void *context)
{
	struct pending_changes *changes = context;
	struct pending_change *change;
	int r = file->state ? read_change(file->state, &change) : -EBADMSG;

	if (r == 0 && strcmp(change->name, file->name) != 0) {
		free_change(change);
		r = -EBADMSG;
	}
	if (r < 0) {
		set_aside(file->path,
			  file->problem ? file->problem : "it is not a state file of this version");
		return;
	}
	if (find_pending(changes, change->name)) {
		free_change(change);
		return;
	}
	if (!insert_change(changes, change)) {
		free_change(change);
		set_aside(file->path, "out of memory");
		return;
	}
	if (!is_as_before(change->directory, change->name, change->existed))
		return;
	log_notice(NULL, "%s was not changed before the daemon ended: there is nothing to confirm",
		   change->name);
	settle_pending(changes, change, NULL);
}

static char *pending_directory(const char *state_directory)
{
	char *path;

	return asprintf(&path, "%s/pending", state_directory) < 0 ? NULL : path;
}

int load_pending(const char *state_directory, struct pending_changes *ret, struct diag *diag)
{
	struct pending_changes changes = {0};
	int r;

	changes.directory = pending_directory(state_directory);
	if (!changes.directory)
		return fail_memory(diag, state_directory);
	/* The state files decide what is filtered, so no other user may write there. */
	r = check_trusted_directory(state_directory, diag);
	if (r == 0)
		r = check_trusted_directory(changes.directory, diag);
	if (r < 0) {
		free_pending(&changes);
		return r;
	}
	for_each_state_file(changes.directory, load_change, &changes);
	*ret = changes;
	return 0;
}

/* ---- changes -------------------------------------------------------------------------------- */

static int save_change(const struct pending_changes *changes, const struct pending_change *change,
		       struct diag *diag)
{
	_cleanup_(clear_diag) struct diag why = {0};
	json_t *state = describe_change(change);
	int r = state ? write_state_file(changes->directory, change->name, state, &why)
		      : fail_memory(&why, NULL);

	json_decref(state);
	return r < 0 ? fail(diag, -r, NULL, 0,
			    "the state file cannot be written, so a rollback would be impossible: "
			    "%s",
			    diag_message(&why))
		     : 0;
}

void restore_pending_files(const struct pending_changes *changes)
{
	for (const struct pending_change *c = changes->table; c; c = c->hh.next) {
		_cleanup_(clear_diag) struct diag diag = {0};

		if (c->restored || has_state_file(changes->directory, c->name))
			continue;
		if (save_change(changes, c, &diag) < 0)
			log_error(NULL, "%s waits for confirmation: %s", c->name,
				  diag_message(&diag));
		else
			log_warning(NULL,
				    "%s waits for confirmation: its state file was removed and is "
				    "written again",
				    c->name);
	}
}

int add_pending(struct pending_changes *changes, const char *directory, const char *name,
		const char *text, uint32_t seconds, struct pending_change **ret, struct diag *diag)
{
	struct pending_change *change = new_change(directory, name, text);
	int r;

	if (!change)
		return fail_memory(diag, NULL);
	if (!insert_change(changes, change)) {
		free_change(change);
		return fail_memory(diag, NULL);
	}
	change->seconds = seconds;
	change->deadline = boottime_usec() + seconds * USEC_PER_SEC;
	r = keep_policy_file(directory, name, &change->existed, diag);
	if (r == 0) {
		r = save_change(changes, change, diag);
		if (r < 0)
			drop_kept_file(directory, name);
	}
	if (r < 0) {
		drop_pending(changes, change);
		return r;
	}
	*ret = change;
	return 0;
}

int settle_pending(struct pending_changes *changes, struct pending_change *change,
		   struct diag *diag)
{
	int r = remove_state_file(changes->directory, change->name);

	if (r < 0)
		return fail(diag, -r, changes->directory, 0, "%s still waits for confirmation: %s",
			    change->name, strerror(-r));
	drop_kept_file(change->directory, change->name);
	drop_pending(changes, change);
	return 0;
}

int restore_pending(const struct pending_changes *changes, struct pending_change *change,
		    struct diag *diag)
{
	_cleanup_free_ char *edited = NULL;
	int r = change->restored
			? 0
			: restore_policy_file(change->directory, change->name, change->existed,
					      change->written, &edited, diag);

	if (r < 0)
		return r;
	change->restored = true;
	if (edited)
		log_warning(NULL,
			    "%s.xml was edited by hand after it was applied, or cannot be read: "
			    "its content is kept as %s",
			    change->name, edited);
	r = remove_state_file(changes->directory, change->name);
	return r < 0 ? fail(diag, -r, changes->directory, 0,
			    "%s is rolled back, but its state file cannot be removed: %s",
			    change->name, strerror(-r))
		     : 0;
}
