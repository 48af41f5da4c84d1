/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each libvirt has been asked, and when: only who has been asked after a device came can say
 * that it is nobody's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/enforce/inventory/enforcer_state.h"

int new_libvirts(struct enforcer *enforcer)
{
	const struct config *config = enforcer->config;

	enforcer->libvirts = calloc(config->libvirt_uri_count + 1, sizeof(*enforcer->libvirts));
	if (!enforcer->libvirts)
		return -ENOMEM;
	for (size_t i = 0; i < config->libvirt_uri_count; i++) {
		enforcer->libvirts[i].uri = strdup(config->libvirt_uris[i]);
		if (!enforcer->libvirts[i].uri)
			return -ENOMEM;
		enforcer->libvirt_count++;
	}
	return 0;
}

void free_libvirts(struct enforcer *enforcer)
{
	for (size_t i = 0; i < enforcer->libvirt_count; i++)
		free(enforcer->libvirts[i].uri);
	free(enforcer->libvirts);
}

void note_described(struct enforcer *enforcer, size_t libvirt, const char *driver, uint64_t seen)
{
	struct libvirt_source *source = &enforcer->libvirts[libvirt];

	snprintf(source->driver, sizeof(source->driver), "%s", driver);
	source->described = seen;
}

void note_deaf(struct enforcer *enforcer, size_t libvirt)
{
	enforcer->libvirts[libvirt].described = 0;
}

bool hears_driver(const struct enforcer *enforcer, const char *driver)
{
	for (size_t i = 0; i < enforcer->libvirt_count; i++) {
		if (enforcer->libvirts[i].described &&
		    strcmp(enforcer->libvirts[i].driver, driver) == 0)
			return true;
	}
	return false;
}

bool is_unheard(const struct enforcer *enforcer, const struct managed_domain *managed)
{
	return may_be_managed(managed) && !is_port_domain(managed->domain) &&
	       !hears_driver(enforcer, managed->domain->driver);
}

const struct libvirt_source *find_unasked(const struct enforcer *enforcer, uint64_t since)
{
	for (size_t i = 0; i < enforcer->libvirt_count; i++) {
		if (enforcer->libvirts[i].described < since)
			return &enforcer->libvirts[i];
	}
	return NULL;
}
