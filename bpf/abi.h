/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * abi.h - the one header that the BPF programs and user space share: every key, value and number
 * that crosses between them. Fixed-width fields; the unit and byte order stand beside each; the
 * sizes are asserted at the end, because pinned maps outlive the program that made them.
 *
 * Addresses are always 16 bytes in network byte order; IPv4 a.b.c.d is ::ffff:a.b.c.d (RFC 4291,
 * 2.5.5.2), so that one code path serves both families.
 */
#ifndef VMSEG_ABI_H
#define VMSEG_ABI_H

#include <linux/types.h>

/* Raise when any layout below changes: a daemon adopts only maps of its own number. */
#define VMSEG_ABI 3

#define ADDRESS_BYTES 16
#define MAC_BYTES     6

/* Direction from the VM's point of view. Indexes every [2] array below. */
enum direction {
	DIRECTION_IN = 0,  /* to the VM: TC egress of its tap, program to_vm */
	DIRECTION_OUT = 1, /* from the VM: TC ingress of its tap, program from_vm */
};

enum guard_kind {
#define GUARD(identifier, attribute, acts, idle, built_in, help) GUARD_KIND_##identifier,
#include "guards.def"
#undef GUARD
	GUARD_KIND_COUNT
};

/* Bits of port.guards: a set bit means that the guard acts. */
enum guard_bit {
#define GUARD(identifier, attribute, acts, idle, built_in, help)                                   \
	GUARD_##identifier = 1U << GUARD_KIND_##identifier,
#include "guards.def"
#undef GUARD
};

#define GUARDS_ALL ((1U << GUARD_KIND_COUNT) - 1)

/* Slots reserved in per-reason arrays, so that a new reason does not change the layout. Those of
 * guards have numbers of their own, so that neither list moves the other. */
#define REASON_MAX        64
#define REASONS_OF_GUARDS 40

enum reason {
#define REASON(identifier, name, verdict, policy, help) REASON_##identifier,
#include "reasons.def"
#undef REASON
	REASON_UNGUARDED_COUNT,
#define GUARD(identifier, attribute, acts, idle, built_in, help)                                   \
	REASON_GUARD_##identifier = REASONS_OF_GUARDS + GUARD_KIND_##identifier,
#include "guards.def"
#undef GUARD
	REASON_COUNT /* one more than the highest: there are numbers below that are no reason's */
};

enum session_state {
#define STATE(identifier, name, timeout, source) STATE_##identifier,
#include "states.def"
#undef STATE
	STATE_COUNT
};

#define STATE_MAX 16

enum limit {
#define LIMIT(identifier, attribute, built_in, least, most, reason) LIMIT_##identifier,
#include "limits.def"
#undef LIMIT
	LIMIT_COUNT
};

/* Room for limits in struct port, so that a new limit does not change the layout. */
#define LIMIT_MAX 16

/* A session that a program has ended and is about to delete. It has run out for everybody: its
 * stamp is long ago, and its timeout 0. */
#define STATE_ENDED (STATE_MAX - 1)

/* ------------------------------------------------------------------------------------------
 * Ports
 *
 * port_index[ifindex] (array; port_index_high, a hash, for an ifindex beyond the array) holds the
 * number of the port's current record in port_map, plus one; 0 means: no port. A published record
 * is never written again: a change is written to a free record and then published by one aligned
 * store to port_index, so a packet sees the whole old record or the whole new one.
 */
#define PORT_INDEX_ENTRIES 65536

#define PORT_ADDRESSES_MAX 16
#define PORT_VLANS_MAX     16

/* Places of a port in fragment_map, from slot * FRAGMENTS_PER_PORT on. A power of two. */
#define FRAGMENTS_PER_PORT 64

/* Bits of port.flags. */
#define PORT_AUDIT      (1U << 0) /* judge and count, drop nothing */
#define PORT_QUARANTINE (1U << 4) /* nothing passes; a session table is not needed */
/* For the next daemon; the programs do not look at them. */
#define PORT_REVERSED   (1U << 2) /* macvtap: TC ingress is what the VM receives */
#define PORT_OWNS_QDISC (1U << 3) /* vmseg made the device's clsact qdisc */

/* An address prefix: (packet address & mask) == address, word by word, network byte order. */
struct address_prefix {
	__be32 address[4];
	__be32 mask[4];
};

