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
#include "hostd/ctl/ctl.h"

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

int run_explain(const struct invocation *invocation)
{
	char **arguments = invocation->arguments;
	json_t *params = invocation->policy ? pack_policy_file(invocation->policy) : json_object();

	if (!params)
		return STATUS_FAILED;
	json_object_set_new(params, "domain", json_string(arguments[0]));
	json_object_set_new(params, "direction", json_string(arguments[1]));
	add_protocol(params, arguments[2]);
	if (invocation->nic)
		json_object_set_new(params, "nic", json_string(invocation->nic));
	if (invocation->vlan)
		json_object_set_new(params, "vlan", json_string(invocation->vlan));
	for (int i = 3; i < invocation->argument_count; i++) {
		if (add_endpoint(params, i == 3 ? "remote" : "local", arguments[i]) == 0)
			continue;
		fprintf(stderr,
			"vmseg: expected ADDRESS, ADDRESS:PORT, [IPV6-ADDRESS]:PORT%s, not "
			"\"%s\"\n",
			i == 3 ? "" : " or :PORT", arguments[i]);
		json_decref(params);
		return STATUS_USAGE;
	}
	return show_reply(invocation, "explain", params, false, print_explanation);
}
