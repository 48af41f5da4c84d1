/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A port's description as domain XML.
 */
#include "hostd/domain/port_description.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "hostd/base/address.h"
#include "hostd/base/text.h"
#include "hostd/base/xml.h"
#include "hostd/base/xml_memory.h"
#include "hostd/domain/domain.h"

struct writing {
	const struct port_description *description;
	const char *uuid;
	char mac[MAC_TEXT_BYTES];
	xmlDoc *document;
};

static xmlNode *add_element(xmlNode *parent, const char *name, const char *text)
{
	/* xmlNewTextChild() escapes the text. */
	return xmlNewTextChild(parent, NULL, (const xmlChar *)name, (const xmlChar *)text);
}

static void set_attribute(xmlNode *element, const char *name, const char *value)
{
	xmlNewProp(element, (const xmlChar *)name, (const xmlChar *)value);
}

static void add_list(xmlNode *parent, const char *name, const char *attribute,
		     const char *const *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		set_attribute(add_element(parent, name, NULL), attribute, values[i]);
}

static void add_metadata(const struct writing *writing, xmlNode *root)
{
	const struct port_description *description = writing->description;
	xmlNode *metadata = add_element(root, "metadata", NULL);
	xmlNode *domain = add_element(metadata, "domain", NULL), *interface;

	xmlSetNs(domain, xmlNewNs(domain, (const xmlChar *)VMSEG_NAMESPACE, NULL));
	add_list(domain, "policy", "ref", description->policies, description->policy_count);
	add_list(domain, "group", "name", description->groups, description->group_count);
	interface = add_element(domain, "interface", NULL);
	set_attribute(interface, "mac", writing->mac);
	add_list(interface, "address", "ip", description->addresses, description->address_count);
}

static void add_device(const struct writing *writing, xmlNode *root)
{
	xmlNode *devices = add_element(root, "devices", NULL);
	xmlNode *interface = add_element(devices, "interface", NULL);

	set_attribute(interface, "type", "ethernet");
	set_attribute(add_element(interface, "mac", NULL), "address", writing->mac);
	set_attribute(add_element(interface, "target", NULL), "dev", writing->description->device);
}

/* A work of libxml2's: no allocation fails. */
static void make_document(void *data)
{
	struct writing *writing = data;
	xmlNode *root;

	writing->document = xmlNewDoc((const xmlChar *)"1.0");
	root = xmlNewDocNode(writing->document, NULL, (const xmlChar *)"domain", NULL);
	xmlDocSetRootElement(writing->document, root);
	set_attribute(root, "type", PORT_DRIVER);
	add_element(root, "name", writing->description->device);
	add_element(root, "uuid", writing->uuid);
	add_metadata(writing, root);
	add_device(writing, root);
}

static bool is_utf8(const char *text)
{
	size_t size = strlen(text);

	return utf8_bytes(text, size) == size;
}

static bool are_utf8(const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!is_utf8(texts[i]))
			return false;
	}
	return true;
}

int write_port_domain(const struct port_description *description, const char *uuid, char **ret)
{
	struct writing writing = {.description = description, .uuid = uuid};
	int r;

	if (!is_utf8(description->device) ||
	    !are_utf8(description->policies, description->policy_count) ||
	    !are_utf8(description->addresses, description->address_count) ||
	    !are_utf8(description->groups, description->group_count))
		return -EINVAL;
	format_mac(description->mac, writing.mac);
	r = run_xml_work(make_document, &writing);
	if (r < 0)
		return r;
	r = write_xml(xmlDocGetRootElement(writing.document), ret);
	free_xml(&writing.document);
	return r;
}
