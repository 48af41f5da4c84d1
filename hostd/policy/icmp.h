/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of ICMP and ICMPv6 message types, as in IANA's registries, in the spelling that nft uses.
 */
#ifndef VMSEG_POLICY_ICMP_H
#define VMSEG_POLICY_ICMP_H

#include <stdint.h>

/* -1: not a name of this protocol (IPPROTO_ICMP or IPPROTO_ICMPV6). */
int find_icmp_type(uint8_t protocol, const char *name);

/* NULL: the type has no name. */
const char *icmp_type_name(uint8_t protocol, int type);

#endif
