// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sessions: who may open one, who follows one, what is related to one. Decisions where the contract
 * is silent:
 *
 * - An ICMP message that is neither query, reply nor error is keyed like a query without an
 *   identifier: its type is the other side's port, so that permission for one type is none for
 *   another.
 * - Mid-stream, the opener is told by the ports. A service's port is one below 32768, or one that a
 *   rule (not the default) lets connections to in. From 512 to 1023 it is a client's by number if
 *   the other side's is from 1024 to 32767 (NFS). If the port of one side only is a service's, the
 *   other is the opener. Otherwise policy has to allow both, and the remote is taken for it.
 * - What is picked up does not count for the rate of new sessions. It is unconfirmed until the
 * other side has answered; of those there are so many at most, and half as many that begin with
 *   what the VM receives. Beyond that, and where a limit refuses the session, what policy allows
 *   passes without one. It does not count for its remote. A SYN changes nothing of it but counts
 *   for the limits. While the pick-up window is open a reset takes it away.
 * - While the window is open, a session of a SYN that nobody has answered becomes one that is
 *   picked up when a segment from the middle of another connection comes that policy allows so.
 * - A SYN on the ports of a connection that is over is judged as a new one, and the old one stays
 *   until the new one is answered; but an old one of another generation is not judged any more, and
 *   makes way at once.
 * - The same addresses in two VLANs are other hosts: for sessions, their limits, fragments, errors
 *   and answers alike.
 * - A session of another generation vouches for nothing else (errors, answers) until a packet of
 * its own has been judged again.
 * - An answer to a request to many is known by its ports, wherever it is addressed to.
 * - Where an identifier equals a type, pings in both directions have the same key; then the first
 * is the session, and only its own side asks.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "tests/model/model.h"

#define UDPLITE 136

#define FIRST_REGISTERED_PORT 1024
#define FIRST_CLIENT_PORT     32768 /* Linux, ip_local_port_range; others' are above */

/* ---- keys and questions --------------------------------------------------------------------- */

static bool is_icmp(const struct reading *r)
{
	return r->message != MESSAGE_NONE;
}

/* The sender's port and the other side's, as a session's key has them. */
static void find_ports(const struct reading *r, uint16_t *sender, uint16_t *receiver)
{
	*sender = r->source_port;
	*receiver = r->destination_port;
	if (r->message == MESSAGE_REPLY) {
		*sender = query_of(r->family, r->type);
		*receiver = r->identifier;
	} else if (is_icmp(r)) {
		*sender = r->message == MESSAGE_QUERY ? r->identifier : 0;
		*receiver = r->type;
	}
}

static struct session_key find_key(enum direction direction, const struct reading *r)
{
	struct session_key key = {.protocol = r->protocol};
	uint16_t sender, receiver;

	find_ports(r, &sender, &receiver);
	set_key_vlans(&key, r->vlans);
	if (direction == DIRECTION_IN) {
		memcpy(key.remote, r->source, ADDRESS_BYTES);
		memcpy(key.local, r->destination, ADDRESS_BYTES);
		key.remote_port = htons(sender);
		key.local_port = htons(receiver);
		return key;
	}
	memcpy(key.remote, r->destination, ADDRESS_BYTES);
	/* A request to many is from no address of its family: the guest may not have its own yet.
	 */
	if (!is_to_many(r))
		memcpy(key.local, r->source, ADDRESS_BYTES);
	else if (r->family == FAMILY_V4)
		key.local[2] = htonl(0xffff);
	key.remote_port = htons(receiver);
	key.local_port = htons(sender);
	return key;
}

static struct question find_question(enum direction direction, const struct reading *r)
{
	struct question question = {
		.direction = direction,
		.protocol = r->protocol,
		.port = is_icmp(r) ? (uint16_t)(r->type << 8 | r->code) : r->destination_port,
		.source_port = r->source_port,
	};

	memcpy(question.remote, direction == DIRECTION_OUT ? r->destination : r->source,
	       ADDRESS_BYTES);
	return question;
}