struct port {
	/* First cache line: what every packet reads. */
	__u8 mac[MAC_BYTES];
	__u16 vlan_count;
	__u32 guards;       /* enum guard_bit */
	__u32 flags;        /* PORT_* */
	__u32 slot;         /* from 1: index into session_map, stats_map and port_state_map */
	__u32 generation;   /* sessions of another generation are judged again */
	__u32 image;        /* first node of the policy image in policy_map */
	__u32 pickup_until; /* low 32 bits of jiffies: mid-stream TCP is picked up before; 0: never
			     */
	__u32 address_count;
	__u32 unconfirmed; /* most sessions in STATE_TCP_UNCONFIRMED; 0: none */
	__u32 reserved[6];
	/* Second cache line: what opening a session reads. By enum limit; 0: not limited. The
	 * programs do not look at LIMIT_SESSIONS: it is the size of the session table.
	 * LIMIT_SESSIONS_PER_REMOTE needs remote_map[slot]. */
	__u32 limits[LIMIT_MAX];
	/* Slow path. */
	struct address_prefix addresses[PORT_ADDRESSES_MAX];
	__u16 vlans[PORT_VLANS_MAX]; /* ids that GUARD_VLAN lets through, host byte order */
};

/* What the programs themselves change per port; index: slot. Zeroed when a slot is given out. */
struct port_state {
	__u64 session_due; /* pacing of new sessions and of events: see limit.h */
	__u64 event_due;
	__u64 events_suppressed; /* in all; an event carries the low 32 bits */
	/* Changed by atomic adds only: */
	__s64 half_open;   /* TCP sessions in SYN_SENT or SYN_RECEIVED */
	__s64 unconfirmed; /* those in TCP_UNCONFIRMED */
};

/* ------------------------------------------------------------------------------------------
 * Policy images
 *
 * policy_map is a pool of 64-byte nodes; an image is a run of them, starting with its header, and
 * every node number inside it is relative to the header. It holds tries of 4-bit strides and the
 * verdict table. A trie cell with CELL_LEAF carries a class number, any other the next node's.
 *
 *   row    = walk(row_root[v4 or v6], remote address: 8 or 32 nibbles, highest first)
 *   column = walk(column_root[direction], protocol and port: 6 nibbles)
 *   source = walk(source_root, protocol and source port: 6 nibbles)    only if source_count > 1
 *   verdict = verdict cell[(row * column_count + column) * source_count + source]
 *
 * "port" is the destination port, for ICMP and ICMPv6 type * 256 + code, else 0. Cell i of the
 * verdict table is node verdict_node + i / 16, cell i % 16. The tries are leaf-pushed: a walk ends
 * at a leaf within its nibbles, whatever the key.
 */
#define POLICY_NODE_CELLS 16
#define CELL_LEAF         (1U << 31)

#define ROW_NIBBLES_V4 8
#define ROW_NIBBLES_V6 32
#define COLUMN_NIBBLES 6

/* A verdict cell. */
#define VERDICT_ALLOW            (1U << 31)
#define VERDICT_LOG              (1U << 30)  /* event for each session opened, each packet denied */
#define VERDICT_KEEP_ESTABLISHED (1U << 29)  /* its sessions outlive a policy that denies them */
#define VERDICT_RULE_MASK        0x00ffffffU /* rule number in the image from 1; 0: the default */

struct policy_node {
	__u32 cell[POLICY_NODE_CELLS];
};

struct image_header {
	__u32 node_count;     /* nodes in the image, this one included */
	__u32 rule_base;      /* first counter in rule_stats_map; set when the image is loaded */
	__u32 rule_count;     /* counters: rules + 1 (number 0 is the default) */
	__u32 row_root[2];    /* cells: [0] IPv4, [1] IPv6 */
	__u32 column_root[2]; /* cells, by direction */
	__u32 source_root;    /* cell */
	__u32 column_count;
	__u32 source_count;
	__u32 verdict_node;
	__u32 row_count;
	__u32 reserved[4];
};

/* ------------------------------------------------------------------------------------------
 * Sessions
 *
 * session_map[slot] is the port's own hash. The key is the VM's view: local is the VM's side
 * whatever the direction of the packet. Protocols without ports have 0; an ICMP query has its
 * identifier as the port of the side that asks and its type as the port of the other side.
 *
 * The same addresses in two VLANs are two networks, so the VLAN is part of the key: the ids of the
 * outer and of the inner tag (IEEE 802.1ad, "QinQ"), 12 bits each. Priority tags (id 0) do not
 * count; a frame without tags is in VLAN 0. Use key_vlans() and set_key_vlans().
 */
struct session_key {
	__be32 remote[4];
	__be32 local[4];
	__be16 remote_port;
	__be16 local_port;
	__u8 protocol; /* IPPROTO_* */
	__u8 vlans[3]; /* outer id << 12 | inner id, network byte order; 0: in no VLAN */
};

