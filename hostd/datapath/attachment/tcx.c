/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCX links.
 */
#include "hostd/datapath/attachment/tcx.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach_ops.h"
#include "hostd/datapath/attachment/program.h"

/* From include/uapi/linux/bpf.h of Linux 6.6, where they are enumerators and so cannot be probed
 * for by the preprocessor. */
#define ATTACH_TYPE_TCX_INGRESS 46
#define ATTACH_TYPE_TCX_EGRESS  47
#define LINK_TYPE_TCX           11
#define FLAG_BEFORE             (1U << 3) /* BPF_F_BEFORE; of no other program: of all */
#define TCX_PROGRAMS_MAX        64        /* BPF_MPROG_MAX, kernel/bpf/mprog.c */

/* The loopback device is the first of every network namespace. */
#define LOOPBACK_IFINDEX 1

/* The beginning of struct bpf_link_info with its tcx member. */
union tcx_link_info {
	struct bpf_link_info known;
	struct {
		uint32_t type;
		uint32_t id;
		uint32_t program_id;
		uint32_t padding;
		uint32_t ifindex; /* 0: the device is gone */
		uint32_t attach_type;
	} tcx;
};

struct tcx_status {
	uint32_t link_id;
	uint32_t program_id;
	bool attached; /* the link is alive, and the device has the program */
};

static enum bpf_attach_type attach_type(bool ingress)
{
	return ingress ? ATTACH_TYPE_TCX_INGRESS : ATTACH_TYPE_TCX_EGRESS;
}

static bool is_supported(void)
{
	uint32_t count = 0;
	int r = bpf_prog_query(LOOPBACK_IFINDEX, attach_type(true), 0, NULL, NULL, &count);

	/* Kernels before 6.6 say EINVAL to an attach type that they do not know. */
	return r == 0 || r == -ENODEV;
}

int attach_tcx(int program, unsigned int ifindex, bool ingress, const char *pin)
{
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = FLAG_BEFORE);
	_cleanup_close_ int link = -1;

	link = bpf_link_create(program, (int)ifindex, attach_type(ingress), &options);
	if (link < 0)
		return link;
	return bpf_obj_pin(link, pin);
}

int detach_tcx(const char *pin)
{
	_cleanup_close_ int link = bpf_obj_get(pin);

	/* Closing the last descriptor would do, but some time later. */
	if (link >= 0)
		bpf_link_detach(link);
	return unlink(pin) < 0 && errno != ENOENT ? -errno : 0;
}

static int read_link(int link, union tcx_link_info *ret)
{
	union tcx_link_info info = {0};
	uint32_t size = sizeof(info);
	int r = bpf_obj_get_info_by_fd(link, &info, &size);

	if (r < 0)
		return r;
	if (info.tcx.type != LINK_TYPE_TCX)
		return -EINVAL;
	*ret = info;
	return 0;
}

/* How many programs run before this one. -ENOENT: it is not there; -ENODEV: the device is gone. */
static int find_order(unsigned int ifindex, bool ingress, uint32_t program_id, uint32_t *ret)
{
	uint32_t ids[TCX_PROGRAMS_MAX], count = ARRAY_SIZE(ids);
	int r = bpf_prog_query((int)ifindex, attach_type(ingress), 0, NULL, ids, &count);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count && i < ARRAY_SIZE(ids); i++) {
		if (ids[i] == program_id) {
			*ret = i;
			return 0;
		}
	}
	return -ENOENT;
}

static bool has_programs(unsigned int ifindex, bool ingress)
{
	uint32_t count = 0;

	/* Kernels without TCX know no such question. */
	return bpf_prog_query((int)ifindex, attach_type(ingress), 0, NULL, NULL, &count) == 0 &&
	       count > 0;
}

static bool device_has_program(unsigned int ifindex, bool ingress, uint32_t program_id)
{
	uint32_t place;

	return find_order(ifindex, ingress, program_id, &place) == 0;
}

/* -ENOENT: no such pin. */
static int query_link(const char *pin, unsigned int ifindex, bool ingress, struct tcx_status *ret)
{
	_cleanup_close_ int link = bpf_obj_get(pin);
	union tcx_link_info info;
	int r;

	if (link < 0)
		return link;
	r = read_link(link, &info);
	if (r < 0)
		return r;
	*ret = (struct tcx_status){
		.link_id = info.tcx.id,
		.program_id = info.tcx.program_id,
		.attached = info.tcx.ifindex == ifindex &&
			    info.tcx.attach_type == (uint32_t)attach_type(ingress) &&
			    device_has_program(ifindex, ingress, info.tcx.program_id),
	};
	return 0;
}

/* ---- places --------------------------------------------------------------------------------- */

static const char *pin_of(const struct attach_place *place, char path[static PIN_PATH_BYTES])
{
	return link_pin(place->pins, place->ifindex, place->direction, path);
}

