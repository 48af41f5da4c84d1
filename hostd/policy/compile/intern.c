/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interning by an open-addressing hash table of record numbers, at most half full.
 */
#include "hostd/policy/compile/intern.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_AT_FIRST   64
#define RECORDS_AT_FIRST 16

void init_interner(struct interner *interner, size_t words, uint32_t limit)
{
	*interner = (struct interner){.words = words, .limit = limit};
}

void free_interner(struct interner *interner)
{
	free(interner->records);
	free(interner->slots);
	*interner = (struct interner){0};
}

uint64_t hash_words(const uint32_t *words, size_t count)
{
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++)
		hash = hash_word(hash, words[i]);
	return hash;
}

uint32_t *interned_record(const struct interner *interner, uint32_t number)
{
	return interner->records + number * interner->words;
}

static bool is_record(const struct interner *interner, uint32_t number, const uint32_t *record)
{
	return memcmp(interned_record(interner, number), record,
		      interner->words * sizeof(*record)) == 0;
}

/* The slot that holds the record, or the free one where it belongs. */
static uint32_t *find_slot(const struct interner *interner, const uint32_t *record)
{
	uint32_t mask = interner->slot_count - 1;
	uint32_t i = (uint32_t)hash_words(record, interner->words) & mask;

	while (interner->slots[i] && !is_record(interner, interner->slots[i] - 1, record))
		i = (i + 1) & mask;
	return &interner->slots[i];
}

static int grow_slots(struct interner *interner)
{
	uint32_t count = interner->slot_count ? interner->slot_count * 2 : SLOTS_AT_FIRST;
	uint32_t *slots = calloc(count, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(interner->slots);
	interner->slots = slots;
	interner->slot_count = count;
	for (uint32_t i = 0; i < interner->count; i++)
		*find_slot(interner, interned_record(interner, i)) = i + 1;
	return 0;
}

static int grow_records(struct interner *interner)
{
	uint32_t capacity = interner->capacity ? interner->capacity * 2 : RECORDS_AT_FIRST;
	uint32_t *records;

	if (capacity > interner->limit)
		capacity = interner->limit;
	records = reallocarray(interner->records, capacity, interner->words * sizeof(*records));
	if (!records)
		return -ENOMEM;
	interner->records = records;
	interner->capacity = capacity;
	return 0;
}

int intern_record(struct interner *interner, const uint32_t *record, uint32_t *ret)
{
	uint32_t *slot;
	int r;

	if (interner->count * 2 >= interner->slot_count) {
		r = grow_slots(interner);
		if (r)
			return r;
	}
	slot = find_slot(interner, record);
	if (!*slot) {
		if (interner->count == interner->limit)
			return -E2BIG;
		if (interner->count == interner->capacity) {
			r = grow_records(interner);
			if (r)
				return r;
		}
		memcpy(interned_record(interner, interner->count), record,
		       interner->words * sizeof(*record));
		*slot = ++interner->count;
	}
	*ret = *slot - 1;
	return 0;
}
