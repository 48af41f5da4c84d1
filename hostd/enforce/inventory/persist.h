/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * State files of domains.
 */
#ifndef VMSEG_PERSIST_H
#define VMSEG_PERSIST_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/enforce/inventory/managed.h"

struct state_directories; /* enforcer_state.h */

/* Names the directories, and makes that of libvirt's domains. Refuses directories that others may
 * write to. Returns 0 or -errno with an error in diag. */
int open_state_directories(const struct config *config, struct state_directories *ret,
			   struct diag *diag);
void free_state_directories(struct state_directories *directories);

struct saved_domain {
	struct domain *domain; /* read from the XML */
	char *xml;
	char *unread_xml;  /* NULL: none */
	char *clone_xml;   /* likewise */
	char *policy_text; /* NULL: of the xml, or none */
	bool detached;
	struct managed_port *ports; /* mac, device and ifindex */
	size_t port_count;
	struct moved_device *moved;
	size_t moved_count;
};

/* Calls visit for each state file that can be read; it may take pointers out of `saved`. A file
 * that cannot be read, or that visit refuses with -errno and an error in diag, is set aside and
 * becomes a problem of the host. */
void load_saved_domains(struct enforcer *enforcer,
			int (*visit)(struct enforcer *enforcer, struct saved_domain *saved,
				     struct diag *diag));

/* Writes the domain's state file, unless that says all this already. Returns 0 or -errno with an
 * error in diag. */
int write_saved_domain(const struct enforcer *enforcer, struct managed_domain *managed,
		       struct diag *diag);

/* The same; a failure is logged. */
void save_domain(const struct enforcer *enforcer, struct managed_domain *managed);

void remove_saved_domain(const struct enforcer *enforcer, const char *uuid);

/* Writes state files again that somebody has removed. Cheap where nobody has. */
void restore_saved_domains(struct enforcer *enforcer);

/* Is there a state file that is set aside, of a port domain or of a domain that libvirt has not
 * described since? Then an unclaimed device may be that domain's, which only an administrator can
 * tell. */
bool has_bad_state(const struct enforcer *enforcer);

#endif
