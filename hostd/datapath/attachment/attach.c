/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Attaching: TCX where the kernel has it, else clsact.
 */
#include "hostd/datapath/attachment/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "hostd/datapath/attachment/clsact.h"
#include "hostd/datapath/attachment/program.h"
#include "hostd/datapath/attachment/tcx.h"
#include "vmseg.skel.h"

static const char *const direction_names[] = {
	[DIRECTION_IN] = "to_vm",
	[DIRECTION_OUT] = "from_vm",
};

int choose_attach(enum attach_method wish, enum attach_method *ret, struct diag *diag)
{
	bool tcx = wish != ATTACH_CLSACT && tcx_is_supported();

	if (wish == ATTACH_TCX && !tcx)
		return fail(
			diag, EOPNOTSUPP, NULL, 0,
			"this kernel has no TCX (it needs Linux 6.6 or later): use clsact or auto");
	*ret = tcx ? ATTACH_TCX : ATTACH_CLSACT;
	return 0;
}

static int program_of(const struct filtered_port *port, enum direction direction)
{
	const struct vmseg *skeleton = port->datapath->skeleton;

	return bpf_program__fd(direction == DIRECTION_IN ? skeleton->progs.to_vm
							 : skeleton->progs.from_vm);
}

/* The VM's output is its tap's input, but a macvtap's output. */
static bool is_ingress(const struct filtered_port *port, enum direction direction)
{
	return (direction == DIRECTION_OUT) != port->reversed;
}

int prepare_device(struct filtered_port *port, struct diag *diag)
{
	bool made;
	int r;

	if (port->attach == ATTACH_TCX)
		return 0;
	r = prepare_clsact(port->ifindex, &made, diag);
	if (r == 0 && made)
		port->owns_qdisc = true;
	return r;
}

static void query_tcx_hook(const struct filtered_port *port, enum direction direction,
			   uint32_t expected, struct hook_status *status)
{
	char pin[PIN_PATH_BYTES];
	struct tcx_status tcx;

	link_pin(&port->datapath->pins, port->ifindex, direction, pin);
	if (query_tcx(pin, port->ifindex, is_ingress(port, direction), &tcx) < 0)
		return;
	status->link_id = tcx.link_id;
	status->program_id = tcx.program_id;
	status->hooked = tcx.attached && tcx.program_id == expected;
}

struct hook_status query_hook(const struct filtered_port *port, enum direction direction)
{
	uint32_t expected = program_id(program_of(port, direction));
	struct hook_status status = {0};

	if (port->attach == ATTACH_TCX) {
		query_tcx_hook(port, direction, expected, &status);
		return status;
	}
	if (query_clsact(port->ifindex, is_ingress(port, direction), &status.program_id) == 0)
		status.hooked = status.program_id == expected;
	return status;
}

static int look_at_tcx(const struct filtered_port *port, enum direction direction,
		       uint32_t expected, enum hook_state *ret)
{
	uint32_t place = 0;
	int r = find_tcx_place(port->ifindex, is_ingress(port, direction), expected, &place);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0)
		*ret = HOOKS_MISSING;
	else
		*ret = place == 0 ? HOOKS_FIRST : HOOKS_BEHIND;
	return 0;
}

static int look_at_clsact(const struct filtered_port *port, enum direction direction,
			  uint32_t expected, enum hook_state *ret)
{
	bool ingress = is_ingress(port, direction);
	char name[IF_NAMESIZE];
	uint32_t id = 0;

	if (!if_indextoname(port->ifindex, name))
		return -ENODEV;
	if (query_clsact(port->ifindex, ingress, &id) < 0 || id != expected)
		*ret = HOOKS_MISSING;
	else
		*ret = has_tcx_programs(port->ifindex, ingress) ||
				       is_behind_in_clsact(port->ifindex, ingress)
			       ? HOOKS_BEHIND
			       : HOOKS_FIRST;
	return 0;
}

int look_at_hook(const struct filtered_port *port, enum direction direction, enum hook_state *ret)
{
	uint32_t expected = program_id(program_of(port, direction));

	if (port->attach == ATTACH_TCX)
		return look_at_tcx(port, direction, expected, ret);
	return look_at_clsact(port, direction, expected, ret);
}

static int replace_program(struct filtered_port *port, enum direction direction)
{
	int program = program_of(port, direction);
	char pin[PIN_PATH_BYTES];

	if (port->attach == ATTACH_TCX)
		return replace_tcx(link_pin(&port->datapath->pins, port->ifindex, direction, pin),
				   program);
	return replace_clsact(program, port->ifindex, is_ingress(port, direction));
}

static int attach_program(struct filtered_port *port, enum direction direction)
{
	bool ingress = is_ingress(port, direction);
	int program = program_of(port, direction);
	char pin[PIN_PATH_BYTES];

	/* What is there from before, alive but of another program, is exchanged without a gap. */
	if (replace_program(port, direction) == 0)
		return 0;
	if (port->attach == ATTACH_CLSACT)
		return attach_clsact(program, port->ifindex, ingress);
	link_pin(&port->datapath->pins, port->ifindex, direction, pin);
	detach_tcx(pin); /* a link that is not alive any more */
	return attach_tcx(program, port->ifindex, ingress, pin);
}

/* A former datapath may have taken the device for one of the other kind: then its links have each
 * other's names, and each is to have the program of the other. */
static void exchange_reversed_links(const struct filtered_port *port)
{
	char in[PIN_PATH_BYTES], out[PIN_PATH_BYTES];
	struct tcx_status status;

	link_pin(&port->datapath->pins, port->ifindex, DIRECTION_IN, in);
	link_pin(&port->datapath->pins, port->ifindex, DIRECTION_OUT, out);
	if (query_tcx(in, port->ifindex, !is_ingress(port, DIRECTION_IN), &status) == 0 &&
	    status.attached)
		renameat2(AT_FDCWD, in, AT_FDCWD, out, RENAME_EXCHANGE);
}

int attach_programs(struct filtered_port *port, struct diag *diag)
{
	if (port->attach == ATTACH_TCX)
		exchange_reversed_links(port);
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		int r = 0;

		if (!query_hook(port, direction).hooked)
			r = attach_program(port, direction);
		if (r < 0)
			return fail(diag, -r, port->ifname, 0, "cannot attach %s by %s: %s",
				    direction_names[direction],
				    port->attach == ATTACH_TCX ? "TCX" : "clsact", strerror(-r));
	}
	/* The kernel's word for it, when all is in place. */
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++)
		if (!query_hook(port, direction).hooked)
			return fail(diag, EIO, port->ifname, 0,
				    "the kernel reported no error when %s was attached, but the "
				    "program is not on the device",
				    direction_names[direction]);
	return 0;
}

void replace_programs(struct filtered_port *port, struct diag *diag)
{
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		int r = replace_program(port, direction);

		if (r < 0 && r != -ENOLINK && r != -ENODEV && r != -ENOENT)
			warn(diag, port->ifname, 0, "cannot replace %s (%s): the old program stays",
			     direction_names[direction], strerror(-r));
	}
}

void detach_programs(struct filtered_port *port)
{
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		char pin[PIN_PATH_BYTES];

		if (port->attach == ATTACH_CLSACT)
			detach_clsact(port->ifindex, is_ingress(port, direction));
		else if (detach_tcx(link_pin(&port->datapath->pins, port->ifindex, direction,
					     pin)) < 0)
			port->datapath->has_dead_links = true;
	}
	if (port->owns_qdisc)
		remove_empty_clsact(port->ifindex);
}
