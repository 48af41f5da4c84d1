/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links and renames in the policy directory. Names that begin with a dot or do not end with .xml
 * are not names of policy files.
 */
#include "hostd/change/policy_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/replace_file.h"

/* Files beside a policy file that hold what people have written into it. */
#define EDITED_MAX 100

__attribute__((format(printf, 1, 2))) static char *format_path(const char *format, ...)
{
	va_list arguments;
	char *path;

	va_start(arguments, format);
	if (vasprintf(&path, format, arguments) < 0)
		path = NULL;
	va_end(arguments);
	return path;
}

static char *file_path(const char *directory, const char *name)
{
	return format_path("%s/%s.xml", directory, name);
}

char *kept_file_path(const char *directory, const char *name)
{
	return format_path("%s/.%s.xml.before", directory, name);
}

int write_policy_file(const char *directory, const char *name, const char *text, struct diag *diag)
{
	_cleanup_free_ char *path = file_path(directory, name);

	if (!path)
		return fail_memory(diag, directory);
	/* The unit lets the daemon write there only if the directory was there when it started. */
	if (access(directory, F_OK) < 0 && errno == ENOENT)
		return fail(
			diag, ENOENT, directory, 0,
			"the policy directory does not exist: create it (mkdir -p -m 755 %s), then "
			"restart vmseg-hostd",
			directory);
	return replace_file(path, text, diag);
}

int delete_policy_file(const char *directory, const char *name, struct diag *diag)
{
	_cleanup_free_ char *path = file_path(directory, name);

	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0)
		return fail(diag, errno, path, 0, "%s", strerror(errno));
	sync_directory_of(path);
	return 0;
}

int keep_policy_file(const char *directory, const char *name, bool *ret_existed, struct diag *diag)
{
	_cleanup_free_ char *path = file_path(directory, name);
	_cleanup_free_ char *kept = kept_file_path(directory, name);
	int r;

	if (!path || !kept)
		return -ENOMEM;
	unlink(kept);
	if (link(path, kept) == 0) {
		r = sync_directory_of(kept);
		if (r < 0)
			return fail(diag, -r, directory, 0, "%s", strerror(-r));
		*ret_existed = true;
		return 0;
	}
	if (errno != ENOENT)
		return fail(diag, errno, kept, 0, "the previous file cannot be kept: %s",
			    strerror(errno));
	*ret_existed = false;
	return 0;
}

void drop_kept_file(const char *directory, const char *name)
{
	_cleanup_free_ char *kept = kept_file_path(directory, name);

	if (kept)
		unlink(kept);
}

/* The NAME of ".NAME.xml.before", which the caller frees; NULL: the file is no kept one. */
static char *kept_file_name(const char *file)
{
	static const char suffix[] = ".xml.before";
	size_t size = strlen(file);

	if (file[0] != '.' || size <= strlen(suffix) + 1 ||
	    strcmp(file + size - strlen(suffix), suffix) != 0)
		return NULL;
	return strndup(file + 1, size - strlen(suffix) - 1);
}

void for_each_kept_file(const char *directory,
			void (*visit)(const char *path, const char *name, void *context),
			void *context)
{
	struct dirent **items = NULL;
	int count = scandir(directory, &items, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		_cleanup_free_ char *name = kept_file_name(items[i]->d_name);
		_cleanup_free_ char *path = name ? kept_file_path(directory, name) : NULL;

		if (path)
			visit(path, name, context);
		free(items[i]);
	}
	free(items);
}

/* A link that leads nowhere is there, too. */
static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

static bool are_one_file(const char *a, const char *b)
{
	struct stat status_a, status_b;

	return lstat(a, &status_a) == 0 && lstat(b, &status_b) == 0 &&
	       status_a.st_dev == status_b.st_dev && status_a.st_ino == status_b.st_ino;
}

bool is_as_before(const char *directory, const char *name, bool existed)
{
	_cleanup_free_ char *path = file_path(directory, name);
	_cleanup_free_ char *kept = kept_file_path(directory, name);

	return path && kept && (existed ? are_one_file(path, kept) : !is_there(path));
}

/* A regular file with exactly this text. */
static bool has_text(const char *path, const char *text)
{
	/* Does not block: it may be a file of any kind. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	size_t size = strlen(text), used = 0;
	struct stat status;
	char part[4096];

	if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
	    (size_t)status.st_size != size)
		return false;
	while (used < size) {
		size_t left = size - used;
		ssize_t got = read(fd, part, left < sizeof(part) ? left : sizeof(part));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || memcmp(part, text + used, (size_t)got) != 0)
			return false;
		used += (size_t)got;
	}
	return true;
}

/* Gives the file a second name, one that nothing has yet. */
static int set_aside(const char *path, char **ret)
{
	for (int i = 1; i <= EDITED_MAX; i++) {
		_cleanup_free_ char *aside = i == 1 ? format_path("%s.edited", path)
						    : format_path("%s.edited.%d", path, i);

		if (!aside)
			return -ENOMEM;
		if (link(path, aside) == 0) {
			*ret = TAKE_PTR(aside);
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int restore_policy_file(const char *directory, const char *name, bool existed, const char *written,
			char **ret_edited, struct diag *diag)
{
	_cleanup_free_ char *path = file_path(directory, name), *edited = NULL;
	_cleanup_free_ char *kept = kept_file_path(directory, name);
	int r = 0;

	if (!path || !kept)
		return -ENOMEM;
	if (existed && !is_there(kept))
		return fail(diag, ENOENT, kept, 0, "the previous file no longer exists");
	if (is_there(path) && !are_one_file(path, kept) && !has_text(path, written))
		r = set_aside(path, &edited);
	if (r < 0)
		return fail(diag, -r, path, 0,
			    "it was edited by hand, and the edited text cannot be kept: %s",
			    strerror(-r));
	if (existed ? rename(kept, path) < 0 : unlink(path) < 0 && errno != ENOENT) {
		r = -errno;
		if (edited)
			unlink(edited);
		return fail(diag, -r, path, 0, "%s", strerror(-r));
	}
	/* A rename between two names of one file leaves both. */
	unlink(kept);
	sync_directory_of(path);
	*ret_edited = TAKE_PTR(edited);
	return 0;
}
