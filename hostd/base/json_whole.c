/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocator of jansson. parse_json() must read a text completely or fail. So when an allocation
 * fails while it reads, memory comes from a spare buffer until the reader returns; the incomplete
 * result is then discarded.
 */
#include "hostd/base/json_whole.h"

#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "hostd/base/cleanup.h"

/* Untouched until needed. Enough for the largest request, whose buffer is copied as it grows. */
#define SPARE_BYTES ((size_t)16 << 20)

static alignas(max_align_t) char spare[SPARE_BYTES];
static size_t spare_used;
static __thread bool reading;
static __thread unsigned long failures;

static void *take_spare(size_t size)
{
	size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	void *memory = &spare[spare_used];

	if (rounded < size || rounded > SPARE_BYTES - spare_used)
		return NULL;
	spare_used += rounded;
	return memory;
}

static void *allocate(size_t size)
{
	void *memory = malloc(size);

	if (memory)
		return memory;
	failures++;
	return reading ? take_spare(size) : NULL;
}

static void release(void *memory)
{
	char *bytes = memory;

	if (bytes < spare || bytes >= spare + SPARE_BYTES)
		free(memory);
}

static __attribute__((constructor)) void serve_jansson(void)
{
	json_set_alloc_funcs(allocate, release);
}

int parse_json(const char *text, size_t size, json_t **ret, json_error_t *error)
{
	unsigned long before = failures;
	json_t *value;

	reading = true;
	value = json_loadb(text, size, JSON_REJECT_DUPLICATES, error);
	reading = false;
	if (failures != before) {
		json_decref(value);
		spare_used = 0;
		*error = (json_error_t){.line = -1, .text = "out of memory"};
		return -ENOMEM;
	}
	if (!value)
		return -EBADMSG;
	*ret = value;
	return 0;
}

char *format_json(const json_t *value, size_t flags)
{
	size_t size = json_dumpb(value, NULL, 0, flags);
	_cleanup_free_ char *text = size ? malloc(size + 1) : NULL;

	if (!text || json_dumpb(value, text, size, flags) != size)
		return NULL;
	text[size] = '\0';
	return TAKE_PTR(text);
}

unsigned long count_json_failures(void)
{
	return failures;
}
