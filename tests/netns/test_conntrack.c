// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracker beside the kernel's: random TCP segments go through the programs, and through a
 * router in a namespace that drops what nf_conntrack calls invalid. Where one keeps what the other
 * drops, the class of that difference must stand in conntrack.decided, with the reason for it.
 *
 * After a difference the two know different things, so the sequence ends there, but for damaged
 * segments: nf_conntrack knows them by their checksums, and none may change what we know.
 * VMSEG_CONNTRACK_SEQUENCES says how many; VMSEG_TEST_SEED repeats a run, and
 * VMSEG_CONNTRACK_SHOW shows the sequence of that number.
 */
#include <arpa/inet.h>
#include <fnmatch.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hostd/base/cleanup.h"
#include "hostd/datapath/queries/names.h"
#include "tests/harness/netns.h"
#include "tests/harness/random.h"
#include "tests/harness/rig.h"
#include "tests/harness/test.h"
#include "tests/model/programs.h"
#include "tests/model/sequence.h"

#define DECISIONS    "tests/netns/conntrack.decided"
#define SEQUENCES    3000
#define SEGMENTS     24
#define FIRST_PORT   1024
#define PORTS        60000
#define WEB_PORT     80
#define MARKER_BYTES 32

/* ---- the router ----------------------------------------------------------------------------- */

/* Its two ends, by the direction of what is sent there: OUT goes in at the guest's. */
static int ends[2];

static int open_end(const char *device)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	struct timeval patience = {.tv_sec = 10};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_msg("%s: %s", device, strerror(errno));
	return fd;
}

/* A device whose MAC is the one that frames to `other` have, with `host` behind it. */
static void add_leg(const char *device, const char *end, const char *host, const struct host *other)
{
	const uint8_t *mac = other->mac;

	run_command("ip link add %s address %02x:%02x:%02x:%02x:%02x:%02x type veth peer name %s",
		    device, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], end);
	run_command("ip link set %s up && ip link set %s up", device, end);
	run_command("ip route add %s dev %s && "
		    "ip neighbor add %s lladdr 02:00:00:00:00:01 dev %s nud permanent",
		    host, device, host, device);
}

static int open_router(void **state)
{
	if (enter_netns(state) < 0)
		return -1;
	add_leg("guest0", "guest1", "10.0.0.5", WEB);
	add_leg("web0", "web1", "198.51.100.80", VM);
	run_command("for f in all default guest0 web0; do "
		    "echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done; "
		    "echo 1 >/proc/sys/net/ipv4/ip_forward");
	run_command("nft 'table ip t { chain c { type filter hook forward priority 0; "
		    "ct state invalid drop; }; }'");
	/* As strict as the programs are; what comes of loose tracking says nothing. */
	run_command("echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose");
	ends[DIRECTION_OUT] = open_end("guest1");
	ends[DIRECTION_IN] = open_end("web1");
	return open_rig(state);
}

static void put(enum direction direction, const struct packet *packet)
{
	if (send(ends[direction], packet->bytes, packet->length, 0) != packet->length)
		fail_msg("send: %s", strerror(errno));
}

/* Does the router let the segment through? A datagram that is sent after it, and that it lets
 * through, says when to stop waiting. */
static bool router_forwards(enum direction direction, const struct packet *packet)
{
	bool out = direction == DIRECTION_OUT, seen = false;
	struct packet marker = udp(out ? VM : WEB, out ? WEB : VM, 9, 9, .payload = MARKER_BYTES);
	uint8_t frame[PACKET_BYTES_MAX];

	put(direction, packet);
	put(direction, &marker);
	for (;;) {
		ssize_t size = recv(ends[!direction], frame, sizeof(frame), 0);

		if (size < ETH_HLEN + 20)
			fail_msg("the router forwards nothing any more");
		if (frame[ETH_HLEN + 9] == IPPROTO_UDP)
			return seen;
		seen |= frame[ETH_HLEN + 9] == IPPROTO_TCP;
	}
}

