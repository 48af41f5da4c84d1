/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What waits in a tap for its VM: frames that came before the programs, and that nobody has judged.
 */
#ifndef VMSEG_DATAPATH_QUEUE_H
#define VMSEG_DATAPATH_QUEUE_H

/* Throws it away. Devices without a queue have nothing to throw away. Returns 0 or -errno. */
int empty_queue(const char *device);

/* Undoes half an empty_queue(): a tap that a daemon left without a queue drops everything. */
void restore_queue(const char *device);

#endif
