/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loading.
 */
#include "hostd/datapath/objects/load.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/libbpf_log.h"
#include "vmseg.skel.h"

/* What libbpf calls a kernel function that is not there; no program knows the number. */
#define KERNEL_ENOTSUPP 524

/* The maps that outlive the process. The last one's pin says that all are there: they are pinned in
 * this order. */
#define COMPLETE_MARK "settings_map"
static const char *const persistent_maps[] = {
	"port_index",     "port_index_high", "port_map",     "port_state_map",
	"session_map",    "policy_map",      "fragment_map", "remote_map",
	"rule_stats_map", "stats_map",       "event_ring",   COMPLETE_MARK,
};

/* ---- pinned maps ---------------------------------------------------------------------------- */

bool are_maps_pinned(const struct pins *pins)
{
	char path[PIN_PATH_BYTES];

	return access(map_pin(pins, COMPLETE_MARK, path), F_OK) == 0;
}

/* The number is the first word of the only value, in every version. */
int check_pinned_abi(const struct pins *pins, struct diag *diag)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info), zero = 0, abi;
	_cleanup_free_ uint32_t *value = NULL;
	_cleanup_close_ int fd = -1;
	char path[PIN_PATH_BYTES];
	int r;

	map_pin(pins, COMPLETE_MARK, path);
	fd = bpf_obj_get(path);
	r = fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return fail(diag, -r, path, 0, "cannot open the pinned map: %s", strerror(-r));
	if (info.type != BPF_MAP_TYPE_ARRAY || info.key_size != 4 || info.value_size < 4)
		return fail(diag, EPROTO, path, 0, "this is not a map of vmseg");
	value = calloc(1, info.value_size);
	if (!value)
		return -ENOMEM;
	r = bpf_map_lookup_elem(fd, &zero, value);
	if (r < 0)
		return fail(diag, -r, path, 0, "cannot read the pinned map: %s", strerror(-r));
	abi = value[0];
	if (abi != VMSEG_ABI)
		return fail(diag, EPROTO, path, 0,
			    "the pinned maps have ABI %u, this vmseg-hostd has ABI %u", abi,
			    VMSEG_ABI);
	return 0;
}

static int check_pinned_map(const struct bpf_map *map, const struct bpf_map_info *info,
			    const char *path, struct diag *diag)
{
	if (info->type == bpf_map__type(map) && info->key_size == bpf_map__key_size(map) &&
	    info->value_size == bpf_map__value_size(map) &&
	    info->map_flags == bpf_map__map_flags(map))
		return 0;
	return fail(diag, EPROTO, path, 0,
		    "the pinned map has type %u, key %u, value %u, flags 0x%x, expected type %u, "
		    "key %u, value %u, flags 0x%x",
		    info->type, info->key_size, info->value_size, info->map_flags,
		    bpf_map__type(map), bpf_map__key_size(map), bpf_map__value_size(map),
		    bpf_map__map_flags(map));
}

static int reuse_map(struct bpf_map *map, const struct pins *pins, struct diag *diag)
{
	struct bpf_map_info info = {0};
	uint32_t size = sizeof(info), wanted = bpf_map__max_entries(map);
	_cleanup_close_ int fd = -1;
	char path[PIN_PATH_BYTES];
	int r;

	fd = bpf_obj_get(map_pin(pins, bpf_map__name(map), path));
	r = fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return fail(diag, -r, path, 0, "cannot open the pinned map: %s", strerror(-r));
	r = check_pinned_map(map, &info, path, diag);
	if (r < 0)
		return r;
	r = bpf_map__reuse_fd(map, fd);
	if (r < 0)
		return fail(diag, -r, path, 0, "cannot use the pinned map: %s", strerror(-r));
	if (info.max_entries != wanted)
		warn(diag, path, 0,
		     "the pinned map keeps its size of %u; to get the configured size of %u, stop "
		     "vmseg-hostd, run vmseg detach --all, and start it",
		     info.max_entries, wanted);
	return 0;
}

static int reuse_maps(struct vmseg *skeleton, const struct pins *pins, struct diag *diag)
{
	for (size_t i = 0; i < ARRAY_SIZE(persistent_maps); i++) {
		struct bpf_map *map =
			bpf_object__find_map_by_name(skeleton->obj, persistent_maps[i]);
		int r = reuse_map(map, pins, diag);

		if (r < 0)
			return r;
	}
	return 0;
}

