/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work that a hook need not wait for: its request only notes it.
 */
#include "hostd/enforce/handlers/chores.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/log.h"
#include "hostd/datapath/objects/discard.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/reserve.h"
#include "hostd/enforce/handlers/handlers_state.h"
#include "hostd/enforce/handlers/refresh.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/unclaimed.h"

/* More than the datapath keeps in reserve is of no use. */
#define RESERVATIONS_MAX 256

void reserve_slots_later(struct enforcer *enforcer, const struct domain_plan *plan)
{
	struct chores *chores = &enforcer->handlers->chores;
	struct slot_reservation *grown;

	if (!plan->port_count || chores->reservation_count + plan->port_count > RESERVATIONS_MAX)
		return;
	grown = reallocarray(chores->reservations, chores->reservation_count + plan->port_count,
			     sizeof(*grown));
	if (!grown)
		return;
	chores->reservations = grown;
	for (size_t i = 0; i < plan->port_count; i++) {
		const struct port_config *config = &plan->ports[i]->config;

		grown[chores->reservation_count++] =
			(struct slot_reservation){config->limits[LIMIT_SESSIONS],
						  config->limits[LIMIT_SESSIONS_PER_REMOTE] > 0};
	}
}

/* If this fails, the next start only takes longer. */
static void make_reservations(struct enforcer *enforcer)
{
	struct chores *chores = &enforcer->handlers->chores;
	int r = reserve_slots(enforcer->datapath, chores->reservations, chores->reservation_count);

	if (r < 0)
		log_debug(NULL, "cannot prepare session tables: %s", strerror(-r));
	chores->reservation_count = 0;
}

bool has_chores(const struct enforcer *enforcer)
{
	return enforcer->handlers->chores.reservation_count > 0 || enforcer->outdated ||
	       has_released_device(enforcer) || has_discarded_slots(enforcer->datapath);
}

void do_chore(struct enforcer *enforcer)
{
	if (enforcer->handlers->chores.reservation_count > 0)
		make_reservations(enforcer);
	else if (enforcer->outdated)
		renew_outdated(enforcer);
	else if (has_released_device(enforcer))
		open_released_device(enforcer);
	else
		free_discarded_slot(enforcer->datapath);
}

void free_chores(struct enforcer *enforcer)
{
	free(enforcer->handlers->chores.reservations);
}
