/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A sequence of steps that the programs and the model both go through, and its text form, which
 * people and tests/bpf/corpus read:
 *
 *   # whatever it shows
 *   settings timeouts=1500,9500,...
 *   port guards=0x1ff flags=0x0 sessions=64 ... policy=<rule .../>
 *   out 5254...            a frame that the guest sends, in hex
 *   in 5254...             one that it receives
 *   in tag=8100:10 5254... the same with a VLAN tag beside it
 *   in 5254...+100         and with 100 zero bytes at the end
 *   tcp out SA 0 ack 1 win 65535 scale 7 = pass
 *                          a segment between VM:40000 and WEB:80, and what must become of it
 *   jump 2000              the clock goes on by so many jiffies
 *   sweep                  the daemon ends what has expired
 *
 * Each step but the frames stays in force until the next of its kind.
 *
 * A tcp step has a direction, flags (FSRPAUEC, "." for none), a sequence number or two ("1:1001"
 * with payload between them), and then in any order: ack N, win N, scale N, port N (of the VM),
 * rawseq N and rawack N (the numbers themselves), bad (the checksum is wrong), part OFFSET+LENGTH
 * (one fragment of it: bytes of the IP payload; length 0: the rest). Numbers count from the
 * sender's initial one; the scale is an option. "= pass" or "= drop" says what must become of it,
 * whatever programs and model agree on.
 */
#ifndef VMSEG_MODEL_SEQUENCE_H
#define VMSEG_MODEL_SEQUENCE_H

#include <stdio.h>

#include "bpf/abi.h"
#include "tests/harness/packet.h"
#include "tests/model/policies.h"

/* What a sequence says must become of a frame. */
enum expected { EXPECT_NOTHING, EXPECT_PASS, EXPECT_DROP };

enum step_kind { STEP_FRAME, STEP_PORT, STEP_SETTINGS, STEP_JUMP, STEP_SWEEP };

/* A port as a sequence says it; what is not here is the same for all of them. */
struct port_setup {
	uint32_t guards;
	uint32_t flags;
	uint32_t limits[LIMIT_COUNT];
	uint32_t unconfirmed;
	uint32_t pickup; /* jiffies from now on in which mid-stream TCP is picked up */
	bool absent;     /* the device has no port */
	struct prefix addresses[PORT_ADDRESSES_MAX];
	uint32_t address_count;
	uint16_t vlans[PORT_VLANS_MAX];
	uint32_t vlan_count;
	struct model_policy *policy;
};

struct settings_setup {
	uint32_t timeout[STATE_COUNT]; /* jiffies */
};

struct step {
	enum step_kind kind;
	enum direction direction; /* of a frame */
	enum expected expected;   /* likewise */
	uint32_t jiffies;         /* of a jump */
	union {
		struct packet packet;
		struct port_setup port;
		struct settings_setup settings;
	};
};

/* Sizes of session tables that are at hand. */
#define USUAL_LIMIT 400
#define SMALL_LIMIT 4
#define TINY_LIMIT  2

#define SEQUENCE_STEPS_MAX 256

struct sequence {
	size_t count;
	struct step steps[SEQUENCE_STEPS_MAX];
};

/* What a sequence starts from where it says nothing. */
struct port_setup usual_port(struct model_policy *policy);
struct settings_setup usual_settings(void);

/* Steps with a comment each that says what they are. */
void print_sequence(const struct sequence *sequence, FILE *stream);

/* "tcp 10.0.0.5:40000 > 198.51.100.80:80 S seq 5 ack 0 win 64240 len 0" */
void describe_frame(const struct packet *packet, char *out, size_t size);

/* Reads the text form; policies come into the pool. False with a message in *ret_error. */
bool read_sequence(FILE *stream, struct policy_pool *pool, struct sequence *ret, char error[256]);

/* The rest of a line after "tcp". */
bool read_tcp_step(char *text, struct step *ret);

#endif
