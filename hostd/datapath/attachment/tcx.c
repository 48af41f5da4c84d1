/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCX links.
 */
#include "hostd/datapath/attachment/tcx.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
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

static enum bpf_attach_type attach_type(bool ingress)
{
	return ingress ? ATTACH_TYPE_TCX_INGRESS : ATTACH_TYPE_TCX_EGRESS;
}

bool tcx_is_supported(void)
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

int replace_tcx(const char *pin, int program)
{
	_cleanup_close_ int link = bpf_obj_get(pin);

	if (link < 0)
		return link;
	return bpf_link_update(link, program, NULL);
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

int find_tcx_place(unsigned int ifindex, bool ingress, uint32_t program_id, uint32_t *ret)
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

bool has_tcx_programs(unsigned int ifindex, bool ingress)
{
	uint32_t count = 0;

	/* Kernels without TCX know no such question. */
	return bpf_prog_query((int)ifindex, attach_type(ingress), 0, NULL, NULL, &count) == 0 &&
	       count > 0;
}

static bool device_has_program(unsigned int ifindex, bool ingress, uint32_t program_id)
{
	uint32_t place;

	return find_tcx_place(ifindex, ingress, program_id, &place) == 0;
}

int query_tcx(const char *pin, unsigned int ifindex, bool ingress, struct tcx_status *ret)
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

bool is_own_tcx_link(const char *pin)
{
	_cleanup_close_ int link = bpf_obj_get(pin);
	union tcx_link_info info;

	return link >= 0 && read_link(link, &info) == 0 && is_own_program(info.tcx.program_id);
}
