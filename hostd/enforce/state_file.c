/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON on disk.
 */
#include "hostd/enforce/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/replace_file.h"

#define SUFFIX ".json"

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

int write_state_file(const char *directory, const char *name, const json_t *state)
{
	_cleanup_free_ char *path = state_path(directory, name);
	_cleanup_free_ char *text = json_dumps(state, JSON_INDENT(1));

	if (!path || !text)
		return -ENOMEM;
	make_directory(directory);
	return replace_file(path, text);
}

bool has_state_file(const char *directory, const char *name)
{
	_cleanup_free_ char *path = state_path(directory, name);

	return path && access(path, F_OK) == 0;
}

int remove_state_file(const char *directory, const char *name)
{
	_cleanup_free_ char *path = state_path(directory, name);

	if (!path)
		return -ENOMEM;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static bool is_state_file(const char *name)
{
	size_t length = strlen(name);

	return length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0;
}

static void load_file(const char *directory, const char *name,
		      void (*visit)(const char *path, json_t *state, const char *problem,
				    void *context),
		      void *context)
{
	_cleanup_free_ char *path = NULL;
	json_error_t error;
	json_t *state;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		return;
	}
	state = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	visit(path, state, state ? NULL : error.text, context);
	json_decref(state);
}

void for_each_state_file(const char *directory,
			 void (*visit)(const char *path, json_t *state, const char *problem,
				       void *context),
			 void *context)
{
	DIR *stream = opendir(directory);
	const struct dirent *entry;

	if (!stream) {
		if (errno != ENOENT)
			log_error(NULL, "%s: %s", directory, strerror(errno));
		return;
	}
	while ((entry = readdir(stream))) {
		if (is_state_file(entry->d_name))
			load_file(directory, entry->d_name, visit, context);
	}
	closedir(stream);
}
