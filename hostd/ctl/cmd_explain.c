/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmseg explain [--policy FILE] [--vlan ID] DOMAIN {in|out} PROTOCOL REMOTE[:PORT] [LOCAL[:PORT]]
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/vlan.h"
#include "hostd/ctl/command_line.h"
#include "hostd/ctl/commands.h"
#include "hostd/ctl/policy_argument.h"
#include "hostd/ctl/reply.h"
#include "hostd/ctl/request.h"

#define ENDPOINT_BYTES 80

/* Takes "10.0.0.1:80", "[2001:db8::1]:80", "2001:db8::1" or ":80" apart into params. */
static int add_endpoint(json_t *params, const char *name, const char *text)
{
	char copy[ENDPOINT_BYTES], key[32], *address = copy, *port = NULL, *end;
	unsigned long number;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	if (copy[0] == '[') {
		end = strchr(copy, ']');
		if (!end || (end[1] && end[1] != ':'))
			return -EINVAL;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
		address = copy + 1;
	} else if (strchr(copy, ':') == strrchr(copy, ':')) {
		port = strchr(copy, ':');
		if (port)
			*port++ = '\0';
	}
	if (*address)
		json_object_set_new(params, name, json_string(address));
	if (!port)
		return 0;
	errno = 0;
	number = strtoul(port, &end, 10);
	if (errno || end == port || *end || number > 65535)
		return -EINVAL;
	snprintf(key, sizeof(key), "%s_port", name);
	json_object_set_new(params, key, json_integer((json_int_t)number));
	return 0;
}

/* "icmp" or "icmp/TYPE". */
static void add_protocol(json_t *params, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);

	json_object_set_new(params, "protocol", json_stringn(text, length));
	if (slash)
		json_object_set_new(params, "type", json_string(slash + 1));
}

static void print_candidate(const json_t *candidate)
{
	bool only = strcmp(get_text(candidate, "as"), "only") == 0;

	if (json_is_object(candidate))
		printf("  with     %s, %s\n", get_text(candidate, "name"),
		       only ? "as the only policy" : "in place of the one of its name");
}

static void print_rule(const json_t *rule)
{
	const char *id = get_text(rule, "id");

	if (json_is_object(rule))
		printf("  rule     %s%s%s (%s)\n", get_text(rule, "policy"), *id ? ": " : "", id,
		       get_text(rule, "place"));
}

/* "limit    session-rate 500 (web-server.xml:3)" */
static void print_setting(const json_t *setting)
{
	const json_t *value = json_object_get(setting, "value");
	const char *place = get_text(setting, "place");

	if (!json_is_object(setting))
		return;
	printf("  %-8s %s", get_text(setting, "kind"), get_text(setting, "name"));
	if (json_is_string(value))
		printf(" %s", json_string_value(value));
	if (json_is_integer(value))
		printf(" %" JSON_INTEGER_FORMAT, json_integer_value(value));
	printf(" (%s)\n", *place ? place : "built in");
}

static void print_session(const json_t *session)
{
	if (json_is_object(session))
		printf("  session  live: %s, opened %s, idle for %" JSON_INTEGER_FORMAT
		       " s, ends after %" JSON_INTEGER_FORMAT " s more\n",
		       get_text(session, "state"), get_text(session, "opened"),
		       get_number(session, "idle"), get_number(session, "expires"));
}

static void print_explanation(const struct invocation *invocation, const json_t *reply)
{
	char vlan[VLAN_TEXT_BYTES];

	format_vlan(get_vlans(reply), vlan);
	printf("%s: %s\n", get_text(reply, "verdict"), get_text(reply, "help"));
	printf("  reason   %s\n", get_text(reply, "reason"));
	print_candidate(json_object_get(reply, "candidate"));
	print_rule(json_object_get(reply, "rule"));
	print_setting(json_object_get(reply, "setting"));
	print_session(json_object_get(reply, "session"));
	printf("  packet   %s, %s%s%s%s, %s, local %s, remote %s\n", get_text(reply, "device"),
	       vlan[0] ? "vlan " : "", vlan, vlan[0] ? ", " : "", get_text(reply, "direction"),
	       get_text(reply, "protocol"), get_text(reply, "local"), get_text(reply, "remote"));
}

static int run(const struct invocation *invocation)
{
	const char *policy = given_text(invocation, "policy");
	const char **arguments = invocation->arguments;
	json_t *params = invocation->params;

	add_protocol(params, arguments[2]);
	if (add_endpoint(params, "remote", arguments[3]) < 0)
		return complain(invocation->command,
				"REMOTE: expected ADDRESS, ADDRESS:PORT or [IPV6-ADDRESS]:PORT, "
				"not \"%s\"",
				arguments[3]);
	if (invocation->argument_count == 5 && add_endpoint(params, "local", arguments[4]) < 0)
		return complain(invocation->command,
				"LOCAL: expected ADDRESS, ADDRESS:PORT, [IPV6-ADDRESS]:PORT or "
				":PORT, not \"%s\"",
				arguments[4]);
	if (policy && add_policy_file(policy, params) != STATUS_OK)
		return STATUS_FAILED;
	return show_reply(invocation);
}

static const struct command_argument arguments[] = {
	{"DOMAIN", .param = "domain", .values = VALUES_DOMAINS},
	{"in|out", .param = "direction", .values = VALUES_LISTED},
	{.name = "PROTOCOL"},
	{.name = "REMOTE[:PORT]"},
	{"LOCAL[:PORT]", .optional = true},
	{0},
};

static const struct command_option options[] = {
	{"nic", .argument = "NIC", .param = "nic",
	 .help = "the NIC, by MAC address or host device, of a domain that has several"},
	{"policy", .argument = "FILE", .values = VALUES_FILES,
	 .help = "answer as if this policy or address set were in force; -: standard input"},
	{"vlan", .argument = "ID[.ID]", .param = "vlan",
	 .help = "the packet's VLAN (default: none)"},
	{0},
};

const struct command explain_command = {
	.name = "explain",
	.help = "show what would happen to a packet, and why",
	.arguments = arguments,
	.options = options,
	.method = "explain",
	.print = print_explanation,
	.run = run,
};
