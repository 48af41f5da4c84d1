/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that the programs read at every packet.
 */
#ifndef VMSEG_DATAPATH_LIVE_SETTINGS_H
#define VMSEG_DATAPATH_LIVE_SETTINGS_H

struct datapath;
struct datapath_config;

/* Writes changed timeouts and event limits: live. */
void apply_settings(struct datapath *datapath, const struct datapath_config *config);

#endif