/* The same two ends, had the other one spoken first. */
static struct question turn_question(struct question question)
{
	uint16_t port = question.port;

	question.direction = !question.direction;
	question.port = question.source_port;
	question.source_port = port;
	return question;
}

/* ---- the list ------------------------------------------------------------------------------- */

struct model_session *find_model_session(struct model *model, const struct session_key *key)
{
	for (size_t i = 0; i < model->session_count; i++) {
		if (!memcmp(&model->sessions[i].key, key, sizeof(*key)))
			return &model->sessions[i];
	}
	return NULL;
}

static bool is_expired(const struct model *model, const struct model_session *session)
{
	return model->now - session->seen >= model->settings.timeout[session->state];
}

static struct model_session *find_live(struct model *model, const struct session_key *key)
{
	struct model_session *session = find_model_session(model, key);

	return session && !is_expired(model, session) ? session : NULL;
}

static void report_end(struct model *model, const struct model_session *session,
		       enum direction direction, enum reason reason)
{
	struct model_event event = {
		.kind = EVENT_ENDED,
		.reason = reason,
		.direction = direction,
		.verdict = session->verdict,
		.key = session->key,
	};

	for (int d = 0; d < 2; d++)
		event.total[d] = (struct counter){session->packets[d], session->bytes[d]};
	add_model_event(model, &event);
}

static void remove_session(struct model *model, struct model_session *session)
{
	*session = model->sessions[--model->session_count];
}

/* What has run out or is closed; reported if its rule wants so. */
static void end_over_session(struct model *model, struct model_session *session)
{
	if (session->verdict & VERDICT_LOG)
		report_end(model, session, session->opened_out ? DIRECTION_OUT : DIRECTION_IN,
			   REASON_ESTABLISHED);
	remove_session(model, session);
}

size_t sweep_model(struct model *model, size_t *ret_reported)
{
	size_t ended = 0;

	*ret_reported = 0;

	for (size_t i = model->session_count; i-- > 0;) {
		if (is_expired(model, &model->sessions[i])) {
			*ret_reported += !!(model->sessions[i].verdict & VERDICT_LOG);
			end_over_session(model, &model->sessions[i]);
			ended++;
		}
	}
	return ended;
}

static bool is_half_open(const struct model_session *session)
{
	return session->state == STATE_SYN_SENT || session->state == STATE_SYN_RECEIVED;
}

/* ---- TCP ------------------------------------------------------------------------------------ */

static bool is_opening_syn(const struct reading *r)
{
	return r->protocol == IPPROTO_TCP && (r->flags & (SYN | ACK | FIN | RST)) == SYN;
}

/* What is over, and was judged by another policy, makes way for a new connection at once. */
static bool is_succeeded(const struct model *model, const struct model_session *session,
			 const struct reading *r)
{
	return is_opening_syn(r) && session->generation != model->port.generation &&
	       (session->state == STATE_TIME_WAIT || session->state == STATE_CLOSED);
}

static bool is_pickup_time(const struct model *model)
{
	uint32_t until = model->port.pickup_until;

	return until && (int32_t)(until - (uint32_t)model->now) > 0;
}

static bool may_pick_up(const struct model *model, const struct reading *r)
{
	return is_pickup_time(model) && r->flags & ACK && !(r->flags & (SYN | RST));
}

/* ---- limits --------------------------------------------------------------------------------- */

static size_t count_half_open(const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->session_count; i++)
		count += is_half_open(&model->sessions[i]);
	return count;
}

size_t count_model_remote(const struct model *model, const struct session_key *key)
{
	size_t count = 0;

	for (size_t i = 0; i < model->session_count; i++)
		count += model->sessions[i].state != STATE_TCP_UNCONFIRMED &&
			 key_vlans(&model->sessions[i].key) == key_vlans(key) &&
			 !memcmp(model->sessions[i].key.remote, key->remote, ADDRESS_BYTES);
	return count;
}

