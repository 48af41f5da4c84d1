/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy library and the number of its users. A domain whose policy is bad in the newest library
 * keeps the library that its images were compiled from.
 */
#ifndef VMSEG_LIBRARY_SHARE_H
#define VMSEG_LIBRARY_SHARE_H

#include "hostd/policy/read/library.h"

struct library_share {
	struct library *library;
	unsigned users;
};

/* Reads the policies and sets of a directory (load_trusted_library()) for one user. Returns 0 or
 * -errno with an error in diag. */
int read_library_share(const char *directory, struct library_share **ret, struct diag *diag);

/* Adds a user. Returns share, which may be NULL. */
struct library_share *share_library(struct library_share *share);

/* Removes a user; the last one frees the library. *share is NULL afterwards. */
void release_library(struct library_share **share);

#endif
