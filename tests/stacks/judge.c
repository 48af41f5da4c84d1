// SPDX-License-Identifier: GPL-2.0-or-later
/* Which differences between the lanes are the ports' fault. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stacks/differential.h"

#define REPEATS 24

/* All went well: both ends of each connection are complete, or one was told to reset it and the
 * other, if it was not told so too, has got the reset. */
static bool is_good(const char *outcome)
{
	static const char *const good[] = {"cc", "aa", "ar", "ra"};
	size_t at = 0;

	for (; outcome[at]; at += 2) {
		size_t i = 0;

		while (i < 4 && strncmp(outcome + at, good[i], 2) != 0)
			i++;
		if (i == 4)
			return false;
	}
	return at > 0;
}

static void count_outcome(struct verdict *verdict, int lane, const char *outcome)
{
	for (int i = 0; i < OUTCOMES_MAX; i++) {
		struct tally *tally = &verdict->tallies[i];

		if (tally->outcome[0] && strcmp(tally->outcome, outcome) != 0)
			continue;
		strcpy(tally->outcome, outcome);
		tally->times[lane]++;
		return;
	}
	errx(2, "sequence %" PRIu64 " ends in too many ways", verdict->number);
}

void note_run(struct differential *d, const struct run *run)
{
	const char *plain = run->talk[PLAIN].outcome, *filtered = run->talk[FILTERED].outcome;
	struct verdict *verdict = run->verdict;

	if (d->trace || d->repeat > 1)
		printf("sequence %" PRIu64 " run %u plain %s filtered %s\n", run->number, run->id,
		       plain, filtered);
	if (!verdict && !strcmp(plain, filtered)) {
		d->same++;
		d->complete += is_good(plain);
		return;
	}
	if (!verdict) {
		d->differing++;
		verdict = calloc(1, sizeof(*verdict));
		if (!verdict)
			err(2, "calloc");
		verdict->number = run->number;
		verdict->next = d->verdicts;
		verdict->started = 1;
		d->verdicts = verdict;
	}
	verdict->runs++;
	count_outcome(verdict, PLAIN, plain);
	count_outcome(verdict, FILTERED, filtered);
}

struct verdict *next_repetition(struct differential *d)
{
	for (struct verdict *v = d->verdicts; v; v = v->next) {
		if (v->started <= REPEATS && d->repeat == 1) {
			v->started++;
			return v;
		}
	}
	return NULL;
}

/* LEFT has failed to open a connection. A forged SYN that comes while it asks does that, and then
 * it depends on which segments meet whether RIGHT resets the attempt or LEFT gives up. */
static bool has_failed_to_open(const char *fates)
{
	return (fates[0] == FATE_RESET || fates[0] == FATE_TIMED_OUT) && fates[1] == FATE_UNOPENED;
}

static bool is_alike(const char *a, const char *b)
{
	if (strlen(a) != strlen(b))
		return false;
	for (; *a; a += 2, b += 2) {
		if (strncmp(a, b, 2) != 0 && !(has_failed_to_open(a) && has_failed_to_open(b)))
			return false;
	}
	return true;
}

static bool happens_in_plain(const struct verdict *verdict, const char *outcome)
{
	for (int i = 0; i < OUTCOMES_MAX && verdict->tallies[i].outcome[0]; i++) {
		if (verdict->tallies[i].times[PLAIN] &&
		    is_alike(verdict->tallies[i].outcome, outcome))
			return true;
	}
	return false;
}

/* What breaks in the plain lane each time is no connection that the ports could break. */
static bool is_fault(const struct verdict *verdict)
{
	bool fault = false, plain_good = false;

	for (int i = 0; i < OUTCOMES_MAX && verdict->tallies[i].outcome[0]; i++) {
		const struct tally *tally = &verdict->tallies[i];

		if (is_good(tally->outcome))
			plain_good |= tally->times[PLAIN] > 0;
		else if (tally->times[FILTERED])
			fault |= !happens_in_plain(verdict, tally->outcome);
	}
	return fault && plain_good;
}

static void print_verdict(const struct verdict *verdict, const char *what)
{
	printf("%s: sequence %" PRIu64 ":", what, verdict->number);
	for (int i = 0; i < OUTCOMES_MAX && verdict->tallies[i].outcome[0]; i++)
		printf(" %s %u plain %u filtered", verdict->tallies[i].outcome,
		       verdict->tallies[i].times[PLAIN], verdict->tallies[i].times[FILTERED]);
	putchar('\n');
}

int summarize(const struct differential *d)
{
	uint64_t faults = 0;

	for (const struct verdict *v = d->verdicts; v; v = v->next) {
		bool fault = is_fault(v);

		print_verdict(v, fault ? "fault" : "varies");
		faults += fault;
	}
	printf("%" PRIu64 " sequences, %" PRIu64 " end well in both lanes, %" PRIu64
	       " break alike, %" PRIu64 " vary, %" PRIu64 " faults\n",
	       d->count * d->repeat, d->complete, d->same - d->complete, d->differing - faults,
	       faults);
	return faults > 0;
}
