// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet's story from top to bottom, as the design tells it. */
#include "tests/model/model.h"

#include <linux/if_ether.h>
#include <string.h>

#define FRAGMENT_SECONDS 30 /* bpf/fragment.h */

static bool reason_passes(enum reason reason)
{
	enum { DROP = 0, PASS = 1 };
	static const bool passes[REASON_COUNT] = {
#define REASON(identifier, name, verdict, policy, help) [REASON_##identifier] = verdict,
#include "bpf/all_reasons.def"
#undef REASON
	};

	return passes[reason];
}

/* ---- fragments ------------------------------------------------------------------------------ */

static bool is_of_datagram(const struct model_fragment *first, enum direction direction,
			   const struct reading *r)
{
	/* Like the session of a request to many, such a datagram is known without the guest's
	 * address. */
	bool any_source = direction == DIRECTION_OUT && is_to_many(r);

	return first->direction == direction && first->family == r->family &&
	       first->datagram == r->datagram && first->vlans == r->vlans &&
	       /* RFC 791 has the protocol in it, RFC 8200 has not. */
	       (r->family == FAMILY_V6 || first->protocol == r->protocol) &&
	       (any_source || !memcmp(first->source, r->source, ADDRESS_BYTES)) &&
	       !memcmp(first->destination, r->destination, ADDRESS_BYTES);
}

static struct model_fragment *find_first(struct model *model, enum direction direction,
					 const struct reading *r)
{
	for (size_t i = 0; i < model->fragment_count; i++) {
		if (is_of_datagram(&model->fragments[i], direction, r))
			return &model->fragments[i];
	}
	return NULL;
}

static void remove_first(struct model *model, struct model_fragment *first)
{
	const struct model_fragment *end = &model->fragments[model->fragment_count--];

	memmove(first, first + 1, (size_t)((const char *)end - (const char *)(first + 1)));
}

static void remember_first(struct model *model, enum direction direction, const struct reading *r)
{
	struct model_fragment *first = find_first(model, direction, r);

	if (first)
		remove_first(model, first);
	else if (model->fragment_count == MODEL_FRAGMENTS_MAX)
		remove_first(model, model->fragments);
	first = &model->fragments[model->fragment_count++];
	*first = (struct model_fragment){
		.direction = direction,
		.family = r->family,
		.protocol = r->protocol,
		.datagram = r->datagram,
		.vlans = r->vlans,
		.end = r->part_length,
		.seen = model->now,
	};
	memcpy(first->source, r->source, ADDRESS_BYTES);
	memcpy(first->destination, r->destination, ADDRESS_BYTES);
}

/* A later part must not reach back into the first, whose header was judged (RFC 1858, RFC 5722),
 * nor beyond what a length field can say. */
static enum reason judge_later_part(struct model *model, enum direction direction,
				    const struct reading *r)
{
	const struct model_fragment *first = find_first(model, direction, r);
	uint64_t lifetime = (uint64_t)FRAGMENT_SECONDS * model->settings.hz;

	if (r->offset + r->part_length > UINT16_MAX)
		return REASON_BAD_LENGTH;
	if (!first || model->now - first->seen >= lifetime || r->offset < first->end)
		return REASON_FRAGMENT;
	return REASON_FRAGMENT_FOLLOWS;
}

/* ---- the story ------------------------------------------------------------------------------ */

static struct opinion judge_ip(struct model *model, enum direction direction, struct reading *r)
{
	int reason = read_ip(r);

	if (reason == GO_ON)
		reason = guard_ip_sender(model, direction, r);
	if (reason != GO_ON)
		return (struct opinion){.reason = reason};
	if (r->part == PART_LATER)
		return (struct opinion){.reason = judge_later_part(model, direction, r)};
	if (is_discovery(r))
		return (struct opinion){.reason = judge_discovery(model, direction, r)};
	if (is_membership(r))
		return (struct opinion){.reason = REASON_MULTICAST};
	return judge_flow(model, direction, r);
}

