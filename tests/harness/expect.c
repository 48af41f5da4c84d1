// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What "as expected" means for one frame. When VMSEG_REASONS_SEEN names a file, each reason that
 * was met as expected is written to it, so that a reason without a test does not stay unnoticed.
 */
#include <fcntl.h>

#include <linux/pkt_cls.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/queries/names.h"
#include "tests/harness/expect.h"
#include "tests/harness/test.h"

/* ---- coverage ------------------------------------------------------------------------------- */

static void note_reason(enum reason reason)
{
	static bool noted[REASON_COUNT];
	const char *path = getenv("VMSEG_REASONS_SEEN");
	_cleanup_fclose_ FILE *stream = NULL;

	if (noted[reason] || !path)
		return;
	stream = fopen(path, "ae");
	if (!stream || fprintf(stream, "%s\n", reason_name(reason)) < 0)
		fail_msg("%s cannot be written", path);
	noted[reason] = true;
}

/* ---- one frame ------------------------------------------------------------------------------ */

/* Everything that a frame may change. */
struct snapshot {
	struct port_stats stats[RIG_PORTS + 1];
	uint32_t sessions[RIG_PORTS];
};

static struct snapshot take_snapshot(struct rig *rig)
{
	struct snapshot snapshot;

	for (uint32_t slot = 0; slot <= RIG_PORTS; slot++)
		read_rig_stats(rig, slot, &snapshot.stats[slot]);
	for (int i = 0; i < RIG_PORTS; i++)
		snapshot.sessions[i] = count_sessions(&rig->ports[i]);
	return snapshot;
}

static bool same_snapshot(const struct snapshot *a, const struct snapshot *b)
{
	return !memcmp(a->stats, b->stats, sizeof(a->stats)) &&
	       !memcmp(a->sessions, b->sessions, sizeof(a->sessions));
}

static void print_frame(const struct packet *packet)
{
	print_error("frame of %u bytes:", packet->length);
	for (int i = 0; i < packet->length && i < 128; i++)
		print_error("%s%02x", i % 16 ? " " : "\n  ", packet->bytes[i]);
	print_error("\n");
	if (packet->tag_protocol)
		print_error("  tag beside it: %04x %u\n", packet->tag_protocol, packet->tag);
}

static void print_difference(const char *what, struct counter was, struct counter is)
{
	if (was.packets == is.packets && was.bytes == is.bytes)
		return;
	print_error("  counted %s: %+lld packets, %+lld bytes\n", what,
		    (long long)(is.packets - was.packets), (long long)(is.bytes - was.bytes));
}

static void print_changes(const struct snapshot *before, const struct snapshot *after)
{
	static const char *const directions[] = {"in", "out"};
	char what[96];

	for (int slot = 0; slot <= RIG_PORTS; slot++) {
		const struct port_stats *was = &before->stats[slot], *is = &after->stats[slot];

		for (int d = 0; d < 2; d++) {
			for (int r = 0; r < REASON_MAX; r++) {
				snprintf(what, sizeof(what), "slot %d %s %s", slot, directions[d],
					 reason_name(r));
				print_difference(what, was->by_reason[d][r], is->by_reason[d][r]);
			}
			snprintf(what, sizeof(what), "slot %d %s audited", slot, directions[d]);
			print_difference(what, was->audited[d], is->audited[d]);
		}
	}
	for (int i = 0; i < RIG_PORTS; i++) {
		if (before->sessions[i] != after->sessions[i])
			print_error("  sessions of slot %d: %u -> %u\n", i + 1, before->sessions[i],
				    after->sessions[i]);
	}
}

static void add_frame(struct counter *counter, const struct packet *packet)
{
	counter->packets++;
	counter->bytes += packet->length;
}

/* What the counters must be after the frame. */
static struct snapshot foresee(const struct snapshot *before, const struct rig_port *port,
			       enum direction direction, const struct packet *packet,
			       enum outcome outcome, enum reason reason)
{
	struct snapshot expected = *before;
	struct port_stats *stats = &expected.stats[port->published ? port->slot : 0];