/* A bucket of session_burst sessions that fills by session_rate a second. */
static bool is_within_rate(struct model *model)
{
	const struct port *port = &model->port;
	uint64_t cost = model->settings.hz, most = cost * port->limits[LIMIT_SESSION_BURST];

	if (!port->limits[LIMIT_SESSION_RATE])
		return true;
	if (!model->spent) {
		model->credit = most;
		model->credited = model->now;
	}
	model->credit += (model->now - model->credited) * port->limits[LIMIT_SESSION_RATE];
	if (model->credit > most)
		model->credit = most;
	model->credited = model->now;
	model->spent = true;
	if (model->credit < cost)
		return false;
	model->credit -= cost;
	return true;
}

/* `leaving`: a session that is over and would make room, or NULL. The rate comes last of those that
 * are known beforehand, because it spends. */
static int check_limits(struct model *model, const struct model_session *leaving,
			const struct session_key *key, bool handshake, bool midstream)
{
	const struct port *port = &model->port;
	size_t fewer = leaving ? 1 : 0;

	if (handshake && port->limits[LIMIT_HALF_OPEN] &&
	    count_half_open(model) >= port->limits[LIMIT_HALF_OPEN])
		return REASON_HALF_OPEN_LIMIT;
	if (port->limits[LIMIT_SESSIONS_PER_REMOTE] &&
	    count_model_remote(model, key) - (leaving && leaving->state != STATE_TCP_UNCONFIRMED) >=
		    port->limits[LIMIT_SESSIONS_PER_REMOTE])
		return REASON_REMOTE_LIMIT;
	if (!midstream && !is_within_rate(model))
		return REASON_RATE_LIMIT;
	if (model->session_count - fewer >= model->session_limit ||
	    model->session_count - fewer == MODEL_SESSIONS_MAX)
		return REASON_SESSION_LIMIT;
	return GO_ON;
}

/* ---- following ------------------------------------------------------------------------------ */

static bool is_running_out(enum session_state state)
{
	return state == STATE_CLOSED || state == STATE_TIME_WAIT;
}

/* `before`: the state that the packet found. */
static void touch(struct model *model, struct model_session *session, enum direction direction,
		  enum session_state before, const struct reading *r)
{
	bool asks_again = is_opening_syn(r) && before != STATE_SYN_SENT;

	if (!asks_again && !(is_running_out(before) && is_running_out(session->state)))
		session->seen = model->now;
	session->packets[direction]++;
	session->bytes[direction] += r->length;
}

/* What the session was before is over. */
static void count_anew(struct model *model, struct model_session *session)
{
	if (session->verdict & VERDICT_LOG)
		report_end(model, session, session->opened_out ? DIRECTION_OUT : DIRECTION_IN,
			   REASON_ESTABLISHED);
	for (int d = 0; d < 2; d++)
		session->packets[d] = session->bytes[d] = 0;
}

static int follow(struct model *model, struct model_session *session, enum direction direction,
		  const struct reading *r)
{
	enum session_state before = session->state;

	if (r->protocol == IPPROTO_TCP) {
		bool liberal = !(model->port.guards & GUARD_TCP_WINDOW);
		bool anew = false;
		int reason = follow_talk(&session->talk, direction, r, liberal, &anew);

		if (reason != REASON_ESTABLISHED)
			return reason;
		if (anew && before != STATE_SYN_SENT && before != STATE_SYN_RECEIVED)
			count_anew(model, session);
		session->state = session->talk.state;
		session->opened_out = session->talk.opener == DIRECTION_OUT;
	} else if ((direction == DIRECTION_OUT) != session->opened_out) {
		if (r->message == MESSAGE_QUERY)
			return REASON_ICMP_STATE;
		session->state = STATE_REPLIED;
	} else if (r->message == MESSAGE_REPLY) {
		return REASON_ICMP_STATE;
	}
	touch(model, session, direction, before, r);
	return REASON_ESTABLISHED;
}

