/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All sequences of a run of the differential, and what came of them.
 */
#ifndef VMSEG_STACKS_DIFFERENTIAL_H
#define VMSEG_STACKS_DIFFERENTIAL_H

#include "tests/stacks/talk.h"

enum { PLAIN, FILTERED, LANES };

#define OUTCOMES_MAX 12

struct tally {
	char outcome[OUTCOME_BYTES];
	uint32_t times[LANES];
};

/* What is known of a sequence whose lanes have ended differently. */
struct verdict {
	uint64_t number;
	struct tally tallies[OUTCOMES_MAX];
	uint32_t started, runs; /* repetitions; those that are over */
	struct verdict *next;
};

struct run {
	uint64_t number;         /* of the sequence */
	uint32_t id;             /* ports follow from it */
	struct verdict *verdict; /* NULL: the sequence's first run */
	struct plan plan;
	struct talk talk[LANES];
};

struct differential {
	uint64_t seed, count, first, repeat, parallel;
	bool trace;
	struct lane lanes[LANES];
	uint32_t services;
	struct run **runs; /* by id */
	uint32_t runs_max, next_run;
	uint64_t begun;
	struct run **active;
	size_t active_count;
	struct talk **dirty; /* of whose segments some have come */
	size_t dirty_count;
	struct verdict *verdicts;
	uint64_t same, complete, differing;
	uint32_t failed_in[LANES]; /* sequences that have failed in one lane only, in their first
				      runs */
};

/* judge.c */
void note_run(struct differential *d, const struct run *run);
struct verdict *next_repetition(struct differential *d);

/* Prints what there is to say; the exit status. */
int summarize(const struct differential *d);

#endif
