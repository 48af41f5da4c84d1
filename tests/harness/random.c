/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/harness/random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

struct random start_random(void)
{
	const char *text = getenv("VMSEG_TEST_SEED");
	struct random random = {0};

	if (text)
		random.state = strtoull(text, NULL, 0);
	else if (getrandom(&random.state, sizeof(random.state), 0) < 0)
		abort();
	printf("VMSEG_TEST_SEED=0x%" PRIx64 "\n", random.state);
	fflush(stdout);
	return random;
}

/* splitmix64: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014. */
uint64_t random_word(struct random *random)
{
	uint64_t word = random->state += 0x9e3779b97f4a7c15ULL;

	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ULL;
	word = (word ^ word >> 27) * 0x94d049bb133111ebULL;
	return word ^ word >> 31;
}

uint32_t random_below(struct random *random, uint32_t count)
{
	return (uint32_t)((random_word(random) >> 32) * count >> 32);
}

bool one_in(struct random *random, uint32_t count)
{
	return random_below(random, count) == 0;
}

unsigned int random_rounds(unsigned int normal)
{
	const char *text = getenv("VMSEG_TEST_ROUNDS");

	return text ? (unsigned int)strtoul(text, NULL, 0) : normal;
}