/* A session of another generation, by what the policy now in force says. */
static bool may_go_on(const struct model_session *session, uint32_t cell)
{
	return cell & VERDICT_ALLOW || session->verdict & VERDICT_KEEP_ESTABLISHED;
}

/* Another connection on the session's ports, which `opener` would open. */
static struct opinion judge_another(struct model *model, struct model_session *session,
				    enum direction direction, enum direction opener,
				    const struct reading *r)
{
	struct question question = find_question(direction, r);
	struct opinion opinion = {.has_session = true};
	bool is_new = is_opening_syn(r) &&
		      (is_running_out(session->state) || is_unconfirmed(&session->talk)) &&
		      !is_known_asking(&session->talk, direction, r);
	bool begins = !is_opening_syn(r) && !is_half_open(session);
	int refusal;

	if (opener != direction)
		question = turn_question(question);
	opinion.verdict = ask_rules(model, &question);
	opinion.reason = REASON_POLICY;
	if (!(opinion.verdict & VERDICT_ALLOW))
		return opinion;
	refusal = is_new ? check_limits(model, session, &session->key, true, false) : GO_ON;
	if (begins && model->port.limits[LIMIT_HALF_OPEN] &&
	    count_half_open(model) >= model->port.limits[LIMIT_HALF_OPEN])
		refusal = REASON_HALF_OPEN_LIMIT;
	opinion.reason = refusal;
	if (refusal != GO_ON)
		return opinion;
	opinion.reason = follow(model, session, direction, r);
	if (opinion.reason == REASON_ESTABLISHED && session->talk.started) {
		session->verdict = opinion.verdict;
		session->question = question;
	}
	if (opinion.reason == REASON_ESTABLISHED && is_new) {
		session->seen = model->now; /* the answer is to find it */
		opinion.reason = REASON_NEW;
	}
	opinion.key = session->key;
	return opinion;
}

static bool is_service(uint16_t port, uint16_t other, uint32_t cell)
{
	bool is_registered = other >= FIRST_REGISTERED_PORT && other < FIRST_CLIENT_PORT;
	bool is_privileged_client = port >= 512 && port < FIRST_REGISTERED_PORT && is_registered;

	return (port < FIRST_CLIENT_PORT && !is_privileged_client) ||
	       (cell & VERDICT_ALLOW && cell & VERDICT_RULE_MASK);
}

/* Who has opened the connection that this segment is from the middle of, and policy's cell for
 * that.
 */
static uint32_t ask_about_middle(struct model *model, struct question *question)
{
	bool is_in = question->direction == DIRECTION_IN;
	struct question in = is_in ? *question : turn_question(*question);
	struct question out = turn_question(in);
	uint32_t in_cell = ask_rules(model, &in), out_cell = ask_rules(model, &out);
	bool local = is_service(in.port, out.port, in_cell);
	bool remote = is_service(out.port, in.port, out_cell);

	*question = remote && !local ? out : in;
	if (local != remote)
		return local ? in_cell : out_cell;
	return in_cell & VERDICT_ALLOW && !(out_cell & VERDICT_ALLOW) ? out_cell : in_cell;
}

static bool has_room_for_unconfirmed(const struct model *model, enum direction direction)
{
	uint32_t room = model->port.unconfirmed, count = 0;

	for (size_t i = 0; i < model->session_count; i++)
		count += model->sessions[i].state == STATE_TCP_UNCONFIRMED;
	return count < (direction == DIRECTION_OUT ? room : room / 2);
}

/* A segment of a connection that was open before the SYN that the session has begun with. */
static struct opinion judge_older(struct model *model, struct model_session *session,
				  enum direction direction, const struct reading *r)
{
	struct question question = find_question(direction, r);
	struct opinion opinion = {.has_session = true, .reason = REASON_POLICY};
	uint32_t cell = ask_about_middle(model, &question);

