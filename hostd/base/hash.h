/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uthash, which by itself ends the process when it gets no memory. Here an element for which there
 * is no memory is not in the table, and whoever adds it asks.
 */
#ifndef VMSEG_BASE_HASH_H
#define VMSEG_BASE_HASH_H

#include <stdbool.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Whether HASH_ADD has had the memory that it needs; `handle` is the element's. */
static inline bool was_added(const UT_hash_handle *handle)
{
	return handle->tbl;
}

#endif
