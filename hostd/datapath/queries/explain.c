/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking the programs themselves: a frame through the dry-run twin of the program that would see
 * it, on the live maps. The twin is the same code with every write left out.
 */
#include "hostd/datapath/queries/explain.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/objects/record.h"
#include "hostd/datapath/ports/datapath_state.h"
#include "hostd/datapath/ports/draft_record.h"
#include "hostd/datapath/ports/filtered_port.h"
#include "hostd/datapath/ports/port_table.h"
#include "vmseg.skel.h"

/* One question to the twin; `ifindex` says whose record it looks up. */
static int ask_twin(const struct datapath *datapath, unsigned int ifindex, enum direction direction,
		    const void *frame, size_t size, struct explanation *ret)
{
	struct bpf_program *program = direction == DIRECTION_OUT
					      ? datapath->objects.skeleton->progs.dry_from_vm
					      : datapath->objects.skeleton->progs.dry_to_vm;
	struct __sk_buff before = {.ifindex = ifindex}, after = {0};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame, .data_size_in = (uint32_t)size,
		    .ctx_in = &before, .ctx_size_in = sizeof(before), .ctx_out = &after,
		    .ctx_size_out = sizeof(after));
	int r = bpf_prog_test_run_opts(bpf_program__fd(program), &options);

	if (r < 0)
		return r;
	*ret = (struct explanation){
		.reason = (uint8_t)after.cb[DRY_RUN_REASON],
		.verdict = after.cb[DRY_RUN_VERDICT],
		.has_session = after.cb[DRY_RUN_FLAGS] & DRY_RUN_HAS_SESSION,
	};
	return 0;
}

/* The number of sessions is limited by the table, which the twin does not try. */
static void foresee_full_table(const struct filtered_port *port, uint32_t limit,
			       struct explanation *answer)
{
	if (answer->reason == REASON_NEW && !answer->has_session && port->session_count >= limit)
		answer->reason = REASON_SESSION_LIMIT;
}

int explain_frame(struct datapath *datapath, unsigned int ifindex, enum direction direction,
		  const void *frame, size_t size, struct explanation *ret)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	int r;

	if (!port)
		return -ENOENT;
	r = ask_twin(datapath, ifindex, direction, frame, size, ret);
	if (r == 0)
		foresee_full_table(port, port->sessions_wanted, ret);
	return r;
}

/* ---- what is not in force ------------------------------------------------------------------- */

/* A record and an image on trial. */
struct trial {
	struct datapath *datapath;
	struct stored_image *image;
	uint32_t record;
	bool published;
};

/* No program has seen them but the twin, so that there is nobody to wait for. */
static void end_trial(struct trial *trial)
{
	if (trial->published)
		unpublish_record(&trial->datapath->objects, TRIAL_IFINDEX);
	drop_record(&trial->datapath->objects, trial->record);
	release_image(&trial->datapath->objects.images, trial->image);
}

/* The record that update_port() would publish, but under a device that no program is on. */
static int begin_trial(struct trial *trial, const struct filtered_port *port,
		       const struct port_config *config, const struct image *image,
		       struct diag *diag)
{
	struct datapath *datapath = trial->datapath;
	struct port record;
	int r = check_port_config(config, diag);

	if (r == 0)
		r = hold_image(&datapath->objects.images, image, &trial->image, diag);
	if (r < 0)
		return r;
	draft_record(port, config, trial->image, record_of(port), &record);
	if (memcmp(&record, record_of(port), sizeof(record)) != 0)
		record.generation = datapath->generation + 1;
	r = place_record(&datapath->objects, &record, &trial->record);
	if (r == 0)
		r = publish_record(&datapath->objects, TRIAL_IFINDEX, trial->record);
	trial->published = r == 0;
	return r;
}

int explain_candidate(struct datapath *datapath, unsigned int ifindex,
		      const struct port_config *config, const struct image *image,
		      enum direction direction, const void *frame, size_t size,
		      struct explanation *ret, struct diag *diag)
{
	const struct filtered_port *port = find_filtered_port(datapath, ifindex);
	_cleanup_(end_trial) struct trial trial = {.datapath = datapath};
	int r;

	if (!port)
		return fail(diag, ENOENT, NULL, 0, "device %u is not attached", ifindex);
	if (!port->table_size)
		return fail(diag, EAGAIN, port->device.name, 0,
			    "the device is still closed and has no session table");
	r = begin_trial(&trial, port, config, image, diag);
	if (r == 0)
		r = ask_twin(datapath, TRIAL_IFINDEX, direction, frame, size, ret);
	if (r < 0)
		return fail(diag, -r, port->device.name, 0, "the programs cannot be run: %s",
			    strerror(-r));
	foresee_full_table(port, config->limits[LIMIT_SESSIONS], ret);
	return 0;
}
