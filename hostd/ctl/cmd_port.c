/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg port attach DEVICE ..., vmseg port detach DEVICE, vmseg port release DEVICE
 */
#include <stdio.h>

#include "hostd/ctl/ctl.h"

static int ask_about_port(const struct invocation *invocation, const char *method, json_t *params)
{
	if (json_object_set_new(params, "device", json_string(invocation->arguments[0])) < 0) {
		fprintf(stderr, "vmseg: the device's name is not UTF-8\n");
		json_decref(params);
		return STATUS_FAILED;
	}
	return show_reply(invocation, method, params, true, NULL);
}

int run_port_attach(const struct invocation *invocation)
{
	if (!json_object_get(invocation->port, "policies") ||
	    !json_object_get(invocation->port, "mac")) {
		fputs("vmseg: port attach: expected --policy and --mac\n", stderr);
		return STATUS_USAGE;
	}
	return ask_about_port(invocation, "port-attach", json_copy(invocation->port));
}

int run_port_detach(const struct invocation *invocation)
{
	return ask_about_port(invocation, "port-detach", json_object());
}

int run_port_release(const struct invocation *invocation)
{
	return ask_about_port(invocation, "port-release", json_object());
}
