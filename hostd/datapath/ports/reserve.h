/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots with session tables that are made before their port comes. Putting a table in its slot
 * waits for running programs, some 10 ms; a domain that has been announced finds it done.
 */
#ifndef VMSEG_DATAPATH_RESERVE_H
#define VMSEG_DATAPATH_RESERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct filtered_port;
struct port_config;
struct datapath;
struct reserve;

/* What a port will need that is going to be attached soon. */
struct slot_reservation {
	uint32_t sessions; /* size of its session table, more than 0 */
	bool remotes;      /* sessions per remote address are limited */
};

/* Makes slots with tables for ports to come, of which attach_port() then takes the one that fits: a
 * port whose tables must be made first waits some 10 ms for each. All of them cost about one such
 * wait. What is not taken in a minute is given back by the sweep. Beyond some 100 no more are made.
 * Returns 0, or -errno and none is made. */
int reserve_slots(struct datapath *datapath, const struct slot_reservation *reservations,
		  size_t count);

/* An empty reserve, for the open datapath. NULL: no memory. */
struct reserve *make_reserve(void);

/* Gives the port the oldest slot that fits, with its tables; false: there is none. A port in
 * quarantine, whose needs are not known yet, takes any. */
bool take_reserved_slot(struct datapath *datapath, struct filtered_port *port,
			const struct port_config *config);

/* For who needs a slot and finds none left: gives all back. */
void drop_reserve(struct datapath *datapath);

/* Gives back the oldest slot if nobody has come for it in a minute. */
void drop_stale_slot(struct datapath *datapath);

#endif
