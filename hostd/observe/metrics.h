/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Metrics in Prometheus' text format.
 */
#ifndef VMSEG_METRICS_H
#define VMSEG_METRICS_H

#include <stdio.h>

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/virt/deliver.h"

/* The sources of the metrics. */
struct metrics_source {
	struct enforcer *enforcer;
	const struct virt_links *libvirt;
};

void write_metrics(const struct metrics_source *source, FILE *stream);

#endif
