/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that the programs read at every packet.
 */
#ifndef VMSEG_DATAPATH_LIVE_SETTINGS_H
#define VMSEG_DATAPATH_LIVE_SETTINGS_H

#include <stdint.h>

#include "bpf/abi.h"

struct live_settings {
	uint32_t timeout[STATE_COUNT]; /* seconds */
	uint32_t event_rate, event_burst;
};

/* Writes them to settings_map, while programs read it. */
void write_settings(const struct live_settings *live, uint32_t hz, struct settings *settings);

#endif