	if (!(cell & VERDICT_ALLOW))
		return opinion;
	opinion.verdict = cell;
	opinion.reason = REASON_PICKED_UP;
	opinion.key = session->key;
	if (!has_room_for_unconfirmed(model, direction))
		return opinion;
	pick_up_instead(&session->talk, question.direction, direction, r);
	session->state = session->talk.state;
	session->opened_out = question.direction == DIRECTION_OUT;
	session->question = question;
	session->verdict = cell;
	touch(model, session, direction, STATE_SYN_SENT, r);
	return opinion;
}

static struct opinion judge_session(struct model *model, struct model_session *session,
				    enum direction direction, const struct reading *r)
{
	struct opinion opinion = {.has_session = true};
	enum direction opener;
	bool resets;

	if (session->generation != model->port.generation) {
		opinion.verdict = ask_rules(model, &session->question);
		if (!may_go_on(session, opinion.verdict)) {
			opinion.reason = REASON_REVOKED;
			if (model->port.flags & PORT_AUDIT) /* which cuts nothing */
				return opinion;
			report_end(model, session, direction, REASON_REVOKED);
			remove_session(model, session);
			return opinion;
		}
		session->generation = model->port.generation;
		if (opinion.verdict & VERDICT_ALLOW)
			session->verdict = opinion.verdict;
	}
	if (r->protocol == IPPROTO_TCP && is_pickup_time(model) &&
	    is_older_than_syn(&session->talk, direction, r)) {
		struct opinion older = judge_older(model, session, direction, r);

		if (older.reason != REASON_POLICY)
			return older;
	}
	if (r->protocol == IPPROTO_TCP && begins_another(&session->talk, direction, r, &opener))
		return judge_another(model, session, direction, opener, r);
	resets = r->protocol == IPPROTO_TCP && is_pickup_time(model) &&
		 resets_unconfirmed(&session->talk, direction, r);
	opinion.reason = follow(model, session, direction, r);
	if (resets)
		end_over_session(model, session);
	return opinion;
}

/* ---- what is related ------------------------------------------------------------------------ */

static struct model_session *find_voucher(struct model *model, const struct session_key *key)
{
	struct model_session *session = find_live(model, key);

	return session && session->generation == model->port.generation ? session : NULL;
}

/* An ICMP error passes if it is about a packet of a live session and addressed to that packet's
 * sender. It travels against it. */
static int judge_error(struct model *model, enum direction direction, const struct reading *error)
{
	struct model_session *session;
	struct session_key key;
	struct reading about;
	int reason = read_quoted(error, &about);

	if (reason != GO_ON)
		return reason;
	if (memcmp(about.source, error->destination, ADDRESS_BYTES) ||
	    about.message == MESSAGE_ERROR) /* RFC 1122, 3.2.2 */
		return REASON_ICMP_STATE;
	about.vlans = error->vlans;
	key = find_key(!direction, &about);
	session = find_voucher(model, &key);
	if (!session)
		return REASON_ICMP_STATE;
	if (about.protocol == IPPROTO_TCP &&
	    !is_under_way(&session->talk, !direction, about.sequence))
		return REASON_ICMP_STATE;
	return REASON_RELATED;
}

static bool has_asked(struct model *model, const struct reading *r, const uint8_t *group,
		      uint16_t port, uint16_t from)
{
	struct model_session *session;
	struct session_key key = {
		.protocol = IPPROTO_UDP,
		.remote_port = htons(port),
		.local_port = htons(from),
	};

	set_key_vlans(&key, r->vlans);
	if (r->family == FAMILY_V4)
		key.local[2] = htonl(0xffff);
	memcpy(key.remote, group, ADDRESS_BYTES);
	session = find_voucher(model, &key);
	return session && session->opened_out;
}

