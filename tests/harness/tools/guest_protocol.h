/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the host has a command run inside a test VM: over a virtio-serial port, one request at a
 * time. A header line, then exactly as many bytes as it says.
 *
 *   host   RUN <id> <seconds> <bytes>\n  <the command, for sh -c>
 *   guest  DONE <id> <status> <bytes>\n  <stdout and stderr>
 *
 * The id tells an answer from one whose asker has gone away. A status is what a shell calls it:
 * 128 + n for signal n; 124 when the command took longer than it was given.
 */
#ifndef VMSEG_GUEST_PROTOCOL_H
#define VMSEG_GUEST_PROTOCOL_H

#define GUEST_PORT_NAME   "vmseg.agent"
#define GUEST_COMMAND_MAX (64 << 10)
#define GUEST_OUTPUT_MAX  (1 << 20) /* what is beyond is cut off */
#define GUEST_HEADER_MAX  128

#define GUEST_STATUS_TIMEOUT 124

#endif
