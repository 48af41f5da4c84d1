/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A second opinion: what the datapath should do with a frame, written from the contract (the
 * design, abi.h, reasons.def, states.def, what the headers of bpf/ say in prose) and the standards,
 * in plain C without a thought for speed. One port, a clock that its user moves.
 *
 * The policy is a list of rules, and the first that matches decides; there are no tries, no images.
 * Sessions are a list, so are fragments.
 */
#ifndef VMSEG_MODEL_H
#define VMSEG_MODEL_H

#include "hostd/policy/compile/resolve.h"
#include "tests/model/reading.h"
#include "tests/model/talk.h"

#define MODEL_SESSIONS_MAX 512

struct model_session {
	struct session_key key;
	enum session_state state;
	bool opened_out;
	struct talk talk; /* TCP */
	uint32_t generation;
	uint32_t verdict; /* cell that admitted it */
	uint64_t seen;
	uint64_t packets[2], bytes[2];
	/* What its first packet asked the policy. */
	struct question {
		enum direction direction;
		uint8_t remote[ADDRESS_BYTES];
		uint8_t protocol;
		uint16_t port, source_port;
	} question;
};

/* The first part of a datagram that was let through. */
struct model_fragment {
	enum direction direction;
	enum family family;
	uint8_t source[ADDRESS_BYTES], destination[ADDRESS_BYTES];
	uint8_t protocol; /* IPv4 */
	uint32_t datagram;
	uint32_t vlans;
	uint32_t end;
	uint64_t seen;
};

#define MODEL_FRAGMENTS_MAX 256

struct model_event {
	enum event_kind kind;
	enum reason reason;
	enum direction direction;
	bool audit;
	uint32_t verdict;       /* where the policy decided */
	struct session_key key; /* of the session that began or ended */
	struct counter total[2];
};

#define MODEL_EVENTS_MAX 4

struct model {
	/* Set these at will. */
	uint64_t now; /* jiffies */
	struct settings settings;
	struct port port; /* .image and .slot are not looked at */
	bool absent;      /* the device has no port */
	const struct effective_policy *policy;
	struct counter *hits; /* by rule number; frames that met the rule */
	uint32_t session_limit;
	/* Cleared by reset_model(). */
	struct model_session sessions[MODEL_SESSIONS_MAX];
	size_t session_count;
	struct model_fragment fragments[MODEL_FRAGMENTS_MAX]; /* oldest first */
	size_t fragment_count;
	uint64_t credit; /* for new sessions; a session costs hz, a jiffy brings session_rate */
	uint64_t credited;
	bool spent; /* a session has been opened under a rate */
	struct port_stats stats;
	struct port_stats unheard; /* of frames while there was no port */
	/* Of the last frame, in order. */
	struct model_event events[MODEL_EVENTS_MAX];
	size_t event_count;
	size_t frame_length;
};

/* What the model says of a frame. */
struct opinion {
	bool pass;
	enum reason reason;
	uint32_t verdict;       /* cell, where the policy was asked */
	bool has_session;       /* a live one, which the frame is of */
	struct session_key key; /* of the session that was opened */
};

/* No sessions, no fragments, no counters, all of the burst. */
void reset_model(struct model *model);

struct opinion ask_model(struct model *model, enum direction direction, const struct packet *frame);

/* What the daemon's sweep ends. Returns how many, and for how many of them there is an event. */
size_t sweep_model(struct model *model, size_t *ret_reported);

struct model_session *find_model_session(struct model *model, const struct session_key *key);

/* Sessions with the remote address and the VLANs of the key. */
size_t count_model_remote(const struct model *model, const struct session_key *key);

/* For a later fragment that was just asked about, and was said to follow: forgets the datagram's
 * first one, and makes the opinion the one that comes of it. False, and nothing is changed, when no
 * other datagram has come since. */
bool forget_first(struct model *model, enum direction direction, const struct packet *frame,
		  struct opinion *opinion);

/* ---- between the files of the model --------------------------------------------------------- */

/* policy.c: the cell that the first matching rule gives, or the default's; counts the rule. */
uint32_t ask_rules(struct model *model, const struct question *question);

/* model.c */
void add_model_event(struct model *model, const struct model_event *event);

/* guards.c: GO_ON or a reason. */
int guard_frame(const struct model *model, enum direction direction, const struct reading *r);
int guard_ip_sender(const struct model *model, enum direction direction, const struct reading *r);
int judge_arp_frame(const struct model *model, enum direction direction, const struct reading *r);
int judge_discovery(const struct model *model, enum direction direction, const struct reading *r);
bool is_discovery(const struct reading *r);
bool is_membership(const struct reading *r);

/* sessions.c: judges what has a session or may open one. */
struct opinion judge_flow(struct model *model, enum direction direction, const struct reading *r);

#endif
