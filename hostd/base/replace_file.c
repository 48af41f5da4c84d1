/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replacing files.
 */
#include "hostd/base/replace_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/trusted_file.h"

static int write_whole(int fd, const char *text)
{
	size_t size = strlen(text);

	while (size > 0) {
		ssize_t written = write(fd, text, size);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			text += written;
			size -= (size_t)written;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int sync_directory_of(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* Never writes to an existing file, which may be a link to another one. Removes what a crash has
 * left. */
static int write_new_file(int directory, const char *name, const char *text)
{
	_cleanup_close_ int fd = -1;

	if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* The mode does not depend on the umask: the replaced file was readable, too. */
	if (fchmod(fd, 0644) < 0)
		return -errno;
	return write_whole(fd, text);
}

static int replace_in(int directory, const char *name, const char *text)
{
	_cleanup_free_ char *new_name = NULL;
	int r;

	if (asprintf(&new_name, "%s.new", name) < 0) {
		new_name = NULL;
		return -ENOMEM;
	}
	r = write_new_file(directory, new_name, text);
	if (r == 0 && renameat(directory, new_name, directory, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory, new_name, 0);
	else /* the new file is there, whether or not this succeeds */
		fsync(directory);
	return r;
}

int replace_file(const char *path, const char *text, struct diag *diag)
{
	_cleanup_free_ char *parent = strdup(path), *copy = strdup(path);
	_cleanup_close_ int directory = -1;
	int r;

	if (!parent || !copy)
		return fail_memory(diag, path);
	r = open_trusted_directory(dirname(parent), &directory, diag);
	if (r < 0)
		return r;
	r = replace_in(directory, basename(copy), text);
	return r < 0 ? fail(diag, -r, path, 0, "cannot be written: %s", strerror(-r)) : 0;
}
