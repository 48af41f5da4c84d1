/* SPDX-License-Identifier: (GPL-2.0-or-later OR BSD-2-Clause) */
/*
 * walk.h - what walker.bpf.c and bench_packet.c share: how flows are numbered and walked.
 */
#ifndef VMSEG_BENCH_WALK_H
#define VMSEG_BENCH_WALK_H

#include <linux/types.h>

/* Flow n is local port WALK_FIRST_PORT + n % WALK_PORTS, and n / WALK_PORTS in the last two bytes
 * of the remote address. */
#define WALK_PORTS      32768
#define WALK_FIRST_PORT 10000

#define WALK_TARGETS     8
#define WALK_OFFSET_MASK 0x7f

struct walk {
	__u32 flows;     /* how many are walked */
	__u32 first;     /* number of the first */
	__u32 next;      /* where the walk is, from the first */
	__u32 stride;    /* has no common divisor with flows */
	__u32 remote_at; /* offset of the last two bytes of the remote address in the frame */
	__u32 port_at;   /* offset of the local port */
	__u32 target;    /* in `targets` */
	__u32 ports;  /* flow n is that of port n % ports; 0: all are the loopback device's port */
	__u32 record; /* of the first port in port_map; every other one is the next port's */
};

#endif
