/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Updates of many ports at once. The datapath waits for packets that are still judged by what was
 * before; that wait is paid once for all of them.
 */
#include "hostd/enforce/apply/batch.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/port_config.h"
#include "hostd/datapath/ports/port_table.h"
#include "hostd/datapath/ports/update.h"
#include "hostd/datapath/queries/port_status.h"
#include "hostd/enforce/inventory/enforcer_state.h"

struct batch {
	struct port_update *updates;
	struct port_config *configs;
	struct port_plan **plans;
	size_t count;
};

static void free_batch(struct batch *batch)
{
	free(batch->updates);
	free(batch->configs);
	free(batch->plans);
}

static int reserve_batch(struct batch *batch, const struct planned *items, size_t count)
{
	size_t ports = 1; /* never zero */

	for (size_t i = 0; i < count; i++)
		ports += items[i].plan->port_count;
	batch->updates = calloc(ports, sizeof(*batch->updates));
	batch->configs = calloc(ports, sizeof(*batch->configs));
	batch->plans = calloc(ports, sizeof(struct port_plan *));
	return batch->updates && batch->configs && batch->plans ? 0 : -ENOMEM;
}

static bool is_present(const struct enforcer *enforcer, const struct managed_domain *managed,
		       unsigned int ifindex)
{
	for (size_t i = 0; is_attached(enforcer->datapath, ifindex) && i < managed->port_count;
	     i++) {
		if (managed->ports[i].ifindex == ifindex)
			return true;
	}
	return false;
}

/* Devices that are new, closed, gone or somebody else's are not for the batch: a closed port may
 * find no room for sessions, which must not hold up the domain's other ports. */
static void add_domain(const struct enforcer *enforcer, struct batch *batch,
		       const struct planned *item)
{
	for (size_t i = 0; i < item->plan->port_count; i++) {
		struct port_plan *plan = item->plan->ports[i];
		unsigned int ifindex = locate_device(item->managed, plan->mac, plan->target);
		size_t n = batch->count;

		/* Without an image there is nothing to update it to. */
		if (!plan->image || !ifindex || !is_present(enforcer, item->managed, ifindex) ||
		    is_closed_port(enforcer->datapath, ifindex))
			continue;
		batch->plans[n] = plan;
		batch->configs[n] = plan->config;
		batch->configs[n].pickup_seconds = pickup_seconds(item->managed);
		batch->updates[n] = (struct port_update){ifindex, &batch->configs[n], plan->image};
		batch->count++;
	}
}

int update_present_ports(struct enforcer *enforcer, const struct planned *items, size_t count,
			 struct diag *diag)
{
	_cleanup_(free_batch) struct batch batch = {0};
	int r = reserve_batch(&batch, items, count);

	if (r < 0)
		return fail(diag, -r, NULL, 0, "out of memory");
	for (size_t i = 0; i < count; i++)
		add_domain(enforcer, &batch, &items[i]);
	r = update_ports(enforcer->datapath, batch.updates, batch.count, diag);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "%s", strerror(-r));
	for (size_t i = 0; i < batch.count; i++)
		batch.plans[i]->in_force = true;
	return 0;
}
