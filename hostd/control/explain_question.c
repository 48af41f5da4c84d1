/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The question of "explain": from a request's parameters to the packet that is asked about.
 */
#include "hostd/control/explain_question.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/protocols.h"
#include "hostd/control/methods.h"
#include "hostd/datapath/queries/probe.h"
#include "hostd/enforce/inventory/managed.h"
#include "hostd/policy/icmp.h"

/* A client's usual port (RFC 6335: from 49152 on). */
#define CLIENT_PORT 49152

/* The VM's address where neither the request nor the policy names one: TEST-NET-1 (RFC 5737) and
 * the documentation prefix (RFC 3849). Without addresses no guard and no rule looks at it. */
#define UNKNOWN_LOCAL_V4 "192.0.2.1"
#define UNKNOWN_LOCAL_V6 "2001:db8::1"

const struct managed_port *choose_port(const struct managed_domain *domain, const json_t *params,
				       struct diag *diag)
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

/* A number from 0 to 255, or -1. */
static int parse_byte(const char *text)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number = strtoul(text, NULL, 10);

	return digits && digits <= 3 && !text[digits] && number <= UINT8_MAX ? (int)number : -1;
}

/* "echo-request", "8", "destination-unreachable/4" */
static int read_icmp_type(const char *text, struct probe *probe, struct diag *diag)
{
	_cleanup_free_ char *name = strdup(text);
	char *code = name ? strchr(name, '/') : NULL;
	int number, code_number = 0;

	if (!name)
		return -ENOMEM;
	if (code) {
		*code++ = '\0';
		code_number = parse_byte(code);
	}
	number = find_icmp_type(probe->protocol, name);
	if (number < 0)
		number = parse_byte(name);
	if (number < 0 || code_number < 0)
		return fail(diag, EINVAL, NULL, 0,
			    "type: expected the name or number of a message type, and perhaps a "
			    "slash and a code, not \"%s\"",
			    text);
	probe->icmp_type = (uint8_t)number;
	probe->icmp_code = (uint8_t)code_number;
	return 0;
}

static int read_icmp(const json_t *params, struct probe *probe, struct diag *diag)
{
	const char *type = json_string_value(json_object_get(params, "type"));
	bool v4 = probe->protocol == IPPROTO_ICMP;

	if (is_ipv4(probe->remote) != v4)
		return fail(diag, EINVAL, NULL, 0, "%s: expected an IPv%d address",
			    v4 ? "icmp" : "icmpv6", v4 ? 4 : 6);
	return read_icmp_type(type ? type : "echo-request", probe, diag);
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

int read_question(const json_t *params, const struct managed_port *port,
		  const struct port_plan *plan, struct probe *ret, struct diag *diag)
{
	int r;

	memcpy(ret->mac, port->mac, MAC_BYTES);
	r = read_direction(params, ret, diag);
	if (r == 0)
		r = read_addresses(params, plan, ret, diag);
	if (r == 0)
		r = read_service(params, ret, diag);
	if (r == 0)
		r = read_vlans(params, &ret->vlans, diag);
	return r;
}
