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
#include <unistd.h>

#include "hostd/base/cleanup.h"

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

int replace_file(const char *path, const char *text)
{
	_cleanup_free_ char *new_path = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&new_path, "%s.new", path) < 0) {
		new_path = NULL;
		return -ENOMEM;
	}
	fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : write_whole(fd, text);
	if (r == 0 && rename(new_path, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(new_path);
	else /* the new file is there, whether or not this succeeds */
		sync_directory_of(path);
	return r;
}
