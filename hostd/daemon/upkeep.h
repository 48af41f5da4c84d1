/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon does twice a second.
 */
#ifndef VMSEG_DAEMON_UPKEEP_H
#define VMSEG_DAEMON_UPKEEP_H

struct daemon;

/* Begins the heartbeat, or tries again. That it cannot be written is logged once and no failure:
 * clients then wait until their time is over. */
void start_heartbeat(struct daemon *daemon);

/* Twice a second: the heart beats, and what a cleaner has removed from the run directory, and of
 * the state files, is made anew. */
void keep_up(struct daemon *daemon);

#endif
