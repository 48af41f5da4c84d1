/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * "explain": what would become of a packet, answered by the loaded programs themselves.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "hostd/base/protocols.h"
#include "hostd/control/methods.h"
#include "hostd/control/views.h"
#include "hostd/datapath/probe.h"
#include "hostd/policy/icmp.h"

/* A client's usual port (RFC 6335: from 49152 on). */
#define CLIENT_PORT 49152

/* The VM's address where neither the request nor the policy names one: TEST-NET-1 (RFC 5737) and
 * the documentation prefix (RFC 3849). Without addresses no guard and no rule looks at it. */
#define UNKNOWN_LOCAL_V4 "192.0.2.1"
#define UNKNOWN_LOCAL_V6 "2001:db8::1"

/* ---- the question -------------------------------------------------------------------------- */

/* The port that "nic" names, by device or MAC; without it the domain must have one port only. */
static const struct managed_port *choose_port(const struct managed_domain *domain,
					      const json_t *params, struct diag *diag)
{
	const char *nic = json_string_value(json_object_get(params, "nic"));
	const struct managed_port *found = NULL;
	uint8_t mac[MAC_BYTES];
	bool by_mac = nic && parse_mac(nic, mac);

	for (size_t i = 0; i < domain->port_count; i++) {
		const struct managed_port *port = &domain->ports[i];

		if (!port->ifindex)
			continue;
		if (nic && strcmp(nic, port->device) != 0 &&
		    !(by_mac && !memcmp(mac, port->mac, MAC_BYTES)))
			continue;
		if (found) {
			fail(diag, EINVAL, NULL, 0, "%s has several NICs: say which (--nic)",
			     domain->domain->name);
			return NULL;
		}
		found = port;
	}
	if (!found)
		fail(diag, ENOENT, NULL, 0, "%s has no filtered NIC%s%s", domain->domain->name,
		     nic ? " " : "", nic ? nic : "");
	return found;
}

static int read_direction(const json_t *params, struct probe *probe, struct diag *diag)
{
	const char *text = need_string(params, "direction", diag);

	if (!text)
		return -EINVAL;
	if (strcmp(text, "in") != 0 && strcmp(text, "out") != 0)
		return fail(diag, EINVAL, NULL, 0, "direction: expected in or out, not \"%s\"",
			    text);
	probe->direction = strcmp(text, "in") == 0 ? DIRECTION_IN : DIRECTION_OUT;
	return 0;
}

static int read_address(const char *name, const char *text, uint8_t ret[static ADDRESS_BYTES],
			struct diag *diag)
{
	struct prefix prefix;

	if (parse_prefix(text, &prefix) != PREFIX_OK || prefix.bits != 8 * ADDRESS_BYTES)
		return fail(diag, EINVAL, NULL, 0, "%s: expected an address, not \"%s\"", name,
			    text);
	memcpy(ret, prefix.address, ADDRESS_BYTES);
	return 0;
}

/* The first of the port's own addresses that has the remote's family. */
static int choose_local(const struct port_plan *plan, struct probe *probe)
{
	bool v4 = is_ipv4(probe->remote);
	struct prefix unknown;

	for (size_t i = 0; plan && i < plan->config.address_count; i++) {
		const struct prefix *own = &plan->config.addresses[i];

		if (is_ipv4(own->address) != v4)
			continue;
		memcpy(probe->local, own->address, ADDRESS_BYTES);
		return 0;
	}
	if (parse_prefix(v4 ? UNKNOWN_LOCAL_V4 : UNKNOWN_LOCAL_V6, &unknown) != PREFIX_OK)
		return -EINVAL;
	memcpy(probe->local, unknown.address, ADDRESS_BYTES);
	return 0;
}

static int read_addresses(const json_t *params, const struct port_plan *plan, struct probe *probe,
			  struct diag *diag)
{
	const char *remote = need_string(params, "remote", diag);
	const char *local = json_string_value(json_object_get(params, "local"));
	int r;

	if (!remote)
		return -EINVAL;
	r = read_address("remote", remote, probe->remote, diag);
	if (r < 0)
		return r;
	r = local ? read_address("local", local, probe->local, diag) : choose_local(plan, probe);
	if (r < 0)
		return r;
	if (is_ipv4(probe->remote) != is_ipv4(probe->local))
		return fail(diag, EINVAL, NULL, 0,
			    "local and remote: expected addresses of one family");
	return 0;
}

static int read_icmp(const json_t *params, struct probe *probe, struct diag *diag)
{
	const char *type = json_string_value(json_object_get(params, "type"));
	bool v4 = probe->protocol == IPPROTO_ICMP;
	int number;

	if (is_ipv4(probe->remote) != v4)
		return fail(diag, EINVAL, NULL, 0, "%s: expected an IPv%d address",
			    v4 ? "icmp" : "icmpv6", v4 ? 4 : 6);
	number = find_icmp_type(probe->protocol, type ? type : "echo-request");
	if (number < 0)
		return fail(diag, EINVAL, NULL, 0,
			    "type: expected the name of a message type, not "
			    "\"%s\"",
			    type);
	probe->icmp_type = (uint8_t)number;
	return 0;
}

static int read_port(const json_t *params, const char *name, uint16_t fallback, uint16_t *ret,
		     struct diag *diag)
{
	const json_t *value = json_object_get(params, name);
	json_int_t number = value ? json_integer_value(value) : fallback;

