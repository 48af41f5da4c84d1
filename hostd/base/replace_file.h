/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are replaced whole: at any time, power cuts included, there is the old one or the new
 * one.
 */
#ifndef VMSEG_REPLACE_FILE_H
#define VMSEG_REPLACE_FILE_H

#include "hostd/base/diag.h"

/* Writes `text` to a new file "PATH.new" with mode 0644, and renames that to `path`. The directory
 * must be trusted (trusted_file.h). Returns 0, or -errno with an error in diag; then the old file
 * is still there. */
int replace_file(const char *path, const char *text, struct diag *diag);

/* Makes earlier changes of names in the directory of `path` permanent: they survive a power
 * failure. Returns 0 or -errno. */
int sync_directory_of(const char *path);

#endif
