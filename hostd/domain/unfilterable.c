/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces that cannot be filtered. Each has a name and a reason that make one sentence.
 */
#include "hostd/domain/unfilterable.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/address.h"
#include "hostd/base/array.h"
#include "hostd/base/text.h"
#include "hostd/base/xml.h"
#include "hostd/domain/host_device.h"
#include "hostd/domain/qemu_arguments.h"

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"
#define LXC_NAMESPACE  "http://libvirt.org/schemas/domain/lxc/1.0"

/* The number of bytes of an argument that are shown. */
#define SHOWN_BYTES 80

static const char drives_itself[] =
	"is a network card that the domain uses directly, without the host's network stack";

static bool has_value(const xmlNode *element, const char *name, const char *value)
{
	const char *found = attribute_value(element, name);

	return found && strcmp(found, value) == 0;
}

static bool is_transient(const xmlNode *element)
{
	const xmlNode *teaming = find_child(element, "teaming");

	return teaming && has_value(teaming, "type", "transient");
}

/* The format makes the name. */
__attribute__((format(printf, 5, 6))) static int add(struct domain *domain, const xmlNode *element,
						     const char *kind, const char *reason,
						     const char *format, ...)
{
	struct unfilterable_nic *items =
		grow_array(domain->unfilterable, domain->unfilterable_count, sizeof(*items));
	struct unfilterable_nic *item;
	va_list arguments;

	if (!items)
		return -ENOMEM;
	domain->unfilterable = items;
	item = &items[domain->unfilterable_count++];
	*item = (struct unfilterable_nic){.line = (int)xmlGetLineNo((xmlNode *)element)};
	va_start(arguments, format);
	if (vasprintf(&item->name, format, arguments) < 0)
		item->name = NULL;
	va_end(arguments);
	if (asprintf(&item->reason, "%s%s", reason,
		     is_transient(element) ? "; it is the transient interface of a team, and its "
					     "packets bypass the interface that is filtered"
					   : "") < 0)
		item->reason = NULL;
	item->kind = strdup(kind);
	return item->name && item->kind && item->reason ? 0 : -ENOMEM;
}

/* ---- <interface> ---------------------------------------------------------------------------- */

static int read_interface(const xmlNode *element, const struct domain_interface *nic,
			  struct domain *domain)
{
	char mac[MAC_TEXT_BYTES], reason[160];

	if (nic->kind != INTERFACE_NONE)
		return 0;
	snprintf(reason, sizeof(reason),
		 "has type '%.32s', which cannot be filtered on the host: expected bridge, "
		 "network, ethernet or direct",
		 nic->type);
	return add(domain, element, nic->type, reason, "interface %s", format_mac(nic->mac, mac));
}

/* ---- <hostdev> ------------------------------------------------------------------------------ */

/* As libvirt reads numbers: by their prefix. -1: there is none. */
static long read_number(const xmlNode *element, const char *name)
{
	const char *text = element ? attribute_value(element, name) : NULL;
	char *end;
	long number;

	if (!text || !*text)
		return -1;
	number = strtol(text, &end, 0);
	return *end || number < 0 || number > INT_MAX ? -1 : number;
}

static int read_pci(const xmlNode *element, const xmlNode *source, struct domain *domain)
{
	const xmlNode *address = find_child(source, "address");
	long number = read_number(address, "domain");
	long bus = read_number(address, "bus"), slot = read_number(address, "slot");
	struct pci_address pci = {.domain = number < 0 ? 0 : (uint32_t)number,
				  .bus = (uint8_t)bus,
				  .slot = (uint8_t)slot,
				  .function = (uint8_t)read_number(address, "function")};
	enum network_card card = bus < 0 || bus > UINT8_MAX || slot < 0 || slot > UINT8_MAX
					 ? CARD_UNKNOWN
					 : judge_pci_device(&pci);
	char text[PCI_TEXT_BYTES];

	if (card == CARD_NO)
		return 0;
	return add(domain, element, "pci",
		   card == CARD_YES ? drives_itself
				    : "may be a network card: the kernel does not report its class",
		   "PCI device %s", format_pci_address(&pci, text));
}

static int read_usb(const xmlNode *element, const xmlNode *source, struct domain *domain)
{
	const xmlNode *address = find_child(source, "address");
	struct usb_device usb = {.vendor = (int)read_number(find_child(source, "vendor"), "id"),
				 .product = (int)read_number(find_child(source, "product"), "id"),
				 .bus = (int)read_number(address, "bus"),
				 .device = (int)read_number(address, "device")};
	enum network_card card = judge_usb_device(&usb);
	const char *reason = card == CARD_YES
				     ? drives_itself
				     : "may be a network card: the kernel does not report its kind";

	if (card == CARD_NO)
		return 0;
	if (usb.vendor >= 0)
		return add(domain, element, "usb", reason, "USB device %04x:%04x", usb.vendor,
			   usb.product < 0 ? 0 : usb.product);
	return add(domain, element, "usb", reason, "USB device %d of bus %d", usb.device, usb.bus);
}

