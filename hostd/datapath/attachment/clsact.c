/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TC programs by filter on a clsact qdisc, where there is no TCX (Linux before 6.6).
 *
 * The filters have a priority and handle of vmseg's own; nothing else of the device is touched, and
 * the qdisc is removed only where vmseg made it and nobody has a filter in it. Every function looks
 * at the qdisc first: on an `ingress` qdisc the kernel takes a filter for clsact's egress without
 * an error and puts it on ingress.
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/attachment/attach_ops.h"
#include "hostd/datapath/attachment/program.h"
#include "hostd/netlink/qdisc.h"

/* Early, so that no filter that ends classification comes before; not 1, which tools take that
 * remove whatever they find there. The handle is "vm" in ASCII. */
#define CLSACT_PRIORITY 2
#define CLSACT_HANDLE   0x766d

static bool has_clsact(unsigned int ifindex)
{
	char kind[QDISC_KIND_BYTES];

	return read_ingress_qdisc(ifindex, kind) == 0 && !strcmp(kind, "clsact");
}

static struct bpf_tc_hook make_hook(unsigned int ifindex, enum bpf_tc_attach_point point)
{
	return (struct bpf_tc_hook){
		.sz = sizeof(struct bpf_tc_hook),
		.ifindex = (int)ifindex,
		.attach_point = point,
	};
}

static struct bpf_tc_hook make_direction(unsigned int ifindex, bool ingress)
{
	return make_hook(ifindex, ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
}

static struct bpf_tc_opts make_place(void)
{
	return (struct bpf_tc_opts){
		.sz = sizeof(struct bpf_tc_opts),
		.handle = CLSACT_HANDLE,
		.priority = CLSACT_PRIORITY,
	};
}

/* -EBUSY: an ingress qdisc (libvirt's <bandwidth>) is in its place, and it must not be taken away.
 */
static int prepare(const struct attach_place *place, bool *ret_made, struct diag *diag)
{
	unsigned int ifindex = place->ifindex;
	struct bpf_tc_hook both = make_hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);
	char kind[QDISC_KIND_BYTES];
	int r;

	r = read_ingress_qdisc(ifindex, kind);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "cannot read the qdisc of device %u: %s", ifindex,
			    strerror(-r));
	if (!strcmp(kind, "clsact")) {
		*ret_made = false;
		return 0;
	}
	if (kind[0])
		return fail(diag, EBUSY, NULL, 0,
			    "device %u has a qdisc \"%s\" in the place of clsact (libvirt's "
			    "<bandwidth> installs one): remove it, or use a kernel with TCX (6.6 "
			    "or later)",
			    ifindex, kind);
	r = bpf_tc_hook_create(&both);
	if (r < 0)
		return fail(diag, -r, NULL, 0, "cannot create a clsact qdisc on device %u: %s",
			    ifindex, strerror(-r));
	*ret_made = true;
	return 0;
}

static void remove_empty_qdisc(unsigned int ifindex)
{
	struct bpf_tc_hook both = make_hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (has_clsact(ifindex) && !clsact_has_filters(ifindex))
		bpf_tc_hook_destroy(&both);
}

/* The program at vmseg's place. -ENOENT: none, or no clsact qdisc. */
static int read_filter(unsigned int ifindex, bool ingress, uint32_t *ret_program_id)
{
	struct bpf_tc_hook hook = make_direction(ifindex, ingress);
	struct bpf_tc_opts place = make_place();
	int r;

	if (!has_clsact(ifindex))
		return -ENOENT;
	r = bpf_tc_query(&hook, &place);
	if (r < 0)
		return r == -EINVAL ? -ENOENT : r;
	*ret_program_id = place.prog_id;
	return 0;
}

static int put_filter(int program, unsigned int ifindex, bool ingress, uint32_t flags)
{
	struct bpf_tc_hook hook = make_direction(ifindex, ingress);
	struct bpf_tc_opts place = make_place();

	place.prog_fd = program;
	place.flags = flags;
	return bpf_tc_attach(&hook, &place);
}

static int attach(const struct attach_place *place, int program)
{
	return has_clsact(place->ifindex)
		       ? put_filter(program, place->ifindex, is_ingress(place), 0)
		       : -ENODEV;
}

static bool has_own_filter(unsigned int ifindex, bool ingress)
{
	uint32_t id;

	return read_filter(ifindex, ingress, &id) == 0 && is_own_program(id);
}

static int replace(const struct attach_place *place, int program)
{
	bool ingress = is_ingress(place);

	if (!has_own_filter(place->ifindex, ingress))
		return -ENOENT;
	return put_filter(program, place->ifindex, ingress, BPF_TC_F_REPLACE);
}

static int detach(const struct attach_place *place)
{
	bool ingress = is_ingress(place);
	struct bpf_tc_hook hook = make_direction(place->ifindex, ingress);
	struct bpf_tc_opts filter = make_place();

	if (has_own_filter(place->ifindex, ingress))
		bpf_tc_detach(&hook, &filter);
	return 0;
}

static void query(const struct attach_place *place, struct hook_status *ret)
{
	ret->hooked = read_filter(place->ifindex, is_ingress(place), &ret->program_id) == 0;
}

/* Whether somebody's filter runs before vmseg's, or instead of it. */
static bool is_behind(unsigned int ifindex, bool ingress)
{
	struct filter_place first;

	return read_first_filter(ifindex, ingress, &first) == 0 &&
	       (first.priority != CLSACT_PRIORITY || first.handle != CLSACT_HANDLE);
}

static int look(const struct attach_place *place, uint32_t program_id, enum hook_state *ret)
{
	bool ingress = is_ingress(place);
	char name[IF_NAMESIZE];
	uint32_t id = 0;

	if (!if_indextoname(place->ifindex, name))
		return -ENODEV;
	if (read_filter(place->ifindex, ingress, &id) < 0 || id != program_id)
		*ret = HOOKS_MISSING;
	else
		*ret = is_behind(place->ifindex, ingress) ? HOOKS_BEHIND : HOOKS_FIRST;
	return 0;
}

static bool is_used(const struct pins *pins, unsigned int ifindex)
{
	uint32_t program;

	return read_filter(ifindex, true, &program) == 0 ||
	       read_filter(ifindex, false, &program) == 0;
}

static void free_names(struct if_nameindex **names)
{
	if (*names)
		if_freenameindex(*names);
}

static void visit_device(const struct pins *pins, unsigned int ifindex, program_visitor visit,
			 void *context)
{
	for (enum direction direction = DIRECTION_IN; direction <= DIRECTION_OUT; direction++) {
		const struct attach_place place = {
			.pins = pins,
			.ifindex = ifindex,
			.direction = direction,
		};
		uint32_t id;

		if (read_filter(ifindex, is_ingress(&place), &id) == 0 && is_own_program(id))
			visit(&place, id, context);
	}
}

static int for_each_program(const struct pins *pins, program_visitor visit, void *context)
{
	_cleanup_(free_names) struct if_nameindex *names = if_nameindex();

	if (!names)
		return -errno;
	for (const struct if_nameindex *name = names; name->if_index; name++)
		visit_device(pins, name->if_index, visit, context);
	return 0;
}

const struct attach_ops clsact_ops = {
	.title = "clsact",
	.needs_ingress_qdisc = true,
	.removal_is_reported = true,
	.prepare = prepare,
	.clean_up = remove_empty_qdisc,
	.attach = attach,
	.replace = replace,
	.detach = detach,
	.query = query,
	.look = look,
	.is_used = is_used,
	.for_each_program = for_each_program,
};
