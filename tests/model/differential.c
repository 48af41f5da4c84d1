// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs cannot be given a clock, so the model's starts with theirs, and where a sequence
 * makes it jump, every stamp in the maps goes back by as much. Limits of time lie 500 jiffies away
 * from where jumps lead; a sequence that takes longer than half of that (a suspended machine) is
 * run again.
 */
#include "tests/model/differential.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

#include "hostd/datapath/queries/names.h"
#include "tests/bpf/push_tag.skel.h"
#include "tests/harness/rig.h"
#include "tests/harness/rig_internal.h"
#include "tests/harness/test.h"
#include "tests/model/programs.h"
#include "vmseg.skel.h"

/* As the rate and fragments are told: 30 seconds are 1500 jiffies. */
#define HZ 50

/* Jiffies that a sequence may take. Where the two disagree, so few that the rate's bucket has not
 * got another token meanwhile: one comes every HZ jiffies. */
#define LATE     250
#define PUNCTUAL (HZ - 10)

/* ---- setting up ----------------------------------------------------------------------------- */

static void put_settings_in_force(struct arena *arena, const struct settings_setup *setup)
{
	struct settings settings = {
		.abi = VMSEG_ABI,
		.hz = HZ,
		.event_rate = 1000000, /* none is held back */
		.event_burst = 1000000,
	};

	memcpy(settings.timeout, setup->timeout, sizeof(setup->timeout));
	arena->model.settings = settings;
	arena->port->rig->settings = settings;
	apply_rig_settings(arena->port->rig);
}

