/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * <domain>: what a domain's metadata asks for.
 */
#include <stdlib.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/xml.h"
#include "hostd/policy/read/parse_parts.h"

static const char *const policy_content[] = {"description", "default", "guards", "limits", NULL};
static const char *const rule_only[] = {"rule", NULL};

/* Each item of a list is compared with those before it. */
static int check_count(const struct reader *reader, const xmlNode *element, size_t count)
{
	if (count <= DOMAIN_LIST_MAX)
		return 0;
	return reject(reader, element, "there are more than %d of these elements in one list",
		      DOMAIN_LIST_MAX);
}

/* ---- lists of policies ---------------------------------------------------------------------- */

static int parse_reference(const struct reader *reader, const xmlNode *element,
			   struct policy_item *items, size_t count)
{
	struct policy_item *item = &items[count - 1];
	int r = read_name(reader, element, "ref", true, &item->ref);

	if (r)
		return r;
	if (first_element(element))
		return reject(reader, element,
			      "a policy has either ref=\"%s\" or content, not both", item->ref);
	for (size_t i = 0; i + 1 < count; i++) {
		if (items[i].ref && strcmp(items[i].ref, item->ref) == 0)
			return reject(reader, element, "ref=\"%s\" is already given on line %d",
				      item->ref, items[i].line);
	}
	return 0;
}

static int parse_policy_item(const struct reader *reader, const xmlNode *element,
			     struct policy_item **items, size_t *count)
{
	static const char *const attributes[] = {"ref", NULL};
	static const struct element_form form = {.attributes = attributes,
						 .once = policy_content,
						 .repeated = rule_only};
	struct policy_item *grown = grow_array(*items, *count, sizeof(*grown)), *item;
	int r;

	if (!grown)
		return out_of_memory(reader);
	*items = grown;
	item = &grown[(*count)++];
	item->line = line_of(reader, element);
	r = check_count(reader, element, *count);
	if (!r)
		r = check_form(reader, element, &form);
	if (r)
		return r;
	if (attribute_value(element, "ref"))
		return parse_reference(reader, element, *items, *count);
	item->policy = malloc(sizeof(*item->policy));
	if (!item->policy)
		return out_of_memory(reader);
	init_policy(item->policy);
	return parse_policy_content(reader, element, item->policy);
}

/* ---- interfaces ----------------------------------------------------------------------------- */

/* A prefix as short as these reaches into every IPv4 address of the guard's masks, and one of
 * length 0 switches it off silently. */
static bool covers_a_family(const struct prefix *prefix)
{
	static const uint8_t any_ipv4[ADDRESS_BYTES] = {[10] = 0xff, [11] = 0xff};
	unsigned int whole = prefix->bits / 8;

	if (is_ipv4(prefix->address))
		return prefix->bits == 96;
	if (memcmp(prefix->address, any_ipv4, whole) != 0)
		return false;
	return prefix->bits < 96 &&
	       (prefix->bits % 8 == 0 ||
		((prefix->address[whole] ^ any_ipv4[whole]) >> (8 - prefix->bits % 8)) == 0);
}

static int parse_address(const struct reader *reader, const xmlNode *element,
			 struct interface_policy *interface)
{
	static const char *const attributes[] = {"ip", NULL};
	static const struct element_form form = {.attributes = attributes};
	struct prefix prefix, *addresses;
	char text[PREFIX_TEXT_BYTES];
	int r = check_form(reader, element, &form);

	if (!r)
		r = read_prefix(reader, element, "ip", &prefix);
	if (r)
		return r;
	format_prefix(&prefix, text);
	if (covers_a_family(&prefix))
		return reject(reader, element,
			      "ip \"%s\" covers every address (to allow any address, write <guards "
			      "ip=\"off\"/>)",
			      text);
	for (size_t i = 0; i < interface->address_count; i++) {
		if (compare_prefixes(&interface->addresses[i], &prefix) == 0)
			return reject(reader, element, "ip \"%s\" is listed twice", text);
	}
	if (interface->address_count == PORT_ADDRESSES_MAX)
		return reject(reader, element, "an interface has at most %d addresses",
			      PORT_ADDRESSES_MAX);
	addresses = grow_array(interface->addresses, interface->address_count, sizeof(*addresses));
	if (!addresses)
		return out_of_memory(reader);
	interface->addresses = addresses;
	addresses[interface->address_count++] = prefix;
	return 0;
}

