/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The allocator that libxml2 uses in this process. Outside of works, and in other threads
 * (libvirt's library uses libxml2, too, and frees its strings by free()), it is malloc() and
 * free(). During a work it keeps a set of the blocks that are allocated.
 */
#include "hostd/base/xml_memory.h"

#include <assert.h>
#include <errno.h>
#include <libxml/parser.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

/* A hash set of addresses: linear probing, 0 is a free place, at most half full. */
struct blocks {
	uintptr_t *places;
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

struct work {
	jmp_buf start;
	int error; /* why it was left */
	struct blocks blocks;
};

static _Thread_local struct work *current;

/* ---- the set -------------------------------------------------------------------------------- */

/* Fibonacci hashing: the lowest bits of an address are always 0. */
static size_t home_of(const struct blocks *blocks, uintptr_t block)
{
	return (size_t)((block * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (blocks->capacity - 1);
}

/* The place of the block, or the free place where it belongs. */
static size_t find_place(const struct blocks *blocks, uintptr_t block)
{
	size_t place = home_of(blocks, block);

	while (blocks->places[place] && blocks->places[place] != block)
		place = (place + 1) & (blocks->capacity - 1);
	return place;
}

static void add_block(struct blocks *blocks, uintptr_t block)
{
	blocks->places[find_place(blocks, block)] = block;
	blocks->count++;
}

/* Makes room for one more. */
static bool reserve_block(struct blocks *blocks)
{
	struct blocks grown = {.capacity =
				       blocks->capacity ? blocks->capacity * 2 : FIRST_CAPACITY};

	if (blocks->count < blocks->capacity / 2)
		return true;
	grown.places = calloc(grown.capacity, sizeof(*grown.places));
	if (!grown.places)
		return false;
	for (size_t i = 0; i < blocks->capacity; i++) {
		if (blocks->places[i])
			add_block(&grown, blocks->places[i]);
	}
	free(blocks->places);
	*blocks = grown;
	return true;
}

/* A block that is not in the set was allocated before the work. */
static void remove_block(struct blocks *blocks, uintptr_t block)
{
	size_t mask = blocks->capacity - 1, hole;

	if (!blocks->capacity || !block)
		return;
	hole = find_place(blocks, block);
	if (!blocks->places[hole])
		return;
	blocks->count--;
	/* Those that follow without a gap move up, where the hole is not before their home. */
	for (size_t next = (hole + 1) & mask; blocks->places[next]; next = (next + 1) & mask) {
		size_t home = home_of(blocks, blocks->places[next]);

		if (((next - home) & mask) < ((next - hole) & mask))
			continue;
		blocks->places[hole] = blocks->places[next];
		hole = next;
	}
	blocks->places[hole] = 0;
}

static void free_blocks(struct blocks *blocks)
{
	for (size_t i = 0; i < blocks->capacity; i++) {
		if (blocks->places[i])
			free((void *)blocks->places[i]); /* NOLINT(performance-no-int-to-ptr) */
	}
	free(blocks->places);
}

/* ---- the allocator -------------------------------------------------------------------------- */

static void *reallocate(void *old, size_t size)
{
	uintptr_t before = (uintptr_t)old;
	void *block;

	if (!current)
		return realloc(old, size ? size : 1);
	if (!reserve_block(&current->blocks))
		leave_xml_work(ENOMEM);
	block = realloc(old, size ? size : 1);
	if (!block)
		leave_xml_work(ENOMEM);
	remove_block(&current->blocks, before);
	add_block(&current->blocks, (uintptr_t)block);
	return block;
}

static void *allocate(size_t size)
{
	return reallocate(NULL, size);
}

static char *duplicate(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = allocate(size);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

static void release(void *block)
{
	if (current)
		remove_block(&current->blocks, (uintptr_t)block);
	free(block);
}

/* Before main(), so that libxml2 has one allocator for all that it ever allocates, and no thread
 * is there yet that could use another. */
__attribute__((constructor)) static void set_up_allocator(void)
{
	xmlMemSetup(release, allocate, reallocate, duplicate);
}

/* ---- works ---------------------------------------------------------------------------------- */

_Noreturn void leave_xml_work(int error)
{
	current->error = error;
	longjmp(current->start, 1); /* NOLINT(cert-err52-cpp): libxml2 has no other way out */
}

/* Variables that change after setjmp() must not be local to its caller. */
static int run(struct work *mine, void (*work)(void *data), void *data)
{
	if (setjmp(mine->start) == 0) { /* NOLINT(cert-err52-cpp) */
		work(data);
		free(mine->blocks.places);
	} else {
		/* Its texts are among the blocks. */
		xmlResetLastError();
		free_blocks(&mine->blocks);
	}
	current = NULL;
	return -mine->error;
}

int run_xml_work(void (*work)(void *data), void *data)
{
	struct work mine = {0};

	assert(!current);
	/* libxml2's allocations that are made once per process must not belong to this work. */
	xmlInitParser();
	current = &mine;
	return run(&mine, work, data);
}
