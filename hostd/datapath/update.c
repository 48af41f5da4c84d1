/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing attached ports, all or none of them: whatever can fail is done first, then the new
 * records are published one store each, and after one wait the old ones are free.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/record.h"
#include "hostd/datapath/resize.h"
#include "hostd/datapath/state.h"

struct change {
	struct filtered_port *port;
	uint32_t record;            /* the new record's number plus one; 0: nothing differs */
	struct stored_image *image; /* held; after publishing the former one */
	uint32_t sessions;          /* new limit */
	uint32_t former_sessions;
	bool resized;
};

struct change_list {
	struct datapath *datapath;
	struct change *changes;
	size_t count;
};

/* Lets go of what the ports do not use: before publishing the new, after it the old. */
static void clear_changes(struct change_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct change *change = &list->changes[i];

		change->port->changing = false;
		drop_record(list->datapath, change->record);
		release_image(&list->datapath->images, change->image);
	}
	free(list->changes);
}

/* Draws up the new record and places it, unless it says what the old one says. */
static int prepare_record(struct change *change, const struct port_config *config,
			  struct diag *diag)
{
	struct filtered_port *port = change->port;
	struct datapath *datapath = port->datapath;
	struct port draft;
	int r;

	draft_record(port, config, change->image, record_of(port), &draft);
	if (!memcmp(&draft, record_of(port), sizeof(draft)))
		return 0;
	draft.generation = datapath->generation;
	r = place_record(datapath, &draft, &change->record);
	return r < 0 ? fail(diag, -r, port->ifname, 0, "cannot write the port's record: %s",
			    strerror(-r))
		     : 0;
}

/* Adds one update to the list; nothing on the port changes yet. */
static int prepare_change(struct change_list *list, const struct port_update *update,
			  struct diag *diag)
{
	struct change *change = &list->changes[list->count];
	struct filtered_port *port = find_filtered_port(list->datapath, update->ifindex);
	int r;

	if (!port)
		return fail(diag, ENOENT, NULL, 0, "device %u is not attached", update->ifindex);
	if (port->changing)
		return fail(diag, EINVAL, port->ifname, 0, "named twice in one update");
	r = check_port_config(update->config, diag);
	if (r < 0)
		return r;
	*change = (struct change){
		.port = port,
		.sessions = update->config->sessions,
		.former_sessions = port->sessions_wanted,
	};
	port->changing = true;
	list->count++;
	r = hold_image(&list->datapath->images, update->image, &change->image, diag);
	if (r < 0)
		return r;
	return prepare_record(change, update->config, diag);
}

/* The tables that were changed already go back to their former limits. */
static void undo_resizes(const struct change_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->changes[i].resized)
			resize_sessions(list->changes[i].port, list->changes[i].former_sessions);
}

static int resize_tables(const struct change_list *list, struct diag *diag)
{
	for (size_t i = 0; i < list->count; i++) {
		struct change *change = &list->changes[i];
		int r;

		if (change->sessions == change->former_sessions)
			continue;
		r = resize_sessions(change->port, change->sessions);
		if (r < 0) {
			undo_resizes(list);
			return fail(diag, -r, change->port->ifname, 0,
				    "cannot make a table of %u sessions: %s", change->sessions,
				    strerror(-r));
		}
		change->resized = true;
	}
	return 0;
}

/* Cannot fail: each device has its place in the index. Afterwards the list holds what was in force
 * before. */
static void publish_changes(struct change_list *list)
{
	bool published = false;

	for (size_t i = 0; i < list->count; i++) {
		struct change *change = &list->changes[i];
		struct filtered_port *port = change->port;
		uint32_t former_record = port->record;
		struct stored_image *former_image = port->image;

		if (!change->record)
			continue;
		publish_record(list->datapath, port->ifindex, change->record);
		port->record = change->record;
		port->image = change->image;
		change->record = former_record;
		change->image = former_image;
		published = true;
	}
	if (published)
		wait_for_programs(list->datapath);
}

int update_ports(struct datapath *datapath, const struct port_update *updates, size_t count,
		 struct diag *diag)
{
	_cleanup_(clear_changes) struct change_list list = {.datapath = datapath};
	int r;

	list.changes = calloc(count, sizeof(*list.changes));
	if (!list.changes && count)
		return -ENOMEM;
	datapath->generation++;
	for (size_t i = 0; i < count; i++) {
		r = prepare_change(&list, &updates[i], diag);
		if (r < 0)
			return r;
	}
	r = resize_tables(&list, diag);
	if (r < 0)
		return r;
	publish_changes(&list);
	return 0;
}

int update_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag)
{
	const struct port_update update = {.ifindex = ifindex, .config = config, .image = image};

	return update_ports(datapath, &update, 1, diag);
}
