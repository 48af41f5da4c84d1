/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/enforce/handlers/unlisted.h"

#include <string.h>

#include "hostd/base/log.h"
#include "hostd/enforce/handlers/lifecycle.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/enforce/inventory/libvirts.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/enforce/inventory/persist.h"

/* Libvirt does not know the domain, and no hook has told of its end. Its guest may run all the
 * same: a libvirtd that restarts forgets a domain whose status file it cannot read. When a guest
 * ends, its device goes; so one that is still there stays filtered. */
static void end_or_mark_missing(struct enforcer *enforcer, struct managed_domain *managed)
{
	const char *device = find_present_device(managed);

	if (!has_device_left(managed)) {
		stop_domain(enforcer, managed->uuid);
		return;
	}
	if (!managed->missing && device)
		log_warning(managed->domain->name,
			    "libvirt no longer knows this domain, but its device %s still exists "
			    "and stays filtered",
			    device);
	managed->missing = true;
}

/* Libvirt does not know a domain of this UUID and driver. */
static void forget_drivers_clone(struct enforcer *enforcer, struct managed_domain *managed,
				 const char *driver)
{
	if (!managed->clone || strcmp(managed->clone->domain->driver, driver) != 0)
		return;
	forget_clone(managed);
	save_domain(enforcer, managed);
}

void forget_ended_domain(struct enforcer *enforcer, const char *driver, const char *uuid,
			 uint64_t seen)
{
	struct managed_domain *managed = find_managed(enforcer, uuid);

	if (!managed || managed->touched > seen)
		return;
	if (strcmp(managed->domain->driver, driver) == 0)
		end_or_mark_missing(enforcer, managed);
	else
		forget_drivers_clone(enforcer, managed, driver);
}

static bool is_listed(const char *uuid, const char *const *uuids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(uuid, uuids[i]) == 0)
			return true;
	}
	return false;
}

void note_unknown_domains(struct enforcer *enforcer, const char *const *uuids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!find_managed(enforcer, uuids[i]))
			enforcer->libvirts->lists_unknown = true;
	}
}

void forget_unlisted_domains(struct enforcer *enforcer, const char *driver,
			     const char *const *uuids, size_t count, uint64_t seen)
{
	struct managed_domain *managed, *next;

	HASH_ITER (hh, enforcer->domains, managed, next) {
		bool listed = is_listed(managed->uuid, uuids, count);

		if (managed->touched > seen)
			continue;
		if (strcmp(managed->domain->driver, driver) != 0) {
			if (!listed)
				forget_drivers_clone(enforcer, managed, driver);
		} else if (listed) {
			managed->missing = false;
		} else {
			end_or_mark_missing(enforcer, managed);
		}
	}
}
