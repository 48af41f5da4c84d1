/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostd.conf: a table of keys over inih. A key is one row here and one paragraph in
 * packaging/hostd.conf.
 */
#include "hostd/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/listen.h"
#include "hostd/base/log.h"
#include "hostd/datapath/attachment/attach_method.h"
#include "hostd/datapath/datapath.h"
#include "hostd/policy/model.h"

#define LIBVIRT_URIS_MAX     8
#define DEVICE_PATTERNS_MAX  64
#define DEVICE_PATTERN_BYTES 63

/* The host's ends of what container engines and cluster networks make: Docker, Podman, LXD and most
 * CNI plugins; Calico; Cilium. Then what Open vSwitch's userspace datapath and people call its own
 * bridges, which are taps. libvirt's own devices are named vnet*. */
static const char *const quarantine_except[] = {"veth*", "cali*", "lxc*", "ovs-*", "br-*"};

struct key;

/* Where a value stands and what takes it: everything that a setter needs. */
struct assignment {
	const struct key *key;
	const char *value;
	const char *path;
	int line;
	struct config *config;
	struct diag *diag;
};

struct key {
	const char *name;
	int (*set)(const struct assignment *assignment);
	size_t offset;
	uint32_t minimum, maximum;  /* set_number */
	const char *const *choices; /* set_choice: by value, NULL-terminated */
};

static void *target_of(const struct assignment *assignment)
{
	return (char *)assignment->config + assignment->key->offset;
}

__attribute__((format(printf, 2, 3))) static int expected(const struct assignment *assignment,
							  const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return fail(assignment->diag, EINVAL, assignment->path, assignment->line,
		    "%s: expected %s, not \"%s\"", assignment->key->name,
		    text ? text : "another value", assignment->value);
}

static int replace_string(char **target, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*target);
	*target = copy;
	return 0;
}

static int set_path(const struct assignment *assignment)
{
	if (assignment->value[0] != '/')
		return expected(assignment, "an absolute path");
	return replace_string(target_of(assignment), assignment->value);
}

static int parse_number(const struct assignment *assignment, uint32_t minimum, uint32_t maximum,
			uint32_t *ret)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(assignment->value, &end, 10);
	if (!isdigit((unsigned char)assignment->value[0]) || *end || errno || number < minimum ||
	    number > maximum)
		return expected(assignment, "a number from %u to %u", minimum, maximum);
	*ret = (uint32_t)number;
	return 0;
}

static int set_number(const struct assignment *assignment)
{
	return parse_number(assignment, assignment->key->minimum, assignment->key->maximum,
			    target_of(assignment));
}

static int set_power_of_two(const struct assignment *assignment)
{
	uint32_t number = 0;
	int r = parse_number(assignment, assignment->key->minimum, assignment->key->maximum,
			     &number);

	if (r < 0)
		return r;
	if (number & (number - 1))
		return expected(assignment, "a power of two from %u to %u",
				assignment->key->minimum, assignment->key->maximum);
	*(uint32_t *)target_of(assignment) = number;
	return 0;
}

static int set_choice(const struct assignment *assignment)
{
	const char *const *choices = assignment->key->choices;
	char list[128] = "";

	for (int i = 0; choices[i]; i++) {
		if (strcmp(assignment->value, choices[i]) == 0) {
			*(int *)target_of(assignment) = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i == 0 ? "" : (choices[i + 1] ? ", " : " or "), choices[i]);
	}
	return expected(assignment, "%s", list);
}

/* "none" or the name of a policy in the policy directory. */
static int set_policy_name(const struct assignment *assignment)
{
	struct config *config = assignment->config;
	char **target = target_of(assignment);

	if (target == &config->mandatory_policy)
		config->mandatory_policy_line = assignment->line;
	else
		config->unmanaged_policy_line = assignment->line;
	if (strcmp(assignment->value, assignment->key->choices[0]) == 0) {
		free(TAKE_PTR(*target));
		return 0;
	}
	if (!is_name(assignment->value))
		return expected(assignment, "%s or a policy's name", assignment->key->choices[0]);
	return replace_string(target, assignment->value);
}

