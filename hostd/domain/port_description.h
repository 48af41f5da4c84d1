/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port domains: a device that libvirt does not manage is known as a domain of its own, with one
 * interface, and described like those that libvirt has. Whatever works for domains works for it.
 */
#ifndef VMSEG_PORT_DESCRIPTION_H
#define VMSEG_PORT_DESCRIPTION_H

#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"

/* Strings and lists are borrowed. */
struct port_description {
	const char *device; /* the domain's name, too */
	uint8_t mac[MAC_BYTES];
	const char *const *policies; /* names, in their order */
	size_t policy_count;
	const char *const *addresses; /* "10.0.0.7", "2001:db8::/64": judged when they are read */
	size_t address_count;
	const char *const *groups;
	size_t group_count;
};

/* Domain XML for parse_domain(). Returns 0 with an allocated text, or -ENOMEM; -EINVAL for strings
 * that are not UTF-8. */
int write_port_domain(const struct port_description *description, const char *uuid, char **ret);

#endif