static int read_mac(const struct reader *reader, const xmlNode *element,
		    const struct domain_policy *policy, struct interface_policy *interface)
{
	const char *value = attribute_value(element, "mac");
	char quoted[QUOTE_BYTES];

	if (!value)
		return reject(
			reader, element,
			"attribute \"mac\" is missing (expected the interface's MAC address)");
	if (!parse_mac(value, interface->mac))
		return reject(reader, element,
			      "mac=\"%s\" is not a unicast MAC address (expected for example "
			      "52:54:00:12:34:56)",
			      quote(value, quoted));
	for (size_t i = 0; i + 1 < policy->interface_count; i++) {
		if (memcmp(policy->interfaces[i].mac, interface->mac, MAC_BYTES) == 0)
			return reject(reader, element, "mac=\"%s\" is already given on line %d",
				      value, policy->interfaces[i].line);
	}
	return 0;
}

static int parse_interface_child(const struct reader *reader, const xmlNode *element,
				 struct interface_policy *interface)
{
	if (has_name(element, "address"))
		return parse_address(reader, element, interface);
	if (has_name(element, "policy"))
		return parse_policy_item(reader, element, &interface->policies,
					 &interface->policy_count);
	return parse_setting(reader, element, &interface->defaults, &interface->guards,
			     &interface->limits);
}

static int parse_interface(const struct reader *reader, const xmlNode *element,
			   struct domain_policy *policy)
{
	static const char *const attributes[] = {"mac", NULL};
	static const char *const once[] = {"default", "guards", "limits", NULL};
	static const char *const repeated[] = {"address", "policy", NULL};
	static const struct element_form form = {.attributes = attributes,
						 .once = once,
						 .repeated = repeated};
	struct interface_policy *grown, *interface;
	int r;

	grown = grow_array(policy->interfaces, policy->interface_count, sizeof(*grown));
	if (!grown)
		return out_of_memory(reader);
	policy->interfaces = grown;
	interface = &grown[policy->interface_count++];
	init_interface_policy(interface);
	interface->line = line_of(reader, element);
	r = check_count(reader, element, policy->interface_count);
	if (!r)
		r = check_form(reader, element, &form);
	if (!r)
		r = read_mac(reader, element, policy, interface);
	for (const xmlNode *child = first_element(element); !r && child;
	     child = next_element(child))
		r = parse_interface_child(reader, child, interface);
	return r;
}

/* ---- the domain ----------------------------------------------------------------------------- */

static int parse_group(const struct reader *reader, const xmlNode *element,
		       struct domain_policy *policy)
{
	static const char *const attributes[] = {"name", NULL};
	static const struct element_form form = {.attributes = attributes};
	char **groups;
	int r = check_form(reader, element, &form);

	if (r)
		return r;
	groups = grow_array(policy->groups, policy->group_count, sizeof(*groups));
	if (!groups)
		return out_of_memory(reader);
	policy->groups = groups;
	r = read_name(reader, element, "name", true, &groups[policy->group_count++]);
	if (!r)
		r = check_count(reader, element, policy->group_count);
	for (size_t i = 0; !r && i + 1 < policy->group_count; i++) {
		if (strcmp(groups[i], groups[policy->group_count - 1]) == 0)
			r = reject(reader, element, "name=\"%s\" is listed twice", groups[i]);
	}
	return r;
}

static int parse_domain_child(const struct reader *reader, const xmlNode *element,
			      struct domain_policy *policy)
{
	if (has_name(element, "policy"))
		return parse_policy_item(reader, element, &policy->policies, &policy->policy_count);
	if (has_name(element, "group"))
		return parse_group(reader, element, policy);
	if (has_name(element, "interface"))
		return parse_interface(reader, element, policy);
	return parse_setting(reader, element, &policy->defaults, &policy->guards, &policy->limits);
}

int parse_domain_element(const struct reader *reader, const xmlNode *element,
			 struct domain_policy *policy)
{
	static const char *const attributes[] = {"mode", NULL};
	static const char *const once[] = {"default", "guards", "limits", NULL};
	static const char *const repeated[] = {"policy", "group", "interface", NULL};
	static const struct element_form form = {.attributes = attributes,
						 .once = once,
						 .repeated = repeated};
	static const struct keyword modes[] = {{"enforce", MODE_ENFORCE},
					       {"audit", MODE_AUDIT},
					       {NULL, 0}};
	int mode = MODE_ENFORCE;
	int r = check_form(reader, element, &form);

	if (!r)
		r = set_place(reader, element, &policy->place);
	if (!r)
		r = read_keyword(reader, element, "mode", false, modes, &mode);
	policy->mode = mode;
	for (const xmlNode *child = first_element(element); !r && child;
	     child = next_element(child))
		r = parse_domain_child(reader, child, policy);
	return r;
}