/* ---- sequences ------------------------------------------------------------------------------ */

/* What a segment is; what is honest comes first. */
enum kind {
	KIND_SYN,
	KIND_SYN_ACK,
	KIND_ACK,
	KIND_DATA,
	KIND_FIN,
	KIND_AGAIN,
	KIND_RESET,
	KIND_HONEST, /* so many */
	KIND_SYN_ANY = KIND_HONEST,
	KIND_SYN_ACK_ANY,
	KIND_SYN_ACK_OTHER_ACK,
	KIND_RESET_INSIDE,
	KIND_RESET_OLD,
	KIND_RESET_FAR,
	KIND_RESET_NO_NUMBER,
	KIND_FIN_FAR,
	KIND_DATA_OLD,
	KIND_DATA_EDGE,
	KIND_DATA_FAR,
	KIND_ACK_OLD,
	KIND_ACK_AHEAD,
	KIND_ACK_FAR,
	KIND_KEEPALIVE,
	KIND_NO_FLAGS,
	KIND_ODD_FLAGS,
	KINDS,
};

static const char *const names[KINDS] = {
	"syn",       "syn-ack",    "ack",         "data",          "fin",          "again",
	"reset",     "syn-any",    "syn-ack-any", "syn-ack-other", "reset-inside", "reset-old",
	"reset-far", "reset-zero", "fin-far",     "data-old",      "data-edge",    "data-far",
	"ack-old",   "ack-ahead",  "ack-far",     "keepalive",     "no-flags",     "odd-flags",
};

struct side {
	bool spoke, finished;
	uint32_t first, next;
};

struct sequence_state {
	struct random *random;
	uint16_t port;
	enum direction opener;
	struct side side[2];
	bool asked_anew; /* the opener has sent another SYN, with this number */
	uint32_t anew;
	bool odd; /* not all was honest */
};

#define WINDOW 8000

static struct packet say(struct sequence_state *s, enum direction direction, uint8_t flags,
			 uint32_t sequence, uint32_t acknowledgment, size_t payload)
{
	bool out = direction == DIRECTION_OUT;
	const struct tcp_fields fields = {
		.flags = flags,
		.sequence = sequence,
		.acknowledgment = acknowledgment,
		.window = WINDOW,
		.payload = payload,
	};

	return build_tcp(out ? VM : WEB, out ? WEB : VM, out ? s->port : WEB_PORT,
			 out ? WEB_PORT : s->port, &fields);
}

static struct packet say_next(struct sequence_state *s, enum direction direction, uint8_t flags,
			      size_t payload)
{
	struct side *side = &s->side[direction];
	struct packet packet = say(s, direction, flags, side->next,
				   flags & ACK ? s->side[!direction].next : 0, payload);

	side->next += (uint32_t)payload + !!(flags & FIN);
	return packet;
}

static void begin_side(struct sequence_state *s, enum direction direction, uint32_t first)
{
	s->side[direction] = (struct side){.spoke = true, .first = first, .next = first + 1};
}

/* The first SYN, that one again, or one of a host that has forgotten the connection. */
static struct packet say_syn(struct sequence_state *s)
{
	struct side *opener = &s->side[s->opener];

	if (!opener->spoke) {
		begin_side(s, s->opener, (uint32_t)random_word(s->random));
	} else if (one_in(s->random, 2)) {
		s->asked_anew = true;
		s->anew = (uint32_t)random_word(s->random);
		return say(s, s->opener, SYN, s->anew, 0, 0);
	}
	return say(s, s->opener, SYN, opener->first, 0, 0);
}

/* The answer to the latest SYN. */
static struct packet say_syn_ack(struct sequence_state *s)
{
	struct side *answerer = &s->side[!s->opener];

