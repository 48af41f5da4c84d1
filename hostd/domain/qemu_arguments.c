/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's options that make network interfaces (qemu-options.hx, and the names of its devices).
 */
#include "hostd/domain/qemu_arguments.h"

#include <fnmatch.h>
#include <jansson.h>
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

static bool find_json_value(const char *argument, const char *key, char out[static VALUE_BYTES])
{
	json_t *object = json_loads(argument, 0, NULL);
	const char *value = json_string_value(json_object_get(object, key));

	if (value)
		snprintf(out, VALUE_BYTES, "%s", value);
	json_decref(object);
	return value;
}

/* The value of a key in "driver,key=value,key=value", of several the last; or in JSON:
 * {"driver":"...","key":"value"}. */
static bool find_value(const char *argument, const char *key, char out[static VALUE_BYTES])
{
	size_t length = strlen(key);
	bool found = false;

	if (argument[0] == '{')
		return find_json_value(argument, key, out);
	for (const char *part = argument; part; part = strchr(part, ',')) {
		part += *part == ',';
		if (strncmp(part, key, length) != 0 || part[length] != '=')
			continue;
		part += length + 1;
		snprintf(out, VALUE_BYTES, "%.*s", (int)strcspn(part, ","), part);
		found = true;
	}
	return found;
}

/* "driver,..." or "driver=NAME,..." or JSON. */
static void find_driver(const char *argument, char out[static VALUE_BYTES])
{
	out[0] = '\0';
	if (!find_value(argument, "driver", out) && argument[0] != '{')
		snprintf(out, VALUE_BYTES, "%.*s", (int)strcspn(argument, ","), argument);
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

/* QEMU takes more for JSON than the standard, strings in single quotes, say. */
static bool is_unreadable(const char *argument)
{
	json_t *object = argument[0] == '{' ? json_loads(argument, 0, NULL) : NULL;
	bool unreadable = argument[0] == '{' && !object;

	json_decref(object);
	return unreadable;
}

static bool is_network_device(const char *argument)
{
	char driver[VALUE_BYTES], value[VALUE_BYTES];

	if (is_unreadable(argument))
		return true;
	find_driver(argument, driver);
	if (fnmatch("vfio-pci*", driver, 0) == 0)
		return is_passed_card(argument);
	if (strcmp(driver, "usb-host") == 0)
		return is_passed_usb_card(argument);
	return is_network_driver(driver) || find_value(argument, "netdev", value);
}

/* -object filter-redirector,netdev=... and the like take, copy or add a NIC's frames inside QEMU,
 * past its tap (net/filter*.c). */
static bool is_network_filter(const char *argument)
{
	static const char prefix[] = "filter-";
	char value[VALUE_BYTES];

	if (is_unreadable(argument))
		return true;
	if (!find_value(argument, "qom-type", value))
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(argument, ","), argument);
	return strncmp(value, prefix, strlen(prefix)) == 0;
}

/* -set device.ID.KEY=VALUE changes what another argument says, libvirt's too. */
static bool changes_network_interface(const char *argument)
{
	return strncmp(argument, "device.", strlen("device.")) == 0 ||
	       strncmp(argument, "netdev.", strlen("netdev.")) == 0;
}

bool makes_network_interface(const char *option, const char *argument)
{
	if (is_option(option, "netdev"))
		return true;
	if (is_option(option, "nic") || is_option(option, "net"))
		return strcmp(argument, "none") != 0;
	/* The content of such a file is not known, nor the commands that come over a monitor: both
	 * can add any device. */
	if (is_option(option, "readconfig") || is_option(option, "mon"))
		return true;
	if (is_option(option, "monitor") || is_option(option, "qmp") ||
	    is_option(option, "qmp-pretty"))
		return strcmp(argument, "none") != 0;
	if (is_option(option, "object"))
		return is_network_filter(argument);
	if (is_option(option, "set"))
		return changes_network_interface(argument);
	return is_option(option, "device") && is_network_device(argument);
}
