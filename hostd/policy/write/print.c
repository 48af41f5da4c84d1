/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the canonical XML. Settings that are not set are not written.
 */
#include "hostd/policy/write/print.h"

#include <netinet/in.h>

#include "hostd/base/xml.h"
#include "hostd/policy/icmp.h"

#define INDENT 2

/* Names and numbers need no escaping: none of them holds a special character. */
static void print_name(FILE *stream, const char *attribute, const char *value)
{
	if (value)
		fprintf(stream, " %s=\"%s\"", attribute, value);
}

static void indent(FILE *stream, int depth)
{
	fprintf(stream, "%*s", depth * INDENT, "");
}

static const char *action_name(int action)
{
	return action == ACTION_ALLOW ? "allow" : "deny";
}

/* ---- settings ------------------------------------------------------------------------------- */

void print_defaults(const struct defaults *defaults, int depth, FILE *stream)
{
	int in = defaults->action[DIRECTION_IN], out = defaults->action[DIRECTION_OUT];

	if (in < 0 && out < 0)
		return;
	indent(stream, depth);
	fputs("<default", stream);
	if (in >= 0)
		print_name(stream, "in", action_name(in));
	if (out >= 0)
		print_name(stream, "out", action_name(out));
	fputs("/>\n", stream);
}

void print_guards(const struct guards *guards, int depth, FILE *stream)
{
	char text[GUARD_TEXT_BYTES];
	bool any = false;

	for (size_t i = 0; i < GUARD_KIND_COUNT; i++)
		any |= guards->setting[i] != GUARD_UNSET;
	if (!any)
		return;
	indent(stream, depth);
	fputs("<guards", stream);
	for (size_t i = 0; i < GUARD_KIND_COUNT; i++) {
		if (guards->setting[i] == GUARD_UNSET)
			continue;
		print_name(stream, guard_rows[i].name,
			   guard_text(i, guards->setting[i] == GUARD_ON, guards->vlans,
				      guards->vlan_count, text));
	}
	fputs("/>\n", stream);
}

void print_limits(const struct limits *limits, int depth, FILE *stream)
{
	bool any = false;

	for (size_t i = 0; i < LIMIT_COUNT; i++)
		any |= limits->value[i] >= 0;
	if (!any)
		return;
	indent(stream, depth);
	fputs("<limits", stream);
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (limits->value[i] >= 0)
			fprintf(stream, " %s=\"%lld\"", limit_rows[i].name,
				(long long)limits->value[i]);
	}
	fputs("/>\n", stream);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static void print_remote(const struct remote *remote, int depth, FILE *stream)
{
	char text[PREFIX_TEXT_BYTES];

	indent(stream, depth);
	fputs("<remote", stream);
	if (remote->kind == REMOTE_CIDR)
		print_name(stream, "cidr", format_prefix(&remote->cidr, text));
	else
		print_name(stream, remote->kind == REMOTE_GROUP ? "group" : "set", remote->name);
	fputs("/>\n", stream);
}

static void print_range(FILE *stream, const char *attribute, uint16_t first, uint16_t last)
{
	if (first == 0 && last == UINT16_MAX)
		return;
	fprintf(stream, " %s=\"%u", attribute, first);
	if (last != first)
		fprintf(stream, "-%u", last);
	fputc('"', stream);
}

static void print_port_service(const char *name, const struct service *service, FILE *stream)
{
	fprintf(stream, "<%s", name);
	print_range(stream, "port", service->port_first, service->port_last);
	print_range(stream, "source-port", service->source_first, service->source_last);
}

static void print_icmp_service(const char *name, const struct service *service, FILE *stream)
{
	const char *type = icmp_type_name(service->protocol, service->icmp_type);

	fprintf(stream, "<%s", name);
	if (type)
		print_name(stream, "type", type);
	else if (service->icmp_type >= 0)
		fprintf(stream, " type=\"%d\"", service->icmp_type);
	if (service->icmp_code >= 0)
		fprintf(stream, " code=\"%d\"", service->icmp_code);
}

static void print_service(const struct service *service, int depth, FILE *stream)
{
	indent(stream, depth);
	switch (service->protocol) {
	case IPPROTO_TCP:
		print_port_service("tcp", service, stream);
		break;
	case IPPROTO_UDP:
		print_port_service("udp", service, stream);
		break;
	case IPPROTO_SCTP:
		print_port_service("sctp", service, stream);
		break;
	case IPPROTO_UDPLITE:
		print_port_service("udplite", service, stream);
		break;
	case IPPROTO_ICMP:
		print_icmp_service("icmp", service, stream);
		break;
	case IPPROTO_ICMPV6:
		print_icmp_service("icmpv6", service, stream);
		break;
	default:
		fprintf(stream, "<protocol number=\"%u\"", service->protocol);
	}
	fputs("/>\n", stream);
}

