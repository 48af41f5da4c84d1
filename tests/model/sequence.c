// SPDX-License-Identifier: GPL-2.0-or-later
/* Sequences as text. */
#include "tests/model/sequence.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/policy/model.h"

static void add_address(struct port_setup *port, const struct host *host)
{
	struct prefix *prefix = &port->addresses[port->address_count++];

	memcpy(prefix->address, host->address, ADDRESS_BYTES);
	prefix->bits = 128;
}

struct port_setup usual_port(struct model_policy *policy)
{
	struct port_setup port = {
		.guards = GUARDS_ALL,
		.unconfirmed = USUAL_LIMIT,
		.limits = {[LIMIT_SESSIONS] = USUAL_LIMIT},
		.policy = policy,
	};

	add_address(&port, VM);
	add_address(&port, VM6);
	add_address(&port, VM_LINK);
	return port;
}

/* Odd halves of a thousand, where the clock jumps by whole thousands: a few jiffies that pass
 * while a sequence runs change nothing. */
struct settings_setup usual_settings(void)
{
	struct settings_setup settings = {0};

	for (int i = 0; i < STATE_COUNT; i++)
		settings.timeout[i] = 3500 + 2000 * (uint32_t)i;
	return settings;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Zeros at the end, which payloads here are made of, in short: "5254...+1300". */
static void print_bytes(FILE *stream, const uint8_t *bytes, size_t size)
{
	size_t shown = size;

	while (shown > 1 && !bytes[shown - 1])
		shown--;
	if (size - shown < 8)
		shown = size;
	for (size_t i = 0; i < shown; i++)
		fprintf(stream, "%02x", bytes[i]);
	if (shown < size)
		fprintf(stream, "+%zu", size - shown);
}

static void print_frame_step(const struct step *step, FILE *stream)
{
	const struct packet *packet = &step->packet;
	char text[256];

	describe_frame(packet, text, sizeof(text));
	fprintf(stream, "# %s\n%s ", text, step->direction == DIRECTION_OUT ? "out" : "in");
	if (packet->tag_protocol)
		fprintf(stream, "tag=%x:%u ", packet->tag_protocol, packet->tag);
	print_bytes(stream, packet->bytes, packet->length);
	fputc('\n', stream);
}

static void print_port(const struct port_setup *port, FILE *stream)
{
	char text[PREFIX_TEXT_BYTES];

	fprintf(stream, "port guards=0x%x flags=0x%x", port->guards, port->flags);
	for (int i = 0; i < LIMIT_COUNT; i++)
		fprintf(stream, " %s=%u", limit_rows[i].name, port->limits[i]);
	fprintf(stream, " unconfirmed=%u pickup=%u absent=%d addresses=", port->unconfirmed,
		port->pickup, port->absent);
	for (uint32_t i = 0; i < port->address_count; i++)
		fprintf(stream, "%s%s", i ? "," : "", format_prefix(&port->addresses[i], text));
	fputs(" vlans=", stream);
	for (uint32_t i = 0; i < port->vlan_count; i++)
		fprintf(stream, "%s%u", i ? "," : "", port->vlans[i]);
	fprintf(stream, " policy=%s\n", port->policy->xml);
}

static void print_settings(const struct settings_setup *settings, FILE *stream)
{
	fputs("settings timeouts=", stream);
	for (int i = 0; i < STATE_COUNT; i++)
		fprintf(stream, "%s%u", i ? "," : "", settings->timeout[i]);
	fputc('\n', stream);
}

void print_sequence(const struct sequence *sequence, FILE *stream)
{
	for (size_t i = 0; i < sequence->count; i++) {
		const struct step *step = &sequence->steps[i];

		switch (step->kind) {
		case STEP_FRAME:
			print_frame_step(step, stream);
			break;
		case STEP_PORT:
			print_port(&step->port, stream);
			break;
		case STEP_SETTINGS:
			print_settings(&step->settings, stream);
			break;
		case STEP_JUMP:
			fprintf(stream, "jump %u\n", step->jiffies);
			break;
		case STEP_SWEEP:
			fputs("sweep\n", stream);
			break;
		}
	}
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_hex(const char *text, struct packet *ret)
{
	unsigned int byte, zeros = 0;
	int used = 0;

	for (; isxdigit(*text) && sscanf(text, "%2x%n", &byte, &used) == 1; text += used) {
		if (used != 2 || ret->length == PACKET_BYTES_MAX)
			return false;
		ret->bytes[ret->length++] = (uint8_t)byte;
	}
	if (sscanf(text, "+%u%n", &zeros, &used) == 1)
		text += used;
	if (zeros > (unsigned int)(PACKET_BYTES_MAX - ret->length))
		return false;
	ret->length = (uint16_t)(ret->length + zeros);
	return ret->length && *text == 0;
}

static bool read_frame_step(char *text, enum direction direction, struct step *ret)
{
	unsigned int protocol, tag;
	int used = 0;

	*ret = (struct step){.kind = STEP_FRAME, .direction = direction};
	if (sscanf(text, "tag=%x:%u %n", &protocol, &tag, &used) == 2) {
		ret->packet.tag_protocol = (uint16_t)protocol;
		ret->packet.tag = (uint16_t)tag;
	}
	return read_hex(text + used, &ret->packet);
}

static bool read_addresses(char *list, struct port_setup *port)
{
	char *save = NULL;

	port->address_count = 0;
	for (char *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		if (port->address_count == PORT_ADDRESSES_MAX ||
		    parse_prefix(item, &port->addresses[port->address_count++]) != PREFIX_OK)
			return false;
	}
	return true;
}

static bool read_vlans(char *list, struct port_setup *port)
{
	char *save = NULL;

	port->vlan_count = 0;
	for (char *item = strtok_r(list, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		if (port->vlan_count == PORT_VLANS_MAX)
			return false;
		port->vlans[port->vlan_count++] = (uint16_t)strtoul(item, NULL, 10);
	}
	return true;
}

/* The limit of this name; LIMIT_COUNT: there is none. */
static enum limit find_limit(const char *name)
{
	enum limit limit = 0;

	while (limit < LIMIT_COUNT && strcmp(name, limit_rows[limit].name) != 0)
		limit++;
	return limit;
}

static bool read_port_field(char *field, struct port_setup *port)
{
	char *value = strchr(field, '=');
	enum limit limit;
	uint32_t number;

	if (!value)
		return false;
	*value++ = 0;
	limit = find_limit(field);
	if (!strcmp(field, "addresses"))
		return read_addresses(value, port);
	if (!strcmp(field, "vlans"))
		return read_vlans(value, port);
	number = (uint32_t)strtoul(value, NULL, 0);
	if (!strcmp(field, "guards"))
		port->guards = number;
	else if (!strcmp(field, "flags"))
		port->flags = number;
	else if (limit < LIMIT_COUNT)
		port->limits[limit] = number;
	else if (!strcmp(field, "unconfirmed"))
		port->unconfirmed = number;
	else if (!strcmp(field, "pickup"))
		port->pickup = number;
	else if (!strcmp(field, "absent"))
		port->absent = number;
	else
		return false;
	return true;
}

/* Fields that are not there have their usual values. */
static bool read_port(char *text, struct policy_pool *pool, struct step *ret)
{
	char *policy = strstr(text, "policy="), *save = NULL;

	if (!policy)
		return false;
	*ret = (struct step){.kind = STEP_PORT,
			     .port = usual_port(pool_policy(pool, policy + strlen("policy=")))};
	*policy = 0;
	for (char *field = strtok_r(text, " ", &save); field; field = strtok_r(NULL, " ", &save)) {
		if (!read_port_field(field, &ret->port))
			return false;
	}
	return true;
}

static bool read_settings(char *text, struct step *ret)
{
	char *save = NULL, *item;
	int used = 0;

	*ret = (struct step){.kind = STEP_SETTINGS, .settings = usual_settings()};
	(void)sscanf(text, "timeouts=%n", &used);
	if (!used)
		return false;
	item = strtok_r(text + used, ",", &save);
	for (int i = 0; item && i < STATE_COUNT; i++, item = strtok_r(NULL, ",", &save))
		ret->settings.timeout[i] = (uint32_t)strtoul(item, NULL, 10);
	return !item;
}

static bool read_step(char *line, struct policy_pool *pool, struct step *ret)
{
	char *rest = strchrnul(line, ' ');

	if (*rest)
		*rest++ = 0;
	if (!strcmp(line, "out") || !strcmp(line, "in"))
		return read_frame_step(rest, *line == 'o' ? DIRECTION_OUT : DIRECTION_IN, ret);
	if (!strcmp(line, "tcp"))
		return read_tcp_step(rest, ret);
	if (!strcmp(line, "port"))
		return read_port(rest, pool, ret);
	if (!strcmp(line, "settings"))
		return read_settings(rest, ret);
	*ret = (struct step){.kind = STEP_JUMP, .jiffies = (uint32_t)strtoul(rest, NULL, 10)};
	if (!strcmp(line, "jump"))
		return ret->jiffies;
	ret->kind = STEP_SWEEP;
	return !strcmp(line, "sweep");
}

bool read_sequence(FILE *stream, struct policy_pool *pool, struct sequence *ret, char error[256])
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	int number = 0;

	ret->count = 0;
	while (getline(&line, &size, stream) > 0) {
		number++;
		line[strcspn(line, "\n")] = 0;
		if (!*line || *line == '#')
			continue;
		if (ret->count == SEQUENCE_STEPS_MAX ||
		    !read_step(line, pool, &ret->steps[ret->count])) {
			snprintf(error, 256, "line %d is no step of a sequence", number);
			return false;
		}
		ret->count++;
	}
	return true;
}
