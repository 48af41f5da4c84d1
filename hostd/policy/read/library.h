/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy library: every policy and address set of the policy directory, parsed and checked.
 * Immutable once loaded: a reload builds a new one and swaps.
 */
#ifndef VMSEG_POLICY_LIBRARY_H
#define VMSEG_POLICY_LIBRARY_H

#include "hostd/base/diag.h"
#include "hostd/policy/model.h"

struct library;

/* Reads every *.xml of the directory; the file's name without .xml must be the name of its policy
 * or set. A missing directory is an empty library. A file with an error does not hide the other
 * files: it is kept as a bad entry, and find_policy() returns its error. Returns 0, or -errno when
 * the directory cannot be read. */
int load_library(const char *directory, struct library **ret, struct diag *diag);

/* The same for the directory that the daemon enforces: it and its files must be trusted
 * (base/trusted_file.h). An untrusted directory is -EPERM; an untrusted file is a bad entry. */
int load_trusted_library(const char *directory, struct library **ret, struct diag *diag);
void free_library(struct library **library);

/* The library with one more file, or with another file of that name: a policy or a set (the other
 * is NULL), which belongs to the callee also on failure. `base` is not changed and is borrowed: it
 * must live longer than the result. Returns 0 or -ENOMEM. */
int substitute_entry(const struct library *base, struct policy *policy, struct address_set *set,
		     struct library **ret);

/* NULL with an error in diag when there is none of that name or its file is bad. */
const struct policy *find_policy(const struct library *library, const char *name,
				 struct diag *diag);
const struct address_set *find_address_set(const struct library *library, const char *name,
					   struct diag *diag);

/* Why the file of this name cannot be used. NULL: it can, or there is none. */
const char *find_file_error(const struct library *library, const char *name);

/* Calls visit for each policy in order of names; bad files have policy NULL and their error. */
void for_each_policy(const struct library *library,
		     void (*visit)(const char *name, const struct policy *policy, const char *error,
				   void *context),
		     void *context);

/* Number of files that could not be used. */
size_t count_bad_files(const struct library *library);

#endif