static int read_mediated(const xmlNode *element, const xmlNode *source, struct domain *domain)
{
	const xmlNode *address = find_child(source, "address");
	const char *uuid = address ? attribute_value(address, "uuid") : NULL;

	if (!uuid || judge_mediated_device(uuid) != CARD_YES)
		return 0;
	return add(domain, element, "mdev", drives_itself, "mediated device %.36s", uuid);
}

/* The text of an element; "" where there is none. */
static const char *text_of(const xmlNode *element)
{
	const xmlNode *text = element ? element->children : NULL;

	return text && text->type == XML_TEXT_NODE ? (const char *)text->content : "";
}

static int read_hostdev(const xmlNode *element, struct domain *domain)
{
	const xmlNode *source = find_child(element, "source");

	if (has_value(element, "mode", "capabilities"))
		return has_value(element, "type", "net")
			       ? add(domain, element, "device",
				     "is moved into the container, where it cannot be filtered",
				     "network device %.16s",
				     text_of(find_child(source, "interface")))
			       : 0;
	if (has_value(element, "type", "pci"))
		return read_pci(element, source, domain);
	if (has_value(element, "type", "usb"))
		return read_usb(element, source, domain);
	return has_value(element, "type", "mdev") ? read_mediated(element, source, domain) : 0;
}

/* ---- beside the devices --------------------------------------------------------------------- */

static const xmlNode *find_in_namespace(const xmlNode *parent, const char *name,
					const char *namespace)
{
	for (const xmlNode *child = first_element(parent); child; child = next_element(child)) {
		if (has_name(child, name) && child->ns &&
		    strcmp((const char *)child->ns->href, namespace) == 0)
			return child;
	}
	return NULL;
}

static const char *argument_of(const xmlNode *element)
{
	const char *value =
		element && has_name(element, "arg") ? attribute_value(element, "value") : NULL;

	return value ? value : "";
}

static int read_command_line(const xmlNode *root, struct domain *domain)
{
	const xmlNode *line = find_in_namespace(root, "commandline", QEMU_NAMESPACE);
	int r = 0;

	for (const xmlNode *element = line ? first_element(line) : NULL; !r && element;
	     element = next_element(element)) {
		const char *option = argument_of(element);
		const char *argument = argument_of(next_element(element));

		if (makes_network_interface(option, argument))
			r = add(domain, element, "command-line",
				"creates or changes a network interface without libvirt's "
				"knowledge, or may do so",
				"argument %s %.*s", option,
				(int)utf8_bytes(argument, strnlen(argument, SHOWN_BYTES)),
				argument);
	}
	return r;
}

static bool has_network_of_its_own(const xmlNode *root, const struct domain *domain)
{
	return domain->interface_count > 0 || domain->unfilterable_count > 0 ||
	       find_child(find_child(root, "features"), "privnet");
}

/* A container gets a network of its own with its first interface (lxcNeedNetworkNamespace() in
 * libvirt's lxc_container.c). */
static int read_container(const xmlNode *root, struct domain *domain)
{
	const xmlNode *namespaces = find_in_namespace(root, "namespace", LXC_NAMESPACE);
	const xmlNode *shared =
		namespaces ? find_in_namespace(namespaces, "sharenet", LXC_NAMESPACE) : NULL;

	if (shared)
		return add(domain, shared, "network",
			   "belongs to a process or container whose interfaces this container uses",
			   "shared network namespace %.64s",
			   attribute_value(shared, "value") ? attribute_value(shared, "value")
							    : "");
	if (has_network_of_its_own(root, domain))
		return 0;
	return add(domain, root, "host-network",
		   "is used by a container without interfaces and without <privnet/>",
		   "the host's own network");
}

int read_unfilterable(const xmlNode *root, struct domain *domain)
{
	const xmlNode *devices = find_child(root, "devices");
	size_t nic = 0;
	int r = 0;

	for (const xmlNode *element = devices ? first_element(devices) : NULL; !r && element;
	     element = next_element(element)) {
		if (element->ns)
			continue;
		if (has_name(element, "interface"))
			r = read_interface(element, &domain->interfaces[nic++], domain);
		else if (has_name(element, "hostdev"))
			r = read_hostdev(element, domain);
	}
	if (!r)
		r = read_command_line(root, domain);
	if (!r && strcmp(domain->driver, "lxc") == 0)
		r = read_container(root, domain);
	return r;
}
