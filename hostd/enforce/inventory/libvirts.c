/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each libvirt was asked, and when: only a libvirt that was asked after a device appeared can
 * say that no domain has it.
 */
#include "hostd/enforce/inventory/libvirts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/enforce/inventory/enforcer_state.h"

int new_libvirts(const struct config *config, struct libvirts **ret)
{
	_cleanup_(free_libvirts) struct libvirts *libvirts = calloc(1, sizeof(*libvirts));

	if (!libvirts)
		return -ENOMEM;
	libvirts->items = calloc(config->libvirt_uri_count + 1, sizeof(*libvirts->items));
	if (!libvirts->items)
		return -ENOMEM;
	for (size_t i = 0; i < config->libvirt_uri_count; i++) {
		libvirts->items[i].uri = strdup(config->libvirt_uris[i]);
		if (!libvirts->items[i].uri)
			return -ENOMEM;
		libvirts->count++;
	}
	*ret = TAKE_PTR(libvirts);
	return 0;
}

void free_libvirts(struct libvirts **libvirts)
{
	if (!*libvirts)
		return;
	for (size_t i = 0; i < (*libvirts)->count; i++)
		free((*libvirts)->items[i].uri);
	free((*libvirts)->items);
	free(*libvirts);
	*libvirts = NULL;
}

void note_described(struct enforcer *enforcer, size_t libvirt, const char *driver, uint64_t seen)
{
	struct libvirt_source *source = &enforcer->libvirts->items[libvirt];

	snprintf(source->driver, sizeof(source->driver), "%s", driver);
	source->described = seen;
}

void note_unreachable(struct enforcer *enforcer, size_t libvirt)
{
	enforcer->libvirts->items[libvirt].described = 0;
}

bool is_driver_connected(const struct enforcer *enforcer, const char *driver)
{
	for (size_t i = 0; i < enforcer->libvirts->count; i++) {
		if (enforcer->libvirts->items[i].described &&
		    strcmp(enforcer->libvirts->items[i].driver, driver) == 0)
			return true;
	}
	return false;
}

bool is_unwatched(const struct enforcer *enforcer, const struct managed_domain *managed)
{
	return may_be_managed(managed) && !is_port_domain(managed->domain) &&
	       !is_driver_connected(enforcer, managed->domain->driver);
}

const struct libvirt_source *find_undescribed(const struct enforcer *enforcer, uint64_t since)
{
	for (size_t i = 0; i < enforcer->libvirts->count; i++) {
		if (enforcer->libvirts->items[i].described < since)
			return &enforcer->libvirts->items[i];
	}
	return NULL;
}
