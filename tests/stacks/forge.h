/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments that no honest stack has sent.
 */
#ifndef VMSEG_STACKS_FORGE_H
#define VMSEG_STACKS_FORGE_H

#include "tests/stacks/wire.h"

/* A segment in the name of side `as`, of the connection that `frame` (which `from` has sent) is of.
 * A stack that has got all that the wire has passed on discards it, or answers it and stays as it
 * is. */
struct frame make_false_segment(struct random *random, const struct wire *wire, enum side as,
				enum side from, const struct frame *frame);

/* The segment with other numbers, flags or another window; its checksum is no longer right. */
struct frame alter_segment(struct random *random, const struct wire *wire, enum side from,
			   const struct frame *frame, const struct segment_view *view);

#endif
