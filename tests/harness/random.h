/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random numbers that can be had again: the same seed gives the same ones everywhere.
 */
#ifndef VMSEG_TEST_RANDOM_H
#define VMSEG_TEST_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

/* The seed of this run: from the environment variable VMSEG_TEST_SEED, else a new one; printed. */
struct random start_random(void);

uint64_t random_word(struct random *random);

/* 0 to count - 1. */
uint32_t random_below(struct random *random, uint32_t count);

/* True once in `count` times. */
bool one_in(struct random *random, uint32_t count);

/* Number of repetitions: from the environment variable VMSEG_TEST_ROUNDS, else `normal`. */
unsigned int random_rounds(unsigned int normal);

#endif
