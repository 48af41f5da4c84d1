/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The programs against a model that was written from the contract without them (tests/model): the
 * same verdict, for the same reason, on random sequences of frames and changes, and on those in
 * tests/bpf/corpus: some once were judged differently, some say what must become of a segment.
 *
 * VMSEG_MODEL_PACKETS says how many frames; VMSEG_TEST_SEED repeats a run, and VMSEG_MODEL_FIRST
 * one from its sequence of that number on. VMSEG_MODEL_CORPUS is where the corpus is.
 */
#include "tests/bpf/bpf_test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/datapath/queries/names.h"
#include "tests/model/differential.h"
#include "tests/model/generate.h"

#define PACKETS 1000000

static const char *corpus_directory(void)
{
	const char *directory = getenv("VMSEG_MODEL_CORPUS");

	return directory ? directory : "tests/bpf/corpus";
}

#define FRAMES_FOR_ALL_REASONS 100000

/* Policies are made afresh after so many sequences. */
#define SEQUENCES_PER_POOL 4000
#define POLICIES_PER_POOL  60

static struct arena arena;
static struct sequence sequence;

static uint64_t read_number(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : usual;
}

/* ---- the corpus ----------------------------------------------------------------------------- */

/* Answers whether all went as it should. */
static bool replay(const char *name)
{
	char path[512], difference[512];
	_cleanup_fclose_ FILE *stream = NULL;

	snprintf(path, sizeof(path), "%s/%s", corpus_directory(), name);
	stream = fopen(path, "re");
	if (!stream)
		fail_msg("%s: %s", path, strerror(errno));
	clear_policies(&arena);
	if (!read_sequence(stream, &arena.pool, &sequence, difference))
		fail_msg("%s: %s", path, difference);
	if (agree_on(&arena, &sequence, difference))
		return true;
	printf("# %s: %s\n", path, difference);
	return false;
}

static int is_sequence(const struct dirent *item)
{
	const char *end = strrchr(item->d_name, '.');

	return end && !strcmp(end, ".seq");
}

static void the_corpus_is_judged_as_it_should_be(void **state)
{
	struct dirent **items;
	int count = scandir(corpus_directory(), &items, is_sequence, alphasort), failed = 0;

	if (count <= 0)
		fail_msg("%s: no sequences there", corpus_directory());
	open_arena(&arena, *state);
	for (int i = 0; i < count; i++) {
		failed += !replay(items[i]->d_name);
		free(items[i]);
	}
	free(items);
	close_arena(&arena);
	if (failed)
		fail_msg("%d of %d sequences, see above", failed, count);
}

/* ---- random sequences ----------------------------------------------------------------------- */

/* Own numbers for each sequence, so that it can be had without its predecessors. */
static struct random random_of(const struct random *run, uint64_t number, uint64_t purpose)
{
	struct random random = {.state = run->state ^ (number * 2 + purpose)};

	random.state = random_word(&random);
	return random;
}

static void report(uint64_t number, const char *difference)
{
	char why[512];

	printf("sequence %llu: %s\n", (unsigned long long)number, difference);
	shrink_sequence(&arena, &sequence);
	if (agree_on(&arena, &sequence, why))
		snprintf(why, sizeof(why), "(agreed on when run again)");
	printf("what is left of it: %s\n", why);
	print_sequence(&sequence, stdout);
	fflush(stdout);
}

static void run_sequence(const struct random *run, uint64_t number)
{
	struct random random = random_of(run, number, 0);
	char difference[512];

	make_sequence(&random, &arena.pool, &sequence);
	if (agree_on(&arena, &sequence, difference))
		return;
	report(number, difference);
	fail_msg("programs and model disagree: VMSEG_TEST_SEED and VMSEG_MODEL_FIRST=%llu, or the "
		 "sequence above, show it again",
		 (unsigned long long)number);
}

static void renew_policies(const struct random *run, uint64_t pool)
{
	struct random random = random_of(run, pool, 1);

	clear_policies(&arena);
	fill_pool(&arena.pool, &random, POLICIES_PER_POOL);
}

/* A generator that has lost its way is no test: every reason comes up in time, but for a broken
 * image, which sequences do not make. */
static void check_coverage(void)
{
	for (int r = 0; r < REASON_COUNT; r++) {
		uint64_t in = arena.seen[DIRECTION_IN][r], out = arena.seen[DIRECTION_OUT][r];

		if (!is_reason((uint8_t)r))
			continue;
		printf("%-26s %9llu in %9llu out\n", reason_name(r), (unsigned long long)in,
		       (unsigned long long)out);
		if (!in && !out && r != REASON_IMAGE && arena.frames >= FRAMES_FOR_ALL_REASONS)
			fail_msg("no frame met %s", reason_name(r));
	}
	printf("%llu later fragments, of which %llu had lost their place\n",
	       (unsigned long long)arena.followers, (unsigned long long)arena.collisions);
}

static void programs_and_model_agree(void **state)
{
	uint64_t packets = read_number("VMSEG_MODEL_PACKETS", PACKETS);
	uint64_t number = read_number("VMSEG_MODEL_FIRST", 0), pool = UINT64_MAX;
	const struct random run = start_random();

	open_arena(&arena, *state);
	for (; arena.frames < packets; number++) {
		if (number / SEQUENCES_PER_POOL != pool) {
			pool = number / SEQUENCES_PER_POOL;
			renew_policies(&run, pool);
		}
		run_sequence(&run, number);
	}
	check_coverage();
	/* A place is one of 64: more losses than that are none of chance. */
	assert_true(arena.collisions * 10 <= arena.followers + 100);
	close_arena(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_corpus_is_judged_as_it_should_be),
		rig_test(programs_and_model_agree),
	};

	return run_rig_tests(tests);
}
