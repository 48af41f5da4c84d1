// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/stacks/talk.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAUSE_MS 300
/* No stack takes that long to give up (lane.c). */
#define STUCK_MS 60000

/* ---- streams -------------------------------------------------------------------------------- */

/* Never 0xff, which forged segments carry. */
static uint8_t byte_of_stream(const struct talk *talk, enum side sender, uint64_t place)
{
	return (uint8_t)((place * 31 + place / 251 + (sender == LEFT ? 17 : 89) +
			  talk->connection * 7) &
			 0x7f);
}

static void fail_end(struct talk *talk, enum side side, enum fate fate)
{
	struct end *end = &talk->end[side];

	close(end->fd);
	end->fd = -1;
	end->fate = fate;
	if (fate != FATE_COMPLETE && (fate != FATE_RESET || talk->end[!side].fate != FATE_ABORTED))
		talk->failed = true;
}

static enum fate fate_of_error(int error)
{
	if (error == ECONNRESET || error == ECONNREFUSED || error == EPIPE)
		return FATE_RESET;
	return error == ETIMEDOUT || error == EHOSTUNREACH ? FATE_TIMED_OUT : FATE_OTHER_ERROR;
}

static void read_stream(struct talk *talk, enum side side)
{
	struct end *end = &talk->end[side];
	uint8_t bytes[8192];
	ssize_t got;

	while (!end->paused && (got = recv(end->fd, bytes, sizeof(bytes), 0)) >= 0) {
		if (got == 0) {
			end->end_seen = true;
			return;
		}
		for (ssize_t i = 0; i < got; i++)
			end->corrupt |=
				bytes[i] != byte_of_stream(talk, !side, end->read + (uint64_t)i);
		end->read += (uint64_t)got;
	}
	if (!end->paused && errno != EAGAIN && errno != ENOTCONN)
		fail_end(talk, side, fate_of_error(errno));
}

static void write_stream(struct talk *talk, enum side side)
{
	struct end *end = &talk->end[side];
	uint8_t bytes[4096];

	while (end->written < end->to_write) {
		uint64_t rest = end->to_write - end->written;
		size_t size = rest < sizeof(bytes) ? (size_t)rest : sizeof(bytes);
		ssize_t put;

		for (size_t i = 0; i < size; i++)
			bytes[i] = byte_of_stream(talk, side, end->written + i);
		put = send(end->fd, bytes, size, MSG_NOSIGNAL);
		if (put < 0) {
			if (errno != EAGAIN && errno != ENOTCONN)
				fail_end(talk, side, fate_of_error(errno));
			return;
		}
		end->written += (uint64_t)put;
	}
	if (end->shut_wanted && !end->shut)
		end->shut = shutdown(end->fd, SHUT_WR) == 0;
}

/* ---- an end --------------------------------------------------------------------------------- */

static uint8_t stack_state(int fd)
{
	struct tcp_info info = {0};
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		err(2, "TCP_INFO");
	return info.tcpi_state;
}

static int take_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

/* Everything has been said: how did it end? */
static void finish_end(struct talk *talk, enum side side)
{
	struct end *end = &talk->end[side];

	if (!end->end_seen || !end->shut || stack_state(end->fd) != TCP_CLOSE)
		return;
	if (end->corrupt)
		fail_end(talk, side, FATE_CORRUPT);
	else
		fail_end(talk, side,
			 end->read == talk->end[!side].to_write ? FATE_COMPLETE : FATE_SHORT);
}

static void serve_end(struct talk *talk, enum side side)
{
	struct end *end = &talk->end[side];
	int error;

	if (end->fd < 0)
		return;
	error = take_error(end->fd);
	if (error) {
		fail_end(talk, side, fate_of_error(error));
		return;
	}
	if (!end->connected) {
		uint8_t state = stack_state(end->fd);

		end->connected = state != TCP_SYN_SENT && state != TCP_SYN_RECV;
		if (!end->connected)
			return;
	}
	read_stream(talk, side);
	if (end->fd >= 0)
		write_stream(talk, side);
	if (end->fd >= 0)
		finish_end(talk, side);
}