/* A UDP packet to the guest without a session: the answer to what it asked many? */
static bool is_answer(struct model *model, enum direction direction, const struct reading *r)
{
	static const uint8_t everybody[ADDRESS_BYTES] = {[10] = 0xff, 0xff, 255, 255, 255, 255};
	static const uint8_t dhcpv6[ADDRESS_BYTES] = {0xff, 0x02, [13] = 1, 0, 2};
	static const uint8_t mdns[ADDRESS_BYTES] = {[10] = 0xff, 0xff, 224, 0, 0, 251};
	static const uint8_t mdns_v6[ADDRESS_BYTES] = {0xff, 0x02, [15] = 0xfb};
	bool v4 = r->family == FAMILY_V4;
	uint16_t from = r->source_port, to = r->destination_port;

	if (direction == DIRECTION_OUT || r->protocol != IPPROTO_UDP)
		return false;
	if (is_to_many(r) && from == to)
		return has_asked(model, r, r->destination, to, to);
	if (v4 && from == 67 && to == 68)
		return has_asked(model, r, everybody, 67, 68);
	if (!v4 && from == 547 && to == 546)
		return has_asked(model, r, dhcpv6, 547, 546);
	return from == 5353 && has_asked(model, r, v4 ? mdns : mdns_v6, 5353, to);
}

/* ---- opening -------------------------------------------------------------------------------- */

static void add_session(struct model *model, const struct session_key *key,
			const struct question *question, uint32_t cell, enum direction direction,
			const struct reading *r)
{
	struct model_session *session = &model->sessions[model->session_count++];

	*session = (struct model_session){
		.key = *key,
		.state = STATE_UNREPLIED,
		.opened_out = question->direction == DIRECTION_OUT,
		.generation = model->port.generation,
		.verdict = cell,
		.question = *question,
	};
	if (is_icmp(r)) /* that much of the question a session remembers */
		session->question.port &= 0xff00;
	if (r->protocol == IPPROTO_TCP) {
		open_talk(&session->talk, question->direction, direction, r);
		session->state = session->talk.state;
	}
	touch(model, session, direction, STATE_SYN_SENT, r);
}

static struct opinion open_session(struct model *model, const struct session_key *key,
				   enum direction direction, const struct reading *r)
{
	struct model_session *predecessor = find_model_session(model, key);
	struct question question = find_question(direction, r);
	struct opinion opinion = {.reason = REASON_NEW};
	bool handshake = is_opening_syn(r), midstream = r->protocol == IPPROTO_TCP && !handshake;
	int refusal;

	if (midstream) {
		opinion.reason = REASON_PICKED_UP;
		opinion.verdict = ask_about_middle(model, &question);
	} else {
		opinion.verdict = ask_rules(model, &question);
	}
	if (!(opinion.verdict & VERDICT_ALLOW)) {
		opinion.reason = REASON_POLICY;
		return opinion;
	}
	opinion.key = *key;
	if (midstream && !has_room_for_unconfirmed(model, direction))
		return opinion;
	/* What is over makes room for its successor. */
	if (predecessor)
		end_over_session(model, predecessor);
	refusal = check_limits(model, NULL, key, handshake, midstream);
	if (refusal != GO_ON)
		opinion.reason = midstream ? REASON_PICKED_UP : refusal;
	else
		add_session(model, key, &question, opinion.verdict, direction, r);
	return opinion;
}

struct opinion judge_flow(struct model *model, enum direction direction, const struct reading *r)
{
	struct session_key key = find_key(direction, r);
	struct model_session *session = find_live(model, &key);

	if (r->message == MESSAGE_ERROR)
		return (struct opinion){.reason = judge_error(model, direction, r)};
	if (session && !is_succeeded(model, session, r))
		return judge_session(model, session, direction, r);
	if (r->message == MESSAGE_REPLY)
		return (struct opinion){.reason = REASON_ICMP_STATE};
	if (r->protocol == IPPROTO_TCP && !is_opening_syn(r) && !may_pick_up(model, r))
		return (struct opinion){.reason = REASON_TCP_STATE};
	if (is_answer(model, direction, r))
		return (struct opinion){.reason = REASON_RELATED};
	return open_session(model, &key, direction, r);
}