static int set_metrics_listen(const struct assignment *assignment)
{
	struct listen_address address;
	char **target = target_of(assignment);

	if (strcmp(assignment->value, "off") == 0) {
		free(TAKE_PTR(*target));
		return 0;
	}
	if (parse_listen_address(assignment->value, &address) < 0)
		return expected(assignment,
				"127.0.0.1:PORT, [::1]:PORT, the path of a unix socket, "
				"or off");
	return replace_string(target, assignment->value);
}

static void free_words(char ***words, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free((*words)[i]);
	free(*words);
	*words = NULL;
	*count = 0;
}

/* A setting that is a list of words, or "none". */
struct word_list {
	char ***words;
	size_t *count;
	size_t maximum;
	bool (*is_good)(const char *word);
	const char *what; /* the words, in the plural */
};

static int set_words(const struct assignment *assignment, const struct word_list *list)
{
	_cleanup_free_ char *copy = strdup(assignment->value);
	char *rest = NULL, *word;

	free_words(list->words, list->count);
	if (strcmp(assignment->value, "none") == 0)
		return copy ? 0 : -ENOMEM;
	*list->words = calloc(list->maximum, sizeof(char *));
	if (!copy || !*list->words)
		return -ENOMEM;
	for (word = strtok_r(copy, " \t,", &rest); word; word = strtok_r(NULL, " \t,", &rest)) {
		if (!list->is_good(word) || *list->count == list->maximum)
			return expected(assignment, "none, or up to %zu %s", list->maximum,
					list->what);
		(*list->words)[*list->count] = strdup(word);
		if (!(*list->words)[*list->count])
			return -ENOMEM;
		(*list->count)++;
	}
	return *list->count ? 0 : expected(assignment, "none, or %s", list->what);
}

/* DRIVER[+TRANSPORT]://[HOST]/PATH: of this host only, where the devices are. Without a transport
 * libvirt uses the local socket when no host is named (https://libvirt.org/uri.html). */
static bool is_libvirt_uri(const char *word)
{
	const char *authority = strstr(word, "://");
	const char *transport = strchr(word, '+');

	if (!authority || authority[strlen("://")] != '/')
		return false;
	return !transport || transport > authority ||
	       strncmp(transport, "+unix:", strlen("+unix:")) == 0;
}

static bool is_same_driver(const char *uri, const char *other)
{
	size_t length = strcspn(uri, "+:");

	return length == strcspn(other, "+:") && strncasecmp(uri, other, length) == 0;
}

/* One libvirt says of each domain of its driver whether it runs: a second one would end them. */
static bool is_driver_named_twice(const struct config *config)
{
	for (size_t i = 1; i < config->libvirt_uri_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (is_same_driver(config->libvirt_uris[i], config->libvirt_uris[j]))
				return true;
		}
	}
	return false;
}

static int set_libvirt_uris(const struct assignment *assignment)
{
	const struct word_list list = {&assignment->config->libvirt_uris,
				       &assignment->config->libvirt_uri_count, LIBVIRT_URIS_MAX,
				       is_libvirt_uri,
				       "URIs of libvirts on this host, such as qemu:///system"};
	int r = set_words(assignment, &list);

	if (r == 0 && is_driver_named_twice(assignment->config))
		return expected(assignment, "one URI for each driver");
	return r;
}

/* A device's name has at most 15 bytes and no slash (dev_valid_name() in net/core/dev.c); a pattern
 * for it may be longer. */
static bool is_device_pattern(const char *word)
{
	return strlen(word) <= DEVICE_PATTERN_BYTES && !strchr(word, '/');
}

static int set_device_patterns(const struct assignment *assignment)
{
	const struct word_list list = {&assignment->config->quarantine_except,
				       &assignment->config->quarantine_except_count,
				       DEVICE_PATTERNS_MAX, is_device_pattern,
				       "names or patterns of devices"};

	return set_words(assignment, &list);
}

static const char *const attach_choices[] = {"auto", "tcx", "clsact", NULL};
static const char *const require_choices[] = {"managed", "always", "never", NULL};
static const char *const unfilterable_choices[] = {"refuse", "ignore", NULL};
static const char *const switch_choices[] = {"off", "on", NULL};
static const char *const none_choice[] = {"none", NULL};
static const char *const ignore_choice[] = {"ignore", NULL};
/* By LOG_* number; those that vmseg never writes cannot be asked for. */
static const char *const level_choices[] = {"emerg",  "alert", "crit",  "error", "warning",
					    "notice", "info",  "debug", NULL};

