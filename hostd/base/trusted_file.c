/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens and reads trusted files. All checks use the open descriptor, because the file that a path
 * names may change in between.
 */
#include "hostd/base/trusted_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "hostd/base/cleanup.h"

int check_trusted(const struct stat *status, const char *path, struct diag *diag)
{
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return fail(diag, EPERM, path, 0, "it belongs to user %u (expected root)",
			    status->st_uid);
	if (status->st_mode & (S_IWGRP | S_IWOTH))
		return fail(diag, EPERM, path, 0,
			    "mode %04o allows users other than its owner to write to it (expected "
			    "%04o)",
			    status->st_mode & 07777, status->st_mode & 07755);
	return 0;
}

int open_trusted_directory(const char *path, int *ret_fd, struct diag *diag)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat status;
	int r;

	if (fd < 0 || fstat(fd, &status) < 0)
		return fail(diag, errno, path, 0, "cannot open the directory: %s", strerror(errno));
	r = check_trusted(&status, path, diag);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int check_trusted_directory(const char *path, struct diag *diag)
{
	_cleanup_close_ int fd = -1;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return open_trusted_directory(path, &fd, diag);
}

/* Reads at most `size` bytes; the number read or -errno. */
static ssize_t read_up_to(int fd, char *buffer, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, buffer + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

static int report_length(const char *path, long long length, size_t limit, struct diag *diag)
{
	return fail(diag, EINVAL, path, 0, "it is %lld bytes long (at most %zu)", length, limit);
}

static int read_open_file(int fd, const char *path, const struct stat *status, size_t limit,
			  char **ret_text, size_t *ret_size, struct diag *diag)
{
	_cleanup_free_ char *text = NULL;
	ssize_t size;

	if (!S_ISREG(status->st_mode))
		return fail(diag, EINVAL, path, 0, "it is not a regular file");
	if (status->st_size > (off_t)limit)
		return report_length(path, (long long)status->st_size, limit, diag);
	/* A byte more than there was: the file may be growing. */
	text = malloc((size_t)status->st_size + 2);
	if (!text)
		return fail_memory(diag, path);
	size = read_up_to(fd, text, (size_t)status->st_size + 1);
	if (size < 0)
		return fail(diag, (int)-size, path, 0, "cannot read it: %s", strerror((int)-size));
	if (size > status->st_size)
		return fail(diag, EINVAL, path, 0, "it grew while it was read");
	text[size] = '\0';
	*ret_text = TAKE_PTR(text);
	*ret_size = (size_t)size;
	return 0;
}

static int report_unopened(const char *path, int error, struct diag *diag)
{
	if (error == ELOOP)
		return fail(diag, error, path, 0,
			    "it is a symbolic link (expected a regular file)");
	return fail(diag, error, path, 0, "cannot read it: %s", strerror(error));
}

int read_trusted_file(const char *path, size_t limit, char **ret_text, size_t *ret_size,
		      struct diag *diag)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	struct stat status;
	int r;

	if (fd < 0 || fstat(fd, &status) < 0)
		return report_unopened(path, errno, diag);
	r = check_trusted(&status, path, diag);
	return r < 0 ? r : read_open_file(fd, path, &status, limit, ret_text, ret_size, diag);
}

int read_regular_file(const char *path, size_t limit, char **ret_text, size_t *ret_size,
		      struct diag *diag)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return report_unopened(path, errno, diag);
	return read_open_file(fd, path, &status, limit, ret_text, ret_size, diag);
}
