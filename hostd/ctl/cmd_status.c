/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg status
 */
#include <stdio.h>

#include "hostd/ctl/commands.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/text_table.h"

static void print_usage(const char *name, const json_t *usage)
{
	printf("%-14s %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT "\n", name,
	       get_number(usage, "used"), get_number(usage, "total"));
}

static void print_libvirt(const json_t *links)
{
	json_t *link;
	size_t i;

	json_array_foreach(links, i, link)
	{
		const char *problem = get_text(link, "problem");

		printf("%-14s %s %s%s%s\n", i ? "" : "libvirt", get_text(link, "uri"),
		       get_flag(link, "connected") ? "connected" : "not connected",
		       problem[0] ? ": " : "", problem);
	}
}

static void print_problems(const json_t *problems)
{
	json_t *problem;
	size_t i;

	json_array_foreach(problems, i, problem)
	{
		const char *domain = get_text(problem, "domain");
		const char *device = get_text(problem, "device");

		printf("%-14s %s%s%s: %s\n", i ? "" : "problems", domain[0] ? domain : "host",
		       device[0] ? " " : "", device, get_text(problem, "error"));
	}
}

static void print_warnings(const json_t *warnings)
{
	json_t *warning;
	size_t i;

	json_array_foreach(warnings, i, warning)
		printf("%-14s %s\n", i ? "" : "warnings", json_string_value(warning));
}

static void print_unfiltered(const json_t *nics)
{
	json_t *nic;
	size_t i;

	json_array_foreach(nics, i, nic)
		printf("%-14s %s: %s %s\n", i ? "" : "unfiltered", get_text(nic, "domain"),
		       get_text(nic, "name"), get_text(nic, "reason"));
}

static void print_pending(const json_t *changes)
{
	json_t *change;
	size_t i;

	json_array_foreach(changes, i, change)
	{
		const char *error = get_text(change, "error");

		printf("%-14s %s: ", i ? "" : "to confirm", get_text(change, "name"));
		if (error[0])
			printf("overdue, and cannot be rolled back yet: %s\n", error);
		else
			printf("%" JSON_INTEGER_FORMAT " s left, then back to %s\n",
			       get_number(change, "seconds_left"), get_text(change, "rollback"));
	}
}

static void print_unclaimed(const json_t *ports)
{
	char age[HUMAN_BYTES];
	json_t *port;
	size_t i;

	json_array_foreach(ports, i, port)
		printf("%-14s %s, for %s: %s\n", i ? "" : "unclaimed", get_text(port, "device"),
		       format_age((uint64_t)get_number(port, "seconds"), age),
		       get_text(port, "reason"));
}

static void print_status(const struct invocation *invocation, const json_t *status)
{
	const json_t *datapath = json_object_get(status, "datapath");
	const json_t *domains = json_object_get(status, "domains");
	char age[HUMAN_BYTES];

	printf("%-14s version %s, process %" JSON_INTEGER_FORMAT ", up %s\n", "vmseg-hostd",
	       get_text(status, "version"), get_number(status, "pid"),
	       format_age((uint64_t)get_number(status, "uptime"), age));
	printf("%-14s %" JSON_INTEGER_FORMAT " managed, %" JSON_INTEGER_FORMAT " unmanaged\n",
	       "domains", get_number(domains, "managed"), get_number(domains, "unmanaged"));
	printf("%-14s %s%s\n", "attach", get_text(datapath, "attach"),
	       get_flag(datapath, "adopted") ? ", taken over from the last daemon" : "");
	print_usage("ports", json_object_get(datapath, "ports"));
	printf("%-14s %" JSON_INTEGER_FORMAT "\n", "images", get_number(datapath, "images"));
	print_usage("policy nodes", json_object_get(datapath, "policy_nodes"));
	print_usage("rule counters", json_object_get(datapath, "rule_counters"));
	printf("%-14s %s, %" JSON_INTEGER_FORMAT " bad files\n", "policies",
	       get_text(status, "policy_directory"), get_number(status, "bad_files"));
	print_pending(json_object_get(status, "pending"));
	print_libvirt(json_object_get(status, "libvirt"));
	print_unclaimed(json_object_get(status, "unclaimed"));
	if (json_array_size(json_object_get(status, "unclaimed")))
		printf("%-14s (vmseg port release DEVICE opens one)\n", "");
	print_problems(json_object_get(status, "problems"));
	print_unfiltered(json_object_get(status, "unfiltered"));
	print_warnings(json_object_get(status, "warnings"));
}

const struct command status_command = {
	.name = "status",
	.help = "show the state of the daemon, libvirt and the datapath",
	.method = "status",
	.print = print_status,
};
