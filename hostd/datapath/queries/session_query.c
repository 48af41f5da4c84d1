/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looking at sessions.
 */
#include "hostd/datapath/queries/session_query.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/jiffies.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/expiry.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_sessions.h"
#include "hostd/datapath/ports/port_table.h"

struct policy_query question_of_session(const struct session_key *key,
					const struct session *session)
{
	bool opened_out = session->flags & SESSION_OPENED_OUT;
	uint16_t local = ntohs(key->local_port), remote = ntohs(key->remote_port);
	struct policy_query query = {
		.direction = opened_out ? DIRECTION_OUT : DIRECTION_IN,
		.protocol = key->protocol,
		.port = opened_out ? remote : local,
		.source_port = opened_out ? local : remote,
	};

	memcpy(query.remote, key->remote, ADDRESS_BYTES);
	if (key->protocol == IPPROTO_ICMP || key->protocol == IPPROTO_ICMPV6) {
		query.port = (uint16_t)(query.port << 8);
		query.source_port = 0;
	}
	return query;
}

bool outlives_image(const struct session_key *key, const struct session *session,
		    const struct image *image, uint32_t *ret_verdict)
{
	struct policy_query query = question_of_session(key, session);

	*ret_verdict = look_up_verdict(image, &query);
	return *ret_verdict & VERDICT_ALLOW || session->verdict & VERDICT_KEEP_ESTABLISHED;
}

/* A session that was judged since the last change has a cell of the present image, unless a rule of
 * an earlier one may keep it: then the image has to be asked. */
static uint32_t find_verdict(const struct filtered_port *port, const struct session_key *key,
			     const struct session *session)
{
	const struct image present = {
		.nodes = &port->objects->images.memory[port->image->first],
	};
	struct policy_query query = question_of_session(key, session);

	if (session->generation == record_of(port)->generation &&
	    !(session->verdict & VERDICT_KEEP_ESTABLISHED))
		return session->verdict;
	return look_up_verdict(&present, &query);
}

/* What people are told of a live session of the port. `now` in jiffies. */
static struct session_view view_of_session(const struct filtered_port *port,
					   const struct session_key *key,
					   const struct session *session, uint32_t now)
{
	const struct objects *objects = port->objects;
	const struct settings *settings = settings_of(&objects->memory);
	uint32_t idle = jiffies_between(session->seen, now);

	return (struct session_view){
		.key = *key,
		.session = *session,
		.verdict = find_verdict(port, key, session),
		.idle_seconds = idle / objects->hz,
		.expires_seconds = (settings->timeout[session->state] - idle) / objects->hz,
		.age_seconds = jiffies_between(session->created, now) / objects->hz,
	};
}

static void show_batch(const struct filtered_port *port, const struct session_batch *batch,
		       uint32_t now, void (*visit)(const struct session_view *view, void *context),
		       void *context)
{
	const struct settings *settings = settings_of(&port->objects->memory);

	for (uint32_t i = 0; i < batch->count; i++) {
		struct session_view view;

		if (is_expired(settings, &batch->values[i], now))
			continue;
		view = view_of_session(port, &batch->keys[i], &batch->values[i], now);
		visit(&view, context);
	}
}

int page_sessions(struct datapath *datapath, unsigned int ifindex, uint32_t wanted, uint32_t *place,
		  void (*visit)(const struct session_view *view, void *context), void *context)
{
	_cleanup_(clear_batch) struct session_batch batch = {
		.place = *place,
		.started = *place != 0,
	};
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	_cleanup_close_ int table = -1;
	uint32_t now;
	int r;

	if (!port)
		return -ENOENT;
	*place = 0;
	if (!port->table_size)
		return 0;
	table = open_table(port);
	if (table < 0)
		return table;
	r = read_jiffies(&datapath->objects, &now);
	if (r < 0)
		return r;
	r = read_batch(table, wanted, &batch);
	if (r < 0)
		return r;
	show_batch(port, &batch, now, visit, context);
	if (!batch.finished)
		*place = batch.place;
	return 0;
}

int read_session(struct datapath *datapath, unsigned int ifindex, const struct session_key *key,
		 struct session_view *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	_cleanup_close_ int table = -1;
	struct session session;
	uint32_t now = 0;
	int r;

	if (!port || !port->table_size)
		return -ENOENT;
	table = open_table(port);
	if (table < 0)
		return table;
	r = bpf_map_lookup_elem(table, key, &session);
	if (r == 0)
		r = read_jiffies(&datapath->objects, &now);
	if (r < 0)
		return r;
	if (is_expired(settings_of(&datapath->objects.memory), &session, now))
		return -ENOENT;
	*ret = view_of_session(port, key, &session, now);
	return 0;
}
