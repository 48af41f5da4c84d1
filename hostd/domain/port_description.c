/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's description as domain XML.
 */
#include "hostd/domain/port_description.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hostd/base/address.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/xml.h"
#include "hostd/domain/domain.h"

/* Adding below a node that is NULL gives NULL: one look at the end is enough. */
struct writer {
	bool failed;
};

static xmlNode *add_element(struct writer *writer, xmlNode *parent, const char *name,
			    const char *text)
{
	xmlNode *element = NULL;

	/* xmlNewTextChild() escapes the text. */
	if (parent)
		element =
			xmlNewTextChild(parent, NULL, (const xmlChar *)name, (const xmlChar *)text);
	writer->failed = writer->failed || !element;
	return element;
}

static void set_attribute(struct writer *writer, xmlNode *element, const char *name,
			  const char *value)
{
	if (!element || !xmlNewProp(element, (const xmlChar *)name, (const xmlChar *)value))
		writer->failed = true;
}

static void add_list(struct writer *writer, xmlNode *parent, const char *name,
		     const char *attribute, const char *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		set_attribute(writer, add_element(writer, parent, name, NULL), attribute,
			      values[i]);
}

static void add_metadata(struct writer *writer, xmlNode *root,
			 const struct port_description *description, const char *mac)
{
	xmlNode *metadata = add_element(writer, root, "metadata", NULL);
	xmlNode *domain = add_element(writer, metadata, "domain", NULL), *interface;

	if (domain)
		xmlSetNs(domain, xmlNewNs(domain, (const xmlChar *)VMSEG_NAMESPACE, NULL));
	add_list(writer, domain, "policy", "ref", description->policies, description->policy_count);
	add_list(writer, domain, "group", "name", description->groups, description->group_count);
	interface = add_element(writer, domain, "interface", NULL);
	set_attribute(writer, interface, "mac", mac);
	add_list(writer, interface, "address", "ip", description->addresses,
		 description->address_count);
}

static void add_device(struct writer *writer, xmlNode *root,
		       const struct port_description *description, const char *mac)
{
	xmlNode *devices = add_element(writer, root, "devices", NULL);
	xmlNode *interface = add_element(writer, devices, "interface", NULL);

	set_attribute(writer, interface, "type", "ethernet");
	set_attribute(writer, add_element(writer, interface, "mac", NULL), "address", mac);
	set_attribute(writer, add_element(writer, interface, "target", NULL), "dev",
		      description->device);
}

static bool is_utf8(const struct port_description *description)
{
	bool good = xmlCheckUTF8((const xmlChar *)description->device);

	for (size_t i = 0; i < description->policy_count; i++)
		good = good && xmlCheckUTF8((const xmlChar *)description->policies[i]);
	for (size_t i = 0; i < description->address_count; i++)
		good = good && xmlCheckUTF8((const xmlChar *)description->addresses[i]);
	for (size_t i = 0; i < description->group_count; i++)
		good = good && xmlCheckUTF8((const xmlChar *)description->groups[i]);
	return good;
}

static void free_buffer(xmlBuffer **buffer)
{
	xmlBufferFree(*buffer);
}

/* On one line: nobody will look for the lines of messages about it. */
static int write_document(xmlDoc *document, char **ret)
{
	_cleanup_(free_buffer) xmlBuffer *buffer = xmlBufferCreate();

	if (!buffer || xmlNodeDump(buffer, document, xmlDocGetRootElement(document), 0, 0) < 0)
		return -ENOMEM;
	*ret = strdup((const char *)xmlBufferContent(buffer));
	return *ret ? 0 : -ENOMEM;
}

int write_port_domain(const struct port_description *description, const char *uuid, char **ret)
{
	_cleanup_(free_xml) xmlDoc *document = xmlNewDoc((const xmlChar *)"1.0");
	struct writer writer = {0};
	char mac[MAC_TEXT_BYTES];
	xmlNode *root;

	if (!is_utf8(description))
		return -EINVAL;
	root = document ? xmlNewDocNode(document, NULL, (const xmlChar *)"domain", NULL) : NULL;
	if (!root)
		return -ENOMEM;
	xmlDocSetRootElement(document, root);
	set_attribute(&writer, root, "type", PORT_DRIVER);
	add_element(&writer, root, "name", description->device);
	add_element(&writer, root, "uuid", uuid);
	format_mac(description->mac, mac);
	add_metadata(&writer, root, description, mac);
	add_device(&writer, root, description, mac);
	return writer.failed ? -ENOMEM : write_document(document, ret);
}