	if (s->asked_anew)
		begin_side(s, s->opener, s->anew);
	if (s->asked_anew || !answerer->spoke)
		begin_side(s, !s->opener, (uint32_t)random_word(s->random));
	s->asked_anew = false;
	return say(s, !s->opener, SYN | ACK, answerer->first, s->side[s->opener].first + 1, 0);
}

/* The first FIN, or that one again. */
static struct packet say_fin(struct sequence_state *s, enum direction direction)
{
	struct side *own = &s->side[direction];

	if (own->finished)
		return say(s, direction, ACK | FIN, own->next - 1, s->side[!direction].next, 0);
	own->finished = true;
	return say_next(s, direction, ACK | FIN, 0);
}

/* After it nobody knows the connection. */
static struct packet say_reset(struct sequence_state *s, enum direction direction)
{
	struct packet packet = say_next(s, direction, RST, 0);

	s->side[0].spoke = s->side[1].spoke = false;
	return packet;
}

static struct packet build_honest(struct sequence_state *s, enum kind kind,
				  enum direction direction)
{
	struct side *own = &s->side[direction];

	switch (kind) {
	case KIND_SYN:
		return say_syn(s);
	case KIND_SYN_ACK:
		return say_syn_ack(s);
	case KIND_DATA:
		return own->finished ? say_fin(s, direction)
				     : say_next(s, direction, ACK | PSH,
						1 + random_below(s->random, 1000));
	case KIND_FIN:
		return say_fin(s, direction);
	case KIND_AGAIN:
		return say(s, direction, ACK, own->next - 500, s->side[!direction].next, 500);
	case KIND_RESET:
		return say_reset(s, direction);
	default:
		return say_next(s, direction, ACK, 0);
	}
}

static struct packet build_odd(struct sequence_state *s, enum kind kind, enum direction direction)
{
	static const uint8_t odd[] = {SYN | FIN, SYN | RST, FIN, FIN | RST, SYN | ACK | FIN};
	uint32_t own = s->side[direction].next, peer = s->side[!direction].next;
	uint32_t near = 1 + random_below(s->random, WINDOW - 1000),
		 any = (uint32_t)random_word(s->random);
	uint32_t far = own + (1U << 24) + (any >> 2);

	switch (kind) {
	case KIND_SYN_ANY:
		return say(s, direction, SYN, any, 0, 0);
	case KIND_SYN_ACK_ANY:
		return say(s, direction, SYN | ACK, any, peer, 0);
	case KIND_SYN_ACK_OTHER_ACK:
		return say(s, direction, SYN | ACK, any, any * 7, 0);
	case KIND_RESET_INSIDE:
		return say(s, direction, RST, own + near, 0, 0);
	case KIND_RESET_OLD:
		return say(s, direction, RST, own - 20000 - near, 0, 0);
	case KIND_RESET_FAR:
		return say(s, direction, RST, far, 0, 0);
	case KIND_RESET_NO_NUMBER:
		return say(s, direction, RST | ACK, 0, peer, 0);
	case KIND_FIN_FAR:
		return say(s, direction, FIN | ACK, far, peer, 0);
	case KIND_DATA_OLD:
		return say(s, direction, ACK, own - 20000 - near, peer, 500);
	case KIND_DATA_EDGE:
		return say(s, direction, ACK, own + WINDOW + near, peer, 500);
	case KIND_DATA_FAR:
		return say(s, direction, ACK, far, peer, 500);
	case KIND_ACK_OLD:
		return say(s, direction, ACK, own, peer - 100000 - near, 0);
	case KIND_ACK_AHEAD:
		return say(s, direction, ACK, own, peer + near, 0);
	case KIND_ACK_FAR:
		return say(s, direction, ACK, own, peer + (1U << 24) + (any >> 2), 0);
	case KIND_KEEPALIVE:
		return say(s, direction, ACK, own - 1, peer, random_below(s->random, 2));
	case KIND_NO_FLAGS:
		return say(s, direction, 0, own, 0, 10);
	default:
		return say(s, direction, odd[any % sizeof(odd)], own, 0, 0);
	}
}

