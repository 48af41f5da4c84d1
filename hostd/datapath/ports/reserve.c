/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots in reserve.
 */
#include "hostd/datapath/ports/reserve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/objects/session_table.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/ports/remotes.h"
#include "vmseg.skel.h"

#define STALE_USEC (60 * USEC_PER_SEC)

#define RESERVED_MAX 128

struct reserved_slot {
	uint32_t slot;
	uint32_t sessions; /* size of its table */
	bool remotes;      /* it has a table of sessions by remote address too */
	uint64_t since;    /* monotonic_usec() */
};

struct reserve {
	struct reserved_slot slots[RESERVED_MAX]; /* the oldest first */
	uint32_t count;
};

struct reserve *make_reserve(void)
{
	return calloc(1, sizeof(struct reserve));
}

static int session_map(const struct datapath *datapath)
{
	return bpf_map__fd(datapath->objects.skeleton->maps.session_map);
}

static int remote_map(const struct datapath *datapath)
{
	return bpf_map__fd(datapath->objects.skeleton->maps.remote_map);
}

/* ---- making --------------------------------------------------------------------------------- */

/* What is being made; entries come into the reserve together, or not at all. */
struct making {
	struct datapath *datapath;
	struct reserved_slot slots[RESERVED_MAX];
	int tables[RESERVED_MAX], remotes[RESERVED_MAX]; /* -1: none */
	uint32_t count;
};

static void give_up(struct making *making)
{
	for (uint32_t i = 0; i < making->count; i++) {
		close_descriptor(&making->tables[i]);
		close_descriptor(&making->remotes[i]);
		discard_slot(&making->datapath->objects, making->slots[i].slot);
	}
}

static int make_one(struct making *making, const struct slot_reservation *reservation)
{
	struct datapath *datapath = making->datapath;
	uint32_t i = making->count;
	int r = check_room(datapath, datapath->reserve->count + i + 1, NULL, NULL);

	if (r < 0)
		return r;
	r = take_range(&datapath->objects.slots, 1, &making->slots[i].slot);

	if (r < 0)
		return r;
	making->count++;
	making->slots[i].sessions = reservation->sessions;
	making->slots[i].remotes = reservation->remotes;
	making->slots[i].since = monotonic_usec();
	making->tables[i] = make_table(reservation->sessions);
	making->remotes[i] = reservation->remotes ? make_remote_table(reservation->sessions) : -1;
	if (making->tables[i] < 0)
		return making->tables[i];
	return reservation->remotes && making->remotes[i] < 0 ? making->remotes[i] : 0;
}

/* Those of the tables that there are. One wait for all of them where the kernel can do that. */
static int put_tables(const struct making *making, int map, const int *tables)
{
	uint32_t slots[RESERVED_MAX], put = 0, count = 0;
	int descriptors[RESERVED_MAX], r;

	for (uint32_t i = 0; i < making->count; i++) {
		if (tables[i] < 0)
			continue;
		slots[count] = making->slots[i].slot;
		descriptors[count++] = tables[i];
	}
	if (!count)
		return 0;
	put = count;
	r = bpf_map_update_batch(map, slots, descriptors, &put, NULL);
	/* Before 5.19 maps of maps have no batches. */
	for (uint32_t i = 0; r < 0 && i < count; i++)
		if (bpf_map_update_elem(map, &slots[i], &descriptors[i], BPF_ANY) < 0)
			return -errno;
	return 0;
}

int reserve_slots(struct datapath *datapath, const struct slot_reservation *reservations,
		  size_t count)
{
	struct reserve *reserve = datapath->reserve;
	struct making making = {.datapath = datapath};
	int r = 0;

	for (size_t i = 0; r == 0 && i < count && reserve->count + making.count < RESERVED_MAX; i++)
		r = make_one(&making, &reservations[i]);
	if (r == 0)
		r = put_tables(&making, session_map(datapath), making.tables);
	if (r == 0)
		r = put_tables(&making, remote_map(datapath), making.remotes);
	if (r < 0) {
		give_up(&making);
		return r;
	}
	for (uint32_t i = 0; i < making.count; i++) {
		reserve->slots[reserve->count++] = making.slots[i];
		close_descriptor(&making.tables[i]);
		close_descriptor(&making.remotes[i]);
	}
	return 0;
}

/* ---- taking --------------------------------------------------------------------------------- */

static bool fits(const struct reserved_slot *slot, const struct port_config *config)
{
	if (!config->limits[LIMIT_SESSIONS])
		return true;
	return slot->sessions == config->limits[LIMIT_SESSIONS] &&
	       slot->remotes == !!config->limits[LIMIT_SESSIONS_PER_REMOTE];
}

static struct reserved_slot take_out(struct reserve *reserve, uint32_t i)
{
	struct reserved_slot slot = reserve->slots[i];

	reserve->count--;
	memmove(&reserve->slots[i], &reserve->slots[i + 1],
		(reserve->count - i) * sizeof(reserve->slots[0]));
	return slot;
}

bool take_reserved_slot(struct datapath *datapath, struct filtered_port *port,
			const struct port_config *config)
{
	struct reserve *reserve = datapath->reserve;
	struct reserved_slot slot;
	uint32_t i = 0;

	while (i < reserve->count && !fits(&reserve->slots[i], config))
		i++;
	if (i == reserve->count)
		return false;
	slot = take_out(reserve, i);
	port->slot = slot.slot;
	if (find_table(port) < 0) {
		port->slot = 0;
		discard_slot(port->objects, slot.slot);
		return false;
	}
	port->sessions_wanted = slot.sessions;
	port->has_remotes = slot.remotes;
	return true;
}

void drop_reserve(struct datapath *datapath)
{
	while (datapath->reserve->count)
		discard_slot(&datapath->objects, take_out(datapath->reserve, 0).slot);
}

void drop_stale_slot(struct datapath *datapath)
{
	struct reserve *reserve = datapath->reserve;

	if (reserve->count && reserve->slots[0].since + STALE_USEC < monotonic_usec())
		discard_slot(&datapath->objects, take_out(reserve, 0).slot);
}
