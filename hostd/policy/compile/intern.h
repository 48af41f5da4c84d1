/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interning: equal records of a fixed size get the same number, new ones the next. Numbers depend
 * on nothing but the order of first use.
 */
#ifndef VMSEG_POLICY_INTERN_H
#define VMSEG_POLICY_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct interner {
	size_t words;   /* 32-bit words of a record */
	uint32_t limit; /* most records */
	uint32_t *records;
	uint32_t count, capacity;
	uint32_t *slots;     /* hash table of record number + 1; 0: free */
	uint32_t slot_count; /* power of two */
};

void init_interner(struct interner *interner, size_t words, uint32_t limit);
void free_interner(struct interner *interner);

/* Returns 0, -E2BIG when the limit is reached or -ENOMEM. `record` may be one of the interner's
 * own only if it is already interned. */
int intern_record(struct interner *interner, const uint32_t *record, uint32_t *ret);

/* Valid until the next new record. */
uint32_t *interned_record(const struct interner *interner, uint32_t number);

/* One step of a hash over words: multiply and fold, with the constant of splitmix64, so that every
 * bit of a word reaches all. */
static inline uint64_t hash_word(uint64_t hash, uint32_t word)
{
	hash = (hash ^ word) * 0xbf58476d1ce4e5b9ULL;
	return hash ^ hash >> 32;
}

uint64_t hash_words(const uint32_t *words, size_t count);

#endif