/* Mostly a connection that opens, talks and closes. */
static enum kind pick_kind(struct sequence_state *s)
{
	static const enum kind usual[] = {KIND_ACK,     KIND_ACK,  KIND_DATA,  KIND_DATA,
					  KIND_DATA,    KIND_FIN,  KIND_AGAIN, KIND_SYN,
					  KIND_SYN_ACK, KIND_RESET};

	if (one_in(s->random, 6))
		return KIND_HONEST + random_below(s->random, KINDS - KIND_HONEST);
	if (!s->side[s->opener].spoke)
		return KIND_SYN;
	if (!s->side[!s->opener].spoke)
		return one_in(s->random, 4) ? KIND_SYN : KIND_SYN_ACK;
	if (s->side[0].finished && s->side[1].finished && one_in(s->random, 3)) {
		s->side[0].spoke = s->side[1].spoke = false;
		return KIND_SYN;
	}
	if (s->asked_anew)
		return KIND_SYN_ACK;
	return usual[random_below(s->random, one_in(s->random, 3) ? 10 : 7)];
}

/* ---- differences ---------------------------------------------------------------------------- */

struct difference {
	char class[128];
	uint32_t times;
	uint64_t first; /* sequence */
};

static struct difference differences[1024];
static size_t difference_count;

static void note_difference(const char *class, uint64_t number)
{
	size_t i = 0;

	while (i < difference_count && strcmp(differences[i].class, class) != 0)
		i++;
	if (i == difference_count) {
		assert_true(difference_count < ARRAY_SIZE(differences));
		snprintf(differences[i].class, sizeof(differences[i].class), "%s", class);
		differences[i].first = number;
		difference_count++;
	}
	differences[i].times++;
}

static const char *state_of(struct rig_port *port, const struct sequence_state *s)
{
	struct session_key key = session_between(VM, s->port, WEB, WEB_PORT, IPPROTO_TCP);
	struct session session;

	return find_session(port, &key, &session) ? state_name(session.state) : "no-session";
}

/* "keeps syn-any in tcp-established, odd": we keep what nf_conntrack drops. "Clean": all that was
 * said before is what honest ends say. */
static void name_class(char class[128], bool kept, enum kind kind, bool damaged, const char *state,
		       const struct sequence_state *s)
{
	snprintf(class, 128, "%s %s%s in %s, %s", kept ? "keeps" : "drops",
		 damaged ? "damaged-" : "", names[kind], state, s->odd ? "odd" : "clean");
}

/* VMSEG_CONNTRACK_SHOW is the number of a sequence that is printed. */
static bool is_shown(uint64_t number)
{
	const char *text = getenv("VMSEG_CONNTRACK_SHOW");

	return text && strtoull(text, NULL, 0) == number;
}

static void show_segment(const struct packet *packet, bool damaged, const char *state, bool we_keep,
			 bool it_keeps)
{
	char text[256];

	describe_frame(packet, text, sizeof(text));
	printf("# %s%s, in %s: we %s, nf_conntrack %s it\n", text, damaged ? " (damaged)" : "",
	       state, we_keep ? "keep" : "drop", it_keeps ? "keeps" : "drops");
}

