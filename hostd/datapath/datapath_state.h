/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the datapath share: the open datapath and its ports. Everything here can be
 * rebuilt from the pinned maps (ports/adopt_ports.c), so none of it needs to be written to a file.
 */
#ifndef VMSEG_DATAPATH_STATE_H
#define VMSEG_DATAPATH_STATE_H

#include <net/if.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/hash.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/objects/image_store.h"
#include "hostd/datapath/objects/memory.h"
#include "hostd/datapath/objects/per_cpu.h"
#include "hostd/datapath/objects/pins.h"
#include "hostd/datapath/objects/pool.h"
#include "hostd/datapath/objects/retire.h"
#include "hostd/datapath/objects/session_table.h"
#include "hostd/datapath/ports/expiry.h"
#include "hostd/datapath/ports/reserve.h"

struct vmseg; /* the skeleton */

/* A device under vmseg's programs. */
struct filtered_port {
	struct datapath *datapath;
	unsigned int ifindex;
	char ifname[IF_NAMESIZE];
	enum attach_method attach;
	bool reversed;
	bool owns_qdisc;
	bool published;            /* port_index has the record */
	bool hooked;               /* programs of this datapath are on the device, or may be */
	bool has_remotes;          /* remote_map has a table in the slot */
	bool changing;             /* is in the update that is being made */
	uint32_t slot;             /* 0: none yet */
	uint32_t record;           /* in port_map, plus one; 0: none yet */
	uint32_t first_generation; /* events of older ones are of the slot's former port */
	uint32_t sessions_wanted;  /* limit asked for: the table may be larger, see resize.c */
	uint32_t session_count;
	uint32_t table_id;   /* the session table's map id; 0: none yet */
	uint32_t table_size; /* its max_entries */
	struct stored_image *image;
	UT_hash_handle hh; /* by ifindex */
};

/* Where the sweep goes on. */
struct sweep {
	uint32_t slot;        /* port that is being looked at, or the next one */
	struct expiry expiry; /* how far in its table */
};

struct datapath {
	struct pins pins;
	struct vmseg *skeleton;
	struct memory memory;
	enum attach_method attach; /* for new ports */
	bool adopted;
	bool has_dead_links; /* pins of links that are off their devices, and could not be removed
			      */
	uint32_t max_ports;  /* that may have sessions: see check_room() */
	uint32_t last_slot;
	uint32_t generation; /* last one given out; one count for all ports */
	uint32_t hz;
	int barrier; /* an empty table: see wait_for_programs() */

	struct pool slots;
	struct pool records;
	struct image_store images;
	struct filtered_port *ports;    /* hash by ifindex */
	struct former_port *former;     /* the same, of devices that are not in `ports`; former.h */
	struct filtered_port **by_slot; /* last_slot + 1 of them */

	struct reserve reserve;
	uint32_t *discarded; /* slots, room for all */
	uint32_t discarded_count;
	uint64_t tidy_after; /* on the monotonic clock: not before, because it has failed */
	struct retired_parts retired[RETIRED_MAX];
	uint32_t retired_count;

	struct sweep sweep;
	struct ring_buffer *ring;
	struct event_visitor *visitor; /* while consume_events() runs */
	struct per_cpu per_cpu;        /* for look-ups and updates */
};

#endif
