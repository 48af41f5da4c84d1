/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath: every BPF object of the host. The only place that knows libbpf; it knows no XML.
 * Single-threaded: only the enforcement thread calls it.
 *
 * Everything is pinned below the bpffs directory, so enforcement goes on without the daemon, and
 * open_datapath() takes over what it finds there without a gap. Maps that it cannot go on with (of
 * another VMSEG_ABI, or damaged) are replaced by new ones: their ports are filtered by the programs
 * and maps that there were until each is taken over.
 */
#ifndef VMSEG_DATAPATH_H
#define VMSEG_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "hostd/base/diag.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/objects/live_settings.h"
#include "hostd/datapath/objects/load.h"

struct datapath;

struct datapath_config {
	const char *bpffs; /* "/sys/fs/bpf/vmseg" */
	enum attach_method attach;
	struct map_sizes sizes;
	struct live_settings live;
};

/* Loads, or takes over what is pinned: new programs replace the old ones atomically on every
 * attached port, maps and sessions stay. On failure every port is filtered as it was. Warnings
 * in diag: sizes that differ from those of the pinned maps (which stay), a port whose program could
 * not be replaced (the old one goes on), pinned maps that had to be replaced (all ports are former
 * ones then). -EBUSY: another process has these pins open. */
int open_datapath(const struct datapath_config *config, struct datapath **ret, struct diag *diag);

/* Frees the daemon's side; enforcement goes on. */
void close_datapath(struct datapath **pointer);

/* Writes the live settings of a changed configuration. */
void apply_settings(struct datapath *datapath, const struct datapath_config *config);

/* Frees a slot that a detached port has left, with its tables. This waits some 10 ms for running
 * programs. */
void free_discarded_slot(struct datapath *datapath);
bool has_discarded_slots(const struct datapath *datapath);

struct datapath_status {
	enum attach_method attach; /* of new ports; not ATTACH_AUTO */
	uint32_t port_count, max_ports;
	uint32_t image_count;
	uint32_t nodes_used, nodes_total;
	uint32_t rule_counters_used, rule_counters_total;
	bool adopted; /* took over pinned maps at open */
};

void read_datapath_status(const struct datapath *datapath, struct datapath_status *ret);

#endif
