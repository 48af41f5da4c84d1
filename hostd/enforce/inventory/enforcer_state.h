/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state that the files of hostd/enforce share. Others see struct enforcer only through
 * enforcer.h.
 */
#ifndef VMSEG_ENFORCER_STATE_H
#define VMSEG_ENFORCER_STATE_H

#include <time.h>

#include "hostd/config/config.h"
#include "hostd/enforce/inventory/library_share.h"
#include "hostd/enforce/inventory/problems.h"
#include "hostd/enforce/plan/rules_cache.h"

struct groups;
struct handlers;
struct libvirts;
struct managed_domain;
struct unclaimed_port;

/* Where the state files of domains are: persist.c. */
struct state_directories {
	char *domains;               /* of libvirt's domains: does not outlive a reboot */
	char *ports;                 /* of port domains: does */
	struct timespec domain_time; /* of the directories, when all files were last there */
	struct timespec port_time;
};

struct enforcer {
	const struct config *config;
	struct datapath *datapath;
	struct library_share *library; /* the newest */
	struct groups *groups;
	struct rules_cache rules;         /* of that library and these groups */
	struct managed_domain *domains;   /* by UUID */
	bool outdated;                    /* a domain is: managed->outdated */
	struct unclaimed_port *unclaimed; /* by ifindex */
	unsigned int *opened;             /* devices that were opened by hand: unclaimed.h */
	size_t opened_count;
	uint64_t device_lost;      /* monotonic_usec() when a device was last gone; 0: none was */
	struct libvirts *libvirts; /* libvirts.h */
	struct state_directories directories;
	struct problem *problems;  /* of the host: no known domain's */
	struct handlers *handlers; /* handlers_state.h */
};

#endif
