/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One sequence between the stacks of one lane: goes through the plan and notes what becomes of both
 * ends.
 */
#ifndef VMSEG_STACKS_TALK_H
#define VMSEG_STACKS_TALK_H

#include "tests/stacks/lane.h"
#include "tests/stacks/plan.h"
#include "tests/stacks/wire.h"

/* How an end of a connection has ended; the letter stands in the outcome. */
enum fate {
	FATE_NONE = '-',
	FATE_COMPLETE = 'c', /* sent all, got all and the end of it, and its stack has closed */
	FATE_ABORTED = 'a',  /* by its own program */
	FATE_RESET = 'r',
	FATE_TIMED_OUT = 't',
	FATE_SHORT = 's',    /* the end of the stream came too early */
	FATE_CORRUPT = 'x',  /* bytes that nobody has sent there */
	FATE_UNOPENED = 'n', /* no connection came to this end */
	FATE_STUCK = 'u',    /* its stack has not given up, and nothing happens */
	FATE_OTHER_ERROR = 'e',
};

struct end {
	int fd; /* -1: none, or no more */
	enum fate fate;
	uint64_t written, to_write, read;
	bool connected, shut_wanted, shut, end_seen, paused, corrupt;
};

#define OUTCOME_BYTES (2 * PLAN_CONNECTIONS_MAX + 1)

struct talk {
	const struct lane *lane;
	const struct plan *plan;
	uint32_t run;
	uint32_t op;         /* the next one */
	uint32_t connection; /* number of the one at hand, from 1 */
	bool failed;         /* what is left of the plan makes no sense any more */
	bool over;
	bool is_dirty;         /* the caller's */
	long began, resume_at; /* ms; the connection at hand, an op */
	struct end end[2];
	struct wire wire;
	char outcome[OUTCOME_BYTES]; /* the fates of LEFT and RIGHT, connection by connection */
};

/* Both stay as long as the talk does. */
void start_talk(struct talk *talk, const struct lane *lane, const struct plan *plan, uint32_t run);

/* Does what can be done now (`now` in ms). Sets .over at the end. */
void advance_talk(struct talk *talk, long now);

/* RIGHT's socket of a connection that LEFT has opened. */
void accept_talk(struct talk *talk, int fd);

#endif
