/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the mailbox in the enforcement thread: turns messages of the libvirt thread into calls of
 * the enforcer.
 */
#ifndef VMSEG_DELIVER_H
#define VMSEG_DELIVER_H

#include "hostd/enforce/inventory/enforcer.h"
#include "hostd/virt/mailbox.h"

/* How a connection to libvirt stands. */
struct virt_link {
	const char *uri; /* borrowed from the configuration */
	bool connected;
	char *problem; /* why not; NULL while connected or not yet tried */
};

struct virt_links {
	struct virt_link *links;
	size_t count;
};

int new_virt_links(char *const *uris, size_t count, struct virt_links *ret);
void free_virt_links(struct virt_links *links);

/* True while events come from at least one libvirt. */
bool is_watched(const struct virt_links *links);

/* Acts on one message and frees it. */
void deliver_message(struct enforcer *enforcer, struct virt_links *links, struct message *message);

#endif
