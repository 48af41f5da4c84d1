/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory. Only one daemon at a time uses it.
 */
#ifndef VMSEG_RUN_DIRECTORY_H
#define VMSEG_RUN_DIRECTORY_H

#include "hostd/base/diag.h"

/* Creates the directory if it is missing, checks that no other user can write to it, and locks it
 * while *ret_lock is open. Returns 0; -EBUSY with an error that names the other daemon; -EPERM for
 * a directory that is not trusted (trusted_file.h); or -errno. */
int claim_run_directory(const char *path, int *ret_lock, struct diag *diag);

/* Claims the directory again if the directory or the lock's file was removed; *lock is then a new
 * descriptor. Returns 1 if it was removed, 0 if not, or an error of claim_run_directory(). */
int reclaim_run_directory(const char *path, int *lock, struct diag *diag);

#endif
