/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests about devices that libvirt does not manage.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/control/methods.h"
#include "hostd/enforce/handlers/port_domain.h"
#include "hostd/enforce/handlers/release_port.h"

static int read_device(const json_t *params, const char **ret, struct diag *diag)
{
	const char *device = need_string(params, "device", diag);

	if (!device)
		return -EINVAL;
	if (!device[0] || strlen(device) >= IF_NAMESIZE || strchr(device, '/'))
		return fail(diag, EINVAL, NULL, 0, "\"%s\" is not the name of a device", device);
	*ret = device;
	return 0;
}

static int read_mac(const json_t *params, uint8_t ret[static MAC_BYTES], struct diag *diag)
{
	const char *text = need_string(params, "mac", diag);

	if (!text)
		return -EINVAL;
	if (!parse_mac(text, ret))
		return fail(diag, EINVAL, NULL, 0,
			    "mac: expected a unicast MAC address such as 52:54:00:12:34:56, not "
			    "\"%s\"",
			    text);
	return 0;
}

/* A list of strings, borrowed from the request; the list itself is the caller's. Missing: empty. */
static int read_list(const json_t *params, const char *name, const char ***ret, size_t *ret_count,
		     struct diag *diag)
{
	const json_t *array = json_object_get(params, name);
	_cleanup_free_ const char **list = calloc(json_array_size(array) + 1, sizeof(*list));
	const json_t *item;
	size_t i;

	if (!list)
		return -ENOMEM;
	json_array_foreach(array, i, item)
	{
		list[i] = json_string_value(item);
		if (!list[i])
			return fail(diag, EINVAL, NULL, 0, "params.%s: expected strings", name);
	}
	*ret_count = json_array_size(array);
	*ret = TAKE_PTR(list);
	return 0;
}

int answer_port_attach(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag)
{
	_cleanup_free_ const char **policies = NULL, **addresses = NULL, **groups = NULL;
	struct port_description description = {0};
	int r = read_device(params, &description.device, diag);

	if (r == 0)
		r = read_mac(params, description.mac, diag);
	if (r == 0)
		r = read_list(params, "policies", &policies, &description.policy_count, diag);
	if (r == 0)
		r = read_list(params, "addresses", &addresses, &description.address_count, diag);
	if (r == 0)
		r = read_list(params, "groups", &groups, &description.group_count, diag);
	if (r < 0)
		return r;
	if (description.policy_count == 0)
		return fail(diag, EINVAL, NULL, 0, "policies: expected at least one");
	description.policies = policies;
	description.addresses = addresses;
	description.groups = groups;
	r = define_port(context->enforcer, &description,
			json_is_true(json_object_get(params, "replace")),
			json_is_true(json_object_get(params, "force")), diag);
	if (r == 0)
		*ret_result = json_object();
	return r;
}

int answer_port_detach(struct control_context *context, const json_t *params, json_t **ret_result,
		       struct diag *diag)
{
	const char *device = NULL;
	int r = read_device(params, &device, diag);

	if (r == 0)
		r = undefine_port(context->enforcer, device, diag);
	if (r == 0)
		*ret_result = json_object();
	return r;
}

int answer_port_release(struct control_context *context, const json_t *params, json_t **ret_result,
			struct diag *diag)
{
	const char *device = NULL;
	int r = read_device(params, &device, diag);

	if (r == 0)
		r = release_port(context->enforcer, device, diag);
	if (r == 0)
		*ret_result = json_object();
	return r;
}