/* A key's VLANs, in host byte order. */
static inline __attribute__((always_inline)) __u32 key_vlans(const struct session_key *key)
{
	return (__u32)key->vlans[0] << 16 | (__u32)key->vlans[1] << 8 | key->vlans[2];
}

static inline __attribute__((always_inline)) void set_key_vlans(struct session_key *key,
								__u32 vlans)
{
	key->vlans[0] = (__u8)(vlans >> 16);
	key->vlans[1] = (__u8)(vlans >> 8);
	key->vlans[2] = (__u8)vlans;
}

/* An id of 12 bits out of key_vlans(). */
#define OUTER_VLAN(vlans) ((vlans) >> 12 & 0xfff)
#define INNER_VLAN(vlans) ((vlans)&0xfff)

/* Key of remote_map[slot], where sessions per remote address are counted. */
struct remote_key {
	__be32 address[4];
	__u32 vlans; /* key_vlans() */
};

/* Bits of session.flags. */
#define SESSION_OPENED_OUT (1U << 0) /* the VM sent the first packet */
#define SESSION_PICKED_UP  (1U << 1) /* opened mid-stream: no handshake seen, no window tracking */
#define SESSION_GUARDED    (1U << 6) /* key.local is among the port's addresses: no guard needed */
#define SESSION_FIRST_OUT  (1U << 7) /* in TCP_UNCONFIRMED: the VM has spoken, not the remote */

/* session.scale of a side whose SYN carried no window scale option, until the handshake ends. */
#define SCALE_UNKNOWN 0xff

/* One sender's side of a TCP connection; sequence space, host byte order. */
struct tcp_window {
	__u32 end;        /* highest sequence number sent, plus one */
	__u32 fin_end;    /* number behind the sender's FIN; holds if session.fin says so. In
			   * STATE_CLOSED: `end` when the session was reset */
	__u32 max_window; /* largest window the sender offered, scaled, bytes */
	__u32 mark; /* highest ACK, at first the peer's initial number; in SYN_SENT its own one.
		     * A side that has sent no SYN is all 0 */
};

/* The latest SYN (without ACK) of a session, kept because the answer to it may start the session
 * anew. Host byte order. */
struct tcp_attempt {
	__u32 sequence; /* the initial number */
	union {
		struct {              /* with ATTEMPT_OPEN */
			__u16 window; /* as the header says it */
			__u16 length; /* bytes of data in the SYN (RFC 7413) */
		};
		__u32 answer; /* with ATTEMPT_DONE: the initial number of the other side */
	};
};

/* Bits of session.attempt_flags. */
#define ATTEMPT_OUT   (1U << 0) /* the VM sent it */
#define ATTEMPT_OPEN  (1U << 1) /* an answer starts the session anew */
#define ATTEMPT_DONE  (1U << 2) /* it is the SYN that the session began with, and is answered */
#define ATTEMPT_RIVAL (1U << 3) /* the session's answerer has sent a SYN since */
#define ATTEMPT_TWICE (1U << 4) /* answered by two numbers: see take_second_answer() */

/* A stamp may be ahead of a clock that was read before it, on another CPU: by so many jiffies, more
 * than a minute. Any further ahead is long ago: 32 bits come round after 2^32 jiffies, 49.7 days at
 * 1,000 a second. */
#define STAMP_AHEAD_MAX (1U << 16)

struct session {
	__u32 seen;       /* low 32 bits of jiffies at the last packet that refreshed the session */
	__u32 generation; /* of the port record that judged it last */
	__u8 state;       /* enum session_state */
	__u8 flags;       /* SESSION_* */
	__u8 scale[2];    /* TCP window shift by direction of the sender; SCALE_UNKNOWN */
	__u32 verdict;    /* the verdict cell that admitted it */
	/* By direction. Plain adds: exact as long as one CPU at a time handles a direction, which
	 * receive steering by flow gives; the port's own counters are per CPU and always exact. */
	__u64 packets[2];
	__u64 bytes[2];              /* frame bytes without FCS */
	struct tcp_window window[2]; /* by direction of the sender */
	__u32 created;               /* low 32 bits of jiffies */
	struct tcp_attempt attempt;  /* with an attempt_flags that is not 0 */
	__u8 attempt_scale;          /* window scale of the attempt; SCALE_UNKNOWN */
	__u8 attempt_flags;          /* ATTEMPT_* */
	/* 1: the sender has sent FIN. A byte each, set by one direction: flags in one byte would be
	 * lost between two CPUs. */
	__u8 fin[2];
};

/* ------------------------------------------------------------------------------------------
 * Counters, settings, events
 */
struct counter {
	__u64 packets;
	__u64 bytes; /* frame bytes without FCS */
};

