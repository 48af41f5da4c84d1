/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * VLANs as people write them: "100", or "100.200" for VLAN 200 inside VLAN 100 (IEEE 802.1ad).
 */
#ifndef VMSEG_VLAN_H
#define VMSEG_VLAN_H

#include <stdbool.h>
#include <stdint.h>

/* IEEE 802.1Q: 0 is a priority tag, 4095 is reserved. */
#define VLAN_ID_MAX 4094

#define VLAN_TEXT_BYTES 16

/* `vlans` as key_vlans() in bpf/abi.h has them; "" for 0, no VLAN. Returns `text`. */
const char *format_vlan(uint32_t vlans, char text[static VLAN_TEXT_BYTES]);

/* "0" is no VLAN. False, and *ret is untouched, where the text says no VLAN. */
bool parse_vlan(const char *text, uint32_t *ret);

#endif