	if (number < 0 || number > UINT16_MAX || (!number && !value))
		return fail(diag, EINVAL, NULL, 0, "%s: expected a port from 0 to 65535", name);
	*ret = (uint16_t)number;
	return 0;
}

/* The port that is asked for must be said; the asking side's need not. */
static int read_ports(const json_t *params, struct probe *probe, struct diag *diag)
{
	bool out = probe->direction == DIRECTION_OUT;
	int r = read_port(params, "remote_port", out ? 0 : CLIENT_PORT, &probe->remote_port, diag);

	if (r == 0)
		r = read_port(params, "local_port", out ? CLIENT_PORT : 0, &probe->local_port,
			      diag);
	return r;
}

static int read_service(const json_t *params, struct probe *probe, struct diag *diag)
{
	const char *text = need_string(params, "protocol", diag);
	int protocol;

	if (!text)
		return -EINVAL;
	protocol = find_protocol(text);
	if (protocol < 0)
		return fail(diag, EINVAL, NULL, 0,
			    "protocol: expected tcp, udp, udplite, sctp, icmp, icmpv6 or a number "
			    "from 0 to 255, not \"%s\"",
			    text);
	probe->protocol = (uint8_t)protocol;
	switch (protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return read_icmp(params, probe, diag);
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		return read_ports(params, probe, diag);
	default:
		return 0;
	}
}

static int read_question(const json_t *params, const struct managed_port *port, struct probe *ret,
			 struct diag *diag)
{
	int r;

	memcpy(ret->mac, port->mac, MAC_BYTES);
	r = read_direction(params, ret, diag);
	if (r == 0)
		r = read_addresses(params, port->plan, ret, diag);
	if (r == 0)
		r = read_service(params, ret, diag);
	return r;
}

/* ---- the answer ---------------------------------------------------------------------------- */

static json_t *view_question(const struct managed_port *port, const struct probe *probe)
{
	char local[PREFIX_TEXT_BYTES], remote[PREFIX_TEXT_BYTES], number[PROTOCOL_TEXT_BYTES];

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I}", "device", port->device, "direction",
			 direction_name(probe->direction), "protocol",
			 protocol_name(probe->protocol, number), "local",
			 format_address(probe->local, local), "local_port",
			 (json_int_t)probe->local_port, "remote",
			 format_address(probe->remote, remote), "remote_port",
			 (json_int_t)probe->remote_port);
}

/* Which rule, where policy decided. */
static json_t *view_decision(const struct port_plan *plan, uint32_t verdict)
{
	uint32_t number = verdict & VERDICT_RULE_MASK;
	const struct rule_note *rule;

	if (!plan || number > plan->rule_count)
		return json_null();
	if (!number)
		return json_pack("{s:s, s:n, s:n}", "policy", "default", "id", "place");
	rule = &plan->rules[number - 1];
	return json_pack("{s:s, s:o, s:s}", "policy", rule->policy, "id", text_or_null(rule->id),
			 "place", rule->place);
}

static bool policy_decided(const struct explanation *answer)
{
	return answer->reason == REASON_NEW || answer->reason == REASON_POLICY ||
	       answer->reason == REASON_REVOKED || answer->reason == REASON_SESSION_LIMIT ||
	       answer->reason == REASON_RATE_LIMIT || answer->reason == REASON_HALF_OPEN_LIMIT ||
	       answer->reason == REASON_REMOTE_LIMIT;
}

static const char *view_outcome(const struct managed_port *port, const struct explanation *answer)
{
	if (reason_passes(answer->reason))
		return "pass";
	return port->plan && (port->plan->config.flags & PORT_AUDIT) ? "audit" : "drop";
}

static json_t *view_answer(struct enforcer *enforcer, const struct managed_port *port,
			   const struct probe *probe, const struct explanation *answer)
{
	struct session_key key = key_of_probe(probe);
	json_t *result = view_question(port, probe), *session = json_null();
	struct session_view view;

	if (read_session(enforcer_datapath(enforcer), port->ifindex, &key, &view) == 0)
		session = view_session(port, &view);
	json_object_update_new(result,
			       json_pack("{s:s, s:s, s:s, s:o, s:o}", "verdict",
					 view_outcome(port, answer), "reason",
					 reason_name(answer->reason), "help",
					 reason_help(answer->reason), "rule",
					 policy_decided(answer)
						 ? view_decision(port->plan, answer->verdict)
						 : json_null(),
					 "session", session));
	return result;
}

int answer_explain(struct control_context *context, const json_t *params, json_t **ret_result,
		   struct diag *diag)
{
	const char *name = need_string(params, "domain", diag);
	const struct managed_domain *domain;
	const struct managed_port *port;
	uint8_t frame[PROBE_BYTES_MAX];
	struct explanation answer;
	struct probe probe = {0};
	int r;

	if (!name)
		return -EINVAL;
	domain = find_domain(context->enforcer, name);
	if (!domain)
		return fail(diag, ENOENT, NULL, 0, "no running domain is named \"%s\"", name);
	port = choose_port(domain, params, diag);
	if (!port)
		return -EINVAL;
	r = read_question(params, port, &probe, diag);
	if (r < 0)
		return r;
	r = explain_frame(enforcer_datapath(context->enforcer), port->ifindex, probe.direction,
			  frame, build_probe(&probe, frame), &answer);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "%s: the programs cannot be asked: %s", port->device,
			    strerror(-r));
	*ret_result = view_answer(context->enforcer, port, &probe, &answer);
	return *ret_result ? 0 : -ENOMEM;
}