/* stats_map[slot], per CPU. Slot 0 belongs to no port: it counts "no-port" drops. */
struct port_stats {
	struct counter by_reason[2][REASON_MAX]; /* [direction][reason] */
	struct counter audited[2];               /* would have been dropped; passed in audit mode */
};

/* settings_map[0]: written by the daemon at any time, read by the programs. */
struct settings {
	__u32 abi;                /* VMSEG_ABI */
	__u32 hz;                 /* jiffies per second of this kernel */
	__u32 timeout[STATE_MAX]; /* jiffies, by enum session_state */
	__u32 event_rate;         /* events per second and port; 0: none at all */
	__u32 event_burst;
	__u32 reserved[2];
};

enum event_kind {
	EVENT_NEW = 1, /* a session was opened by a rule with log="yes" */
	EVENT_DENIED,  /* a packet was dropped: reason says why */
	EVENT_ENDED, /* a session is over: revoked, or (log="yes") closed or idle ("established") */
};

/* event_ring: one record. */
struct event {
	__u64 time; /* bpf_ktime_get_ns() */
	__u32 kind; /* enum event_kind */
	__u32 slot; /* port */
	__u32 generation;
	__u8 reason; /* enum reason */
	__u8 direction;
	__u8 audit; /* 1: would have been dropped, was passed */
	__u8 tcp_flags;
	__u32 verdict;    /* verdict cell, where policy decided */
	__u32 suppressed; /* events of this port not sent so far (low 32 bits) */
	__be16 ethertype; /* set also where the packet is not IP (key is then zero) */
	__u16 length;     /* frame bytes, at most 65535 */
	__u8 source_mac[MAC_BYTES];
	__u16 reserved;
	struct session_key key;
	struct counter total[2]; /* EVENT_ENDED: the session's totals by direction */
};

/*
 * expire_sessions, run by the daemon through BPF_PROG_TEST_RUN: ends the sessions of a port whose
 * keys it is given, those of them that are still expired when it looks: a packet may have revived
 * one since the daemon read the table. In: skb->cb as below, the batch as the packet's data. The
 * return value is the number of sessions ended.
 */
#define EXPIRE_BATCH_KEYS 64

enum expire_argument {
	EXPIRE_RECORD = 0, /* the port's record in port_map */
	EXPIRE_COUNT = 1,  /* keys in the batch */
};

struct expire_batch {
	__u8 frame[16]; /* an Ethernet header has to be there; its content does not matter */
	struct session_key key[EXPIRE_BATCH_KEYS];
};

/* What a dry-run program leaves in skb->cb for BPF_PROG_TEST_RUN's caller. */
enum dry_run_result {
	DRY_RUN_REASON = 0,  /* enum reason */
	DRY_RUN_VERDICT = 1, /* verdict cell, where policy was asked; else 0 */
	DRY_RUN_FLAGS = 2,   /* DRY_RUN_HAS_SESSION */
	DRY_RUN_SLOT = 3,
	DRY_RUN_GENERATION = 4,
};
#define DRY_RUN_HAS_SESSION (1U << 0)

/* The sizes above are what pinned maps were made with. */
_Static_assert(REASON_UNGUARDED_COUNT <= REASONS_OF_GUARDS, "raise it, REASON_MAX and VMSEG_ABI");
_Static_assert(REASON_COUNT <= REASON_MAX, "raise REASON_MAX and VMSEG_ABI");
_Static_assert(STATE_COUNT <= STATE_ENDED, "raise STATE_MAX and VMSEG_ABI");
_Static_assert(LIMIT_COUNT <= LIMIT_MAX, "raise LIMIT_MAX and VMSEG_ABI");
_Static_assert(sizeof(struct port) == 128 + 32 * PORT_ADDRESSES_MAX + 2 * PORT_VLANS_MAX, "port");
_Static_assert(sizeof(struct port_state) == 40, "port_state");
_Static_assert(sizeof(struct policy_node) == 64, "policy_node");
_Static_assert(sizeof(struct image_header) == sizeof(struct policy_node), "image_header");
_Static_assert(sizeof(struct session_key) == 40, "session_key");
_Static_assert(sizeof(struct remote_key) == 20, "remote_key");
_Static_assert(sizeof(struct session) == 96, "session");
_Static_assert(sizeof(struct port_stats) == (2UL * REASON_MAX + 2) * 16, "port_stats");
_Static_assert(sizeof(struct settings) == 24 + 4 * STATE_MAX, "settings");
_Static_assert(sizeof(struct event) == 120, "event");
_Static_assert(sizeof(struct expire_batch) == 16 + 40 * EXPIRE_BATCH_KEYS, "expire_batch");

#endif
