/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * <rule>: direction, action, remotes and services.
 */
#include <netinet/in.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/xml.h"
#include "hostd/policy/icmp.h"
#include "hostd/policy/read/parse_parts.h"

#define TO_VM   (1 << DIRECTION_IN)
#define FROM_VM (1 << DIRECTION_OUT)

static const struct keyword directions[] = {{"in", TO_VM},
					    {"out", FROM_VM},
					    {"inout", TO_VM | FROM_VM},
					    {NULL, 0}};
static const struct keyword actions[] = {{"allow", ACTION_ALLOW}, {"deny", ACTION_DENY}, {NULL, 0}};
static const struct keyword yes_no[] = {{"yes", true}, {"no", false}, {NULL, 0}};

/* ---- remotes -------------------------------------------------------------------------------- */

static int parse_remote(const struct reader *reader, const xmlNode *element, struct remote *remote)
{
	static const char *const attributes[] = {"cidr", "group", "set", NULL};
	static const struct element_form form = {.attributes = attributes};
	const char *given = NULL;
	int r = check_form(reader, element, &form);

	if (r)
		return r;
	for (size_t i = 0; attributes[i]; i++) {
		if (!attribute_value(element, attributes[i]))
			continue;
		if (given)
			return reject(reader, element,
				      "\"%s\" and \"%s\" cannot be combined (write one <remote> "
				      "for each alternative)",
				      given, attributes[i]);
		given = attributes[i];
	}
	if (!given)
		return reject(reader, element,
			      "an attribute is missing (expected cidr, group or set)");
	remote->line = line_of(reader, element);
	if (strcmp(given, "cidr") == 0) {
		remote->kind = REMOTE_CIDR;
		return read_prefix(reader, element, given, &remote->cidr);
	}
	remote->kind = strcmp(given, "group") == 0 ? REMOTE_GROUP : REMOTE_SET;
	return read_name(reader, element, given, true, &remote->name);
}

/* ---- services ------------------------------------------------------------------------------- */

static int parse_port_service(const struct reader *reader, const xmlNode *element,
			      struct service *service)
{
	static const char *const attributes[] = {"port", "source-port", NULL};
	static const struct element_form form = {.attributes = attributes};
	int r = check_form(reader, element, &form);

	if (r)
		return r;
	r = read_port_range(reader, element, "port", &service->port_first, &service->port_last);
	if (r)
		return r;
	return read_port_range(reader, element, "source-port", &service->source_first,
			       &service->source_last);
}

static int parse_icmp_type(const struct reader *reader, const xmlNode *element,
			   struct service *service)
{
	const char *value = attribute_value(element, "type");
	char quoted[QUOTE_BYTES];
	int64_t number;

	if (!value)
		return 0;
	if (parse_number(value, 0, UINT8_MAX, &number)) {
		service->icmp_type = (int)number;
		return 0;
	}
	service->icmp_type = find_icmp_type(service->protocol, value);
	if (service->icmp_type >= 0)
		return 0;
	return reject(reader, element,
		      "type=\"%s\" is not known (expected a number from 0 to 255, or a name like "
		      "echo-request)",
		      quote(value, quoted));
}

static int parse_icmp_service(const struct reader *reader, const xmlNode *element,
			      struct service *service)
{
	static const char *const attributes[] = {"type", "code", NULL};
	static const struct element_form form = {.attributes = attributes};
	int64_t code = -1;
	int r = check_form(reader, element, &form);

	if (r)
		return r;
	r = parse_icmp_type(reader, element, service);
	if (r)
		return r;
	r = read_number(reader, element, "code", false, 0, UINT8_MAX, &code);
	if (r)
		return r;
	service->icmp_code = (int)code;
	if (service->icmp_code >= 0 && service->icmp_type < 0)
		return reject(
			reader, element,
			"\"code\" needs a \"type\": the meaning of a code depends on the type");
	return 0;
}

