/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events from the ring. What it holds outlives this process: the next one goes on where it stopped.
 */
#include "hostd/datapath/queries/event_ring.h"

#include <errno.h>
#include <string.h>

#include "hostd/datapath/datapath_state.h"
#include "vmseg.skel.h"

/* Whom consume_events() shows what it reads. */
struct event_visitor {
	void (*visit)(const struct event *event, unsigned int ifindex, void *context);
	void *context;
};

/* A slot may have been given to another port since; generations never come twice. */
static unsigned int sender_of(const struct datapath *datapath, const struct event *event)
{
	const struct filtered_port *port;

	if (event->slot > datapath->last_slot)
		return 0;
	port = datapath->by_slot[event->slot];
	if (!port || (int32_t)(event->generation - port->first_generation) < 0)
		return 0;
	return port->ifindex;
}

static int take_event(void *context, void *data, size_t size)
{
	const struct datapath *datapath = context;
	const struct event *event = data;

	if (datapath->visitor && size >= sizeof(*event))
		datapath->visitor->visit(event, sender_of(datapath, event),
					 datapath->visitor->context);
	return 0;
}

int open_event_ring(struct datapath *datapath, struct diag *diag)
{
	datapath->ring = ring_buffer__new(bpf_map__fd(datapath->skeleton->maps.event_ring),
					  take_event, datapath, NULL);
	if (!datapath->ring)
		return fail(diag, errno, NULL, 0, "cannot read the event ring: %s",
			    strerror(errno));
	return 0;
}

int event_descriptor(struct datapath *datapath)
{
	return ring_buffer__epoll_fd(datapath->ring);
}

void consume_events(struct datapath *datapath,
		    void (*visit)(const struct event *event, unsigned int ifindex, void *context),
		    void *context)
{
	struct event_visitor visitor = {.visit = visit, .context = context};

	datapath->visitor = &visitor;
	ring_buffer__consume(datapath->ring);
	datapath->visitor = NULL;
}
