/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at sessions.
 */
#ifndef VMSEG_DATAPATH_SESSION_QUERY_H
#define VMSEG_DATAPATH_SESSION_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/policy/compile/compile.h"

struct datapath;

struct session_view {
	struct session_key key;
	struct session session;
	/* The cell of the port's present image by which the session goes on. Without VERDICT_ALLOW
	 * none does: a rule of an earlier policy keeps it, or it ends with its next packet. */
	uint32_t verdict;
	uint32_t idle_seconds;    /* since the last accepted packet */
	uint32_t expires_seconds; /* until the idle timeout */
	uint32_t age_seconds;
};

/* Live sessions (expired ones are left out), of about `wanted` entries of the table from a place
 * on: 0 is its beginning, and at the end *place is 0 again. What comes or goes between two calls
 * may be seen or not, and what stays is seen once unless the table changes its size. Returns 0,
 * -ENOENT when the port is not attached, or -errno when its table cannot be read; then *place means
 * nothing. */
int page_sessions(struct datapath *datapath, unsigned int ifindex, uint32_t wanted, uint32_t *place,
		  void (*visit)(const struct session_view *view, void *context), void *context);

/* The live session under a key; -ENOENT when there is none. */
int read_session(struct datapath *datapath, unsigned int ifindex, const struct session_key *key,
		 struct session_view *ret);

/* The question that the session's first packet put, by which programs judge the session again after
 * a change: recall_question() in bpf/session.h. */
struct policy_query question_of_session(const struct session_key *key,
					const struct session *session);

/* Whether programs that judge the session again by this image would go on with it: its opening is
 * allowed, or the rule that admitted it keeps established ones. *ret_verdict is the image's cell.
 */
bool outlives_image(const struct session_key *key, const struct session *session,
		    const struct image *image, uint32_t *ret_verdict);

#endif
