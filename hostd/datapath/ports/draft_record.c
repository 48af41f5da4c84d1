/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of ports: see "Ports" in abi.h.
 */
#include "hostd/datapath/ports/draft_record.h"

#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/filtered_port.h"

static uint32_t pickup_deadline(const struct objects *objects, uint32_t seconds)
{
	uint32_t now;

	if (read_jiffies(objects, &now) < 0)
		return 0;
	now += seconds * objects->hz;
	return now ? now : 1; /* 0 means never */
}

/* Told again in whole seconds, a window that runs must not look like another one. */
static bool is_same_window(const struct objects *objects, uint32_t until, uint32_t running)
{
	uint32_t slack = 2 * objects->hz;

	return running && until - running + slack <= 2 * slack;
}

void draft_record(const struct filtered_port *port, const struct port_config *config,
		  const struct stored_image *image, const struct port *former, struct port *ret)
{
	fill_record(config, ret);
	if (port->device.reversed)
		ret->flags |= PORT_REVERSED;
	if (port->device.owns_qdisc)
		ret->flags |= PORT_OWNS_QDISC;
	ret->slot = port->slot;
	ret->image = image->first;
	if (former) {
		ret->generation = former->generation;
		ret->pickup_until = former->pickup_until;
	}
	if (config->pickup_seconds) {
		uint32_t until = pickup_deadline(port->objects, config->pickup_seconds);

		if (!is_same_window(port->objects, until, ret->pickup_until))
			ret->pickup_until = until;
	}
}