static void fill_addresses(struct port *record, const struct port_setup *setup)
{
	record->address_count = setup->address_count;
	for (uint32_t i = 0; i < setup->address_count; i++) {
		struct address_prefix *prefix = &record->addresses[i];
		uint8_t mask[ADDRESS_BYTES] = {0};

		for (int bit = 0; bit < setup->addresses[i].bits; bit++)
			mask[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
		memcpy(prefix->mask, mask, sizeof(mask));
		memcpy(prefix->address, setup->addresses[i].address, ADDRESS_BYTES);
	}
}

static struct port make_record(const struct arena *arena, const struct port_setup *setup)
{
	struct port record = {
		.guards = setup->guards,
		.flags = setup->flags,
		.generation = arena->port->record.generation,
		.image = setup->policy->image,
		.unconfirmed = setup->unconfirmed,
		.vlan_count = (uint16_t)setup->vlan_count,
	};

	memcpy(record.mac, VM->mac, MAC_BYTES);
	memcpy(record.limits, setup->limits, sizeof(setup->limits));
	record.limits[LIMIT_SESSIONS_PER_REMOTE] = arena->sessions_per_remote;
	memcpy(record.vlans, setup->vlans, sizeof(setup->vlans));
	fill_addresses(&record, setup);
	return record;
}

static void put_port_in_force(struct arena *arena, const struct port_setup *setup)
{
	struct model *model = &arena->model;
	struct rig_port *port = arena->port;

	port->record = make_record(arena, setup);
	if (setup->pickup)
		port->record.pickup_until = (uint32_t)(model->now - arena->jumped) + setup->pickup;
	publish_port(port);
	if (setup->absent)
		withdraw_port(port);
	name_port(port);

	model->port = port->record;
	model->policy = setup->policy->parts.effective;
	model->hits = setup->policy->hits;
	model->absent = setup->absent;
	if (setup->pickup)
		model->port.pickup_until = (uint32_t)model->now + setup->pickup;
}

/* What cannot change while there are sessions is said by the first port step. */
static const struct port_setup *find_first_port(const struct sequence *sequence,
						const struct port_setup *usual)
{
	for (size_t i = 0; i < sequence->count; i++) {
		if (sequence->steps[i].kind == STEP_PORT)
			return &sequence->steps[i].port;
	}
	return usual;
}

/* The port whose table is that large; the last one's is made so if need be. */
static void choose_port(struct arena *arena, uint32_t limit)
{
	int i = 0;

	while (i < ARENA_PORTS - 1 && arena->limits[i] != limit)
		i++;
	if (arena->limits[i] != limit)
		set_session_limit(arena->ports[i], limit);
	arena->limits[i] = limit;
	arena->port = arena->ports[i];
}

/* What is counted from now on is compared. A policy that comes up twice is read twice. */
static void note_hits(struct arena *arena, struct model_policy *policy)
{
	for (size_t i = 0; i < count_rule_counters(policy); i++) {
		policy->hits[i] = (struct counter){0};
		policy->before[i] = read_rule_hits(arena->port, policy->rule_base + (uint32_t)i);
	}
}

static void begin_counting(struct arena *arena, const struct sequence *sequence,
			   struct model_policy *usual)
{
	struct event event;

	for (uint32_t i = 0; i < 2; i++)
		read_rig_stats(arena->port->rig, i * arena->port->slot, &arena->before[i]);
	note_hits(arena, usual);
	for (size_t i = 0; i < sequence->count; i++) {
		if (sequence->steps[i].kind == STEP_PORT)
			note_hits(arena, sequence->steps[i].port.policy);
	}
	while (take_event(arena->port->rig, &event))
		;
}

static void begin_sequence(struct arena *arena, const struct sequence *sequence)
{
	struct port_setup usual =
		usual_port(pool_policy(&arena->pool, "<default in='allow' out='allow'/>"));
	const struct port_setup *first = find_first_port(sequence, &usual);
	const struct settings_setup settings = usual_settings();

	if (arena->model.fragment_count) /* of the last sequence */
		clear_port_fragments(arena->port);
	choose_port(arena, first->limits[LIMIT_SESSIONS]);
	clear_port_tables(arena->port);
	clear_port_state(arena->port);
	begin_counting(arena, sequence, usual.policy);
	reset_model(&arena->model);
	arena->jumped = 0;
	arena->sessions_per_remote = first->limits[LIMIT_SESSIONS_PER_REMOTE];
	arena->model.session_limit = first->limits[LIMIT_SESSIONS];
	arena->model.now = read_program_clock(arena->port);
	put_settings_in_force(arena, &settings);
	put_port_in_force(arena, &usual);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* Two datagrams may fall into one of the few places that the programs have for them; then the older
 * one's rest is dropped. */
static bool has_lost_first(struct arena *arena, const struct step *step, enum reason said,
			   struct opinion *opinion)
{
	if (opinion->reason == REASON_FRAGMENT_FOLLOWS)
		arena->followers++;
	if (opinion->reason != REASON_FRAGMENT_FOLLOWS || said != REASON_FRAGMENT ||
	    !forget_first(&arena->model, step->direction, &step->packet, opinion))
		return false;
	arena->collisions++;
	return true;
}

static bool agree_on_dry_run(const struct arena *arena, const struct program_answer *dry,
			     const struct opinion *opinion, char difference[512])
{
	bool absent = arena->model.absent, same = dry->reason == opinion->reason;
	uint32_t slot = absent ? 0 : arena->port->slot;
	uint32_t generation = absent ? 0 : arena->model.port.generation;
	/* A spoofed packet may have the key of a session, or not. */
	bool has_session =
		opinion->reason == REASON_GUARD_IP ? dry->has_session : opinion->has_session;

	/* Only an insertion tells whether a table is full, and a dry run makes none. */
	if (opinion->reason == REASON_SESSION_LIMIT)
		same = dry->reason == REASON_NEW || dry->reason == REASON_PICKED_UP;
	if (same && dry->verdict == opinion->verdict && dry->has_session == has_session &&
	    dry->slot == slot && dry->generation == generation)
		return true;
	snprintf(difference, 512,
		 "model: %s, verdict %x%s; dry run: %s, verdict %x%s, slot %u, generation %u",
		 reason_name(opinion->reason), opinion->verdict,
		 opinion->has_session ? ", has session" : "", reason_name(dry->reason),
		 dry->verdict, dry->has_session ? ", has session" : "", dry->slot, dry->generation);
	return false;
}

static bool is_event(const struct event *event, const struct model_event *mine)
{
	bool session = mine->kind != EVENT_DENIED;

	return event->kind == (uint32_t)mine->kind && event->reason == mine->reason &&
	       event->direction == mine->direction && event->audit == mine->audit &&
	       event->verdict == mine->verdict &&
	       (!session || !memcmp(&event->key, &mine->key, sizeof(mine->key))) &&
	       !memcmp(event->total, mine->total, sizeof(mine->total));
}

static bool agree_on_events(struct arena *arena, char difference[512])
{
	const struct model *model = &arena->model;
	struct event event;

	for (size_t i = 0; i < model->event_count; i++) {
		const struct model_event *mine = &model->events[i];
		bool any = take_event(arena->port->rig, &event);

		if (any && is_event(&event, mine))
			continue;
		snprintf(difference, 512,
			 "event: model %d %s verdict %x packets %llu/%llu, programs %d %s verdict "
			 "%x "
			 "packets %llu/%llu",
			 mine->kind, reason_name(mine->reason), mine->verdict,
			 (unsigned long long)mine->total[0].packets,
			 (unsigned long long)mine->total[1].packets, any ? (int)event.kind : 0,
			 any ? reason_name(event.reason) : "", any ? event.verdict : 0,
			 any ? (unsigned long long)event.total[0].packets : 0,
			 any ? (unsigned long long)event.total[1].packets : 0);
		return false;
	}
	if (!take_event(arena->port->rig, &event))
		return true;
	snprintf(difference, 512, "event: model none, programs %u %s", event.kind,
		 reason_name(event.reason));
	return false;
}

static bool is_expected(const struct step *step, const struct program_answer *real,
			enum reason reason, char difference[512])
{
	if (step->expected == EXPECT_NOTHING || real->pass == (step->expected == EXPECT_PASS))
		return true;
	snprintf(difference, 512, "must %s, programs: %s (%s)",
		 step->expected == EXPECT_PASS ? "pass" : "be dropped",
		 real->pass ? "pass" : "drop", reason_name(reason));
	return false;
}

static bool agree_on_frame(struct arena *arena, const struct step *step, char difference[512])
{
	struct program_answer dry, real;
	struct opinion opinion;

	/* BPF_PROG_TEST_RUN takes no frame that says IP and ends inside its header. */
	if (!ask_program(arena->port, step->direction, true, &step->packet, &dry))
		return true;
	ask_program(arena->port, step->direction, false, &step->packet, &real);
	opinion = ask_model(&arena->model, step->direction, &step->packet);
	arena->frames++;
	arena->seen[step->direction][opinion.reason]++;
	has_lost_first(arena, step, dry.reason, &opinion);
	if (!is_expected(step, &real, dry.reason, difference))
		return false;
	if (!agree_on_dry_run(arena, &dry, &opinion, difference))
		return false;
	if (real.pass == opinion.pass)
		return agree_on_events(arena, difference);
	snprintf(difference, 512, "model: %s %s, program: %s", opinion.pass ? "pass" : "drop",
		 reason_name(opinion.reason), real.pass ? "pass" : "drop");
	return false;
}

/* ---- what is left behind -------------------------------------------------------------------- */

static bool agree_on_counter(const char *what, enum direction direction, struct counter model,
			     struct counter before, struct counter after, char difference[512])
{
	struct counter counted = {after.packets - before.packets, after.bytes - before.bytes};

	if (model.packets == counted.packets && model.bytes == counted.bytes)
		return true;
	snprintf(difference, 512, "counted %s %s: model %llu (%llu bytes), programs %llu (%llu)",
		 direction == DIRECTION_OUT ? "out" : "in", what, (unsigned long long)model.packets,
		 (unsigned long long)model.bytes, (unsigned long long)counted.packets,
		 (unsigned long long)counted.bytes);
	return false;
}

static bool agree_on_stats(const struct port_stats *model, const struct port_stats *before,
			   const struct port_stats *after, char difference[512])
{
	for (int d = 0; d < 2; d++) {
		for (int r = 0; r < REASON_COUNT; r++) {
			if (!agree_on_counter(reason_name(r), d, model->by_reason[d][r],
					      before->by_reason[d][r], after->by_reason[d][r],
					      difference))
				return false;
		}
		if (!agree_on_counter("audited", d, model->audited[d], before->audited[d],
				      after->audited[d], difference))
			return false;
	}
	return true;
}

static uint8_t flags_of(const struct model_session *session)
{
	return (session->opened_out ? SESSION_OPENED_OUT : 0) |
	       (session->talk.picked_up ? SESSION_PICKED_UP : 0) |
	       (is_unconfirmed(&session->talk) && session->talk.first == DIRECTION_OUT
			? SESSION_FIRST_OUT
			: 0);
}

/* What a window says of its sender (abi.h). */
static bool is_window(const struct tcp_window *window, const struct speaker *speaker,
		      const struct talk *talk)
{
	if (!speaker->spoke)
		return !window->end && !window->fin_end && !window->max_window && !window->mark;
	if (talk->state == STATE_CLOSED &&
	    window->fin_end != talk->sent_at_reset[speaker - talk->side])
		return false;
	return window->end == speaker->end &&
	       window->mark == (speaker->has_acked ? speaker->acked : speaker->first) &&
	       (!speaker->finished || window->fin_end == speaker->fin) &&
	       window->max_window == speaker->window;
}

static uint8_t scale_of(int scale)
{
	return scale < 0 ? SCALE_UNKNOWN : (uint8_t)scale;
}

/* The latest SYN. */
static bool agree_on_attempt(const struct model_session *mine, const struct session *session,
			     char difference[512])
{
	const struct asking *asking = &mine->talk.asking;
	uint8_t flags = (asking->open ? ATTEMPT_OPEN : 0) | (asking->settled ? ATTEMPT_DONE : 0) |
			(asking->open && asking->rivalled ? ATTEMPT_RIVAL : 0) |
			(mine->talk.answered_twice ? ATTEMPT_TWICE : 0);

	if (flags && asking->by == DIRECTION_OUT)
		flags |= ATTEMPT_OUT;
	if (flags == session->attempt_flags && !flags)
		return true;
	if (flags && flags == session->attempt_flags &&
	    session->attempt.sequence == asking->first &&
	    (asking->settled ? session->attempt.answer == asking->answer
			     : session->attempt.length == asking->data &&
				       session->attempt.window == asking->window) &&
	    session->attempt_scale == scale_of(asking->scale))
		return true;
	snprintf(difference, 512,
		 "latest SYN: model flags %x number %u data %u window %u scale %d answer %u, "
		 "programs flags %x number %u data %u window %u scale %u answer %u",
		 flags, asking->first, asking->data, asking->window, asking->scale, asking->answer,
		 session->attempt_flags, session->attempt.sequence, session->attempt.length,
		 session->attempt.window, session->attempt_scale, session->attempt.answer);
	return false;
}

static bool agree_on_windows(const struct model_session *mine, const struct session *session,
			     char difference[512])
{
	for (int d = 0; d < 2; d++) {
		const struct speaker *speaker = &mine->talk.side[d];
		const struct tcp_window *window = &session->window[d];

		if (is_window(window, speaker, &mine->talk) && session->fin[d] == speaker->finished)
			continue;
		snprintf(difference, 512,
			 "window %s: model end %u FIN %u window %u first %u acked %u, programs "
			 "end %u FIN %u window %u mark %u",
			 d == DIRECTION_OUT ? "out" : "in", speaker->end, speaker->fin,
			 speaker->window, speaker->first, speaker->acked, window->end,
			 window->fin_end, window->max_window, window->mark);
		return false;
	}
	return true;
}

static bool agree_on_session(struct arena *arena, const struct session_key *key,
			     const struct session *session, char difference[512])
{
	const struct model_session *mine = find_model_session(&arena->model, key);
	uint8_t flags = session->flags & ~SESSION_GUARDED;

	/* Afterwards it says nothing any more. */
	if (session->state != STATE_TCP_UNCONFIRMED)
		flags &= ~SESSION_FIRST_OUT;
	uint32_t late;

	if (!mine) {
		snprintf(difference, 512, "the programs have a session too many: %s",
			 state_name(session->state));
		return false;
	}
	late = session->seen + (uint32_t)arena->jumped - (uint32_t)mine->seen;
	if (mine->state == session->state && flags_of(mine) == flags &&
	    mine->generation == session->generation && mine->verdict == session->verdict &&
	    !memcmp(mine->packets, session->packets, sizeof(mine->packets)) &&
	    !memcmp(mine->bytes, session->bytes, sizeof(mine->bytes)) && late <= LATE)
		return key->protocol != IPPROTO_TCP ||
		       (agree_on_windows(mine, session, difference) &&
			agree_on_attempt(mine, session, difference));
	snprintf(difference, 512,
		 "session of protocol %u: model %s flags %x generation %u verdict %x packets "
		 "%llu/%llu, programs %s flags %x generation %u verdict %x packets %llu/%llu, "
		 "refreshed %u jiffies later",
		 key->protocol, state_name(mine->state), flags_of(mine), mine->generation,
		 mine->verdict, (unsigned long long)mine->packets[0],
		 (unsigned long long)mine->packets[1], state_name(session->state), flags,
		 session->generation, session->verdict, (unsigned long long)session->packets[0],
		 (unsigned long long)session->packets[1], late);
	return false;
}

/* The counts that limits use are those of the sessions that are there. */
static bool agree_on_counts(struct arena *arena, char difference[512])
{
	struct port_state state = read_rig_port_state(arena->port);
	int64_t half_open = 0, unconfirmed = 0, remote;

	for (size_t i = 0; i < arena->model.session_count; i++) {
		const struct model_session *session = &arena->model.sessions[i];

		half_open +=
			session->state == STATE_SYN_SENT || session->state == STATE_SYN_RECEIVED;
		unconfirmed += session->state == STATE_TCP_UNCONFIRMED;
		if (!arena->sessions_per_remote)
			continue;
		remote = count_remote_sessions(arena->port, &session->key);
		if (remote != (int64_t)count_model_remote(&arena->model, &session->key)) {
			snprintf(difference, 512, "the programs count %lld sessions with a remote",
				 (long long)remote);
			return false;
		}
	}
	if (state.half_open == half_open && state.unconfirmed == unconfirmed)
		return true;
	snprintf(difference, 512,
		 "half-open: model %lld, programs %lld, unconfirmed: model %lld, programs %lld",
		 (long long)half_open, (long long)state.half_open, (long long)unconfirmed,
		 (long long)state.unconfirmed);
	return false;
}

static bool agree_on_sessions(struct arena *arena, char difference[512])
{
	struct session_key key, *previous = NULL;
	struct session session;
	size_t count = 0;

	while (!bpf_map_get_next_key(arena->port->sessions, previous, &key)) {
		if (bpf_map_lookup_elem(arena->port->sessions, &key, &session))
			fail_msg("a session is gone by itself");
		if (!agree_on_session(arena, &key, &session, difference))
			return false;
		previous = &key;
		count++;
	}
	if (count == arena->model.session_count)
		return true;
	snprintf(difference, 512, "sessions: model %zu, programs %zu", arena->model.session_count,
		 count);
	return false;
}

static bool agree_on_policy_hits(struct arena *arena, const struct model_policy *policy,
				 char difference[512])
{
	for (size_t i = 0; i < count_rule_counters(policy); i++) {
		struct counter after = read_rule_hits(arena->port, policy->rule_base + (uint32_t)i);
		char what[64];

		snprintf(what, sizeof(what), "or in, rule %zu", i);
		if (!agree_on_counter(what, DIRECTION_OUT, policy->hits[i], policy->before[i],
				      after, difference))
			return false;
	}
	return true;
}

static bool agree_on_hits(struct arena *arena, const struct sequence *sequence,
			  char difference[512])
{
	for (size_t i = 0; i < sequence->count; i++) {
		if (sequence->steps[i].kind == STEP_PORT &&
		    !agree_on_policy_hits(arena, sequence->steps[i].port.policy, difference))
			return false;
	}
	return true;
}

static bool agree_on_rest(struct arena *arena, const struct sequence *sequence,
			  char difference[512])
{
	const struct port_stats *expected[] = {&arena->model.unheard, &arena->model.stats};
	struct port_stats after;

	for (uint32_t i = 0; i < 2; i++) {
		read_rig_stats(arena->port->rig, i * arena->port->slot, &after);
		if (!agree_on_stats(expected[i], &arena->before[i], &after, difference))
			return false;
	}
	return agree_on_sessions(arena, difference) && agree_on_counts(arena, difference) &&
	       agree_on_hits(arena, sequence, difference);
}

/* ---- a sequence ----------------------------------------------------------------------------- */

static bool agree_on_sweep(struct arena *arena, char difference[512])
{
	size_t mine, logged = 0, events = 0;
	struct event event;
	uint32_t programs;

	if (arena->model.absent) /* the daemon sweeps ports */
		return true;
	programs = sweep_programs(arena->port);
	mine = sweep_model(&arena->model, &logged);
	while (take_event(arena->port->rig, &event))
		events++;
	if (programs == mine && events == logged)
		return true;
	snprintf(difference, 512, "sweep: model %zu, %zu reported, programs %u, %zu reported", mine,
		 logged, programs, events);
	return false;
}

static bool agree_on_step(struct arena *arena, const struct step *step, char difference[512])
{
	switch (step->kind) {
	case STEP_PORT:
		put_port_in_force(arena, &step->port);
		return true;
	case STEP_SETTINGS:
		put_settings_in_force(arena, &step->settings);
		return true;
	case STEP_JUMP:
		arena->model.now += step->jiffies;
		arena->jumped += step->jiffies;
		turn_back_stamps(arena->port, step->jiffies, arena->model.fragment_count);
		return true;
	case STEP_SWEEP:
		return agree_on_sweep(arena, difference);
	case STEP_FRAME:
		break;
	}
	return agree_on_frame(arena, step, difference);
}

static bool agree_once(struct arena *arena, const struct sequence *sequence, char difference[512])
{
	char why[512];

	begin_sequence(arena, sequence);
	for (size_t i = 0; i < sequence->count; i++) {
		if (!agree_on_step(arena, &sequence->steps[i], why)) {
			snprintf(difference, 512, "step %zu: %.480s", i + 1, why);
			return false;
		}
	}
	return agree_on_rest(arena, sequence, difference);
}

bool agree_on(struct arena *arena, const struct sequence *sequence, char ret_difference[512])
{
	for (int tries = 0; tries < 10; tries++) {
		bool agree = agree_once(arena, sequence, ret_difference);
		uint64_t now = read_program_clock(arena->port) + arena->jumped;

		if ((uint32_t)(now - arena->model.now) < (agree ? LATE : PUNCTUAL))
			return agree;
	}
	fail_msg("this machine is too slow for a clock of jiffies");
	return false;
}

/* ---- shrinking ------------------------------------------------------------------------------ */

static void leave_out(struct sequence *sequence, size_t first, size_t count)
{
	memmove(&sequence->steps[first], &sequence->steps[first + count],
		(sequence->count - first - count) * sizeof(sequence->steps[0]));
	sequence->count -= count;
}

/* Pieces of the size given, from the end: what is left out there is what comes after the fault. */
static bool shrink_by(struct arena *arena, struct sequence *sequence, size_t size)
{
	static struct sequence smaller;
	char difference[512];
	bool shrunk = false;

	for (size_t first = sequence->count; first > 0;) {
		size_t count = first < size ? first : size;

		first -= count;
		smaller = *sequence;
		leave_out(&smaller, first, count);
		if (!agree_on(arena, &smaller, difference)) {
			*sequence = smaller;
			shrunk = true;
		}
	}
	return shrunk;
}

void shrink_sequence(struct arena *arena, struct sequence *sequence)
{
	for (size_t size = sequence->count / 2; size > 1; size /= 2)
		shrink_by(arena, sequence, size);
	while (shrink_by(arena, sequence, 1))
		;
}

/* ---- the arena ------------------------------------------------------------------------------ */

void open_arena(struct arena *arena, struct rig_port *port)
{
	static const uint32_t limits[ARENA_PORTS] = {USUAL_LIMIT, SMALL_LIMIT, TINY_LIMIT};

	memset(arena, 0, sizeof(*arena));
	for (int i = 0; i < ARENA_PORTS; i++) {
		arena->ports[i] = sibling(port, i);
		arena->limits[i] = limits[i];
		clear_port_fragments(arena->ports[i]);
		set_session_limit(arena->ports[i], limits[i]);
	}
	clear_policies(arena);
}

void clear_policies(struct arena *arena)
{
	empty_pool(&arena->pool);
	arena->pool.port = arena->ports[0];
	free_images(arena->ports[0]);
}

void close_arena(struct arena *arena)
{
	empty_pool(&arena->pool);
}
