/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The datapath: every BPF object of the host. The only place that knows libbpf; it knows no XML.
 * Single-threaded: only the enforcement thread calls it.
 *
 * Everything is pinned below the bpffs directory, so enforcement goes on without the daemon, and
 * open_datapath() takes over what it finds there without a gap. Maps that it cannot go on with (of
 * another VMSEG_ABI, or damaged) are replaced by new ones: their ports are filtered by the programs
 * and maps that there were until each is taken over.
 */
#ifndef VMSEG_DATAPATH_H
#define VMSEG_DATAPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "hostd/base/diag.h"
#include "hostd/policy/compile/compile.h"

struct datapath;

enum attach_method { ATTACH_AUTO, ATTACH_TCX, ATTACH_CLSACT };

struct datapath_config {
	const char *bpffs; /* "/sys/fs/bpf/vmseg" */
	enum attach_method attach;
	uint32_t max_ports;            /* that may have sessions; closed ports do not count */
	uint32_t policy_nodes;         /* size of policy_map, 64 bytes each */
	uint32_t rule_counters;        /* size of rule_stats_map */
	uint32_t ring_bytes;           /* event ring: power of two, multiple of the page size */
	uint32_t timeout[STATE_COUNT]; /* seconds */
	uint32_t event_rate, event_burst;
};

/* Loads, or takes over what is pinned: new programs replace the old ones atomically on every
 * attached port, maps and sessions stay. On failure every port is filtered as it was. Warnings
 * in diag: sizes that differ from those of the pinned maps (which stay), a port whose program could
 * not be replaced (the old one goes on), pinned maps that had to be replaced (all ports are former
 * ones then). -EBUSY: another process has these pins open. */
int open_datapath(const struct datapath_config *config, struct datapath **ret, struct diag *diag);

/* Frees the daemon's side; enforcement goes on. */
void close_datapath(struct datapath **pointer);

/* Takes everything off the host: links, filters, pins, maps. Needs no open datapath, and takes away
 * also what another version of vmseg left; -EBUSY while a datapath is open. */
int remove_datapath(const char *bpffs, struct diag *diag);

/* Writes changed timeouts and event limits: live. */
void apply_settings(struct datapath *datapath, const struct datapath_config *config);

/* ---- ports ---------------------------------------------------------------------------------- */

struct port_config {
	uint8_t mac[MAC_BYTES];
	uint32_t guards; /* GUARD_* */
	uint32_t flags;  /* PORT_* */
	struct prefix addresses[PORT_ADDRESSES_MAX];
	size_t address_count;
	uint16_t vlans[PORT_VLANS_MAX];
	size_t vlan_count;
	/* By enum limit; 0: not limited. LIMIT_SESSIONS is the size of the port's session table. 0:
	 * quarantine; nothing passes, and the port costs the wait for a table only once it gets one
	 * (a port that has a table keeps it). */
	uint32_t limits[LIMIT_COUNT];
	uint32_t
		pickup_seconds; /* mid-stream pick-up from now on; 0: none, or as it runs already */
	bool fresh;    /* no guest has the device yet: attaching throws away what it has queued */
	bool reversed; /* macvtap: TC directions are the other way round; an update keeps it */
};

/* Slot, session map and image first, then the record, then both programs; then both hooks are
 * queried. On failure nothing is left behind; but before the first program of a formerly filtered
 * device is exchanged, it goes on being filtered. The device is in the caller's network namespace,
 * and not its loopback device (-EINVAL). */
int attach_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag);

/* Publishes a new record (and image) for an attached port. When it returns 0 no packet is judged
 * by the old one any more. On failure the old one is in force. Sessions are kept, also when the
 * session limit changes, and judged again because the generation changes; if neither config nor
 * image differ from what is in force, nothing happens. A session limit below the number of live
 * sessions ends none of them: no further one is admitted, and the limit tightens as they end. */
int update_port(struct datapath *datapath, unsigned int ifindex, const struct port_config *config,
		const struct image *image, struct diag *diag);

struct port_update {
	unsigned int ifindex; /* each port at most once */
	const struct port_config *config;
	const struct image *image;
};

/* The same for many ports, all or none of them. Cheaper than one by one: the wait for the packets
 * that are still judged by an old record (some 10 ms) is paid once. */
int update_ports(struct datapath *datapath, const struct port_update *updates, size_t count,
		 struct diag *diag);

/* Which of these an update of the port would change. With either of the first two its sessions are
 * judged again. */
struct port_changes {
	bool image;
	bool config;        /* guards, other limits, addresses, flags */
	bool session_limit; /* the size of its session table */
};

