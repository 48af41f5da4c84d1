/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of IP protocols, as policies write them.
 */
#ifndef VMSEG_PROTOCOLS_H
#define VMSEG_PROTOCOLS_H

#include <stdint.h>

#define PROTOCOL_TEXT_BYTES 8

/* "tcp", "icmpv6"...; the number, written to out, for those that policies have no word for. */
const char *protocol_name(uint8_t protocol, char out[static PROTOCOL_TEXT_BYTES]);

/* The other way round: such a name, or a number from 0 to 255; -1 for anything else. */
int find_protocol(const char *text);

#endif