static void abort_end(struct talk *talk, enum side side)
{
	struct linger now = {.l_onoff = 1};
	struct end *end = &talk->end[side];

	if (end->fd < 0)
		return;
	setsockopt(end->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(end->fd);
	end->fd = -1;
	end->fate = FATE_ABORTED;
}

/* ---- connections ---------------------------------------------------------------------------- */

static void note_outcome(struct talk *talk)
{
	if (!talk->connection)
		return;
	for (int side = 0; side < 2; side++) {
		struct end *end = &talk->end[side];

		if (end->fate == FATE_NONE)
			end->fate = FATE_UNOPENED;
		talk->outcome[2 * (talk->connection - 1) + (uint32_t)side] = (char)end->fate;
	}
}

static bool is_ended(const struct talk *talk)
{
	return talk->end[LEFT].fd < 0 && talk->end[RIGHT].fd < 0;
}

static void open_end(struct talk *talk, enum side side)
{
	struct place place = {.run = talk->run, .ipv6 = talk->plan->ipv6};
	struct end *end = &talk->end[side];
	int r;

	end->fd = open_stack_socket(talk->lane, side, place, talk->plan->small_buffers);
	r = connect_stack_socket(end->fd, side, place);
	if (r < 0)
		fail_end(talk, side, fate_of_error(-r));
}

static void open_connection(struct talk *talk, const struct op *op, long now)
{
	talk->connection++;
	talk->began = now;
	for (int side = 0; side < 2; side++)
		talk->end[side] = (struct end){.fd = -1, .fate = FATE_NONE};
	restart_wire(&talk->wire);
	open_end(talk, LEFT);
	if (op->both)
		open_end(talk, RIGHT);
}

void accept_talk(struct talk *talk, int fd)
{
	struct end *end = &talk->end[RIGHT];

	if (end->fd >= 0 || end->fate != FATE_NONE || talk->over) {
		close(fd);
		return;
	}
	end->fd = fd;
}

/* ---- the plan ------------------------------------------------------------------------------- */

static bool has_arrived(const struct talk *talk, enum side side)
{
	const struct end *sender = &talk->end[side], *reader = &talk->end[!side];

	return reader->paused || reader->read == sender->to_write;
}

static bool may_begin(const struct talk *talk, const struct op *op, long now)
{
	const struct end *left = &talk->end[LEFT], *right = &talk->end[RIGHT];

	if (op->kind == OP_OPEN)
		return is_ended(talk) && now >= talk->resume_at;
	if (!left->connected || right->fd < 0 || !right->connected)
		return false;
	if (op->kind == OP_RESUME)
		return now >= talk->resume_at;
	return !op->calm || (has_arrived(talk, LEFT) && has_arrived(talk, RIGHT));
}

static void forget_connection(struct talk *talk, long now)
{
	talk->wire.cut = true;
	abort_end(talk, LEFT);
	abort_end(talk, RIGHT);
	/* Their resets are on their way to where the wire is cut. */
	talk->resume_at = now + PAUSE_MS;
}

static void do_op(struct talk *talk, const struct op *op, long now)
{
	struct end *end = &talk->end[op->side];

	switch (op->kind) {
	case OP_OPEN:
		note_outcome(talk);
		empty_wire(&talk->wire);
		open_connection(talk, op, now);
		break;
	case OP_SEND:
		end->to_write += op->bytes;
		break;
	case OP_PAUSE:
		end->paused = true;
		talk->resume_at = now + PAUSE_MS;
		break;
	case OP_RESUME:
		end->paused = false;
		break;
	case OP_SHUT:
		end->shut_wanted = true;
		break;
	case OP_ABORT:
		abort_end(talk, op->side);
		break;
	case OP_FORGET:
		forget_connection(talk, now);
		break;
	}
}

/* One end is gone before its time: the other has nothing more to say either. */
static void wind_up(struct talk *talk)
{
	for (int side = 0; side < 2; side++) {
		talk->end[side].shut_wanted = true;
		talk->end[side].paused = false;
	}
	talk->op = talk->plan->count;
}

static void end_talk(struct talk *talk)
{
	for (int side = 0; side < 2; side++) {
		abort_end(talk, (enum side)side);
	}
	note_outcome(talk);
	empty_wire(&talk->wire);
	talk->over = true;
}

static void check_stuck(struct talk *talk, long now)
{
	if (now - talk->began < STUCK_MS)
		return;
	for (int side = 0; side < 2; side++) {
		if (talk->end[side].fd >= 0)
			fail_end(talk, (enum side)side, FATE_STUCK);
	}
}

static bool is_finished(const struct talk *talk)
{
	return talk->op == talk->plan->count && is_ended(talk);
}

void start_talk(struct talk *talk, const struct lane *lane, const struct plan *plan, uint32_t run)
{
	memset(talk, 0, sizeof(*talk));
	talk->lane = lane;
	talk->plan = plan;
	talk->run = run;
	talk->end[LEFT].fd = talk->end[RIGHT].fd = -1;
	talk->wire.seed = plan->seed;
	talk->wire.rate = plan->rate;
	talk->wire.budget = plan->budget;
	talk->wire.name = lane->name;
	talk->wire.run = run;
}

void advance_talk(struct talk *talk, long now)
{
	const struct plan *plan = talk->plan;

	if (talk->over)
		return;
	for (;;) {
		serve_end(talk, LEFT);
		serve_end(talk, RIGHT);
		if (talk->failed)
			wind_up(talk);
		if (talk->op == plan->count || !may_begin(talk, &plan->ops[talk->op], now))
			break;
		do_op(talk, &plan->ops[talk->op++], now);
	}
	check_stuck(talk, now);
	if (is_finished(talk))
		end_talk(talk);
}
