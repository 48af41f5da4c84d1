/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains that come by migration or restore: connections that were open before may be picked up.
 */
#include "hostd/enforce/handlers/arrivals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/enforce/apply/wanted.h"
#include "hostd/enforce/handlers/handlers_state.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"

/* How long after the `migrate` or `restore` hook the domain's start may follow, and after that its
 * memory. */
#define ARRIVAL_USEC (600 * USEC_PER_SEC)

/* A domain that is about to come. */
struct arrival {
	char uuid[37];
	uint64_t until; /* monotonic_usec() */
	UT_hash_handle hh;
};

static struct arrival *find_arrival(struct enforcer *enforcer, const char *uuid)
{
	struct arrival *arrival;

	HASH_FIND_STR(enforcer->handlers->arrivals, uuid, arrival);
	return arrival;
}

void drop_arrival(struct enforcer *enforcer, const char *uuid)
{
	struct arrival *arrival = find_arrival(enforcer, uuid);

	if (!arrival)
		return;
	HASH_DEL(enforcer->handlers->arrivals, arrival);
	free(arrival);
}

int note_arrival(struct enforcer *enforcer, const char *uuid)
{
	struct arrival *arrival = find_arrival(enforcer, uuid);

	if (!arrival) {
		arrival = calloc(1, sizeof(*arrival));
		if (!arrival)
			return -ENOMEM;
		snprintf(arrival->uuid, sizeof(arrival->uuid), "%s", uuid);
		HASH_ADD_STR(enforcer->handlers->arrivals, uuid, arrival);
		if (!was_added(&arrival->hh)) {
			free(arrival);
			return -ENOMEM;
		}
	}
	arrival->until = monotonic_usec() + ARRIVAL_USEC;
	return 0;
}

void free_arrivals(struct enforcer *enforcer)
{
	struct arrival *arrival, *next;

	HASH_ITER (hh, enforcer->handlers->arrivals, arrival, next) {
		HASH_DEL(enforcer->handlers->arrivals, arrival);
		free(arrival);
	}
}

/* Pick-up is for connections that were open before: only where the domain did not boot here. Its
 * CPUs run when all of its memory is here, however long that takes: resume_domain() then says when
 * pick-up ends. That libvirt's word never comes must not leave it on for ever. */
void begin_arrival(struct enforcer *enforcer, struct managed_domain *managed)
{
	const struct arrival *arrival = find_arrival(enforcer, managed->domain->uuid);
	uint64_t now = monotonic_usec();
	uint64_t window = enforcer->config->pickup_window * USEC_PER_SEC;

	if (arrival && arrival->until > now) {
		managed->arrived = true;
		if (window)
			managed->pickup_until = now + ARRIVAL_USEC + window;
	}
	drop_arrival(enforcer, managed->domain->uuid);
}

void resume_domain(struct enforcer *enforcer, const char *uuid)
{
	struct managed_domain *managed = find_managed(enforcer, uuid);

	if (!managed || !managed->arrived)
		return;
	managed->arrived = false;
	open_pickup(enforcer, managed);
	enforce_wanted(enforcer, managed);
}
