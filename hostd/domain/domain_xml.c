/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads libvirt's domain XML (https://libvirt.org/formatdomain.html), from the hook's standard
 * input or from virDomainGetXMLDesc(). Ignores what vmseg does not use. What vmseg uses must be
 * present and valid.
 */
#include "hostd/domain/domain_xml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/address.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/xml.h"
#include "hostd/domain/unfilterable.h"

/* What is being read, for messages. */
struct reader {
	const char *source; /* "domain web", or "domain XML" before the name is known */
	struct diag *diag;
};

static int line_of(const xmlNode *element)
{
	return (int)xmlGetLineNo((xmlNode *)element);
}

static int out_of_memory(const struct reader *reader)
{
	return fail_memory(reader->diag, reader->source);
}

/* The plain text of a child element, borrowed; NULL where there is none. */
static const char *child_text(const xmlNode *parent, const char *name)
{
	const xmlNode *child = find_child(parent, name);
	const xmlNode *text = child ? child->children : NULL;

	if (!text || text->type != XML_TEXT_NODE || text->next)
		return NULL;
	return (const char *)text->content;
}

static int report_no_text(const struct reader *reader, const xmlNode *root, const char *name)
{
	return fail(reader->diag, EINVAL, reader->source, line_of(root),
		    "<domain> has no <%s> with text", name);
}

static enum interface_kind kind_of(const char *type)
{
	static const char *const taps[] = {"bridge", "network", "ethernet"};

	for (size_t i = 0; i < ARRAY_SIZE(taps); i++) {
		if (strcmp(type, taps[i]) == 0)
			return INTERFACE_TAP;
	}
	return strcmp(type, "direct") == 0 ? INTERFACE_MACVTAP : INTERFACE_NONE;
}

/* Copies an attribute of a child element; *ret stays NULL where it is not there or empty. */
static int copy_attribute(const struct reader *reader, const xmlNode *element, const char *child,
			  const char *name, char **ret)
{
	const xmlNode *found = find_child(element, child);
	const char *value = found ? attribute_value(found, name) : NULL;

	if (!value || !*value)
		return 0;
	*ret = strdup(value);
	return *ret ? 0 : out_of_memory(reader);
}

/* A network may give out devices of other kinds than the interface's type says: libvirt then says
 * <actual type="...">, or puts that type in the place of the interface's. */
static const char *interface_type(const xmlNode *element)
{
	const xmlNode *actual = find_child(element, "actual");
	const char *type = actual ? attribute_value(actual, "type") : NULL;

	return type ? type : attribute_value(element, "type");
}

static int read_interface(const struct reader *reader, const xmlNode *element,
			  struct domain_interface *interface)
{
	const char *type = interface_type(element);
	const xmlNode *mac = find_child(element, "mac");
	const char *address = mac ? attribute_value(mac, "address") : NULL;
	const xmlNode *bandwidth = find_child(element, "bandwidth");
	int r;

	interface->line = line_of(element);
	if (!type)
		return fail(reader->diag, EINVAL, reader->source, interface->line,
			    "<interface> has no type");
	if (!address)
		return fail(reader->diag, EINVAL, reader->source, interface->line,
			    "<interface> has no <mac address=\"...\"/>");
	if (!parse_mac(address, interface->mac))
		return fail(reader->diag, EINVAL, reader->source, line_of(mac),
			    "<mac>: address \"%s\" is not a unicast MAC address", address);
	interface->kind = kind_of(type);
	interface->polices = bandwidth && find_child(bandwidth, interface->kind == INTERFACE_MACVTAP
									? "inbound"
									: "outbound");
	interface->type = strdup(type);
	if (!interface->type)
		return out_of_memory(reader);
	r = copy_attribute(reader, element, "target", "dev", &interface->target);
	return r ? r : copy_attribute(reader, element, "guest", "actual", &interface->guest_end);
}

static int read_interfaces(const struct reader *reader, const xmlNode *root, struct domain *domain)
{
	const xmlNode *devices = find_child(root, "devices");

	if (!devices)
		return 0;
	for (const xmlNode *element = first_element(devices); element;
	     element = next_element(element)) {
		struct domain_interface *grown;
		int r;

		if (element->ns || !has_name(element, "interface"))
			continue;
		grown = reallocarray(domain->interfaces, domain->interface_count + 1,
				     sizeof(*grown));
		if (!grown)
			return out_of_memory(reader);
		domain->interfaces = grown;
		grown[domain->interface_count] = (struct domain_interface){0};
		r = read_interface(reader, element, &grown[domain->interface_count++]);
		if (r)
			return r;
	}
	return 0;
}

enum ownership { OWNER_OTHER, OWNER_LOOKS_LIKE_US, OWNER_US };

static enum ownership owner_of(const xmlNode *element)
{
	static const char family[] = VMSEG_NAMESPACE_FAMILY;
	const char *namespace = element->ns ? (const char *)element->ns->href : "";

	if (strcmp(namespace, VMSEG_NAMESPACE) == 0)
		return OWNER_US;
	return strncasecmp(namespace, family, strlen(family)) == 0 ? OWNER_LOOKS_LIKE_US
								   : OWNER_OTHER;
}

