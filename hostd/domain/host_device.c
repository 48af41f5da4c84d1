/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network cards by sysfs.
 */
#include "hostd/domain/host_device.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"

static const char *sysfs = "/sys";

void set_sysfs_path(const char *path)
{
	sysfs = path ? path : "/sys";
}

/* The number in a file of sysfs, in that base; -1: there is none. */
static long read_number_file(const char *directory, const char *name, int base)
{
	char path[PATH_MAX], text[32], *end;
	_cleanup_close_ int fd = -1;
	ssize_t size;
	long number;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (size <= 0)
		return -1;
	text[size] = '\0';
	number = strtol(text, &end, base);
	return end == text || number < 0 ? -1 : number;
}

/* ---- PCI ------------------------------------------------------------------------------------ */

const char *format_pci_address(const struct pci_address *address, char out[static PCI_TEXT_BYTES])
{
	snprintf(out, PCI_TEXT_BYTES, "%04x:%02x:%02x.%x", address->domain, address->bus,
		 address->slot, address->function);
	return out;
}

/* A hexadecimal number that ends with `end`; goes behind that. */
static bool take_hex(const char **text, char end, unsigned long most, unsigned long *ret)
{
	size_t digits = strspn(*text, "0123456789abcdefABCDEF");

	if (digits == 0 || digits > 8 || (*text)[digits] != end)
		return false;
	*ret = strtoul(*text, NULL, 16);
	*text += digits + (end != '\0');
	return *ret <= most;
}

bool parse_pci_address(const char *text, struct pci_address *ret)
{
	const char *colon = strchr(text, ':');
	bool has_domain = colon && strchr(colon + 1, ':');
	unsigned long domain = 0, bus, slot, function;

	if ((has_domain && !take_hex(&text, ':', UINT32_MAX, &domain)) ||
	    !take_hex(&text, ':', UINT8_MAX, &bus) || !take_hex(&text, '.', 0x1f, &slot) ||
	    !take_hex(&text, '\0', 7, &function))
		return false;
	*ret = (struct pci_address){(uint32_t)domain, (uint8_t)bus, (uint8_t)slot,
				    (uint8_t)function};
	return true;
}

/* A class is three bytes: base class, subclass, programming interface. */
static enum network_card judge_class(long class)
{
	if (class < 0)
		return CARD_UNKNOWN;
	switch (class >> 8) {
	case 0x0c06: /* InfiniBand */
	case 0x0d20: /* 802.11 */
	case 0x0d21:
		return CARD_YES;
	default:
		return class >> 16 == 0x02 ? CARD_YES : CARD_NO;
	}
}

enum network_card judge_pci_device(const struct pci_address *address)
{
	char path[PATH_MAX], text[PCI_TEXT_BYTES];

	if ((size_t)snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs,
			     format_pci_address(address, text)) >= sizeof(path))
		return CARD_UNKNOWN;
	return judge_class(read_number_file(path, "class", 16));
}

enum network_card judge_mediated_device(const char *uuid)
{
	char path[PATH_MAX];

	if (strchr(uuid, '/') || (size_t)snprintf(path, sizeof(path), "%s/bus/mdev/devices/%s",
						  sysfs, uuid) >= sizeof(path))
		return CARD_UNKNOWN;
	if (access(path, F_OK) < 0)
		return CARD_UNKNOWN;
	/* The entry is a symbolic link: what is above is where it points to. */
	return judge_class(read_number_file(path, "../class", 16)) == CARD_YES ? CARD_YES : CARD_NO;
}

/* ---- USB ------------------------------------------------------------------------------------ */

/* Chips that have no class of their own (drivers/net/usb/ of the kernel: asix.c, ax88179_178a.c,
 * aqc111.c, dm9601.c, lan78xx.c, pegasus.h, r8152.c, rtl8150.c, smsc75xx.c, smsc95xx.c). */
static const struct {
	int vendor, first_product, last_product;
} chips[] = {
	{0x0b95, 0x0000, 0xffff},                           /* ASIX */
	{0x2eca, 0x0000, 0xffff},                           /* Aquantia */
	{0x0a46, 0x0000, 0xffff},                           /* Davicom */
	{0x07a6, 0x0000, 0xffff},                           /* ADMtek */
	{0x0bda, 0x8050, 0x8053},                           /* Realtek */
	{0x0bda, 0x8150, 0x8157}, {0x0424, 0x7500, 0x7505}, /* Microchip */
	{0x0424, 0x7800, 0x7850}, {0x0424, 0x9500, 0x9e08}, {0x0424, 0xec00, 0xec00},
};

