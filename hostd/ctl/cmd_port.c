/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg port attach DEVICE ..., vmseg port detach DEVICE, vmseg port release DEVICE
 */
#include "hostd/ctl/commands.h"

static const struct command_argument arguments[] = {
	{"DEVICE", .param = "device", .values = VALUES_DEVICES},
	{0},
};

static const struct command_argument attached_device[] = {
	{"DEVICE", .param = "device", .values = VALUES_DOMAINS},
	{0},
};

static const struct command_option attach_options[] = {
	{"policy", .argument = "NAME", .param = "policies", .required = true, .repeated = true,
	 .values = VALUES_POLICIES,
	 .help = "a policy of the policy directory; several apply in the given order"},
	{"mac", .argument = "MAC", .param = "mac", .required = true,
	 .help = "the MAC address of the guest behind the device"},
	{"address", .argument = "ADDRESS", .param = "addresses", .repeated = true,
	 .help = "an address or prefix that the guest may use"},
	{"group", .argument = "NAME", .param = "groups", .repeated = true, .values = VALUES_GROUPS,
	 .help = "a group that the addresses belong to"},
	{"replace", .param = "replace",
	 .help = "replace the settings of a device that is filtered"},
	{"force", .param = "force",
	 .help = "attach even if the device does not lead to a single guest"},
	{0},
};

const struct command port_attach_command = {
	.name = "port attach",
	.help = "filter a device that libvirt does not manage",
	.arguments = arguments,
	.options = attach_options,
	.method = "port-attach",
};

const struct command port_detach_command = {
	.name = "port detach",
	.help = "undo port attach: the device passes all packets",
	.arguments = attached_device,
	.method = "port-detach",
};

const struct command port_release_command = {
	.name = "port release",
	.help = "open a device that is closed because it may belong to a domain",
	.arguments = arguments,
	.method = "port-release",
};
