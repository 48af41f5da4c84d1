/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP connection as somebody who stands between the two hosts sees it: states of RFC 9293,
 * window inequalities of G. van Rooij ("Real Stateful TCP Packet Filtering in IP Filter", 2001),
 * scaling of RFC 7323, resets and challenge ACKs of RFC 5961.
 */
#ifndef VMSEG_MODEL_TALK_H
#define VMSEG_MODEL_TALK_H

#include "tests/model/reading.h"

/* What one side has said. Sequence numbers wrap; "highest" is meant that way. */
struct speaker {
	bool spoke;      /* its first sequence number is known */
	uint32_t first;  /* its SYN's; mid-stream: the first that was seen */
	uint32_t end;    /* highest number sent, plus one */
	uint32_t limit;  /* highest `end` that the other side allows */
	uint32_t window; /* largest it has offered, bytes */
	bool has_acked;
	uint32_t acked; /* highest acknowledgment it has sent */
	int scale;      /* of its windows; in a SYN: as offered, -1 without the option */
	bool finished;  /* it has sent FIN */
	bool fin_acked; /* and the other side has acknowledged that */
};

struct talk {
	enum session_state state;
	enum direction opener;
	bool picked_up; /* mid-stream: windows are not known */
	struct speaker side[2];
};

/* By the first segment: a SYN, or mid-stream any that carries ACK. */
void open_talk(struct talk *talk, enum direction opener, enum direction sender,
	       const struct reading *segment);

/* The next segment: REASON_ESTABLISHED and the talk moves on, or why not and it stays as it is.
 * Liberal: windows are not enforced. */
int follow_talk(struct talk *talk, enum direction sender, const struct reading *segment,
		bool liberal);

/* May `sender` have sent a segment that starts here and is not acknowledged yet (RFC 5927, 4.1)? */
bool is_under_way(const struct talk *talk, enum direction sender, uint32_t sequence);

#endif