static struct opinion judge_frame(struct model *model, enum direction direction,
				  const struct packet *frame, struct reading *r)
{
	int reason = read_ethernet(frame, r);

	if (reason == GO_ON)
		reason = guard_frame(model, direction, r);
	if (reason != GO_ON)
		return (struct opinion){.reason = reason};
	switch (r->ethertype) {
	case ETH_P_IP:
	case ETH_P_IPV6:
		return judge_ip(model, direction, r);
	case ETH_P_ARP:
	case ETH_P_RARP:
		return (struct opinion){.reason = judge_arp_frame(model, direction, r)};
	default:
		return (struct opinion){.reason = model->port.guards & GUARD_OTHER_ETHERTYPES
							  ? REASON_GUARD_OTHER_ETHERTYPES
							  : REASON_OTHER_ETHERTYPES};
	}
}

static void count(struct counter *counter, const struct packet *frame)
{
	counter->packets++;
	counter->bytes += frame->length;
}

static void uncount(struct counter *counter, const struct packet *frame)
{
	counter->packets--;
	counter->bytes -= frame->length;
}

void add_model_event(struct model *model, const struct model_event *event)
{
	if (model->event_count == MODEL_EVENTS_MAX)
		return; /* a sweep's, which are only counted by their sessions */
	model->events[model->event_count++] = *event;
}

/* Policy denials and sessions are everyday: reported where the rule wants so. A revoked session has
 * been reported as it ended, unless that was an audit. Whatever else is dropped is worth a word. */
static bool is_worth_an_event(const struct opinion *opinion, bool accepted, bool audit)
{
	if (opinion->reason == REASON_POLICY || opinion->reason == REASON_NEW ||
	    opinion->reason == REASON_PICKED_UP)
		return opinion->verdict & VERDICT_LOG;
	if (opinion->reason == REASON_REVOKED)
		return audit;
	return !accepted;
}

static struct opinion conclude(struct model *model, enum direction direction,
			       const struct packet *frame, struct opinion opinion)
{
	bool audit = model->port.flags & PORT_AUDIT, accepted = reason_passes(opinion.reason);

	count(&model->stats.by_reason[direction][opinion.reason], frame);
	if (!accepted && audit)
		count(&model->stats.audited[direction], frame);
	if (is_worth_an_event(&opinion, accepted, audit)) {
		const struct model_event event = {
			.kind = accepted ? EVENT_NEW : EVENT_DENIED,
			.reason = opinion.reason,
			.direction = direction,
			.audit = !accepted && audit,
			.verdict = opinion.verdict,
			.key = opinion.key,
		};

		add_model_event(model, &event);
	}
	opinion.pass = accepted || audit;
	return opinion;
}

struct opinion ask_model(struct model *model, enum direction direction, const struct packet *frame)
{
	struct reading r;
	struct opinion opinion;

	model->event_count = 0;
	model->frame_length = frame->length;
	if (model->absent) {
		count(&model->unheard.by_reason[direction][REASON_NO_PORT], frame);
		return (struct opinion){.reason = REASON_NO_PORT};
	}
	if (model->port.flags & PORT_QUARANTINE)
		return conclude(model, direction, frame,
				(struct opinion){.reason = REASON_QUARANTINE});
	opinion = judge_frame(model, direction, frame, &r);
	if (reason_passes(opinion.reason) && r.family != FAMILY_NONE && r.part == PART_FIRST)
		remember_first(model, direction, &r);
	return conclude(model, direction, frame, opinion);
}

bool forget_first(struct model *model, enum direction direction, const struct packet *frame,
		  struct opinion *opinion)
{
	struct model_fragment *first;
	struct reading r;

	if (read_ethernet(frame, &r) != GO_ON || read_ip(&r) != GO_ON)
		return false;
	first = find_first(model, direction, &r);
	if (!first || first == &model->fragments[model->fragment_count - 1])
		return false;
	remove_first(model, first);
	model->event_count = 0;
	uncount(&model->stats.by_reason[direction][opinion->reason], frame);
	*opinion = conclude(model, direction, frame, (struct opinion){.reason = REASON_FRAGMENT});
	return true;
}

void reset_model(struct model *model)
{
	model->session_count = 0;
	model->fragment_count = 0;
	model->spent = false;
	memset(&model->stats, 0, sizeof(model->stats));
	memset(&model->unheard, 0, sizeof(model->unheard));
}
