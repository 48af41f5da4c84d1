/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Describing events.
 */
#include "hostd/observe/events.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/clock.h"
#include "hostd/base/json_text.h"
#include "hostd/base/log.h"
#include "hostd/base/protocols.h"
#include "hostd/base/vlan.h"
#include "hostd/datapath/queries/names.h"
#include "hostd/enforce/inventory/domains.h"
#include "hostd/enforce/inventory/managed.h"

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case EVENT_NEW:
		return "new";
	case EVENT_DENIED:
		return "denied";
	case EVENT_ENDED:
		return "ended";
	}
	return "other";
}

/* The wall clock time of `age` microseconds ago, as RFC 3339 in UTC with milliseconds. */
static void format_time(uint64_t age, char *out, size_t size)
{
	struct timespec now;
	uint64_t when;
	struct tm tm;
	time_t seconds;

	clock_gettime(CLOCK_REALTIME, &now);
	when = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / 1000 - age;
	seconds = (time_t)(when / USEC_PER_SEC);
	gmtime_r(&seconds, &tm);
	size -= strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + strlen(out), size, ".%03uZ", (unsigned int)(when / 1000 % 1000));
}

/* Was the frame read as far as its addresses? What is dropped before has no key. */
static bool has_flow(const struct event *event)
{
	static const struct session_key unread;
	struct session_key key = event->key;

	set_key_vlans(&key, 0); /* read before */
	return memcmp(&key, &unread, sizeof(unread)) != 0;
}

/* The name of the port's domain; for a device that belongs to no known domain, its own name. */
static const char *device_name(const struct managed_port *port, unsigned int ifindex,
			       char name[static IF_NAMESIZE])
{
	if (port)
		return port->device;
	return if_indextoname(ifindex, name) ? name : "";
}

/* Members that are there only where the frame was in a VLAN. */
static void add_vlans(json_t *object, uint32_t vlans)
{
	if (vlans)
		json_object_set_new(object, "vlan", json_integer(OUTER_VLAN(vlans)));
	if (INNER_VLAN(vlans))
		json_object_set_new(object, "inner_vlan", json_integer(INNER_VLAN(vlans)));
}

static void add_flow(json_t *object, const struct session_key *key)
{
	char local[PREFIX_TEXT_BYTES], remote[PREFIX_TEXT_BYTES], number[PROTOCOL_TEXT_BYTES];

	json_object_update_new(object,
			       json_pack("{s:s, s:s, s:I, s:s, s:I}", "protocol",
					 protocol_name(key->protocol, number), "local",
					 format_address((const uint8_t *)key->local, local),
					 "local_port", (json_int_t)ntohs(key->local_port), "remote",
					 format_address((const uint8_t *)key->remote, remote),
					 "remote_port", (json_int_t)ntohs(key->remote_port)));
}

static void add_rule(json_t *object, const struct port_plan *plan, uint32_t verdict)
{
	const struct rule_note *rule = plan ? find_rule_note(plan->rules, verdict) : NULL;

	if (!rule)
		return;
	json_object_update_new(object,
			       json_pack("{s:s, s:s, s:s}", "policy", rule->policy, "rule",
					 rule->id ? rule->id : rule->place, "place", rule->place));
}

