/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Libraries with counted users.
 */
#include "hostd/enforce/inventory/library_share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/diag.h"

int read_library_share(const char *directory, struct library_share **ret, struct diag *diag)
{
	struct library_share *share = calloc(1, sizeof(*share));
	int r = share ? load_trusted_library(directory, &share->library, diag) : -ENOMEM;

	if (r < 0) {
		free(share);
		return fail(diag, -r, directory, 0, "%s", strerror(-r));
	}
	share->users = 1;
	*ret = share;
	return 0;
}

struct library_share *share_library(struct library_share *share)
{
	if (share)
		share->users++;
	return share;
}

void release_library(struct library_share **share)
{
	if (*share && --(*share)->users == 0) {
		free_library(&(*share)->library);
		free(*share);
	}
	*share = NULL;
}
