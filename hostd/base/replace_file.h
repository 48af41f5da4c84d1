/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that are replaced whole: at any time, power cuts included, there is the old one or the new
 * one.
 */
#ifndef VMSEG_REPLACE_FILE_H
#define VMSEG_REPLACE_FILE_H

/* Writes `text` to "PATH.new" and puts that in the place of `path`, with mode 0644. Returns 0 or
 * -errno; then what was there before is there still. */
int replace_file(const char *path, const char *text);

/* What has changed among the names in the directory of `path` outlasts a power cut from here on.
 * Returns 0 or -errno. */
int sync_directory_of(const char *path);

#endif
