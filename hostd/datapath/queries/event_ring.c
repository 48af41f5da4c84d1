/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events from the ring. What it holds outlives this process: the next one goes on where it stopped.
 */
#include "hostd/datapath/queries/event_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "vmseg.skel.h"

struct event_ring {
	struct ring_buffer *buffer;
	/* Whom consume_events() shows what it reads, while it runs. */
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
	return port->device.ifindex;
}

static int take_event(void *context, void *data, size_t size)
{
	const struct datapath *datapath = context;
	const struct event_ring *ring = datapath->events;
	const struct event *event = data;

	if (ring->visit && size >= sizeof(*event))
		ring->visit(event, sender_of(datapath, event), ring->context);
	return 0;
}

int open_event_ring(struct datapath *datapath, struct diag *diag)
{
	_cleanup_free_ struct event_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	ring->buffer = ring_buffer__new(bpf_map__fd(datapath->objects.skeleton->maps.event_ring),
					take_event, datapath, NULL);
	if (!ring->buffer)
		return fail(diag, errno, NULL, 0, "cannot read the event ring: %s",
			    strerror(errno));
	datapath->events = TAKE_PTR(ring);
	return 0;
}

void close_event_ring(struct datapath *datapath)
{
	if (datapath->events)
		ring_buffer__free(datapath->events->buffer);
	free(TAKE_PTR(datapath->events));
}

int event_descriptor(struct datapath *datapath)
{
	return ring_buffer__epoll_fd(datapath->events->buffer);
}

void consume_events(struct datapath *datapath,
		    void (*visit)(const struct event *event, unsigned int ifindex, void *context),
		    void *context)
{
	struct event_ring *ring = datapath->events;

	ring->visit = visit;
	ring->context = context;
	ring_buffer__consume(ring->buffer);
	ring->visit = NULL;
}
