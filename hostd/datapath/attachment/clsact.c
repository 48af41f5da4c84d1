/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * clsact filters. Every function looks at the qdisc first: on an `ingress` qdisc the kernel takes
 * a filter for clsact's egress without an error and puts it on ingress.
 */
#include "hostd/datapath/attachment/clsact.h"

#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

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

int prepare_clsact(unsigned int ifindex, bool *ret_made, struct diag *diag)
{
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

void remove_empty_clsact(unsigned int ifindex)
{
	struct bpf_tc_hook both = make_hook(ifindex, BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (has_clsact(ifindex) && !clsact_has_filters(ifindex))
		bpf_tc_hook_destroy(&both);
}

int query_clsact(unsigned int ifindex, bool ingress, uint32_t *ret_program_id)
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

int attach_clsact(int program, unsigned int ifindex, bool ingress)
{
	return has_clsact(ifindex) ? put_filter(program, ifindex, ingress, 0) : -ENODEV;
}

static bool has_own_filter(unsigned int ifindex, bool ingress)
{
	uint32_t id;

	return query_clsact(ifindex, ingress, &id) == 0 && is_own_program(id);
}

int replace_clsact(int program, unsigned int ifindex, bool ingress)
{
	if (!has_own_filter(ifindex, ingress))
		return -ENOENT;
	return put_filter(program, ifindex, ingress, BPF_TC_F_REPLACE);
}

void detach_clsact(unsigned int ifindex, bool ingress)
{
	struct bpf_tc_hook hook = make_direction(ifindex, ingress);
	struct bpf_tc_opts place = make_place();

	if (has_own_filter(ifindex, ingress))
		bpf_tc_detach(&hook, &place);
}

bool is_behind_in_clsact(unsigned int ifindex, bool ingress)
{
	struct filter_place first;

	return read_first_filter(ifindex, ingress, &first) == 0 &&
	       (first.priority != CLSACT_PRIORITY || first.handle != CLSACT_HANDLE);
}
