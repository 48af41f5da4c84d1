/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory: one daemon at a time works in it.
 */
#ifndef VMSEG_RUN_DIRECTORY_H
#define VMSEG_RUN_DIRECTORY_H

#include "hostd/base/diag.h"

/* Makes the directory where it is missing and locks it for as long as *ret_lock is open. Returns 0,
 * -EBUSY with an error that names the other daemon, or -errno. */
int claim_run_directory(const char *path, int *ret_lock, struct diag *diag);

#endif