	add_frame(&stats->by_reason[direction][reason], packet);
	if (outcome == OUTCOME_AUDITED)
		add_frame(&stats->audited[direction], packet);
	return expected;
}

static bool opens_session(enum reason reason)
{
	return reason == REASON_NEW || reason == REASON_PICKED_UP;
}

static bool sessions_fit(const struct snapshot *before, const struct snapshot *after,
			 const struct rig_port *port, enum reason reason)
{
	for (int i = 0; i < RIG_PORTS; i++) {
		bool may_open = i == (int)port->slot - 1 && opens_session(reason);

		if (after->sessions[i] > before->sessions[i] + may_open)
			return false;
	}
	return true;
}

static bool action_fits(int action, enum outcome outcome)
{
	if (outcome == OUTCOME_DROP)
		return action == TC_ACT_SHOT;
	/* UNSPEC: the next program on the device has its say. */
	return action == TC_ACT_OK || action == TC_ACT_UNSPEC;
}

/* The twin first: it must not change what the program then says. That a session table is full only
 * its kernel knows, when a session is put in; the twin does not get that far. */
static bool check_twin(struct rig_port *port, enum direction direction, const struct packet *packet,
		       enum reason reason, const struct snapshot *before)
{
	struct dry_run dry = dry_run_frame(port, direction, packet);
	struct snapshot after = take_snapshot(port->rig);

	if (reason == REASON_SESSION_LIMIT && dry.reason == REASON_NEW)
		dry.reason = reason;
	if (dry.reason == reason && same_snapshot(before, &after))
		return true;
	print_error("the dry run said %s\n", reason_name(dry.reason));
	print_changes(before, &after);
	return false;
}

void check_frame(struct rig_port *port, enum direction direction, struct packet packet,
		 enum outcome outcome, enum reason reason, struct test_line where)
{
	struct snapshot before = take_snapshot(port->rig), after, expected;
	int action;
	bool fits;

	if (reason_passes(reason) != (outcome == OUTCOME_PASS))
		fail_msg("%s:%d: %s cannot have this outcome", where.file, where.line,
			 reason_name(reason));

	fits = check_twin(port, direction, &packet, reason, &before);
	action = run_frame(port, direction, &packet);
	after = take_snapshot(port->rig);
	expected = foresee(&before, port, direction, &packet, outcome, reason);
	fits = fits && action_fits(action, outcome) &&
	       !memcmp(after.stats, expected.stats, sizeof(expected.stats)) &&
	       sessions_fit(&before, &after, port, reason);
	if (fits) {
		note_reason(reason);
		return;
	}
	print_frame(&packet);
	print_error("action %d\n", action);
	print_changes(&before, &after);
	fail_msg("%s:%d: expected %s (%s)", where.file, where.line, reason_name(reason),
		 outcome == OUTCOME_PASS   ? "pass"
		 : outcome == OUTCOME_DROP ? "drop"
					   : "pass, audited");
}

/* ---- sessions and events -------------------------------------------------------------------- */

void check_state(struct rig_port *port, struct session_key key, enum session_state state,
		 struct test_line where)
{
	struct session session;
	enum session_state is = STATE_COUNT;

	if (find_session(port, &key, &session))
		is = session.state;
	if (is != state)
		fail_msg("%s:%d: expected session state %s, it is %s", where.file, where.line,
			 state_name(state), state_name(is));
}

struct event check_event(struct rig_port *port, enum event_kind kind, enum reason reason,
			 struct test_line where)
{
	struct event event;

	if (!take_event(port->rig, &event))
		fail_msg("%s:%d: expected an event, there is none", where.file, where.line);
	if (event.kind != kind || event.reason != reason || event.slot != port->slot)
		fail_msg("%s:%d: expected event %d %s of slot %u, got %u %s of slot %u", where.file,
			 where.line, kind, reason_name(reason), port->slot, event.kind,
			 reason_name(event.reason), event.slot);
	return event;
}

void check_no_event(struct rig_port *port, struct test_line where)
{
	struct event event;

	if (take_event(port->rig, &event))
		fail_msg("%s:%d: expected no event, got %u %s", where.file, where.line, event.kind,
			 reason_name(event.reason));
}