/* One segment through both; answers whether they agree. */
static bool try_segment(struct rig_port *port, struct sequence_state *s, uint64_t number)
{
	enum kind kind = pick_kind(s);
	enum direction direction = kind == KIND_SYN ? s->opener
				   : kind == KIND_SYN_ACK
					   ? !s->opener
					   : (enum direction)random_below(s->random, 2);
	bool damaged = one_in(s->random, 12), kept;
	struct sequence_state before = *s;
	struct packet packet = kind < KIND_HONEST ? build_honest(s, kind, direction)
						  : build_odd(s, kind, direction);
	struct program_answer answer = {0};
	char class[128], state[32];

	if (damaged) { /* on its way: its receiver does not get it */
		packet.bytes[packet.transport + 16] ^= 0x5a;
		*s = before;
	}
	snprintf(state, sizeof(state), "%s", state_of(port, s));
	if (!ask_program(port, direction, false, &packet, &answer))
		fail_msg("a segment is no frame for a test run");
	kept = router_forwards(direction, &packet);
	if (is_shown(number))
		show_segment(&packet, damaged, state, answer.pass, kept);
	if (answer.pass != kept) {
		name_class(class, answer.pass, kind, damaged, state, s);
		note_difference(class, number);
	}
	s->odd |= damaged || kind >= KIND_HONEST;
	/* A damaged segment changes nothing for either of them. */
	return answer.pass == kept || damaged;
}

static void try_sequence(struct rig_port *port, const struct random *run, uint64_t number)
{
	struct random random = {.state = run->state ^ number * 0xd1342543de82ef95ULL};
	struct sequence_state s = {
		.random = &random,
		.port = (uint16_t)(FIRST_PORT + number % PORTS),
		.opener = random_below(&random, 2),
	};

	clear_port_tables(port);
	clear_port_state(port);
	for (int i = 0; i < SEGMENTS; i++) {
		if (!try_segment(port, &s, number))
			return;
	}
}

/* ---- decisions ------------------------------------------------------------------------------ */

struct decision {
	char pattern[128];
	uint32_t times;
};

static struct decision decisions[256];
static size_t decision_count;

/* Lines "PATTERN: why"; in a pattern "*" is any text. */
static void read_decisions(void)
{
	_cleanup_fclose_ FILE *stream = fopen(DECISIONS, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!stream)
		fail_msg(DECISIONS ": %s", strerror(errno));
	while (getline(&line, &size, stream) > 0) {
		char *why = strstr(line, ": ");

		if (*line == '#' || *line == '\n')
			continue;
		if (!why || !why[3] || decision_count == ARRAY_SIZE(decisions))
			fail_msg(DECISIONS ": not \"CLASS: why\": %s", line);
		*why = 0;
		snprintf(decisions[decision_count++].pattern, sizeof(decisions->pattern), "%s",
			 line);
	}
}

static bool is_decided(const struct difference *difference)
{
	for (size_t i = 0; i < decision_count; i++) {
		if (fnmatch(decisions[i].pattern, difference->class, 0) == 0) {
			decisions[i].times += difference->times;
			return true;
		}
	}
	return false;
}

static void every_difference_is_decided(void **state)
{
	const char *text = getenv("VMSEG_CONNTRACK_SEQUENCES");
	uint64_t count = text ? strtoull(text, NULL, 0) : SEQUENCES;
	const struct random run = start_random();
	size_t open = 0;
	uint32_t differing = 0;

	read_decisions();
	name_port(*state);
	set_defaults(*state, true, true);
	publish_port(*state);
	name_port(*state);
	for (uint64_t number = 0; number < count; number++)
		try_sequence(*state, &run, number);
	for (size_t i = 0; i < difference_count; i++) {
		differing += differences[i].times;
		if (is_decided(&differences[i]))
			continue;
		printf("# not decided: %s (%u times, first in sequence %llu)\n",
		       differences[i].class, differences[i].times,
		       (unsigned long long)differences[i].first);
		open++;
	}
	printf("# %llu sequences, %u end in a difference, of %zu classes\n",
	       (unsigned long long)count, differing, difference_count);
	for (size_t i = 0; i < decision_count; i++)
		printf("# %6u %s\n", decisions[i].times, decisions[i].pattern);
	if (open)
		fail_msg("%zu classes of differences are not decided", open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_difference_is_decided, reset_rig),
	};

	return cmocka_run_group_tests(tests, open_router, close_rig);
}
