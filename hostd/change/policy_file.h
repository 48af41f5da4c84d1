/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files of the policy directory, DIRECTORY/NAME.xml, each changed as a whole.
 *
 * For a change that may be rolled back, the previous file is kept as .NAME.xml.before. This is a
 * second name of the same file, so that restoring it is a rename: it needs no disk space, and
 * restores content, owner, mode and times.
 */
#ifndef VMSEG_POLICY_FILE_H
#define VMSEG_POLICY_FILE_H

#include <stdbool.h>

#include "hostd/base/diag.h"

/* Both return 0, or -errno with an error in diag; then the file is unchanged. */
int write_policy_file(const char *directory, const char *name, const char *text, struct diag *diag);
int delete_policy_file(const char *directory, const char *name, struct diag *diag);

/* Keeps the file that is there now, in place of what was kept before. *ret_existed false: there is
 * none, and nothing is kept. Returns 0 or -errno with an error in diag. */
int keep_policy_file(const char *directory, const char *name, bool *ret_existed, struct diag *diag);
void drop_kept_file(const char *directory, const char *name);

/* The path of the kept file; the caller frees it. NULL when out of memory. */
char *kept_file_path(const char *directory, const char *name);

/* Calls visit for each kept file of the directory, with its path and the name of the policy or set.
 * A directory that cannot be read has none. */
void for_each_kept_file(const char *directory,
			void (*visit)(const char *path, const char *name, void *context),
			void *context);

/* Whether the file in place is the previous one, or there was none and there is none: the change
 * was never made. */
bool is_as_before(const char *directory, const char *name, bool existed);

/* Restores the previous file; if there was none (`existed`), removes the file in place. If the
 * content of the file in place is not `written`, it was edited by hand: it is renamed, and
 * *ret_edited is its new path, which the caller frees; otherwise *ret_edited is NULL. Returns 0, or
 * -errno with an error in diag; then the file in place stays. */
int restore_policy_file(const char *directory, const char *name, bool existed, const char *written,
			char **ret_edited, struct diag *diag);

#endif