static void add_totals(json_t *object, const struct event *event)
{
	json_object_update_new(object,
			       json_pack("{s:{s:I, s:I}, s:{s:I, s:I}}", "in", "packets",
					 (json_int_t)event->total[DIRECTION_IN].packets, "bytes",
					 (json_int_t)event->total[DIRECTION_IN].bytes, "out",
					 "packets", (json_int_t)event->total[DIRECTION_OUT].packets,
					 "bytes", (json_int_t)event->total[DIRECTION_OUT].bytes));
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static long long number_of(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* "vnet0 denied in policy tcp 10.0.0.5:22 <- 10.0.0.9:40112 rule ssh", with "vlan 100" before the
 * protocol where the frame was in one. */
static void add_text(json_t *object, uint32_t vlans, bool flows)
{
	char vlan[VLAN_TEXT_BYTES];
	_cleanup_free_ char *flow = NULL, *text = NULL;
	bool in = strcmp(text_of(object, "direction"), "in") == 0;
	const char *rule = text_of(object, "rule");

	if (flows &&
	    asprintf(&flow, " %s %s:%lld %s %s:%lld", text_of(object, "protocol"),
		     text_of(object, "local"), number_of(object, "local_port"), in ? "<-" : "->",
		     text_of(object, "remote"), number_of(object, "remote_port")) < 0)
		flow = NULL;
	if (!flows && asprintf(&flow, " ethertype %s from %s", text_of(object, "ethertype"),
			       text_of(object, "source_mac")) < 0)
		flow = NULL;
	if (asprintf(&text, "%s %s%s %s %s%s%s%s%s%s", text_of(object, "device"),
		     text_of(object, "event"),
		     json_is_true(json_object_get(object, "audit")) ? " (audit)" : "",
		     text_of(object, "direction"), text_of(object, "reason"), vlans ? " vlan " : "",
		     format_vlan(vlans, vlan), flow ? flow : "", rule[0] ? " rule " : "",
		     rule) < 0) {
		text = NULL;
		return;
	}
	json_object_set_new(object, "text", json_text(text));
}

json_t *describe_event(struct enforcer *enforcer, const struct event *event, unsigned int ifindex)
{
	const struct managed_port *port = NULL;
	const struct managed_domain *domain = find_port_owner(enforcer, ifindex, &port);
	char when[64], mac[MAC_TEXT_BYTES], ethertype[8], device[IF_NAMESIZE];
	json_t *object;

	/* bpf_ktime_get_ns() is CLOCK_MONOTONIC. */
	format_time(monotonic_usec() - event->time / 1000, when, sizeof(when));
	snprintf(ethertype, sizeof(ethertype), "0x%04x", ntohs(event->ethertype));
	object = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:b, s:I, s:s, s:s, s:I}", "time", when,
			   "event", kind_name(event->kind), "domain",
			   domain ? domain->domain->name : "", "device",
			   json_text(device_name(port, ifindex, device)), "direction",
			   event->direction == DIRECTION_IN ? "in" : "out", "reason",
			   reason_name(event->reason), "audit", event->audit, "length",
			   (json_int_t)event->length, "ethertype", ethertype, "source_mac",
			   format_mac(event->source_mac, mac), "suppressed",
			   (json_int_t)event->suppressed);
	if (!object)
		return NULL;
	add_vlans(object, key_vlans(&event->key));
	if (has_flow(event))
		add_flow(object, &event->key);
	/* A session that was revoked had been let in by a rule of an earlier policy. */
	if (port && !(event->kind == EVENT_ENDED && event->reason == REASON_REVOKED))
		add_rule(object, port->plan, event->verdict);
	if (event->kind == EVENT_ENDED)
		add_totals(object, event);
	add_text(object, key_vlans(&event->key), has_flow(event));
	return object;
}

json_t *describe_line(int level, const char *domain, const char *text)
{
	static const char *const levels[] = {"emerg", "alert",   "crit",
					     "error", "warning", "notice"};
	bool known = level >= 0 && level < (int)ARRAY_SIZE(levels);
	char when[64];

	format_time(0, when, sizeof(when));
	return json_pack("{s:s, s:s, s:s, s:o, s:o}", "time", when, "event", "log", "level",
			 known ? levels[level] : "info", "domain", json_text(domain ? domain : ""),
			 "text", json_text(text));
}

void log_event(const json_t *description)
{
	static const struct {
		const char *field, *member;
	} wanted[] = {
		{"VMSEG_EVENT", "event"},   {"VMSEG_DEVICE", "device"},
		{"VMSEG_REASON", "reason"}, {"VMSEG_DIRECTION", "direction"},
		{"VMSEG_LOCAL", "local"},   {"VMSEG_REMOTE", "remote"},
		{"VMSEG_POLICY", "policy"}, {"VMSEG_RULE", "rule"},
	};
	char *fields[ARRAY_SIZE(wanted) + 1] = {0};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		const char *value = text_of(description, wanted[i].member);

		if (value[0] && asprintf(&fields[count], "%s=%s", wanted[i].field, value) >= 0)
			count++;
		else
			fields[count] = NULL;
	}
	log_fields(LOG_INFO, text_of(description, "domain"), (const char *const *)fields,
		   text_of(description, "text"));
	for (size_t i = 0; i < count; i++)
		free(fields[i]);
}
