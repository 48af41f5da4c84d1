/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON on disk.
 */
#include "hostd/enforce/inventory/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/json_whole.h"
#include "hostd/base/log.h"
#include "hostd/base/replace_file.h"
#include "hostd/base/trusted_file.h"

#define SUFFIX     ".json"
#define BAD_SUFFIX SUFFIX ".bad"

/* A domain's XML of CONTROL_REQUEST_MAX bytes, each written as \u0000. */
#define STATE_FILE_MAX ((size_t)32 << 20)

/* Files of one name that are set aside. */
#define BAD_FILES_MAX 100

static char *state_path(const char *directory, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s" SUFFIX, directory, name) < 0 ? NULL : path;
}

/* What fails here, fails when the file is written. */
static void make_directory(const char *path)
{
	_cleanup_free_ char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (slash) {
		*slash = '\0';
		mkdir(parent, 0700);
	}
	mkdir(path, 0700);
}

int write_state_file(const char *directory, const char *name, const json_t *state,
		     struct diag *diag)
{
	_cleanup_free_ char *path = state_path(directory, name);
	_cleanup_free_ char *text = format_json(state, JSON_INDENT(1));

	if (!path || !text)
		return fail_memory(diag, directory);
	make_directory(directory);
	return replace_file(path, text, diag);
}

bool has_state_file(const char *directory, const char *name)
{
	_cleanup_free_ char *path = state_path(directory, name);
	struct stat status;

	return path && lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int remove_state_file(const char *directory, const char *name)
{
	_cleanup_free_ char *path = state_path(directory, name);

	if (!path)
		return -ENOMEM;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- files that are set aside --------------------------------------------------------------- */

/* A name that nothing has yet. Returns 0 or -errno. */
static int rename_as_bad(const char *path, const char *bad_path)
{
	if (renameat2(AT_FDCWD, path, AT_FDCWD, bad_path, RENAME_NOREPLACE) == 0)
		return 0;
	return -errno;
}

int set_aside_state_file(const char *path, char **ret_path)
{
	for (int i = 1; i <= BAD_FILES_MAX; i++) {
		_cleanup_free_ char *bad_path = NULL;
		int r = i == 1 ? asprintf(&bad_path, "%s.bad", path)
			       : asprintf(&bad_path, "%s.bad.%d", path, i);

		if (r < 0) {
			bad_path = NULL;
			return -ENOMEM;
		}
		r = rename_as_bad(path, bad_path);
		if (r == 0)
			*ret_path = TAKE_PTR(bad_path);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_state_file(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static bool is_bad_file(const char *name)
{
	const char *suffix = strstr(name, BAD_SUFFIX);

	return suffix && (suffix[strlen(BAD_SUFFIX)] == '\0' || suffix[strlen(BAD_SUFFIX)] == '.');
}

static int visit_entry(const char *directory, const char *name,
		       void (*visit)(const char *path, const char *name, void *context),
		       void *context)
{
	char *path;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	visit(path, name, context);
	free(path);
	return 0;
}

/* Calls visit with the path and name of each entry that `wanted` wants. Returns 0, or -errno when
 * some or all could not be visited, which is logged. */
static int for_each_entry(const char *directory, bool (*wanted)(const char *name),
			  void (*visit)(const char *path, const char *name, void *context),
			  void *context)
{
	struct dirent **items = NULL;
	/* All names first: visitors rename and remove. */
	int count = scandir(directory, &items, NULL, alphasort);
	int result = count < 0 && errno != ENOENT ? -errno : 0;

	for (int i = 0; i < count; i++) {
		if (wanted(items[i]->d_name)) {
			int r = visit_entry(directory, items[i]->d_name, visit, context);

			result = r < 0 ? r : result;
		}
		free(items[i]);
	}
	free(items);
	if (result < 0)
		log_error(NULL, "%s: %s", directory, strerror(-result));
	return result;
}

struct state_visit {
	void (*visit)(const struct state_file *file, void *context);
	void *context;
};

static int read_state(const char *path, json_t **ret, struct diag *diag)
{
	_cleanup_free_ char *text = NULL;
	json_error_t error;
	size_t size;
	int r = read_trusted_file(path, STATE_FILE_MAX, &text, &size, diag);

	if (r < 0)
		return r;
	r = parse_json(text, size, ret, &error);
	if (r == -ENOMEM)
		return fail_memory(diag, path);
	return r < 0 ? fail(diag, -r, path, error.line, "it is not JSON: %s", error.text) : 0;
}

static void load_file(const char *path, const char *name, void *context)
{
	const struct state_visit *visit = context;
	_cleanup_free_ char *stem = strndup(name, strlen(name) - strlen(SUFFIX));
	_cleanup_(clear_diag) struct diag diag = {0};
	struct state_file file = {.path = path, .name = stem};

	file.error = stem ? read_state(path, &file.state, &diag) : -ENOMEM;
	file.problem = file.state ? NULL : diag.error.text;
	if (!file.state && !file.problem)
		file.problem = "out of memory";
	visit->visit(&file, visit->context);
	json_decref(file.state);
}

int for_each_state_file(const char *directory,
			void (*visit)(const struct state_file *file, void *context), void *context)
{
	struct state_visit state_visit = {visit, context};

	return for_each_entry(directory, is_state_file, load_file, &state_visit);
}

struct bad_visit {
	void (*visit)(const char *path, void *context);
	void *context;
};

static void name_bad_file(const char *path, const char *name, void *context)
{
	const struct bad_visit *visit = context;

	(void)name;
	visit->visit(path, visit->context);
}

void for_each_bad_state_file(const char *directory, void (*visit)(const char *path, void *context),
			     void *context)
{
	struct bad_visit bad_visit = {visit, context};

	for_each_entry(directory, is_bad_file, name_bad_file, &bad_visit);
}
