/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that somebody takes off a device are put back. Programs that run before vmseg's, and may
 * accept or redirect what vmseg would drop, are reported.
 *
 * The kernel reports changes of qdiscs and filters, but not of TCX links. The links are looked at
 * in turn, a few ports at a time: each look takes the kernel's rtnl lock, and others may wait for
 * it.
 */
#include "hostd/enforce/handlers/repair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/base/text.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/ports/attach_port.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/ports/restore_pins.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/handlers/gaps.h"
#include "hostd/enforce/handlers/handlers_state.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/unclaimed.h"

#define PORTS_AT_ONCE 16

/* One round in so many also looks at filters, in case the kernel's report was lost. */
#define THOROUGH_ROUNDS 20

/* A port and whose it is; of an unclaimed one only its name is known. */
struct owned_port {
	struct managed_domain *managed; /* may be NULL */
	struct managed_port *port;      /* NULL with it */
	const char *device;
};

static const char *name_of(const struct owned_port *owned)
{
	return owned->managed ? owned->managed->domain->name : NULL;
}

static bool has_problem(const struct owned_port *owned)
{
	return owned->port && owned->port->hook_problem;
}

/* Logs a new problem, and keeps it with the port; NULL: it is solved. */
static void note_problem(const struct owned_port *owned, const char *problem)
{
	const char *before = owned->port ? owned->port->hook_problem : NULL;

	if (problem && (!before || strcmp(before, problem) != 0))
		log_error(name_of(owned), "%s: %s", owned->device, problem);
	if (owned->port)
		replace_text(&owned->port->hook_problem, problem);
}

static void put_back(struct enforcer *enforcer, unsigned int ifindex,
		     const struct owned_port *owned)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	char problem[600];
	enum hook_state state;

	if (!has_problem(owned))
		log_warning(name_of(owned), "other software removed vmseg's program from %s",
			    owned->device);
	if (repair_port(enforcer->datapath, ifindex, &diag) < 0) {
		/* The device is gone. */
		if (read_hook_state(enforcer->datapath, ifindex, &state) < 0)
			return;
		snprintf(problem, sizeof(problem), "is not filtered: %s", diag_message(&diag));
		end_at_character(problem);
		note_problem(owned, problem);
		return;
	}
	log_notice(name_of(owned), "%s is filtered again", owned->device);
	note_problem(owned, NULL);
}

static struct owned_port find_owned_port(struct enforcer *enforcer, unsigned int ifindex)
{
	struct owned_port owned = {.device = "a device"};
	const struct unclaimed_port *unclaimed;

	owned.managed = find_owner(enforcer, ifindex, &owned.port);
	if (owned.managed)
		owned.device = owned.port->device;
	for (unclaimed = enforcer->unclaimed; unclaimed; unclaimed = unclaimed->hh.next) {
		if (unclaimed->ifindex == ifindex)
			owned.device = unclaimed->device;
	}
	return owned;
}

void repair_device(struct enforcer *enforcer, unsigned int ifindex)
{
	struct owned_port owned;
	enum hook_state state;
	const char *bypass;

	/* The device may be gone: the kernel reports that separately. */
	if (read_hook_state(enforcer->datapath, ifindex, &state) < 0)
		return;
	owned = find_owned_port(enforcer, ifindex);
	if (owned.port)
		owned.port->unfiltered =
			is_read_first(&enforcer->handlers->repair.bypasses, ifindex);
	switch (state) {
	case HOOKS_MISSING:
		put_back(enforcer, ifindex, &owned);
		break;
	case HOOKS_BEHIND:
		note_problem(&owned, "a program of other software runs before vmseg's programs: "
				     "packets that it accepts or redirects are not filtered");
		break;
	case HOOKS_FIRST:
		bypass = find_bypass(&enforcer->handlers->repair.bypasses, ifindex);
		if (has_problem(&owned) && !bypass)
			log_notice(name_of(&owned), "%s: vmseg's programs run first again",
				   owned.device);
		note_problem(&owned, bypass);
		break;
	}
}

void repair_xdp(struct enforcer *enforcer, unsigned int ifindex, bool has_xdp)
{
	/* Without memory the next thorough round sees it. */
	if (note_xdp_change(&enforcer->handlers->repair.bypasses, ifindex, has_xdp) == 0)
		repair_device(enforcer, ifindex);
}

/* Without pins the programs are on the devices only as long as this process keeps them there. */
static void check_pins(struct enforcer *enforcer)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	const char *before = enforcer->handlers->repair.pins_problem;
	char problem[600];
	bool restored = false;

	if (restore_pins(enforcer->datapath, &restored, &diag) < 0) {
		snprintf(problem, sizeof(problem), "filtering ends when vmseg-hostd ends: %s",
			 diag_message(&diag));
		end_at_character(problem);
		if (!before || strcmp(before, problem) != 0)
			log_error(NULL, "%s", problem);
		replace_text(&enforcer->handlers->repair.pins_problem, problem);
		return;
	}
	if (restored)
		log_warning(NULL, "other software removed pins of vmseg: they are created again");
	replace_text(&enforcer->handlers->repair.pins_problem, NULL);
}

const char *find_pins_problem(const struct enforcer *enforcer)
{
	return enforcer->handlers->repair.pins_problem;
}

static void begin_round(struct enforcer *enforcer, bool thorough)
{
	int r = look_for_packet_sockets(&enforcer->handlers->repair.bypasses);

	check_pins(enforcer);
	if (r == 0 && thorough)
		r = look_for_xdp(&enforcer->handlers->repair.bypasses);
	if (r < 0)
		log_debug(NULL, "cannot find out whether packets bypass vmseg's programs: %s",
			  strerror(-r));
}

bool repair_ports(struct enforcer *enforcer)
{
	struct repair *repair = &enforcer->handlers->repair;
	bool thorough = repair->rounds % THOROUGH_ROUNDS == 0;

	if (repair->cursor == 0)
		begin_round(enforcer, thorough);
	for (unsigned i = 0; i < PORTS_AT_ONCE; i++) {
		unsigned int ifindex =
			next_attached_port(enforcer->datapath, !thorough, &repair->cursor);

		if (!ifindex) {
			repair->cursor = 0;
			repair->rounds++;
			close_gaps(enforcer);
			release_unclaimed(enforcer);
			return false;
		}
		repair_device(enforcer, ifindex);
	}
	return true;
}

void request_full_round(struct enforcer *enforcer)
{
	enforcer->handlers->repair.cursor = 0;
	enforcer->handlers->repair.rounds = 0;
}

void free_repair(struct enforcer *enforcer)
{
	struct repair *repair = &enforcer->handlers->repair;

	free_bypasses(&repair->bypasses);
	free(repair->pins_problem);
}
