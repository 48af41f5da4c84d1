/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files and directories whose content decides what is filtered. Only root, or the user that the
 * process runs as, may be able to write there.
 */
#ifndef VMSEG_TRUSTED_FILE_H
#define VMSEG_TRUSTED_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include "hostd/base/diag.h"

struct stat;

/* Checks the owner and mode of what is open as `path`: not owned by another user, not writable by
 * group or others. Returns 0, or -EPERM with an error that says what was expected. */
int check_trusted(const struct stat *status, const char *path, struct diag *diag);

/* Opens a directory and checks it. Returns 0, or -errno with an error in diag. */
int open_trusted_directory(const char *path, int *ret_fd, struct diag *diag);

/* The same for a directory that is made when it is needed: 0 also where there is none. */
int check_trusted_directory(const char *path, struct diag *diag);

/* Reads a regular file of at most `limit` bytes; *ret_text is followed by a zero byte that
 * *ret_size does not count, and belongs to the caller. Never waits: a FIFO is an error. The file is
 * opened without following a symbolic link, and its owner and mode are checked. Returns 0, or
 * -errno with an error in diag: -EINVAL not a regular file or too long, -EPERM not trusted, -ELOOP
 * a symbolic link. */
int read_trusted_file(const char *path, size_t limit, char **ret_text, size_t *ret_size,
		      struct diag *diag);

/* The same for a file that the user of a command names: links are followed, and anybody may be its
 * owner. */
int read_regular_file(const char *path, size_t limit, char **ret_text, size_t *ret_size,
		      struct diag *diag);

#endif
