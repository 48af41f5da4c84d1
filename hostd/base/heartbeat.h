/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heartbeat: RUN_DIRECTORY/heartbeat, a file that the daemon's event loop writes twice a
 * second. A daemon that is suspended (SIGSTOP, a debugger, a frozen cgroup) still has a listening
 * socket; clients see only from this file that it will not answer.
 */
#ifndef VMSEG_HEARTBEAT_H
#define VMSEG_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "hostd/base/clock.h"

#define HEARTBEAT_FILE        "heartbeat"
#define HEARTBEAT_PERIOD_USEC (USEC_PER_SEC / 2)

/* The content of the file, in the host's byte order. */
struct beat {
	uint64_t when; /* monotonic_usec() */
	int64_t pid;
};

/* Makes the file, of this process, in place of one that is there, and writes the first beat.
 * Returns its descriptor or -errno; then there is no file. */
int open_heartbeat(const char *run_directory);

/* Closes it and removes the file; *fd below 0: there is none. */
void close_heartbeat(const char *run_directory, int *fd);

/* Writes a beat. Returns 0, or -ENOENT when the file was removed. */
int beat(int fd);

/* Watches the heartbeat of another process. A zeroed struct begins. */
struct heartbeat_watch {
	uint64_t cpu;   /* that the process had used when it was last seen to use some */
	uint64_t since; /* monotonic_usec() of that */
};

/* Returns true if the process is suspended: the last beat is older than `limit`, and the process
 * used no CPU time while it was watched for HEARTBEAT_WATCH_USEC. A busy process uses some. Returns
 * false also when there is no heartbeat to read. `path` is the path of the file. */
bool is_silent(const char *path, uint64_t limit, struct heartbeat_watch *watch);

/* The same as a function of what was read. `cpu`: what the process has used, in microseconds. */
#define HEARTBEAT_WATCH_USEC (300 * 1000ULL)
bool judge_silence(const struct beat *beat, uint64_t now, uint64_t cpu, uint64_t limit,
		   struct heartbeat_watch *watch);

#endif
