/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Documents to model. A text is checked in this order, and the first error is reported:
 *
 * 1. size, then well-formedness and no document type declaration (base/xml.c);
 * 2. element by element in document order: form, values, then what a schema cannot express
 * (reader.c
 * and parse_*.c), with a message for every error;
 * 3. the schema: a text that it refuses is refused, even if the reader accepted it. Tests check
 * that both agree.
 */
#include "hostd/policy/read/parse.h"

#include <errno.h>
#include <string.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"
#include "hostd/base/trusted_file.h"
#include "hostd/base/xml.h"
#include "hostd/policy/read/parse_parts.h"
#include "hostd/policy/read/schema.h"

int set_place(const struct reader *reader, const xmlNode *element, struct place *place)
{
	place->line = line_of(reader, element);
	if (!reader->source)
		return 0;
	place->source = strdup(reader->source);
	return place->source ? 0 : out_of_memory(reader);
}

/* ---- <set> ---------------------------------------------------------------------------------- */

static int parse_set_cidr(const struct reader *reader, const xmlNode *element,
			  struct address_set *set)
{
	static const struct element_form form = {.text = true};
	_cleanup_free_ char *text = NULL;
	struct prefix *prefixes;
	int r = check_form(reader, element, &form);

	if (r)
		return r;
	r = read_text(reader, element, &text);
	if (r)
		return r;
	prefixes = grow_array(set->prefixes, set->prefix_count, sizeof(*prefixes));
	if (!prefixes)
		return out_of_memory(reader);
	set->prefixes = prefixes;
	return parse_prefix_value(reader, element, "prefix", text, &prefixes[set->prefix_count++]);
}

static int parse_set(const struct reader *reader, const xmlNode *root, struct address_set **ret)
{
	static const char *const attributes[] = {"name", NULL};
	static const char *const children[] = {"cidr", NULL};
	static const struct element_form form = {.attributes = attributes, .repeated = children};
	_cleanup_(free_address_set) struct address_set *set = calloc(1, sizeof(*set));
	int r;

	if (!set)
		return out_of_memory(reader);
	r = check_form(reader, root, &form);
	if (!r)
		r = set_place(reader, root, &set->place);
	if (!r)
		r = read_name(reader, root, "name", true, &set->name);
	for (const xmlNode *child = first_element(root); !r && child; child = next_element(child))
		r = parse_set_cidr(reader, child, set);
	if (!r)
		*ret = TAKE_PTR(set);
	return r;
}

/* ---- <policy> ------------------------------------------------------------------------------- */

static int parse_policy(const struct reader *reader, const xmlNode *root, struct policy **ret)
{
	static const char *const attributes[] = {"name", NULL};
	static const char *const once[] = {"description", "default", "guards", "limits", NULL};
	static const char *const repeated[] = {"rule", NULL};
	static const struct element_form form = {.attributes = attributes,
						 .once = once,
						 .repeated = repeated};
	_cleanup_(free_policy) struct policy *policy = malloc(sizeof(*policy));
	int r;

	if (!policy)
		return out_of_memory(reader);
	init_policy(policy);
	r = check_form(reader, root, &form);
	if (!r)
		r = read_name(reader, root, "name", true, &policy->name);
	if (!r)
		r = parse_policy_content(reader, root, policy);
	if (!r)
		*ret = TAKE_PTR(policy);
	return r;
}

/* ---- documents ------------------------------------------------------------------------------ */

static int open_document(const struct reader *reader, const char *xml, size_t size, xmlDoc **ret)
{
	if (size > POLICY_FILE_MAX)
		return fail(reader->diag, EINVAL, reader->source, 0,
			    "it is %zu bytes long (at most %d)", size, POLICY_FILE_MAX);
	return parse_xml(xml, size, reader->source, reader->first_line, ret, reader->diag);
}

static int check_root(const struct reader *reader, const xmlNode *root, const char *name,
		      const char *other_name)
{
	if (!has_name(root, name) && !(other_name && has_name(root, other_name)))
		return reject(reader, root, "it cannot be the root element (expected <%s>%s%s%s)",
			      name, other_name ? " or <" : "", other_name ? other_name : "",
			      other_name ? ">" : "");
	if (!root->ns)
		return reject(reader, root, "it is in no namespace (expected xmlns=\"%s\")",
			      VMSEG_NAMESPACE);
	if (strcmp((const char *)root->ns->href, VMSEG_NAMESPACE) != 0)
		return reject(reader, root, "namespace \"%s\" is not known (expected \"%s\")",
			      (const char *)root->ns->href, VMSEG_NAMESPACE);
	return 0;
}

int parse_policy_text(const char *xml, size_t size, const char *source, struct policy **ret_policy,
		      struct address_set **ret_set, struct diag *diag)
{
	const struct reader reader = {.source = source, .first_line = 1, .diag = diag};
	_cleanup_(free_address_set) struct address_set *set = NULL;
	_cleanup_(free_policy) struct policy *policy = NULL;
	_cleanup_(free_xml) xmlDoc *document = NULL;
	const xmlNode *root;
	int r = open_document(&reader, xml, size, &document);

	if (r)
		return r;
	root = xmlDocGetRootElement(document);
	r = check_root(&reader, root, "policy", "set");
	if (!r)
		r = has_name(root, "set") ? parse_set(&reader, root, &set)
					  : parse_policy(&reader, root, &policy);
	if (!r)
		r = validate_document(&reader, document);
	if (r)
		return r;
	*ret_policy = TAKE_PTR(policy);
	*ret_set = TAKE_PTR(set);
	return 0;
}

int parse_policy_file(const char *path, struct policy **ret_policy, struct address_set **ret_set,
		      struct diag *diag)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_regular_file(path, POLICY_FILE_MAX, &text, &size, diag);

	return r < 0 ? r : parse_policy_text(text, size, path, ret_policy, ret_set, diag);
}

int parse_trusted_policy_file(const char *path, struct policy **ret_policy,
			      struct address_set **ret_set, struct diag *diag)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_trusted_file(path, POLICY_FILE_MAX, &text, &size, diag);

	return r < 0 ? r : parse_policy_text(text, size, path, ret_policy, ret_set, diag);
}

int parse_domain_policy(const char *xml, size_t size, const char *source, int first_line,
			struct domain_policy **ret, struct diag *diag)
{
	const struct reader reader = {.source = source, .first_line = first_line, .diag = diag};
	_cleanup_(free_domain_policy) struct domain_policy *policy = NULL;
	_cleanup_(free_xml) xmlDoc *document = NULL;
	const xmlNode *root;
	int r = open_document(&reader, xml, size, &document);

	if (r)
		return r;
	policy = malloc(sizeof(*policy));
	if (!policy)
		return out_of_memory(&reader);
	init_domain_policy(policy);
	root = xmlDocGetRootElement(document);
	r = check_root(&reader, root, "domain", NULL);
	if (!r)
		r = parse_domain_element(&reader, root, policy);
	if (!r)
		r = validate_document(&reader, document);
	if (!r)
		*ret = TAKE_PTR(policy);
	return r;
}
