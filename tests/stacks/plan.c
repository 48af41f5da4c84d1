// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/plan.h"

#define OPS_OF_A_CONNECTION_MAX 20

static void add_op(struct plan *plan, struct op op)
{
	plan->ops[plan->count++] = op;
}

static void add_talk(struct plan *plan, struct random *random)
{
	static const uint32_t sizes[] = {1, 8, 100, 1000, 1448, 3000, 12000};

	for (uint32_t i = random_below(random, 6); i > 0; i--)
		add_op(plan, (struct op){
				     .kind = OP_SEND,
				     .side = random_below(random, 2),
				     .bytes = sizes[random_below(random, 7)],
				     .calm = !one_in(random, 3),
			     });
}

/* More than the other side's buffers hold while nobody reads: its window closes. */
static void add_stall(struct plan *plan, struct random *random)
{
	enum side reader = random_below(random, 2);

	add_op(plan, (struct op){.kind = OP_PAUSE, .side = reader});
	add_op(plan, (struct op){.kind = OP_SEND, .side = !reader, .bytes = 100000});
	add_op(plan, (struct op){.kind = OP_RESUME, .side = reader});
}

/* Whoever closes first keeps the ports for a minute: RIGHT, where LEFT is to use them again. */
static void add_close(struct plan *plan, struct random *random, bool last)
{
	enum side first = last ? (enum side)random_below(random, 2) : RIGHT;

	add_op(plan, (struct op){.kind = OP_SHUT, .side = first, .calm = one_in(random, 2)});
	/* Half-closed, and the other side goes on. */
	if (one_in(random, 3))
		add_op(plan, (struct op){.kind = OP_SEND, .side = !first, .bytes = 2000});
	add_op(plan,
	       (struct op){.kind = OP_SHUT, .side = !first, .calm = !last || one_in(random, 2)});
}

static void add_connection(struct plan *plan, struct random *random, bool last)
{
	add_op(plan, (struct op){.kind = OP_OPEN, .both = last && one_in(random, 12)});
	add_talk(plan, random);
	if (one_in(random, 20)) {
		add_stall(plan, random);
		add_talk(plan, random);
	}
	switch (random_below(random, last ? 8 : 4)) {
	case 0:
		add_op(plan, (struct op){.kind = OP_ABORT,
					 .side = random_below(random, 2),
					 .calm = true});
		break;
	case 1:
	case 2:
		if (!last) {
			add_op(plan, (struct op){.kind = OP_FORGET, .calm = one_in(random, 2)});
			break;
		}
		/* fall through */
	default:
		add_close(plan, random, last);
		break;
	}
}

void make_plan(uint64_t seed, uint64_t number, struct plan *ret)
{
	static const uint32_t rates[] = {0, 30, 100, 200, 400};
	struct random random = {.state = seed ^ number * 0xd1342543de82ef95ULL};
	uint32_t connections;

	_Static_assert(PLAN_CONNECTIONS_MAX * OPS_OF_A_CONNECTION_MAX <= PLAN_OPS_MAX, "no room");
	*ret = (struct plan){.seed = random_word(&random)};
	ret->rate = rates[random_below(&random, 5)];
	ret->budget = 2 + random_below(&random, 30);
	ret->small_buffers = one_in(&random, 8);
	connections = one_in(&random, 2) ? 1 : 1 + random_below(&random, PLAN_CONNECTIONS_MAX);
	for (uint32_t i = 0; i < connections; i++)
		add_connection(ret, &random, i + 1 == connections);
	ret->ipv6 = one_in(&random, 2);
}
