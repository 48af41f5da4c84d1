/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices of the host that are given to a domain: which of them are network cards, by what the
 * kernel says in sysfs.
 */
#ifndef VMSEG_HOST_DEVICE_H
#define VMSEG_HOST_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

/* The path of sysfs; NULL: /sys. Tests set their own. The string must stay valid. */
void set_sysfs_path(const char *path);

/* "0000:06:12.5": domain, bus, slot, function. */
#define PCI_TEXT_BYTES 24

struct pci_address {
	uint32_t domain;
	uint8_t bus, slot, function;
};

const char *format_pci_address(const struct pci_address *address, char out[static PCI_TEXT_BYTES]);

/* Reads "06:12.5" or "0000:06:12.5", hexadecimal. */
bool parse_pci_address(const char *text, struct pci_address *ret);

enum network_card {
	CARD_NO,
	CARD_YES,
	CARD_UNKNOWN, /* the kernel does not say, or there is no such device */
};

/* By the device's class (PCI Code and ID Assignment Specification: network controllers and what
 * else carries packets). Virtual functions have one, too. */
enum network_card judge_pci_device(const struct pci_address *address);

/* By the class of the device on which the mediated device is; CARD_NO where that has none. */
enum network_card judge_mediated_device(const char *uuid);

/* The fields that name a USB device; -1: any. */
struct usb_device {
	int vendor, product;
	int bus, device;
};

/* By the classes of its interfaces, by a network device that the host has made of it, and by the
 * chip. A device that is not plugged in is no card. */
enum network_card judge_usb_device(const struct usb_device *wanted);

#endif
