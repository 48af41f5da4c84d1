/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that many ports share: where a policy changes that hundreds of domains refer to, it is
 * compiled once.
 */
#ifndef VMSEG_POLICY_SHARED_IMAGE_H
#define VMSEG_POLICY_SHARED_IMAGE_H

#include "hostd/policy/compile.h"

/* Zeroed: empty. For as long as libraries and groups stay as they are. */
struct image_cache {
	struct cached_image *images;
	size_t count;
};

/* As compile_image(), or the image of an effective policy with the same rules, if all are of the
 * library: those of a domain's own may be at the place of rules that are gone. `cache` may be
 * NULL. */
int compile_shared_image(struct image_cache *cache, const struct effective_policy *policy,
			 struct image **ret, struct diag *diag);
void clear_image_cache(struct image_cache *cache);

#endif
