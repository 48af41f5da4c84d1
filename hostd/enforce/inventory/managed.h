/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the enforcement thread knows about each running domain. Others may look; only
 * hostd/enforce changes it.
 */
#ifndef VMSEG_MANAGED_H
#define VMSEG_MANAGED_H

#include "hostd/base/hash.h"
#include "hostd/enforce/plan/plan.h"

/* A library and those who still work with it: a domain whose policy has become bad on disk keeps
 * the library that its image was made from. */
struct library_share {
	struct library *library;
	unsigned users;
};

struct managed_port {
	struct port_plan
		*plan; /* in force; its image is gone. NULL: adopted, its policy is bad now */
	uint8_t mac[MAC_BYTES];
	char device[16];      /* IF_NAMESIZE */
	unsigned int ifindex; /* of the attached device; 0: not attached */
	char *error;          /* NULL: as planned */
	char *hook_problem;   /* NULL: both programs are on the device, before all others */
	bool unfiltered;      /* a packet socket has what the guest sends: see bypass.h */
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
	char *policy_text; /* the metadata that `policy` was read from; NULL: the settings */
	struct managed_port *ports;
	size_t port_count;
	struct library_share *library; /* that the ports' images were made from; may be NULL */
	uint64_t described; /* monotonic_usec() from before libvirt gave the newest description */
	uint64_t touched;   /* monotonic_usec() of the last hook call */
	uint64_t pickup_until; /* monotonic_usec(); mid-stream pick-up is on before */
	bool arrived;          /* by migration or restore, and not yet resumed */
	bool outdated;         /* its ports wait for a new plan: see chores.c */
	uint64_t saved;        /* what its state file says, as a hash; 0: it has none */
	bool detached;         /* by hand: stays so until it starts again */
	bool missing;  /* libvirt does not know it any more, but a device of it is still there */
	char *error;   /* why not all that is asked for now is in force; NULL: it is */
	char *gap;     /* what find_gap() found in the last round of repairs; NULL: nothing */
	bool gap_said; /* in the log */
	bool unheard_said; /* is_unheard(), in the log */
	UT_hash_handle hh;
};

/* An attached port that no known domain owns: nothing passes, or what its last owner allowed. */
struct unclaimed_port {
	unsigned int ifindex;
	char device[16];
	uint64_t since; /* monotonic_usec() */
	bool asked;     /* libvirt was asked about it, and answers in its time */
	bool released;  /* its domain is left alone: it is about to be opened */
	bool adopted;   /* see add_unclaimed() */
	UT_hash_handle hh;
};

struct enforcer;

/* Whether it is to be filtered, or nobody knows; false: it is left alone. */
static inline bool is_managed(const struct managed_domain *managed)
{
	return managed->policy || managed->error;
}

/* A port domain whose device is not there: it will be filtered when it comes. */
bool is_waiting(const struct managed_domain *managed);

/* In order of names; the callback must not change domains. */
void for_each_domain(struct enforcer *enforcer,
		     void (*visit)(const struct managed_domain *domain, void *context),
		     void *context);

/* By UUID; else by name. NULL, with an error in diag: none is known to run, or two have the name.
 */
const struct managed_domain *find_domain(struct enforcer *enforcer, const char *name,
					 struct diag *diag);

/* Every NIC of every running managed domain is filtered, is closed, or is listed as a problem: by
 * its port's error, or by its domain's. Returns false if that is so for each NIC of the domain.
 * Else there is a gap, and what it is in `buffer`, to be listed as a problem of the domain. With
 * `ask_kernel` the programs are looked for on each device, which takes the kernel's rtnl lock. */
bool find_gap(const struct enforcer *enforcer, const struct managed_domain *managed,
	      bool ask_kernel, char *buffer, size_t size);

/* The owner of an attached device; *ret_port is set with it. NULL: nobody. */
const struct managed_domain *find_port_owner(struct enforcer *enforcer, unsigned int ifindex,
					     const struct managed_port **ret_port);

/* A domain of libvirt's that is to be filtered, while no libvirt of its driver is heard: what
 * changes there, its metadata or its NICs, is not known here. */
bool is_unheard(const struct enforcer *enforcer, const struct managed_domain *managed);

const struct unclaimed_port *first_unclaimed_port(struct enforcer *enforcer);

/* Why the device stays closed: who could still have it. The text is in `buffer`; false: it is
 * nobody's and about to be opened. */
bool explain_unclaimed(const struct enforcer *enforcer, const struct unclaimed_port *port,
		       char *buffer, size_t size);

#endif