static int parse_other_service(const struct reader *reader, const xmlNode *element,
			       struct service *service)
{
	static const char *const attributes[] = {"number", NULL};
	static const struct element_form form = {.attributes = attributes};
	int64_t number;
	int r = check_form(reader, element, &form);

	if (r)
		return r;
	r = read_number(reader, element, "number", true, 0, UINT8_MAX, &number);
	if (r)
		return r;
	service->protocol = (uint8_t)number;
	return 0;
}

static const struct service_kind {
	const char *name;
	uint8_t protocol;
	int (*parse)(const struct reader *reader, const xmlNode *element, struct service *service);
} service_kinds[] = {
	{"tcp", IPPROTO_TCP, parse_port_service},
	{"udp", IPPROTO_UDP, parse_port_service},
	{"sctp", IPPROTO_SCTP, parse_port_service},
	{"udplite", IPPROTO_UDPLITE, parse_port_service},
	{"icmp", IPPROTO_ICMP, parse_icmp_service},
	{"icmpv6", IPPROTO_ICMPV6, parse_icmp_service},
	{"protocol", 0, parse_other_service},
};

static int parse_service(const struct reader *reader, const xmlNode *element,
			 struct service *service)
{
	const struct service_kind *kind = service_kinds;

	while (!has_name(element, kind->name))
		kind++; /* the rule's form lets no other element through */
	*service = (struct service){
		.protocol = kind->protocol,
		.port_last = UINT16_MAX,
		.source_last = UINT16_MAX,
		.icmp_type = -1,
		.icmp_code = -1,
	};
	return kind->parse(reader, element, service);
}

/* ---- the rule ------------------------------------------------------------------------------- */

static int parse_rule_attributes(const struct reader *reader, const xmlNode *element,
				 struct rule *rule)
{
	int direction = 0, action = ACTION_DENY, log = false, keep = false;
	int r = read_name(reader, element, "id", false, &rule->id);

	if (!r)
		r = read_keyword(reader, element, "direction", true, directions, &direction);
	if (!r)
		r = read_keyword(reader, element, "action", true, actions, &action);
	if (!r)
		r = read_keyword(reader, element, "log", false, yes_no, &log);
	if (!r)
		r = read_keyword(reader, element, "keep-established", false, yes_no, &keep);
	if (r)
		return r;
	if (keep && action == ACTION_DENY)
		return reject(reader, element,
			      "keep-established=\"yes\" needs action=\"allow\": a rule that denies "
			      "allows no sessions");
	rule->in = direction & TO_VM;
	rule->out = direction & FROM_VM;
	rule->action = action;
	rule->log = log;
	rule->keep_established = keep;
	return set_place(reader, element, &rule->place);
}

static int add_remote(const struct reader *reader, const xmlNode *element, struct rule *rule)
{
	struct remote *remotes = grow_array(rule->remotes, rule->remote_count, sizeof(*remotes));

	if (!remotes)
		return out_of_memory(reader);
	rule->remotes = remotes;
	return parse_remote(reader, element, &remotes[rule->remote_count++]);
}

static int add_service(const struct reader *reader, const xmlNode *element, struct rule *rule)
{
	struct service *services =
		grow_array(rule->services, rule->service_count, sizeof(*services));

	if (!services)
		return out_of_memory(reader);
	rule->services = services;
	return parse_service(reader, element, &services[rule->service_count++]);
}

int parse_rule(const struct reader *reader, const xmlNode *element, struct rule *rule)
{
	static const char *const attributes[] = {"id",  "direction",        "action",
						 "log", "keep-established", NULL};
	static const char *const children[] = {"remote", "tcp",    "udp",      "sctp", "udplite",
					       "icmp",   "icmpv6", "protocol", NULL};
	static const struct element_form form = {.attributes = attributes, .repeated = children};
	int r = check_form(reader, element, &form);

	if (!r)
		r = parse_rule_attributes(reader, element, rule);
	for (const xmlNode *child = first_element(element); !r && child;
	     child = next_element(child))
		r = has_name(child, "remote") ? add_remote(reader, child, rule)
					      : add_service(reader, child, rule);
	return r;
}
