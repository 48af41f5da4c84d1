/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy as a tree of structs: the output of parse.h, the input of resolve.h and print.h. Nothing
 * here knows XML or BPF. Every string belongs to the struct that points to it.
 */
#ifndef VMSEG_POLICY_MODEL_H
#define VMSEG_POLICY_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/address.h"

#define NAME_MAX_BYTES  63   /* policy, set, group and rule names: [A-Za-z0-9][A-Za-z0-9._-]* */
#define DOMAIN_LIST_MAX 1024 /* policies of one list, groups, interfaces in a domain's metadata */
#define POLICY_FILE_MAX (1 << 20) /* bytes of a policy file or of a domain's metadata */

enum action { ACTION_DENY, ACTION_ALLOW };

/* The place of an element, for messages: "web-server.xml":12. */
struct place {
	char *source;
	int line; /* 0: unknown */
};

enum remote_kind { REMOTE_CIDR, REMOTE_GROUP, REMOTE_SET };

struct remote {
	enum remote_kind kind;
	struct prefix cidr; /* REMOTE_CIDR */
	char *name;         /* REMOTE_GROUP, REMOTE_SET */
	int line;
};

/* One protocol alternative of a rule. Ranges are inclusive. */
struct service {
	uint8_t protocol; /* IPPROTO_* */
	uint16_t port_first,
		port_last; /* destination port; 0-65535: any. TCP, UDP, SCTP, UDP-Lite */
	uint16_t source_first, source_last;
	int icmp_type; /* -1: any. ICMP and ICMPv6 */
	int icmp_code; /* -1: any */
};

struct rule {
	char *id;     /* NULL: unnamed */
	bool in, out; /* directions it holds for; at least one */
	enum action action;
	bool log;
	bool keep_established;
	struct remote *remotes; /* alternatives; none: any */
	size_t remote_count;
	struct service *services; /* alternatives; none: any */
	size_t service_count;
	struct place place;
};

/* -1: not set here, so the next element in the precedence decides. */
struct defaults {
	int action[2]; /* enum action, by enum direction */
	int line;      /* of the element; 0: there is none */
};

/* ON: the guard acts, whatever the XML's word for that is. */
enum guard_setting { GUARD_UNSET = -1, GUARD_OFF = 0, GUARD_ON = 1 };

struct guards {
	int8_t setting[GUARD_KIND_COUNT]; /* enum guard_setting */
	/* For GUARD_KIND_VLAN: none -> ON with no ids; a list -> ON with ids; any -> OFF. */
	uint16_t vlans[PORT_VLANS_MAX];
	size_t vlan_count;
	int line;
};

struct limits {
	int64_t value[LIMIT_COUNT]; /* -1: not said here */
	int line;
};

struct policy {
	char *name; /* inline policies: NULL */
	char *description;
	struct defaults defaults;
	struct guards guards;
	struct limits limits;
	struct rule *rules;
	size_t rule_count;
	struct place place;
};

struct address_set {
	char *name;
	struct prefix *prefixes;
	size_t prefix_count;
	struct place place;
};

/* One <policy> of a domain: a reference or an inline policy. */
struct policy_item {
	char *ref;             /* NULL: inline */
	struct policy *policy; /* inline */
	int line;
};

struct interface_policy {
	uint8_t mac[MAC_BYTES];
	struct prefix *addresses;
	size_t address_count;
	struct policy_item *policies;
	size_t policy_count; /* 0: the domain's list holds */
	struct defaults defaults;
	struct guards guards;
	struct limits limits;
	int line;
};

enum policy_mode { MODE_ENFORCE, MODE_AUDIT };

/* <vmseg:domain>: what a domain's metadata asks for. */
struct domain_policy {
	enum policy_mode mode;
	struct policy_item *policies;
	size_t policy_count;
	char **groups;
	size_t group_count;
	struct defaults defaults;
	struct guards guards;
	struct limits limits;
	struct interface_policy *interfaces;
	size_t interface_count;
	struct place place;
};

/* All-unset values to start from. */
void init_policy(struct policy *policy);
void init_domain_policy(struct domain_policy *policy);
void init_interface_policy(struct interface_policy *policy);

void free_policy_items(struct policy_item *items, size_t count);

/* Destructors accept NULL and take the pointer's address, for _cleanup_(). */
void free_policy(struct policy **policy);
void free_address_set(struct address_set **set);
void free_domain_policy(struct domain_policy **policy);

/* Whether a policy, set, group or rule may have this name. */
bool is_name(const char *text);

/* The rows of bpf/guards.def. */
struct guard_row {
	const char *name; /* the attribute */
	const char *acts, *idle;
	enum guard_setting built_in;
	enum reason reason;
};
extern const struct guard_row guard_rows[GUARD_KIND_COUNT];

#define GUARD_TEXT_BYTES (6 * PORT_VLANS_MAX + 1) /* the longest are VLAN ids */

/* The attribute's value: a word of the row, or the ids that "vlan" lets through. Returns out. */
const char *guard_text(enum guard_kind kind, bool acts, const uint16_t *vlans, size_t vlan_count,
		       char out[static GUARD_TEXT_BYTES]);

/* The rows of bpf/limits.def. */
struct limit_row {
	const char *name; /* the attribute */
	uint32_t built_in, least, most;
	enum reason reason;
};
extern const struct limit_row limit_rows[LIMIT_COUNT];

#endif