#define AT(member) .offset = offsetof(struct config, member)
#define WEEK       (7 * 24 * 3600)

static const struct key keys[] = {
	{"policy-directory", set_path, AT(policy_directory)},
	{"run-directory", set_path, AT(run_directory)},
	{"state-directory", set_path, AT(state_directory)},
	{"bpffs", set_path, AT(bpffs)},
	{"attach", set_choice, AT(datapath.attach), .choices = attach_choices},
	{"max-ports", set_number, AT(datapath.max_ports), .minimum = 1, .maximum = 65535},
	{"policy-nodes", set_number, AT(datapath.policy_nodes), .minimum = 64,
	 .maximum = 16U << 20},
	{"rule-counters", set_number, AT(datapath.rule_counters), .minimum = 64,
	 .maximum = 4U << 20},
	{"event-ring-bytes", set_power_of_two, AT(datapath.ring_bytes), .minimum = 65536,
	 .maximum = 64U << 20},
	{"event-rate", set_number, AT(datapath.event_rate), .maximum = 1000000},
	{"event-burst", set_number, AT(datapath.event_burst), .maximum = 1000000},
#define STATE(identifier, name, seconds, source)                                                   \
	{"timeout-" name, set_number, AT(datapath.timeout[STATE_##identifier]), .minimum = 1,      \
	 .maximum = WEEK},
#include "bpf/states.def"
#undef STATE
	{"mandatory-policy", set_policy_name, AT(mandatory_policy), .choices = none_choice},
	{"unmanaged", set_policy_name, AT(unmanaged_policy), .choices = ignore_choice},
	{"unfilterable-interfaces", set_choice, AT(unfilterable), .choices = unfilterable_choices},
	{"require-daemon", set_choice, AT(require_daemon), .choices = require_choices},
	{"hook-timeout", set_number, AT(hook_timeout), .minimum = 1, .maximum = 300},
	{"pickup-window", set_number, AT(pickup_window), .maximum = 3600},
	{"quarantine", set_choice, AT(quarantine), .choices = switch_choices},
	{"quarantine-except", set_device_patterns, AT(quarantine_except)},
	{"libvirt-uri", set_libvirt_uris, AT(libvirt_uris)},
	{"metrics-listen", set_metrics_listen, AT(metrics_listen)},
	{"log-events", set_choice, AT(log_events), .choices = switch_choices},
	{"log-level", set_choice, AT(log_level), .choices = level_choices},
};

/* What inih's callbacks share; inih itself does not hand out line numbers. */
struct reading {
	FILE *stream;
	const char *path;
	int line;
	int seen[ARRAY_SIZE(keys)]; /* line of each key; 0: not yet */
	struct config *config;
	struct diag *diag;
	int result;
};

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	}
	return NULL;
}

static int assign_value(struct reading *reading, const char *section, const char *name,
			const char *value)
{
	const struct key *key = find_key(name);
	struct assignment assignment = {key,           value,           reading->path,
					reading->line, reading->config, reading->diag};
	int *seen;

	if (section[0])
		return fail(reading->diag, EINVAL, reading->path, reading->line,
			    "no [%s] or other section is expected, only `key = value` lines",
			    section);
	if (!key)
		return fail(reading->diag, EINVAL, reading->path, reading->line,
			    "unknown key \"%s\" (vmseg-hostd.conf(5) lists them)", name);
	seen = &reading->seen[key - keys];
	if (*seen)
		return fail(reading->diag, EINVAL, reading->path, reading->line,
			    "%s was already given on line %d", name, *seen);
	*seen = reading->line;
	return key->set(&assignment);
}

static int take_value(void *context, const char *section, const char *name, const char *value)
{
	struct reading *reading = context;

	if (reading->result == 0)
		reading->result = assign_value(reading, section, name, value);
	return reading->result == 0;
}

/* fgets for inih, which goes on with the rest of an overlong line as if it were the next. */
static char *read_line(char *out, int size, void *context)
{
	struct reading *reading = context;
	char *line = fgets(out, size, reading->stream);

	if (!line)
		return NULL;
	reading->line++;
	if (strlen(line) + 1 == (size_t)size && line[size - 2] != '\n' && reading->result == 0)
		reading->result = fail(reading->diag, EINVAL, reading->path, reading->line,
				       "line is longer than %d characters", size - 2);
	return line;
}

