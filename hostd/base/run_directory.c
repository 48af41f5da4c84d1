/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock is on an open file, not on a file's existence: a daemon that was killed leaves none.
 */
#include "hostd/base/run_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/trusted_file.h"

static void read_holder(int fd, char *out, size_t size)
{
	ssize_t got = pread(fd, out, size - 1, 0);

	out[got > 0 ? got : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* For people only: a full disk is no reason to leave a host without its daemon. */
static void write_holder(int fd)
{
	if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", getpid()) < 0)
		return;
}

static char *lock_path_of(const char *directory)
{
	char *path;

	return asprintf(&path, "%s/lock", directory) < 0 ? NULL : path;
}

static int open_lock(const char *directory, const char *lock_path, int *ret, struct diag *diag)
{
	_cleanup_close_ int fd = -1, checked = -1;
	int r;

	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return fail(diag, errno, directory, 0, "%s", strerror(errno));
	r = open_trusted_directory(directory, &checked, diag);
	if (r < 0)
		return r;
	fd = open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(diag, errno, lock_path, 0, "%s", strerror(errno));
	*ret = TAKE_FD(fd);
	return 0;
}

int claim_run_directory(const char *path, int *ret_lock, struct diag *diag)
{
	_cleanup_free_ char *lock_path = lock_path_of(path);
	_cleanup_close_ int fd = -1;
	char holder[32];
	int r;

	if (!lock_path)
		return fail_memory(diag, path);
	r = open_lock(path, lock_path, &fd, diag);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return fail(diag, errno, lock_path, 0, "%s", strerror(errno));
		read_holder(fd, holder, sizeof(holder));
		return fail(diag, EBUSY, path, 0,
			    "another vmseg-hostd uses this directory (process %s)",
			    holder[0] ? holder : "unknown");
	}
	write_holder(fd);
	*ret_lock = TAKE_FD(fd);
	return 0;
}

int reclaim_run_directory(const char *path, int *lock, struct diag *diag)
{
	_cleanup_free_ char *lock_path = lock_path_of(path);
	struct stat held, there;
	int fd = -1, r;

	if (!lock_path)
		return fail_memory(diag, path);
	if (fstat(*lock, &held) == 0 && lstat(lock_path, &there) == 0 &&
	    held.st_dev == there.st_dev && held.st_ino == there.st_ino)
		return 0;
	r = claim_run_directory(path, &fd, diag);
	if (r < 0)
		return r;
	close_descriptor(lock);
	*lock = fd;
	return 1;
}
