/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at the QEMUs of managed domains.
 */
#include "hostd/enforce/inventory/holders.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/clock.h"
#include "hostd/base/log.h"
#include "hostd/enforce/inventory/enforcer_state.h"
#include "hostd/netlink/link_info.h"

/* With a round every half second, 500 domains take two minutes. What is found in between is found
 * by the kernel's news of the device (link_monitor.h). */
#define LOOKS_AT_ONCE 2

/* The domain's arguments add interfaces that are in no XML, and the settings allow that. The
 * domain is listed with them as unfiltered. */
static bool may_add_interfaces(const struct config *config, const struct domain *domain)
{
	if (config->unfilterable != UNFILTERABLE_IGNORE)
		return false;
	for (size_t i = 0; i < domain->unfilterable_count; i++) {
		if (strcmp(domain->unfilterable[i].kind, "command-line") == 0)
			return true;
	}
	return false;
}

static bool is_of_concern(const struct enforcer *enforcer, const struct managed_domain *managed)
{
	return may_be_managed(managed) && strcmp(managed->domain->driver, "qemu") == 0 &&
	       !may_add_interfaces(enforcer->config, managed->domain);
}

void look_at_process(const struct enforcer *enforcer, struct managed_domain *managed)
{
	struct held_devices held = {0};

	managed->looked = monotonic_usec();
	managed->look_error =
		is_of_concern(enforcer, managed) ? read_held_devices(managed->domain, &held) : 0;
	if (managed->look_error < 0)
		return;
	free_held_devices(&managed->held);
	managed->held = held;
}

static struct managed_domain *find_least_recent(const struct enforcer *enforcer)
{
	struct managed_domain *found = enforcer->domains;

	for (struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (m->looked < found->looked)
			found = m;
	}
	return found;
}

void look_at_next_processes(struct enforcer *enforcer)
{
	for (unsigned int i = 0; enforcer->domains && i < LOOKS_AT_ONCE; i++)
		look_at_process(enforcer, find_least_recent(enforcer));
}

bool look_at_unseen_process(struct enforcer *enforcer, uint64_t since)
{
	struct managed_domain *next = enforcer->domains ? find_least_recent(enforcer) : NULL;

	if (!next || next->looked >= since)
		return false;
	look_at_process(enforcer, next);
	return true;
}

bool can_be_held(unsigned int ifindex)
{
	struct link_info info;

	return read_link_info(ifindex, &info) == 0 && info.is_ethernet && is_opened_kind(info.kind);
}

bool holds_secretly(const struct enforcer *enforcer, const struct managed_domain *managed,
		    const char *device)
{
	return is_of_concern(enforcer, managed) && holds_device(&managed->held, device) &&
	       !names_device(managed->domain, device);
}

const struct managed_domain *find_secret_holder(const struct enforcer *enforcer, const char *device)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (holds_secretly(enforcer, m, device))
			return m;
	}
	return NULL;
}

const struct managed_domain *find_unseen(const struct enforcer *enforcer)
{
	for (const struct managed_domain *m = enforcer->domains; m; m = m->hh.next) {
		if (explain_unseen(enforcer, m))
			return m;
	}
	return NULL;
}

const char *explain_unseen(const struct enforcer *enforcer, const struct managed_domain *managed)
{
	if (!is_of_concern(enforcer, managed))
		return NULL;
	switch (managed->look_error) {
	case 0:
		return NULL;
	case -ENOENT:
		return "libvirt's PID file is not there";
	case -EBADMSG:
		return "the process in libvirt's PID file is not its QEMU";
	case -E2BIG:
		return "it has too many files open";
	case -EACCES:
		return "the kernel does not allow it (CAP_SYS_PTRACE)";
	default:
		return strerror(-managed->look_error);
	}
}
