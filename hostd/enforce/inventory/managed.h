/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the enforcement thread knows about one running domain. Only hostd/enforce changes it; others
 * read it.
 */
#ifndef VMSEG_MANAGED_H
#define VMSEG_MANAGED_H

#include "hostd/base/hash.h"
#include "hostd/domain/qemu_process.h"
#include "hostd/enforce/inventory/library_share.h"
#include "hostd/enforce/plan/plan.h"

struct managed_port {
	struct port_plan
		*plan; /* in force; its image is gone. NULL: adopted, its policy is bad now */
	uint8_t mac[MAC_BYTES];
	char device[16];      /* IF_NAMESIZE */
	unsigned int ifindex; /* of the attached device; 0: not attached */
	char *error;          /* NULL: as planned */
	char *hook_problem;   /* NULL: both programs are on the device, before all others */
	bool failed;          /* its plan was good, but could not be put in force */
	bool unfiltered;      /* a packet socket has what the guest sends: see bypass.h */
};

/* A NIC's device that is in another network namespace, while the guest uses it. */
struct moved_device {
	uint8_t mac[MAC_BYTES];
	char device[16]; /* IF_NAMESIZE */
	unsigned int ifindex;
};

/* Another domain of the same UUID: clones.h. */
struct clone {
	struct domain *domain; /* its newest description */
	char *xml;             /* what that was read from */
	bool managed;          /* it is to be filtered, or its metadata cannot be used */
};

/* What is asked for is the newest description: `xml`, or `unread_xml` where there is one. What is
 * in force is `policy` with the ports' plans. wanted.c brings the one to the other. */
struct managed_domain {
	char uuid[37];         /* of each of its descriptions */
	struct domain *domain; /* the newest description that can be read */
	char *xml;             /* what `domain` was read from; NULL: none could be read yet */
	char *unread_xml;      /* a newer description that cannot be read; NULL: there is none */
	char *unread;          /* why it cannot, or why libvirt cannot give it; NULL: it can */
	/* Of the newest description that is, or was, in force as a whole. NULL: unmanaged, left
	 * alone, unless `error` says that nobody knows. */
	struct domain_policy *policy;
	char *policy_text;     /* the metadata that `policy` was read from; NULL: the settings */
	bool policy_is_newest; /* `policy` was read from the metadata of `domain` */
	struct managed_port *ports;
	size_t port_count;
	struct moved_device *moved; /* a device that comes by such a name is another one */
	size_t moved_count;
	struct clone *clone;           /* NULL: none is known */
	struct library_share *library; /* that the ports' images were made from; may be NULL */
	uint64_t described; /* monotonic_usec() from before libvirt gave the newest description */
	uint64_t touched;   /* monotonic_usec() of the last hook call */
	uint64_t pickup_until;    /* monotonic_usec(); mid-stream pick-up is on before */
	struct held_devices held; /* by its QEMU when that was last looked at: see holders.h */
	uint64_t looked;          /* monotonic_usec() of that look; 0: there was none */
	uint64_t retry;  /* monotonic_usec(): ports that failed are not tried again before */
	bool arrived;    /* by migration or restore, and not yet resumed */
	int look_error;  /* why that look has failed, -errno; 0: it has not */
	bool outdated;   /* its ports wait for a new plan: see chores.c */
	uint64_t saved;  /* what its state file says, as a hash; 0: it has none */
	bool unproven;   /* adopted, and not described since: it has the devices of `ports` */
	bool detached;   /* by hand: stays so until it starts again */
	bool missing;    /* libvirt does not know it any more, but a device of it is still there */
	char *error;     /* why not all that is asked for now is in force; NULL: it is */
	char *gap;       /* what find_gap() found in the last round of repairs; NULL: nothing */
	bool gap_logged; /* in the log */
	bool unwatched_logged; /* is_unwatched(), in the log */
	UT_hash_handle hh;
};

struct enforcer;

/* Takes over domain, xml and policy. NULL: out of memory, and they are freed. */
struct managed_domain *new_managed(struct domain *domain, char *xml, struct domain_policy *policy);

/* For a domain that is in no table. Its ports stay attached. */
void free_managed(struct managed_domain *managed);

/* Frees what the port points to. */
void free_port(struct managed_port *port);

/* Forgets the clone, if there is one. */
void forget_clone(struct managed_domain *managed);

/* Takes over domain and xml: a newer description of the same UUID, which can be read. The policy in
 * force stays. */
void replace_description(struct managed_domain *managed, struct domain *domain, char *xml);

/* The policy of the domain's description is in force now. Takes over policy; NULL: the domain is
 * not filtered. */
void set_policy(struct managed_domain *managed, struct domain_policy *policy);

/* From now on the domain's ports are compiled from this library. */
void use_library(struct managed_domain *managed, struct library_share *share);

/* ---- questions ------------------------------------------------------------------------------ */

/* Whether the domain is to be filtered, or cannot be read; false: it is not filtered. */
static inline bool is_managed(const struct managed_domain *managed)
{
	return managed->policy || managed->error;
}

/* As is_managed(), and nobody has detached the domain. */
bool may_be_managed(const struct managed_domain *managed);

/* A port domain whose device does not exist: it will be filtered when the device appears. */
bool is_waiting(const struct managed_domain *managed);

/* The name of a device that the domain has as a port and that still exists; NULL: there is none. */
const char *find_present_device(const struct managed_domain *managed);

/* A port of the domain whose device still exists, and that another description does not name; NULL:
 * there is none. */
const struct managed_port *find_unnamed_port(const struct managed_domain *managed,
					     const struct domain *domain);

/* Whether a device that the domain has as a port still exists here, or in another network namespace
 * while the domain's process runs. */
bool has_device_left(const struct managed_domain *managed);

/* The device of a NIC: the one that the domain has attached for it, as long as that exists in this
 * network namespace, whatever its name is now; else the one of that name, unless the NIC's own
 * device is in another network namespace or nobody has said since the daemon started that the
 * domain has it. The device of a port domain is always the one of that name, if there is one. 0:
 * none. */
unsigned int locate_device(const struct managed_domain *managed, const uint8_t *mac,
			   const char *target);

/* A device that has the name of the NIC's, and is not proven to be it. 0: there is none, or TC
 * cannot filter the NIC. */
unsigned int find_namesake(const struct managed_domain *managed,
			   const struct domain_interface *nic);

/* ---- devices in other network namespaces ---------------------------------------------------- */

/* The port's device was moved away. */
void note_moved(struct managed_domain *managed, const struct managed_port *port);

/* Drops devices that are back, and those of NICs that the description does not name any more. */
void forget_returned(struct managed_domain *managed);

/* Somebody who knows says that the devices by the names of the domain's NICs are the domain's. */
void trust_names(struct managed_domain *managed);

bool was_moved_away(const struct managed_domain *managed, const struct domain_interface *nic);

/* ---- mid-stream pick-up --------------------------------------------------------------------- */

/* For as long as the settings say, TCP connections that the domain has open already may be picked
 * up mid-stream. Called when its interfaces begin to be filtered. */
void open_pickup(const struct enforcer *enforcer, struct managed_domain *managed);

/* Seconds that mid-stream pick-up is still on for the domain's ports; 0: it is off. */
uint32_t pickup_seconds(const struct managed_domain *managed);

#endif
