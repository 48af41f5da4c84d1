/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages from the libvirt thread, acted upon.
 */
#include "hostd/virt/deliver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/log.h"
#include "hostd/enforce/handlers/arrivals.h"
#include "hostd/enforce/handlers/reconcile.h"
#include "hostd/enforce/handlers/unlisted.h"
#include "hostd/enforce/inventory/libvirts.h"
#include "hostd/enforce/inventory/unclaimed.h"

int new_virt_links(char *const *uris, size_t count, struct virt_links *ret)
{
	struct virt_link *links = calloc(count + 1, sizeof(*links));

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		links[i].uri = uris[i];
	*ret = (struct virt_links){links, count};
	return 0;
}

void free_virt_links(struct virt_links *links)
{
	for (size_t i = 0; i < links->count; i++)
		free(links->links[i].problem);
	free(links->links);
	*links = (struct virt_links){0};
}

bool is_watched(const struct virt_links *links)
{
	for (size_t i = 0; i < links->count; i++) {
		if (links->links[i].connected)
			return true;
	}
	return false;
}

static void note_connected(struct virt_link *link)
{
	link->connected = true;
	free(TAKE_PTR(link->problem));
	log_info(NULL, "connected to libvirt at %s", link->uri);
}

static void note_disconnected(struct virt_link *link, const char *why)
{
	/* A failure that repeats is logged once. */
	if (link->connected || !link->problem)
		log_warning(NULL, "not connected to libvirt at %s: %s", link->uri, why);
	link->connected = false;
	free(link->problem);
	link->problem = strdup(why);
}

void deliver_message(struct enforcer *enforcer, struct virt_links *links, struct message *message)
{
	struct virt_link *link = &links->links[message->connection];

	switch (message->kind) {
	case MESSAGE_CONNECTED:
		note_connected(link);
		break;
	case MESSAGE_DISCONNECTED:
		note_disconnected(link, message->text ? message->text : "");
		note_unreachable(enforcer, message->connection);
		break;
	case MESSAGE_PRESENT:
		log_debug(NULL, "libvirt at %s has described a domain", link->uri);
		reconcile_domain(enforcer, &(struct domain_event){.xml = message->text,
								  .name = message->name,
								  .uuid = message->uuid,
								  .driver = message->driver,
								  .seen = message->seen});
		break;
	case MESSAGE_UNDESCRIBED:
		note_undescribed(enforcer,
				 &(struct domain_event){.name = message->name,
							.uuid = message->uuid,
							.driver = message->driver,
							.seen = message->seen},
				 message->text);
		break;
	case MESSAGE_GONE:
		forget_ended_domain(enforcer, message->driver, message->text, message->seen);
		break;
	case MESSAGE_LISTED:
		forget_unlisted_domains(enforcer, message->driver,
					(const char *const *)message->uuids, message->uuid_count,
					message->seen);
		if (message->names_only)
			note_unknown_domains(enforcer, (const char *const *)message->uuids,
					     message->uuid_count);
		if (message->described) {
			log_debug(NULL, "libvirt at %s has described all running domains",
				  link->uri);
			note_described(enforcer, message->connection, message->driver,
				       message->seen);
		}
		release_unclaimed(enforcer);
		break;
	case MESSAGE_RESUMED:
		resume_domain(enforcer, message->text);
		break;
	}
	free_message(&message);
}
