/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory: one daemon at a time works in it.
 */
#ifndef VMSEG_RUN_DIRECTORY_H
#define VMSEG_RUN_DIRECTORY_H

#include "hostd/base/diag.h"

/* Makes the directory where it is missing, checks that nobody else can write to it, and locks it
 * for as long as *ret_lock is open. Returns 0, -EBUSY with an error that names the other daemon,
 * -EPERM for a directory that is not trusted (trusted_file.h), or -errno. */
int claim_run_directory(const char *path, int *ret_lock, struct diag *diag);

/* Claims the directory again if somebody has removed it or the lock's file; *lock is then another
 * one. Returns 1 if that was so, 0 if not, or as claim_run_directory(). */
int reclaim_run_directory(const char *path, int *lock, struct diag *diag);

#endif
