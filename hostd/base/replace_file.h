/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are replaced whole: at any time, power cuts included, there is the old one or the new
 * one.
 */
#ifndef VMSEG_REPLACE_FILE_H
#define VMSEG_REPLACE_FILE_H

#include "hostd/base/diag.h"

/* Writes `text` to "PATH.new", a file that is made for it, and puts that in the place of `path`,
 * with mode 0644. The directory must be trusted (trusted_file.h). Returns 0, or -errno with an
 * error in diag; then what was there before is still there. */
int replace_file(const char *path, const char *text, struct diag *diag);

/* What has changed among the names in the directory of `path` outlasts a power cut from here on.
 * Returns 0 or -errno. */
int sync_directory_of(const char *path);

#endif