static bool is_network_chip(long vendor, long product)
{
	for (size_t i = 0; i < ARRAY_SIZE(chips); i++) {
		if (vendor == chips[i].vendor && product >= chips[i].first_product &&
		    product <= chips[i].last_product)
			return true;
	}
	return false;
}

/* USB-IF class codes: communications of the Ethernet models (CDC 1.2, table 4, and its subclass
 * specifications), and RNDIS by its three names. */
static bool is_network_class(long class, long subclass, long protocol)
{
	switch (class) {
	case 0x02:
		return subclass == 0x06 || (subclass >= 0x0a && subclass <= 0x0e) ||
		       (subclass == 0x02 && protocol == 0xff);
	case 0xe0:
		return subclass == 0x01 && protocol == 0x03;
	case 0xef:
		return subclass == 0x04 && protocol >= 0x01 && protocol <= 0x05;
	default:
		return false;
	}
}

static bool is_network_interface(const char *interface)
{
	char path[PATH_MAX];

	if (is_network_class(read_number_file(interface, "bInterfaceClass", 16),
			     read_number_file(interface, "bInterfaceSubClass", 16),
			     read_number_file(interface, "bInterfaceProtocol", 16)))
		return true;
	return (size_t)snprintf(path, sizeof(path), "%s/net", interface) < sizeof(path) &&
	       access(path, F_OK) == 0;
}

/* Calls `judge` for the paths. CARD_YES if it returns that for one path; otherwise CARD_UNKNOWN if
 * it returns that for one path. */
static enum network_card judge_paths(const char *pattern,
				     enum network_card (*judge)(const char *path,
								const struct usb_device *wanted),
				     const struct usb_device *wanted)
{
	enum network_card result = CARD_NO;
	glob_t found = {0};
	int r = glob(pattern, GLOB_NOSORT, NULL, &found);

	if (r != 0 && r != GLOB_NOMATCH)
		result = CARD_UNKNOWN;
	for (size_t i = 0; r == 0 && result != CARD_YES && i < found.gl_pathc; i++) {
		enum network_card card = judge(found.gl_pathv[i], wanted);

		if (card != CARD_NO)
			result = card;
	}
	globfree(&found);
	return result;
}

static enum network_card judge_interface(const char *interface, const struct usb_device *wanted)
{
	(void)wanted;
	return is_network_interface(interface) ? CARD_YES : CARD_NO;
}

static bool matches(int wanted, long number)
{
	return wanted < 0 || wanted == number;
}

/* Among the devices there are their interfaces, too, which have no idVendor. */
static enum network_card check_device(const char *device, const struct usb_device *wanted)
{
	long vendor = read_number_file(device, "idVendor", 16);
	bool readable = vendor >= 0 || errno == ENOENT;
	long product = read_number_file(device, "idProduct", 16);
	char pattern[PATH_MAX];

	if (!readable)
		return CARD_UNKNOWN;
	if (vendor < 0 || !matches(wanted->vendor, vendor) || !matches(wanted->product, product) ||
	    !matches(wanted->bus, read_number_file(device, "busnum", 10)) ||
	    !matches(wanted->device, read_number_file(device, "devnum", 10)))
		return CARD_NO;
	if (is_network_chip(vendor, product))
		return CARD_YES;
	/* Its interfaces are folders below it, "1-4:1.0": bus-port:configuration.interface. */
	if ((size_t)snprintf(pattern, sizeof(pattern), "%s/*:*", device) >= sizeof(pattern))
		return CARD_UNKNOWN;
	return judge_paths(pattern, judge_interface, wanted);
}

enum network_card judge_usb_device(const struct usb_device *wanted)
{
	char pattern[PATH_MAX];

	if (is_network_chip(wanted->vendor, wanted->product))
		return CARD_YES;
	if ((size_t)snprintf(pattern, sizeof(pattern), "%s/bus/usb/devices/*", sysfs) >=
	    sizeof(pattern))
		return CARD_UNKNOWN;
	return judge_paths(pattern, check_device, wanted);
}
