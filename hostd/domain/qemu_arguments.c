/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's options that make network interfaces (qemu-options.hx, and the names of its devices).
 */
#include "hostd/domain/qemu_arguments.h"

#include <fnmatch.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/domain/host_device.h"

#define VALUE_BYTES 256

/* QEMU takes options with one dash or two. */
static bool is_option(const char *option, const char *name)
{
	if (option[0] != '-')
		return false;
	option += option[1] == '-' ? 2 : 1;
	return strcmp(option, name) == 0;
}

/* The value of a key in "driver,key=value,...", or in JSON: {"driver":"...","key":"value"}. */
static bool find_value(const char *argument, const char *key, char out[static VALUE_BYTES])
{
	bool json = argument[0] == '{';
	char pattern[32];
	const char *at;
	size_t size;

	snprintf(pattern, sizeof(pattern), json ? "\"%s\"" : ",%s=", key);
	at = strstr(argument, pattern);
	if (!at)
		return false;
	at += strlen(pattern);
	if (json)
		at += strspn(at, " \t\r\n:\"");
	size = strcspn(at, json ? "\",}" : ",");
	if (size >= VALUE_BYTES)
		size = VALUE_BYTES - 1;
	memcpy(out, at, size);
	out[size] = '\0';
	return true;
}

/* "driver,..." or "driver=NAME,..." or JSON. */
static void find_driver(const char *argument, char out[static VALUE_BYTES])
{
	size_t size = strcspn(argument, ",");

	out[0] = '\0';
	if (argument[0] == '{' || find_value(argument, "driver", out)) {
		find_value(argument, "driver", out);
		return;
	}
	if (strncmp(argument, "driver=", strlen("driver=")) == 0) {
		argument += strlen("driver=");
		size = strcspn(argument, ",");
	}
	snprintf(out, VALUE_BYTES, "%.*s", (int)size, argument);
}

static bool is_network_driver(const char *driver)
{
	static const char *const patterns[] = {
		"*-net",
		"*-net-*",
		"e1000*",
		"igb",
		"rtl8139*",
		"ne2k_*",
		"pcnet*",
		"i825*",
		"vmxnet*",
		"tulip",
		"sungem*",
		"sunhme*",
		"dp8393x",
		"spapr-vlan",
		"smc91c111*",
		"lan91c111",
		"lan9118*",
		"*-eth",
		"*-ethlite",
		"*-ethernet*",
		"*-emac",
		"*_emac",
		"etraxfs*",
		"cadence_gem",
		"ftgmac*",
		"imx.enet",
		"imx.fec",
		"stellaris_enet",
		"mipsnet*",
		"mcf-fec",
		"opencores*",
		"open_eth",
		"allwinner-*mac*",
		"rocker",
		"vfio-user-*",
		"vhost-user-*net*",
		"vhost-vdpa-device*",
		"pvrdma",
	};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		if (fnmatch(patterns[i], driver, 0) == 0)
			return true;
	}
	return false;
}

/* -device vfio-pci,host=06:12.5 or ,sysfsdev=/sys/bus/pci/devices/0000:06:12.5 */
static bool is_passed_card(const char *argument)
{
	char value[VALUE_BYTES];
	struct pci_address address;
	const char *slash, *name;

	if (!find_value(argument, "host", value) && !find_value(argument, "sysfsdev", value))
		return true;
	slash = strrchr(value, '/');
	name = slash ? slash + 1 : value;
	if (parse_pci_address(name, &address))
		return judge_pci_device(&address) != CARD_NO;
	return judge_mediated_device(name) != CARD_NO;
}

/* A USB device by what names it: -device usb-host,vendorid=0x0b95,productid=0x1790 or
 * ,hostbus=1,hostaddr=4. */
static bool is_passed_usb_card(const char *argument)
{
	static const char *const keys[] = {"vendorid", "productid", "hostbus", "hostaddr"};
	struct usb_device device = {-1, -1, -1, -1};
	int *const fields[] = {&device.vendor, &device.product, &device.bus, &device.device};
	char value[VALUE_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (find_value(argument, keys[i], value))
			*fields[i] = (int)strtol(value, NULL, 0);
	}
	return judge_usb_device(&device) != CARD_NO;
}

static bool is_network_device(const char *argument)
{
	char driver[VALUE_BYTES], value[VALUE_BYTES];

	find_driver(argument, driver);
	if (fnmatch("vfio-pci*", driver, 0) == 0)
		return is_passed_card(argument);
	if (strcmp(driver, "usb-host") == 0)
		return is_passed_usb_card(argument);
	return is_network_driver(driver) || find_value(argument, "netdev", value);
}

bool makes_network_interface(const char *option, const char *argument)
{
	if (is_option(option, "netdev"))
		return true;
	if (is_option(option, "nic") || is_option(option, "net"))
		return strcmp(argument, "none") != 0;
	/* What a file says is not known. */
	if (is_option(option, "readconfig"))
		return true;
	return is_option(option, "device") && is_network_device(argument);
}
