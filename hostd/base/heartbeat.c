/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heartbeat. The file is written, not mapped: with a full /run a mapped page would end the
 * process.
 */
#include "hostd/base/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"

static int write_beat(int fd)
{
	const struct beat now = {.when = monotonic_usec(), .pid = getpid()};
	ssize_t written = pwrite(fd, &now, sizeof(now), 0);

	if (written < 0)
		return -errno;
	return written == sizeof(now) ? 0 : -ENOSPC;
}

static char *path_in(const char *run_directory)
{
	char *path;

	return asprintf(&path, "%s/" HEARTBEAT_FILE, run_directory) < 0 ? NULL : path;
}

int open_heartbeat(const char *run_directory)
{
	_cleanup_free_ char *path = path_in(run_directory);
	_cleanup_close_ int fd = -1;
	int r;

	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	/* Whatever the umask is: the group of the read socket looks at it, too. */
	r = fchmod(fd, 0644) < 0 ? -errno : write_beat(fd);
	if (r < 0) {
		unlink(path);
		return r;
	}
	return TAKE_FD(fd);
}

void close_heartbeat(const char *run_directory, int *fd)
{
	_cleanup_free_ char *path = path_in(run_directory);

	if (*fd < 0)
		return;
	if (path)
		unlink(path);
	close_descriptor(fd);
	*fd = -1;
}

int beat(int fd)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0 || status.st_nlink == 0)
		return -ENOENT;
	return write_beat(fd);
}

bool judge_silence(const struct beat *beat, uint64_t now, uint64_t cpu, uint64_t limit,
		   struct heartbeat_watch *watch)
{
	if (!watch->since || cpu != watch->cpu)
		*watch = (struct heartbeat_watch){.cpu = cpu, .since = now};
	return beat->when + limit < now && watch->since + HEARTBEAT_WATCH_USEC <= now;
}

/* The CPU time of all threads of a process, in microseconds; false: there is no such process. */
static bool read_cpu(pid_t pid, uint64_t *ret)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
		return false;
	*ret = (uint64_t)used.tv_sec * USEC_PER_SEC + (uint64_t)used.tv_nsec / 1000;
	return true;
}

bool is_silent(const char *path, uint64_t limit, struct heartbeat_watch *watch)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct beat beat;
	uint64_t cpu;

	if (fd < 0 || read(fd, &beat, sizeof(beat)) != sizeof(beat) || beat.pid <= 0 ||
	    !read_cpu((pid_t)beat.pid, &cpu))
		return false;
	return judge_silence(&beat, monotonic_usec(), cpu, limit, watch);
}