void print_rule(const struct rule *rule, int depth, FILE *stream)
{
	indent(stream, depth);
	fputs("<rule", stream);
	print_name(stream, "id", rule->id);
	print_name(stream, "direction", rule->in && rule->out ? "inout" : rule->in ? "in" : "out");
	print_name(stream, "action", action_name(rule->action));
	if (rule->log)
		print_name(stream, "log", "yes");
	if (rule->keep_established)
		print_name(stream, "keep-established", "yes");
	if (rule->remote_count + rule->service_count == 0) {
		fputs("/>\n", stream);
		return;
	}
	fputs(">\n", stream);
	for (size_t i = 0; i < rule->remote_count; i++)
		print_remote(&rule->remotes[i], depth + 1, stream);
	for (size_t i = 0; i < rule->service_count; i++)
		print_service(&rule->services[i], depth + 1, stream);
	indent(stream, depth);
	fputs("</rule>\n", stream);
}

/* ---- policies ------------------------------------------------------------------------------- */

/* Character data (XML 1.0, 2.4); a carriage return would be read as a line feed. */
static void print_text(const char *text, FILE *stream)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", stream);
			break;
		case '<':
			fputs("&lt;", stream);
			break;
		case '>':
			fputs("&gt;", stream);
			break;
		case '"':
			fputs("&quot;", stream);
			break;
		case '\r':
			fputs("&#13;", stream);
			break;
		default:
			fputc(*text, stream);
		}
	}
}

void print_description(const char *description, int depth, FILE *stream)
{
	if (!description)
		return;
	indent(stream, depth);
	fputs("<description>", stream);
	print_text(description, stream);
	fputs("</description>\n", stream);
}

static void print_policy_content(const struct policy *policy, int depth, FILE *stream)
{
	print_description(policy->description, depth, stream);
	print_defaults(&policy->defaults, depth, stream);
	print_guards(&policy->guards, depth, stream);
	print_limits(&policy->limits, depth, stream);
	for (size_t i = 0; i < policy->rule_count; i++)
		print_rule(&policy->rules[i], depth, stream);
}

void print_policy(const struct policy *policy, FILE *stream)
{
	fprintf(stream, "<policy xmlns=\"%s\"", VMSEG_NAMESPACE);
	print_name(stream, "name", policy->name);
	fputs(">\n", stream);
	print_policy_content(policy, 1, stream);
	fputs("</policy>\n", stream);
}

void print_address_set(const struct address_set *set, FILE *stream)
{
	char text[PREFIX_TEXT_BYTES];

	fprintf(stream, "<set xmlns=\"%s\"", VMSEG_NAMESPACE);
	print_name(stream, "name", set->name);
	fputs(">\n", stream);
	for (size_t i = 0; i < set->prefix_count; i++) {
		indent(stream, 1);
		fprintf(stream, "<cidr>%s</cidr>\n", format_prefix(&set->prefixes[i], text));
	}
	fputs("</set>\n", stream);
}

/* ---- domains -------------------------------------------------------------------------------- */

static void print_items(const struct policy_item *items, size_t count, int depth, FILE *stream)
{
	for (size_t i = 0; i < count; i++) {
		indent(stream, depth);
		if (items[i].ref) {
			fprintf(stream, "<policy ref=\"%s\"/>\n", items[i].ref);
			continue;
		}
		fputs("<policy>\n", stream);
		print_policy_content(items[i].policy, depth + 1, stream);
		indent(stream, depth);
		fputs("</policy>\n", stream);
	}
}

static void print_interface(const struct interface_policy *interface, int depth, FILE *stream)
{
	char mac[MAC_TEXT_BYTES], text[PREFIX_TEXT_BYTES];

	indent(stream, depth);
	fprintf(stream, "<interface mac=\"%s\">\n", format_mac(interface->mac, mac));
	print_defaults(&interface->defaults, depth + 1, stream);
	print_guards(&interface->guards, depth + 1, stream);
	print_limits(&interface->limits, depth + 1, stream);
	for (size_t i = 0; i < interface->address_count; i++) {
		indent(stream, depth + 1);
		fprintf(stream, "<address ip=\"%s\"/>\n",
			format_prefix(&interface->addresses[i], text));
	}
	print_items(interface->policies, interface->policy_count, depth + 1, stream);
	indent(stream, depth);
	fputs("</interface>\n", stream);
}

void print_domain_policy(const struct domain_policy *policy, FILE *stream)
{
	fprintf(stream, "<domain xmlns=\"%s\" mode=\"%s\">\n", VMSEG_NAMESPACE,
		policy->mode == MODE_AUDIT ? "audit" : "enforce");
	print_defaults(&policy->defaults, 1, stream);
	print_guards(&policy->guards, 1, stream);
	print_limits(&policy->limits, 1, stream);
	for (size_t i = 0; i < policy->group_count; i++) {
		indent(stream, 1);
		fprintf(stream, "<group name=\"%s\"/>\n", policy->groups[i]);
	}
	print_items(policy->policies, policy->policy_count, 1, stream);
	for (size_t i = 0; i < policy->interface_count; i++)
		print_interface(&policy->interfaces[i], 1, stream);
	fputs("</domain>\n", stream);
}
