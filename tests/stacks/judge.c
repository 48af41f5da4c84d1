// SPDX-License-Identifier: GPL-2.0-or-later
/* Which differences between the lanes are the ports' fault. */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stacks/differential.h"

/* Runs of a sequence after the first, and of one that still looks like a fault then. */
#define REPEATS         24
#define SUSPECT_REPEATS 96
/* How likely it is that lanes which fail equally often fail as unequally as seen. */
#define SUSPECT_ODDS 0.1
#define FAULT_ODDS   1e-5

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

static struct verdict *add_verdict(struct differential *d, uint64_t number)
{
	struct verdict *verdict = calloc(1, sizeof(*verdict));

	if (!verdict)
		err(2, "calloc");
	verdict->number = number;
	verdict->next = d->verdicts;
	d->verdicts = verdict;
	return verdict;
}

/* The first run only says which sequences to look at: to count it with the repetitions would count
 * what they were chosen for. */
static void note_first_run(struct differential *d, const struct run *run)
{
	const char *plain = run->talk[PLAIN].outcome, *filtered = run->talk[FILTERED].outcome;

	if (!strcmp(plain, filtered)) {
		d->same++;
		d->complete += is_good(plain);
		return;
	}
	d->differing++;
	if (is_good(plain) != is_good(filtered))
		d->failed_in[is_good(plain) ? FILTERED : PLAIN]++;
	add_verdict(d, run->number);
}

void note_run(struct differential *d, const struct run *run)
{
	const char *plain = run->talk[PLAIN].outcome, *filtered = run->talk[FILTERED].outcome;

	if (d->trace || d->repeat > 1)
		printf("sequence %" PRIu64 " run %u plain %s filtered %s\n", run->number, run->id,
		       plain, filtered);
	if (!run->verdict) {
		note_first_run(d, run);
		return;
	}
	run->verdict->runs++;
	count_outcome(run->verdict, PLAIN, plain);
	count_outcome(run->verdict, FILTERED, filtered);
}

static uint32_t count_failures(const struct verdict *verdict, int lane)
{
	uint32_t failures = 0;

	for (int i = 0; i < OUTCOMES_MAX && verdict->tallies[i].outcome[0]; i++) {
		if (!is_good(verdict->tallies[i].outcome))
			failures += verdict->tallies[i].times[lane];
	}
	return failures;
}

/* Ways to choose `some` of `all`. */
static double count_choices(uint32_t all, uint32_t some)
{
	double choices = 1;

	if (some > all)
		return 0;
	for (uint32_t i = 0; i < some; i++)
		choices = choices * (all - i) / (i + 1);
	return choices;
}

/* Fisher's exact test: how likely are that many or more failures of the filtered lane, of all that
 * both lanes have had, if it is chance in which lane each happens? */
static double odds_of_failures(const struct verdict *verdict)
{
	uint32_t runs = verdict->runs, filtered = count_failures(verdict, FILTERED);
	uint32_t all = filtered + count_failures(verdict, PLAIN);
	double ways = 0;

	for (uint32_t i = filtered; i <= all && i <= runs; i++)
		ways += count_choices(runs, i) * count_choices(runs, all - i);
	return ways / count_choices(2 * runs, all);
}

struct verdict *next_repetition(struct differential *d)
{
	for (struct verdict *v = d->verdicts; v && d->repeat == 1; v = v->next) {
		if (v->started < REPEATS || (v->started < SUSPECT_REPEATS && v->runs >= REPEATS &&
					     odds_of_failures(v) < SUSPECT_ODDS)) {
			v->started++;
			return v;
		}
	}
	return NULL;
}

/* How likely is it that of the sequences which have failed in one lane only, in their first runs,
 * so many have failed in the filtered one? */
static double odds_of_all_failures(const struct differential *d)
{
	uint32_t all = d->failed_in[PLAIN] + d->failed_in[FILTERED];
	double odds = 0, ways = 1;

	for (uint32_t i = 0; i < all; i++)
		ways /= 2;
	for (uint32_t i = 0; i <= all; i++) {
		if (i >= d->failed_in[FILTERED])
			odds += ways;
		ways = ways * (all - i) / (i + 1);
	}
	return odds;
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
	bool more_often = odds_of_all_failures(d) < FAULT_ODDS;

	for (const struct verdict *v = d->verdicts; v; v = v->next) {
		bool fault = odds_of_failures(v) < FAULT_ODDS;

		print_verdict(v, fault ? "fault" : "varies");
		faults += fault;
	}
	if (more_often)
		printf("fault: sequences fail more often in the filtered lane\n");
	printf("%" PRIu64 " sequences, %" PRIu64 " end well in both lanes, %" PRIu64
	       " break alike, %" PRIu64 " differ in their first runs (%u fail in the plain lane "
	       "only, %u in the filtered one only), %" PRIu64 " faults\n",
	       d->count * d->repeat, d->complete, d->same - d->complete, d->differing,
	       d->failed_in[PLAIN], d->failed_in[FILTERED], faults + more_often);
	return faults || more_often;
}
