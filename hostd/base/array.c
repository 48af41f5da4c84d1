/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growing arrays. The capacity is the power of two at or above the count, so it need not be kept.
 */
#include "hostd/base/array.h"

#include <stdlib.h>
#include <string.h>

void *grow_array(void *array, size_t count, size_t item_size)
{
	char *grown = array;

	if ((count & (count - 1)) == 0) {
		grown = reallocarray(array, count ? count * 2 : 1, item_size);
		if (!grown)
			return NULL;
	}
	memset(grown + count * item_size, 0, item_size);
	return grown;
}