static int read_file(const char *path, struct config *config, struct diag *diag)
{
	_cleanup_fclose_ FILE *stream = fopen(path, "re");
	struct reading reading = {.stream = stream, .path = path, .config = config, .diag = diag};
	int bad_line;

	if (!stream)
		return fail(diag, errno, path, 0, "%s", strerror(errno));
	bad_line = ini_parse_stream(read_line, &reading, take_value, &reading);
	if (reading.result < 0)
		return fail(diag, -reading.result, path, reading.line, "out of memory");
	if (bad_line)
		return fail(diag, EINVAL, path, bad_line, "expected `key = value`");
	if (ferror(stream))
		return fail(diag, EIO, path, 0, "could not be read");
	return 0;
}

static int set_default_patterns(struct config *config)
{
	config->quarantine_except = calloc(DEVICE_PATTERNS_MAX, sizeof(char *));
	if (!config->quarantine_except)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(quarantine_except); i++) {
		config->quarantine_except[i] = strdup(quarantine_except[i]);
		if (!config->quarantine_except[i])
			return -ENOMEM;
		config->quarantine_except_count++;
	}
	return 0;
}

static int set_defaults(struct config *config)
{
	static const uint32_t timeouts[STATE_COUNT] = {
#define STATE(identifier, name, seconds, source) [STATE_##identifier] = (seconds),
#include "bpf/states.def"
#undef STATE
	};

	config->policy_directory = strdup(VMSEG_SYSCONFDIR "/vmseg/policies");
	config->run_directory = strdup("/run/vmseg");
	config->state_directory = strdup("/var/lib/vmseg");
	config->bpffs = strdup("/sys/fs/bpf/vmseg");
	config->libvirt_uris = calloc(LIBVIRT_URIS_MAX, sizeof(char *));
	if (!config->policy_directory || !config->run_directory || !config->state_directory ||
	    !config->bpffs || !config->libvirt_uris)
		return -ENOMEM;
	config->libvirt_uris[0] = strdup("qemu:///system");
	if (!config->libvirt_uris[0])
		return -ENOMEM;
	config->libvirt_uri_count = 1;
	if (set_default_patterns(config) < 0)
		return -ENOMEM;
	config->datapath = (struct datapath_config){
		.attach = ATTACH_AUTO,
		.max_ports = 1024,
		.policy_nodes = 262144,
		.rule_counters = 65536,
		.ring_bytes = 1 << 20,
		.event_rate = 100,
		.event_burst = 200,
	};
	memcpy(config->datapath.timeout, timeouts, sizeof(timeouts));
	config->hook_timeout = 10;
	config->pickup_window = 60;
	config->quarantine = 1;
	config->log_events = 1;
	config->log_level = LOG_INFO;
	return 0;
}

int load_config(const char *path, struct config **ret, struct diag *diag)
{
	_cleanup_(free_config) struct config *config = calloc(1, sizeof(*config));
	int r;

	if (!config || set_defaults(config) < 0)
		return fail_memory(diag, path);
	if (path) {
		r = read_file(path, config, diag);
		if (r < 0)
			return r;
	}
	config->path = path ? strdup(path) : NULL;
	if (path && !config->path)
		return fail_memory(diag, path);
	config->datapath.bpffs = config->bpffs;
	*ret = TAKE_PTR(config);
	return 0;
}

void free_config(struct config **config)
{
	if (!*config)
		return;
	free_words(&(*config)->libvirt_uris, &(*config)->libvirt_uri_count);
	free_words(&(*config)->quarantine_except, &(*config)->quarantine_except_count);
	free((*config)->path);
	free((*config)->policy_directory);
	free((*config)->run_directory);
	free((*config)->state_directory);
	free((*config)->bpffs);
	free((*config)->mandatory_policy);
	free((*config)->unmanaged_policy);
	free((*config)->metrics_listen);
	free(*config);
	*config = NULL;
}

char *run_path(const struct config *config, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", config->run_directory, name) < 0 ? NULL : path;
}
