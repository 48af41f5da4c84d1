/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rig: the BPF programs loaded on their own, with ports made directly in the maps, and a way to
 * hand them frames (BPF_PROG_TEST_RUN). No device, no daemon, nothing pinned.
 *
 * A fixture that cannot be made is a failed test: these functions fail it instead of returning.
 */
#ifndef VMSEG_TEST_RIG_H
#define VMSEG_TEST_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "tests/harness/packet.h"

#define RIG_PORTS 3

struct vmseg;
struct push_tag;
struct ring_buffer;

struct rig_port {
	struct rig *rig;
	uint32_t slot;
	uint32_t ifindex;       /* of the device that frames are said to be on */
	struct port record;     /* change, then publish_port() */
	uint32_t session_limit; /* before reset_rig_port() */
	uint64_t published;     /* record number + 1; 0: the device has no port */
	uint32_t next_node;     /* in the port's part of policy_map */
	uint32_t next_counter;  /* in the port's part of rule_stats_map */
	uint32_t rule_base;     /* of the image in force */
	int sessions;           /* the port's session map */
	int remotes;            /* sessions by remote address */
};

struct rig {
	struct vmseg *skeleton;
	struct push_tag *tagger; /* puts a VLAN tag beside the frame, then runs the program */
	struct ring_buffer *ring;
	struct settings settings; /* change, then apply_rig_settings() */
	struct rig_port ports[RIG_PORTS];
	struct event events[64]; /* those not taken yet, oldest first */
	size_t event_count;
};

/* For cmocka: group set-up and tear-down, and a set-up that gives each test its ports afresh and
 * sets *state to the first one. A fresh port has the addresses and the MAC of VM, VM6 and VM_LINK,
 * all guards on, no limits, and a policy that denies in and allows out. */
int open_rig(void **state);
/* With room for so many ports, not fewer than RIG_PORTS: those in slots beyond are the caller's. */
int open_rig_for(void **state, uint32_t ports);
int close_rig(void **state);
int reset_rig(void **state);

/* The other ports, by number from 0. */
struct rig_port *sibling(struct rig_port *port, int number);

/* Puts the record in force, with a new generation, as the daemon does. */
void publish_port(struct rig_port *port);
/* Changes the record that is in force, of the same generation: time travel only. */
void rewrite_port(struct rig_port *port);
/* The port's device; it has to be in the test's network namespace. Afresh it is the
 * loopback device, which all ports share by turns. */
void set_ifindex(struct rig_port *port, uint32_t ifindex);

/* The device loses its port entry. */
void withdraw_port(struct rig_port *port);

/* Empties the session map and makes it `limit` large. */
void set_session_limit(struct rig_port *port, uint32_t limit);

void apply_rig_settings(struct rig *rig);

/* ---- policies: each puts the new image in force with a new generation ----------------------- */

/* No rules, only the defaults. */
void set_defaults(struct rig_port *port, bool allow_in, bool allow_out);

/* The content of a <policy>, through the parser, the resolver and the compiler. */
void set_policy(struct rig_port *port, const char *content);

/* An image of the compiler's. */
struct image;
void set_image(struct rig_port *port, const struct image *image);

/* Makes room for new images; the one in force stays only until then. */
void free_images(struct rig_port *port);

/* A header that leads nowhere. */
void break_image(struct rig_port *port);

/* Packets that met the rule; 0 is the default. */
struct counter read_rig_rule(struct rig_port *port, uint32_t rule);

/* ---- frames --------------------------------------------------------------------------------- */

/* What the program said: a TC_ACT_* value. */
int run_frame(struct rig_port *port, enum direction direction, const struct packet *packet);

struct dry_run {
	int action;
	enum reason reason;
	uint32_t verdict; /* cell */
	bool has_session;
	uint32_t slot;
	uint32_t generation;
};

/* The same frame through the program's twin that writes nothing. */
struct dry_run dry_run_frame(struct rig_port *port, enum direction direction,
			     const struct packet *packet);

/* Sums over CPUs. Slot 0: frames without a port. */
void read_rig_stats(struct rig *rig, uint32_t slot, struct port_stats *ret);

struct port_state read_rig_port_state(struct rig_port *port);

/* ---- sessions ------------------------------------------------------------------------------- */

struct session_key session_between(const struct host *local, uint16_t local_port,
				   const struct host *remote, uint16_t remote_port,
				   uint8_t protocol);

bool find_session(struct rig_port *port, const struct session_key *key, struct session *ret);
uint32_t count_sessions(struct rig_port *port);

/* The same session in a VLAN, and in a VLAN inside it (0: none). */
struct session_key key_in_vlan(uint16_t outer, uint16_t inner, struct session_key key);

/* Sessions with the remote address and the VLANs of the key, as the limit per remote counts them.
 */
int64_t count_remote_sessions(struct rig_port *port, const struct session_key *key);

/* Sessions that the daemon's sweep would end, out of those under the keys. */
uint32_t expire_sessions(struct rig_port *port, const struct session_key *keys, uint32_t count);

/* Makes the session look as if its last packet had come `jiffies` earlier. */
void age_session(struct rig_port *port, const struct session_key *key, uint32_t jiffies);

/* ---- events --------------------------------------------------------------------------------- */

/* The oldest one not taken yet; false: there is none. */
bool take_event(struct rig *rig, struct event *ret);

#endif
