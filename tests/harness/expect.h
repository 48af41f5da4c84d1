/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One line per expectation:
 *
 *   expect_pass(port, OUT, tcp(VM, WEB, 40000, 80, SYN), NEW);
 *   expect_drop(port, IN, tcp(INTRUDER, VM, 40000, 80, SYN), POLICY);
 *
 * Checked each time: the program's action; that exactly this reason was counted in exactly this
 * direction, once, with the frame's bytes, and nothing else on any port; that no session was made
 * unless the reason says so; and that the dry-run twin had said the same and changed nothing.
 */
#ifndef VMSEG_TEST_EXPECT_H
#define VMSEG_TEST_EXPECT_H

#include "tests/harness/packet.h"
#include "tests/harness/rig.h"

/* Where an expectation stands. */
struct test_line {
	const char *file;
	int line;
};
#define HERE ((struct test_line){__FILE__, __LINE__})

enum outcome {
	OUTCOME_PASS,
	OUTCOME_DROP,
	OUTCOME_AUDITED, /* passed, and counted as a drop in audit mode */
};

#define expect_pass(port, direction, frame, reason)                                                \
	check_frame((port), (direction), (frame), OUTCOME_PASS, REASON_##reason, HERE)
#define expect_drop(port, direction, frame, reason)                                                \
	check_frame((port), (direction), (frame), OUTCOME_DROP, REASON_##reason, HERE)
#define expect_audited(port, direction, frame, reason)                                             \
	check_frame((port), (direction), (frame), OUTCOME_AUDITED, REASON_##reason, HERE)

void check_frame(struct rig_port *port, enum direction direction, struct packet packet,
		 enum outcome outcome, enum reason reason, struct test_line where);

/* The state that a session has; or that there is none. */
#define expect_state(port, key, state) check_state((port), (key), STATE_##state, HERE)
#define expect_no_session(port, key)   check_state((port), (key), STATE_COUNT, HERE)

void check_state(struct rig_port *port, struct session_key key, enum session_state state,
		 struct test_line where);

/* The next event of the rig is of this kind and reason. */
#define expect_event(port, event_kind, event_reason)                                               \
	check_event((port), (event_kind), REASON_##event_reason, HERE)
#define expect_no_event(port) check_no_event((port), HERE)

struct event check_event(struct rig_port *port, enum event_kind kind, enum reason reason,
			 struct test_line where);
void check_no_event(struct rig_port *port, struct test_line where);

#endif
