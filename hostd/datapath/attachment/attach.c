/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching, by the functions of the device's kind.
 */
#include "hostd/datapath/attachment/attach.h"

#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "hostd/datapath/attachment/program.h"
#include "hostd/datapath/objects/objects.h"
#include "vmseg.skel.h"

static const char *const program_names[] = {
	[DIRECTION_IN] = "to_vm",
	[DIRECTION_OUT] = "from_vm",
};

bool is_attach_supported(enum attach_method method)
{
	const struct attach_ops *ops = attach_ops_of(method);

	return !ops->is_supported || ops->is_supported();
}

bool attach_needs_ingress_qdisc(enum attach_method method)
{
	return attach_ops_of(method)->needs_ingress_qdisc;
}

int choose_attach(enum attach_method configured, enum attach_method *ret, struct diag *diag)
{
	enum attach_method method = configured == ATTACH_AUTO ? ATTACH_AUTO + 1 : configured;

	while (configured == ATTACH_AUTO && method < ATTACH_COUNT - 1 &&
	       !is_attach_supported(method))
		method++;
	if (!is_attach_supported(method))
		return fail(diag, EOPNOTSUPP, NULL, 0, "%s", attach_ops_of(method)->unsupported);
	*ret = method;
	return 0;
}

enum attach_method find_attach(const struct objects *objects, unsigned int ifindex,
			       enum attach_method otherwise)
{
	for (enum attach_method method = ATTACH_AUTO + 1; method < ATTACH_COUNT; method++)
		if (attach_ops_of(method)->is_used(&objects->pins, ifindex))
			return method;
	return otherwise;
}

static int program_of(const struct objects *objects, enum direction direction)
{
	const struct vmseg *skeleton = objects->skeleton;

	return bpf_program__fd(direction == DIRECTION_IN ? skeleton->progs.to_vm
							 : skeleton->progs.from_vm);
}

static struct attach_place place_of(const struct objects *objects,
				    const struct filtered_device *device, enum direction direction)
{
	return (struct attach_place){
		.pins = &objects->pins,
		.ifindex = device->ifindex,
		.reversed = device->reversed,
		.direction = direction,
	};
}

int prepare_device(const struct objects *objects, struct filtered_device *device, struct diag *diag)
{
	const struct attach_place place = place_of(objects, device, DIRECTION_IN);
	bool made = false;
	int r = attach_ops_of(device->attach)->prepare(&place, &made, diag);

	if (r == 0 && made)
		device->owns_qdisc = true;
	return r;
}

struct hook_status query_hook(const struct objects *objects, const struct filtered_device *device,
			      enum direction direction)
{
	const struct attach_place place = place_of(objects, device, direction);
	struct hook_status status = {0};

	attach_ops_of(device->attach)->query(&place, &status);
	if (status.program_id != program_id(program_of(objects, direction)))
		status.hooked = false;
	return status;
}

/* Programs of the kinds that come earlier in the list run first. */
static bool has_earlier_programs(const struct filtered_device *device, bool ingress)
{
	for (enum attach_method method = ATTACH_AUTO + 1; method < device->attach; method++)
		if (attach_ops_of(method)->has_programs(device->ifindex, ingress))
			return true;
	return false;
}

int look_at_hook(const struct objects *objects, const struct filtered_device *device,
		 enum direction direction, enum hook_state *ret)
{
	const struct attach_place place = place_of(objects, device, direction);
	uint32_t expected = program_id(program_of(objects, direction));
	enum hook_state state = HOOKS_MISSING;
	int r = attach_ops_of(device->attach)->look(&place, expected, &state);

	if (r < 0)
		return r;
	if (state == HOOKS_FIRST && has_earlier_programs(device, is_ingress(&place)))
		state = HOOKS_BEHIND;
	*ret = state;
	return 0;
}

static int replace_program(const struct objects *objects, const struct filtered_device *device,
			   enum direction direction)
{
	const struct attach_place place = place_of(objects, device, direction);

	return attach_ops_of(device->attach)->replace(&place, program_of(objects, direction));
}

static int attach_program(const struct objects *objects, const struct filtered_device *device,
			  enum direction direction)
{
	const struct attach_place place = place_of(objects, device, direction);

	/* What is there from before, alive but of another program, is exchanged without a gap. */
	if (replace_program(objects, device, direction) == 0)
		return 0;
	return attach_ops_of(device->attach)->attach(&place, program_of(objects, direction));
}

int attach_programs(const struct objects *objects, const struct filtered_device *device,
		    struct diag *diag)
{
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		int r = 0;

		if (!query_hook(objects, device, direction).hooked)
			r = attach_program(objects, device, direction);
		if (r < 0)
			return fail(diag, -r, device->name, 0, "cannot attach %s by %s: %s",
				    program_names[direction], attach_ops_of(device->attach)->title,
				    strerror(-r));
	}
	/* The kernel's word for it, when all is in place. */
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++)
		if (!query_hook(objects, device, direction).hooked)
			return fail(diag, EIO, device->name, 0,
				    "the kernel reported no error when %s was attached, but the "
				    "program is not on the device",
				    program_names[direction]);
	return 0;
}

void replace_programs(const struct objects *objects, const struct filtered_device *device,
		      struct diag *diag)
{
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		int r = replace_program(objects, device, direction);

		if (r < 0 && r != -ENOLINK && r != -ENODEV && r != -ENOENT)
			warn(diag, device->name, 0, "cannot replace %s (%s): the old program stays",
			     program_names[direction], strerror(-r));
	}
}

int detach_programs(const struct objects *objects, const struct filtered_device *device)
{
	const struct attach_ops *ops = attach_ops_of(device->attach);
	int result = 0;

	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		const struct attach_place place = place_of(objects, device, direction);
		int r = ops->detach(&place);

		if (r < 0)
			result = r;
	}
	if (device->owns_qdisc && ops->clean_up)
		ops->clean_up(device->ifindex);
	return result;
}