/* The first problem stays. */
__attribute__((format(printf, 4, 5))) static int note_problem(const struct reader *reader,
							      const xmlNode *element,
							      struct domain *domain,
							      const char *format, ...)
{
	va_list arguments;
	int r;

	if (domain->metadata_problem)
		return 0;
	va_start(arguments, format);
	r = vasprintf(&domain->metadata_problem, format, arguments);
	va_end(arguments);
	if (r < 0) {
		domain->metadata_problem = NULL;
		return out_of_memory(reader);
	}
	domain->metadata_problem_line = line_of(element);
	return 0;
}

/* vmseg's element is valid only directly below <metadata>. One inside another element was also
 * meant for vmseg, so it is an error. */
static int note_nested(const struct reader *reader, const xmlNode *element, struct domain *domain)
{
	int r = 0;

	for (const xmlNode *child = first_element(element); r == 0 && child;
	     child = next_element(child)) {
		r = owner_of(child) == OWNER_OTHER
			    ? note_nested(reader, child, domain)
			    : note_problem(
				      reader, child, domain,
				      "<%s> of namespace %s is inside <%s> (expected: directly "
				      "below <metadata>)",
				      child->name, child->ns->href, element->name);
	}
	return r;
}

/* A namespace that resembles vmseg's is a problem: if the domain counted as unmanaged because of a
 * typing error, it would not be filtered. A correct element beside it is still in force. */
static int read_metadata_element(const struct reader *reader, xmlNode *element,
				 struct domain *domain, bool *seen)
{
	switch (owner_of(element)) {
	case OWNER_OTHER:
		return note_nested(reader, element, domain);
	case OWNER_LOOKS_LIKE_US:
		return note_problem(reader, element, domain,
				    "<%s>: namespace \"%s\" is not known (expected \"%s\")",
				    element->name, element->ns->href, VMSEG_NAMESPACE);
	case OWNER_US:
		break;
	}
	if (*seen) {
		/* Which of the two was meant? */
		free(TAKE_PTR(domain->metadata));
		return note_problem(reader, element, domain,
				    "<metadata> contains a second <%s> of namespace %s",
				    element->name, VMSEG_NAMESPACE);
	}
	*seen = true;
	domain->metadata_line = line_of(element);
	return write_xml(element, &domain->metadata) < 0 ? out_of_memory(reader) : 0;
}

static int read_metadata(const struct reader *reader, const xmlNode *root, struct domain *domain)
{
	const xmlNode *metadata = find_child(root, "metadata");
	bool seen = false;

	if (!metadata)
		return 0;
	for (xmlNode *element = first_element(metadata); element; element = next_element(element)) {
		int r = read_metadata_element(reader, element, domain, &seen);

		if (r)
			return r;
	}
	return 0;
}

static const char *driver_of(const char *type)
{
	if (type && (strcmp(type, "lxc") == 0 || strcmp(type, PORT_DRIVER) == 0))
		return type;
	return "qemu";
}

static int read_identity(const struct reader *reader, const xmlNode *root, struct domain **ret)
{
	const char *name, *uuid;
	int r;

	if (!has_name(root, "domain") || root->ns)
		return fail(reader->diag, EINVAL, reader->source, line_of(root),
			    "the root element is <%s> (expected libvirt's <domain>)", root->name);
	name = child_text(root, "name");
	uuid = child_text(root, "uuid");
	if (!name)
		return report_no_text(reader, root, "name");
	if (!uuid)
		return report_no_text(reader, root, "uuid");
	if (!is_domain_name(name))
		return fail(reader->diag, EINVAL, reader->source, line_of(root),
			    "<name>: expected 1 to %d bytes without slash and line break, got "
			    "\"%s\"",
			    DOMAIN_NAME_MAX, name);
	r = new_domain(name, uuid, driver_of(attribute_value(root, "type")), ret);
	if (r == -EINVAL)
		return fail(reader->diag, EINVAL, reader->source, line_of(root),
			    "<uuid>: \"%s\" is not a UUID", uuid);
	return r ? out_of_memory(reader) : 0;
}

int parse_identity(const char *xml, size_t size, struct domain **ret, struct diag *diag)
{
	struct reader reader = {.source = "domain XML", .diag = diag};
	_cleanup_(free_xml) xmlDoc *document = NULL;
	int r = parse_xml(xml, size, reader.source, 1, &document, diag);

	return r ? r : read_identity(&reader, xmlDocGetRootElement(document), ret);
}

int parse_domain(const char *xml, size_t size, struct domain **ret, struct diag *diag)
{
	struct reader reader = {.source = "domain XML", .diag = diag};
	_cleanup_(free_xml) xmlDoc *document = NULL;
	_cleanup_(free_domain) struct domain *domain = NULL;
	_cleanup_free_ char *source = NULL;
	const xmlNode *root;
	int r = parse_xml(xml, size, reader.source, 1, &document, diag);

	if (r)
		return r;
	root = xmlDocGetRootElement(document);
	r = read_identity(&reader, root, &domain);
	if (!domain)
		return r;
	if (asprintf(&source, "domain %s", domain->name) < 0) {
		source = NULL;
		return out_of_memory(&reader);
	}
	reader.source = source;
	r = read_interfaces(&reader, root, domain);
	if (r)
		return r;
	if (read_unfilterable(root, domain) < 0)
		return out_of_memory(&reader);
	r = read_metadata(&reader, root, domain);
	if (r)
		return r;
	*ret = TAKE_PTR(domain);
	return 0;
}