/* What update_port() would do. Changes nothing. -ENOENT when the port is not attached. */
int foresee_update(struct datapath *datapath, unsigned int ifindex,
		   const struct port_config *config, const struct image *image,
		   struct port_changes *ret);

/* Puts back what somebody took off the device (port_status.hooked says so). Nothing else changes,
 * and it is no error when nothing is missing. */
int repair_port(struct datapath *datapath, unsigned int ifindex, struct diag *diag);

/* What a port will need that is going to be attached soon. */
struct slot_reservation {
	uint32_t sessions; /* size of its session table, more than 0 */
	bool remotes;      /* sessions per remote address are limited */
};

/* Makes slots with tables for ports to come, of which attach_port() then takes the one that fits: a
 * port whose tables must be made first waits some 10 ms for each. All of them cost about one such
 * wait. What is not taken in a minute is given back by the sweep. Beyond some 100 no more are made.
 * Returns 0, or -errno and none is made. */
int reserve_slots(struct datapath *datapath, const struct slot_reservation *reservations,
		  size_t count);

/* Detaches both programs and leaves the port's sessions, slot and image to tidy_datapath(). Also
 * for a device that is gone, or formerly filtered. -ENOENT when the port is not attached. */
int detach_port(struct datapath *datapath, unsigned int ifindex);

/* Gives back what detached ports have left, one slot a call, which waits some 10 ms for running
 * programs. Tidy: there is nothing to give back. */
void tidy_datapath(struct datapath *datapath);
bool is_tidy(const struct datapath *datapath);

bool is_attached(const struct datapath *datapath, unsigned int ifindex);

/* A device that is not attached, but filtered in both directions by the programs and maps of a
 * datapath before this one. attach_port() exchanges them without a gap. */
bool is_formerly_filtered(const struct datapath *datapath, unsigned int ifindex);

/* All that have any program of a former datapath's; the callback must not attach or detach. */
void for_each_former_port(struct datapath *datapath,
			  void (*visit)(unsigned int ifindex, const char *device, void *context),
			  void *context);

struct port_status {
	unsigned int ifindex;
	char ifname[16];        /* name at attach; IF_NAMESIZE */
	uint8_t mac[MAC_BYTES]; /* of the configuration */
	enum attach_method attach;
	uint32_t slot;
	uint32_t generation;
	uint32_t link_id[2];    /* TCX, by enum direction; 0 with clsact */
	uint32_t program_id[2]; /* by enum direction, as the kernel reports it on the device */
	uint32_t session_map_id;
	uint32_t session_limit;
	uint32_t session_count;  /* live ones, as the last sweep counted them */
	uint32_t pickup_seconds; /* that mid-stream pick-up is still on; 0: it is off */
	bool device_gone;
	bool hooked[2]; /* by direction: our program is on the device now */
};

int read_port_status(struct datapath *datapath, unsigned int ifindex, struct port_status *ret);

/* The same counts, without a look at the device. Returns 0, or -ENOENT. */
int read_session_count(const struct datapath *datapath, unsigned int ifindex, uint32_t *ret_count,
		       uint32_t *ret_limit);

/* An attached port that has been in quarantine since it came: it has no session table, and nothing
 * passes. Does not ask the kernel. */
bool is_closed_port(const struct datapath *datapath, unsigned int ifindex);

/* How a port's two programs are on the device; of both directions the worse. */
enum hook_state {
	HOOKS_FIRST,   /* before those of others */
	HOOKS_BEHIND,  /* somebody's program runs before, and may end the run */
	HOOKS_MISSING, /* one is not there */
};

/* Asks the kernel: a system call for each direction with TCX, some more with clsact. -ENOENT: not
 * attached; -ENODEV: the device is gone. */
int read_hook_state(struct datapath *datapath, unsigned int ifindex, enum hook_state *ret);

/* Goes through the ports that are attached by this method (ATTACH_AUTO: any) while ports may come
 * and go: *cursor begins at 0. Returns an ifindex, or 0 at the end. */
unsigned int next_attached_port(const struct datapath *datapath, enum attach_method method,
				uint32_t *cursor);

/* Every attached port, also those taken over; the callback must not attach or detach. */
void for_each_port(struct datapath *datapath, void (*visit)(unsigned int ifindex, void *context),
		   void *context);

/* Sums over CPUs. */
int read_port_stats(struct datapath *datapath, unsigned int ifindex, struct port_stats *ret);

/* Packets and bytes of rule n (0: default) of the port's image. */
int read_rule_counter(struct datapath *datapath, unsigned int ifindex, uint32_t rule,
		      struct counter *ret);

/* ---- sessions ------------------------------------------------------------------------------- */