/* Makes nothing, but corrects the names of links: if a former datapath took a tap for a macvtap or
 * the reverse, each link is pinned under the other's name. After the exchange each link gets the
 * program of its own direction. Filtering does not depend on the names of pins. */
static int exchange_reversed_links(const struct attach_place *place, bool *ret_made,
				   struct diag *diag)
{
	const struct attach_place to_vm = {.pins = place->pins,
					   .ifindex = place->ifindex,
					   .reversed = place->reversed,
					   .direction = DIRECTION_IN};
	char in[PIN_PATH_BYTES], out[PIN_PATH_BYTES];
	struct tcx_status status;

	link_pin(place->pins, place->ifindex, DIRECTION_IN, in);
	link_pin(place->pins, place->ifindex, DIRECTION_OUT, out);
	if (query_link(in, place->ifindex, !is_ingress(&to_vm), &status) == 0 && status.attached)
		renameat2(AT_FDCWD, in, AT_FDCWD, out, RENAME_EXCHANGE);
	return 0;
}

static int attach(const struct attach_place *place, int program)
{
	char pin[PIN_PATH_BYTES];

	detach_tcx(pin_of(place, pin)); /* a link that is not alive any more */
	return attach_tcx(program, place->ifindex, is_ingress(place), pin);
}

static int replace(const struct attach_place *place, int program)
{
	char pin[PIN_PATH_BYTES];
	_cleanup_close_ int link = bpf_obj_get(pin_of(place, pin));

	return link < 0 ? link : bpf_link_update(link, program, NULL);
}

static int detach(const struct attach_place *place)
{
	char pin[PIN_PATH_BYTES];

	return detach_tcx(pin_of(place, pin));
}

static void query(const struct attach_place *place, struct hook_status *ret)
{
	char pin[PIN_PATH_BYTES];
	struct tcx_status status;

	if (query_link(pin_of(place, pin), place->ifindex, is_ingress(place), &status) < 0)
		return;
	*ret = (struct hook_status){
		.link_id = status.link_id,
		.program_id = status.program_id,
		.hooked = status.attached,
	};
}

static int look(const struct attach_place *place, uint32_t program_id, enum hook_state *ret)
{
	uint32_t order = 0;
	int r = find_order(place->ifindex, is_ingress(place), program_id, &order);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r < 0)
		*ret = HOOKS_MISSING;
	else
		*ret = order == 0 ? HOOKS_FIRST : HOOKS_BEHIND;
	return 0;
}

static bool has_pin(const struct pins *pins, unsigned int ifindex, enum direction direction)
{
	char path[PIN_PATH_BYTES];

	return access(link_pin(pins, ifindex, direction, path), F_OK) == 0;
}

static bool is_used(const struct pins *pins, unsigned int ifindex)
{
	return has_pin(pins, ifindex, DIRECTION_IN) || has_pin(pins, ifindex, DIRECTION_OUT);
}

/* ---- all links ------------------------------------------------------------------------------ */

struct visit {
	const struct pins *pins;
	program_visitor visit;
	void *context;
};

static bool is_own_link(const char *pin)
{
	_cleanup_close_ int link = bpf_obj_get(pin);
	union tcx_link_info info;

	return link >= 0 && read_link(link, &info) == 0 && is_own_program(info.tcx.program_id);
}

/* Of a macvtap the directions are the other way round: either way will do. */
static bool is_attached_somehow(const char *pin, unsigned int ifindex, struct tcx_status *ret)
{
	return (query_link(pin, ifindex, true, ret) == 0 && ret->attached) ||
	       (query_link(pin, ifindex, false, ret) == 0 && ret->attached);
}

static void visit_link(const char *path, unsigned int ifindex, enum direction direction,
		       void *context)
{
	const struct visit *visit = context;
	const struct attach_place place = {
		.pins = visit->pins,
		.ifindex = ifindex,
		.direction = direction,
	};
	struct tcx_status status;

	if (!is_own_link(path))
		return;
	visit->visit(&place, is_attached_somehow(path, ifindex, &status) ? status.program_id : 0,
		     visit->context);
}

static int for_each_program(const struct pins *pins, program_visitor visit, void *context)
{
	struct visit all = {.pins = pins, .visit = visit, .context = context};

	for_each_link_pin(pins, visit_link, &all);
	return 0;
}

const struct attach_ops tcx_ops = {
	.title = "TCX",
	.unsupported = "this kernel has no TCX (it needs Linux 6.6 or later): use clsact or auto",
	.is_supported = is_supported,
	.prepare = exchange_reversed_links,
	.attach = attach,
	.replace = replace,
	.detach = detach,
	.query = query,
	.look = look,
	.has_programs = has_programs,
	.is_used = is_used,
	.for_each_program = for_each_program,
};
