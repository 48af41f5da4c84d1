/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/domain/domain.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"

#define UUID_STRING_BYTES sizeof(((struct domain *)0)->uuid)

/* Copies a UUID as libvirt writes it (RFC 4122, section 3), in lower case. It becomes the name of a
 * file and a key: nothing else is taken. Returns false for what is none. */
static bool read_uuid(const char *text, char out[static UUID_STRING_BYTES])
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < sizeof(form) - 1; i++) {
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
		out[i] = (char)tolower((unsigned char)text[i]);
	}
	out[sizeof(form) - 1] = '\0';
	return true;
}

/* libvirt itself takes no name with a slash or a newline for QEMU and LXC (virDomainDefPostParse
 * and virXMLCheckIllegalChars in domain_conf.c), and makes files of it. */
bool is_domain_name(const char *text)
{
	size_t size = strlen(text);

	return size > 0 && size <= DOMAIN_NAME_MAX && !strpbrk(text, "/\n");
}

int new_domain(const char *name, const char *uuid, const char *driver, struct domain **ret)
{
	_cleanup_(free_domain) struct domain *domain = NULL;

	domain = calloc(1, sizeof(*domain));
	if (!domain)
		return -ENOMEM;
	if (!read_uuid(uuid, domain->uuid) || !is_domain_name(name))
		return -EINVAL;
	domain->name = strdup(name);
	domain->driver = strdup(driver);
	if (!domain->name || !domain->driver)
		return -ENOMEM;
	*ret = TAKE_PTR(domain);
	return 0;
}

int check_metadata(const struct domain *domain, struct diag *diag)
{
	_cleanup_free_ char *source = NULL;

	if (!domain->metadata_problem)
		return 0;
	if (asprintf(&source, "domain %s", domain->name) < 0)
		source = NULL;
	return fail(diag, EINVAL, source, domain->metadata_problem_line, "%s",
		    domain->metadata_problem);
}

static void free_unfilterable(struct unfilterable_nic *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].kind);
		free(items[i].name);
		free(items[i].reason);
	}
	free(items);
}

void free_domain(struct domain **domain)
{
	struct domain *d = *domain;

	if (!d)
		return;
	for (size_t i = 0; i < d->interface_count; i++) {
		free(d->interfaces[i].type);
		free(d->interfaces[i].target);
		free(d->interfaces[i].guest_end);
	}
	free(d->interfaces);
	free_unfilterable(d->unfilterable, d->unfilterable_count);
	free(d->name);
	free(d->driver);
	free(d->metadata);
	free(d->metadata_problem);
	free(d);
	*domain = NULL;
}

const struct domain_interface *find_nic(const struct domain *domain,
					const uint8_t mac[static MAC_BYTES])
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		if (memcmp(domain->interfaces[i].mac, mac, MAC_BYTES) == 0)
			return &domain->interfaces[i];
	}
	return NULL;
}

bool has_nic(const struct domain *domain, const uint8_t mac[static MAC_BYTES])
{
	return find_nic(domain, mac);
}

bool names_device(const struct domain *domain, const char *device)
{
	for (size_t i = 0; i < domain->interface_count; i++) {
		const struct domain_interface *nic = &domain->interfaces[i];

		if (nic->kind != INTERFACE_NONE && nic->target && strcmp(nic->target, device) == 0)
			return true;
	}
	return false;
}

bool is_port_domain(const struct domain *domain)
{
	return strcmp(domain->driver, PORT_DRIVER) == 0;
}

bool is_same_domain(const struct domain *a, const struct domain *b)
{
	return strcmp(a->uuid, b->uuid) == 0 && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->driver, b->driver) == 0;
}