struct session_view {
	struct session_key key;
	struct session session;
	/* The cell of the port's present image by which the session goes on. Without VERDICT_ALLOW
	 * none does: a rule of an earlier policy keeps it, or it ends with its next packet. */
	uint32_t verdict;
	uint32_t idle_seconds;    /* since the last accepted packet */
	uint32_t expires_seconds; /* until the idle timeout */
	uint32_t age_seconds;
};

/* Live sessions (expired ones are left out), of about `wished` entries of the table from a place
 * on: 0 is its beginning, and at the end *place is 0 again. What comes or goes between two calls
 * may be seen or not, and what stays is seen once unless the table changes its size. Returns 0,
 * -ENOENT when the port is not attached, or -errno when its table cannot be read; then *place means
 * nothing. */
int page_sessions(struct datapath *datapath, unsigned int ifindex, uint32_t wished, uint32_t *place,
		  void (*visit)(const struct session_view *view, void *context), void *context);

/* The live session under a key; -ENOENT when there is none. */
int read_session(struct datapath *datapath, unsigned int ifindex, const struct session_key *key,
		 struct session_view *ret);

/* The question that the session's first packet put, by which programs judge the session again after
 * a change: recall_question() in bpf/session.h. */
struct policy_query question_of_session(const struct session_key *key,
					const struct session *session);

/* Whether programs that judge the session again by this image would go on with it: its opening is
 * allowed, or the rule that admitted it keeps established ones. *ret_verdict is the image's cell.
 */
bool outlives_image(const struct session_key *key, const struct session *session,
		    const struct image *image, uint32_t *ret_verdict);

/* Deletes expired sessions, doing no more than about `budget` units of work: an entry looked at is
 * one, and so are 256 places of a session table. Goes on where the last call stopped. Returns the
 * units done; less than budget: a round over all ports is complete. */
uint32_t sweep_sessions(struct datapath *datapath, uint32_t budget);

/* ---- explaining ----------------------------------------------------------------------------- */

struct explanation {
	uint8_t reason;   /* enum reason */
	uint32_t verdict; /* cell of the image, where policy was asked; else 0 */
	bool has_session; /* a live session was found */
};

/* What would become of a frame that crosses the port now. Nothing is written, sent or counted.
 * -ENOENT when the port is not attached. That the session table is full is known as the last sweep
 * has counted it. */
int explain_frame(struct datapath *datapath, unsigned int ifindex, enum direction direction,
		  const void *frame, size_t size, struct explanation *ret);

/* The same, as it were if update_port() had given the port this configuration and image: what is
 * open now is judged again. They are put beside what is in force, where no packet finds them, and
 * are gone when this returns. A limit by remote address that the port does not have yet is not
 * foreseen. Returns 0 or -errno with an error in diag; -EAGAIN: the port is in quarantine and has
 * no session table to ask. */
int explain_candidate(struct datapath *datapath, unsigned int ifindex,
		      const struct port_config *config, const struct image *image,
		      enum direction direction, const void *frame, size_t size,
		      struct explanation *ret, struct diag *diag);

/* ---- events --------------------------------------------------------------------------------- */

/* A descriptor that polls readable when events wait. */
int event_descriptor(struct datapath *datapath);
/* ifindex is 0 in events of a port that was detached meanwhile. */
void consume_events(struct datapath *datapath,
		    void (*visit)(const struct event *event, unsigned int ifindex, void *context),
		    void *context);

/* ---- the whole ------------------------------------------------------------------------------ */

struct datapath_status {
	enum attach_method attach; /* in use: TCX or CLSACT */
	uint32_t port_count, max_ports;
	uint32_t image_count;
	uint32_t nodes_used, nodes_total;
	uint32_t rule_counters_used, rule_counters_total;
	bool adopted; /* took over pinned maps at open */
};

void read_datapath_status(const struct datapath *datapath, struct datapath_status *ret);

/* Makes anew what somebody has removed of the pinned maps and of the directories. Where bpffs was
 * mounted anew, or the root directory removed, all that is still pinned in the old directory is
 * pinned in the new one, too. *ret: something was missing. A link whose own pin was removed has
 * ended with it: see repair_port().
 *
 * Returns 0 or -errno with an error in diag: -ENOTSUP: no bpffs is mounted there any more; -EBUSY:
 * another process has made the directory its own. Until it succeeds, what is pinned lasts as long
 * as this process does. */
int restore_pins(struct datapath *datapath, bool *ret, struct diag *diag);

/* Names from reasons.def and states.def; "?" for a number that is none. */
const char *reason_name(uint8_t reason);
const char *reason_help(uint8_t reason);
bool reason_passes(uint8_t reason);
const char *state_name(uint8_t state);

#endif