static int pin_map(const struct vmseg *skeleton, const char *name, const char *path,
		   struct diag *diag)
{
	int r = bpf_obj_pin(bpf_object__find_map_fd_by_name(skeleton->obj, name), path);

	return r < 0 ? fail(diag, -r, path, 0, "cannot pin the map: %s", strerror(-r)) : 0;
}

int pin_missing_maps(const struct vmseg *skeleton, const struct pins *pins, unsigned int *ret,
		     struct diag *diag)
{
	unsigned int pinned = 0;
	char path[PIN_PATH_BYTES];

	for (size_t i = 0; i < ARRAY_SIZE(persistent_maps); i++) {
		int r = 0;

		if (access(map_pin(pins, persistent_maps[i], path), F_OK) == 0)
			continue;
		r = pin_map(skeleton, persistent_maps[i], path, diag);
		if (r < 0)
			return r;
		pinned++;
	}
	*ret = pinned;
	return 0;
}

int pin_maps(const struct vmseg *skeleton, const struct pins *pins, struct diag *diag)
{
	unsigned int pinned;
	int r;

	remove_map_pins(pins); /* of a start that was interrupted here */
	r = pin_missing_maps(skeleton, pins, &pinned, diag);
	if (r < 0)
		remove_map_pins(pins);
	return r;
}

/* ---- loading -------------------------------------------------------------------------------- */

/* While an update is made, each port may have two records; closed ports have one each. */
static uint32_t record_count(uint32_t max_ports)
{
	return 2 * max_ports + CLOSED_PORTS_MORE;
}

uint32_t find_max_ports(const struct vmseg *skeleton)
{
	return (bpf_map__max_entries(skeleton->maps.port_map) - CLOSED_PORTS_MORE) / 2;
}

static int size_maps(const struct vmseg *skeleton, const struct map_sizes *wanted)
{
	/* Slot 0 belongs to no port. */
	const uint32_t slots = wanted->max_ports + CLOSED_PORTS_MORE + 1;
	const struct {
		struct bpf_map *map;
		uint32_t entries;
	} sizes[] = {
		{skeleton->maps.port_index_high, slots},
		{skeleton->maps.port_map, record_count(wanted->max_ports)},
		{skeleton->maps.port_state_map, slots},
		{skeleton->maps.session_map, slots},
		{skeleton->maps.remote_map, slots},
		{skeleton->maps.stats_map, slots},
		{skeleton->maps.fragment_map, slots * FRAGMENTS_PER_PORT},
		{skeleton->maps.policy_map, wanted->policy_nodes},
		{skeleton->maps.rule_stats_map, wanted->rule_counters},
		{skeleton->maps.event_ring, wanted->ring_bytes},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int r = bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);

		if (r < 0)
			return r;
	}
	return 0;
}

static int fail_with_libbpf(struct diag *diag, int error, const char *what)
{
	int code = error == -KERNEL_ENOTSUPP ? EOPNOTSUPP : -error;

	return fail(diag, code, NULL, 0, "%s: %s (%s)", what, strerror(code),
		    last_libbpf_message());
}

/* On kernels before 5.11 maps count as locked memory: libbpf raises that limit itself. */
int load_skeleton(const struct map_sizes *wanted, const struct pins *pins, bool adopt,
		  struct vmseg **ret, struct diag *diag)
{
	_cleanup_(unload_skeleton) struct vmseg *skeleton = NULL;
	int r;

	capture_libbpf();
	skeleton = vmseg__open();
	if (!skeleton)
		return fail_with_libbpf(diag, -errno, "cannot open the BPF object");
	r = size_maps(skeleton, wanted);
	if (r < 0)
		return fail_with_libbpf(diag, r, "cannot set the sizes of the BPF maps");
	if (adopt) {
		r = reuse_maps(skeleton, pins, diag);
		if (r < 0)
			return r;
	}
	r = vmseg__load(skeleton);
	if (r < 0)
		return fail_with_libbpf(diag, r, "cannot load the BPF object");
	*ret = TAKE_PTR(skeleton);
	return 0;
}

void unload_skeleton(struct vmseg **skeleton)
{
	vmseg__destroy(*skeleton);
	*skeleton = NULL;
}
