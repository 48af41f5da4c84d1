/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TCP connection as somebody who stands between the two hosts sees it: states of RFC 9293,
 * windows after G. van Rooij ("Real Stateful TCP Packet Filtering in IP Filter", 2001), scaling of
 * RFC 7323, resets and challenge ACKs of RFC 5961.
 *
 * Two promises: a segment that its receiver's stack would accept is never dropped for good, and a
 * segment that the stack throws away never changes for good what is accepted. Which segments the
 * stack throws away is not seen here. So a segment says something about its own sender only, and
 * what a side may send is bounded by what the other side has said.
 */
#ifndef VMSEG_MODEL_TALK_H
#define VMSEG_MODEL_TALK_H

#include "tests/model/reading.h"

/* What one side has said. Sequence numbers wrap; "highest" is meant that way. */
struct speaker {
	bool spoke;     /* its first sequence number is known; before there is an answer: its SYN */
	uint32_t first; /* its SYN's; mid-stream: the first that was seen */
	uint32_t end;   /* highest number sent, plus one */
	uint32_t window; /* largest it has offered, bytes */
	bool has_acked;
	uint32_t acked; /* highest acknowledgment it has sent, of what was sent */
	int scale;      /* of its windows; in a SYN: as offered, -1 without the option */
	bool finished;  /* it has sent FIN */
	uint32_t fin;   /* number behind that */
};

/* The latest SYN without ACK. */
struct asking {
	bool open;     /* an answer would start the talk anew */
	bool settled;  /* the talk began with it, and it has been answered */
	bool rivalled; /* the other side has sent a SYN since */
	enum direction by;
	uint32_t first;
	uint16_t data; /* bytes */
	uint16_t window;
	int scale;       /* -1: without the option */
	uint32_t answer; /* settled: the initial number of the other side */
};

struct talk {
	enum session_state state;
	enum direction opener;
	bool picked_up;       /* mid-stream: windows are estimates, and not enforced */
	enum direction first; /* in TCP_UNCONFIRMED: the side that has spoken */
	struct speaker side[2];
	struct asking asking;
	bool answered_twice;   /* SYN received: by two numbers, and either may be the true one */
	uint32_t other_answer; /* then the number that is not side[].first */
	uint32_t sent_at_reset[2]; /* `end` of the sides when the talk was reset */
	bool started;              /* by the segment at hand, with an answer */
};

/* By the first segment: a SYN, or mid-stream any that carries ACK. */
void open_talk(struct talk *talk, enum direction opener, enum direction sender,
	       const struct reading *segment);

/* Would the segment lead to another connection on the same ports, by a SYN or by the answer to one?
 * The policy has to allow that first. *ret_opener: who would open it. */
bool begins_another(const struct talk *talk, enum direction sender, const struct reading *segment,
		    enum direction *ret_opener);

/* Is that SYN the latest, sent once more? */
bool is_known_asking(const struct talk *talk, enum direction sender, const struct reading *syn);

/* The next segment: REASON_ESTABLISHED and the talk moves on, or why not and it stays as it is.
 * Liberal: windows are not enforced. *ret_anew: the talk has started anew. */
int follow_talk(struct talk *talk, enum direction sender, const struct reading *segment,
		bool liberal, bool *ret_anew);

bool is_unconfirmed(const struct talk *talk);

/* Does the segment end a talk that nobody has confirmed? */
bool resets_unconfirmed(const struct talk *talk, enum direction sender,
			const struct reading *segment);

/* Before the first SYN is answered: is the segment from the middle of a connection that was there
 * before? */
bool is_older_than_syn(const struct talk *talk, enum direction sender,
		       const struct reading *segment);

/* Then that connection is followed, and the SYN stays remembered. */
void pick_up_instead(struct talk *talk, enum direction opener, enum direction sender,
		     const struct reading *segment);

/* May `sender` have sent a segment that starts here and is not acknowledged yet (RFC 5927, 4.1)? */
bool is_under_way(const struct talk *talk, enum direction sender, uint32_t sequence);

#endif
