/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/config/setting_types.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/listen.h"
#include "hostd/policy/model.h"

#define LIBVIRT_URIS_MAX     8
#define DEVICE_PATTERNS_MAX  64
#define DEVICE_PATTERN_BYTES 63

/* ---- reading -------------------------------------------------------------------------------- */

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
		    "%s: expected %s, not \"%s\"", assignment->name, text ? text : "another value",
		    assignment->value);
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

int set_path(const struct assignment *assignment)
{
	if (assignment->value[0] != '/')
		return expected(assignment, "an absolute path");
	return replace_string(assignment->member, assignment->value);
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

int set_number(const struct assignment *assignment)
{
	return parse_number(assignment, assignment->type->minimum, assignment->type->maximum,
			    assignment->member);
}

int set_power_of_two(const struct assignment *assignment)
{
	uint32_t number = 0;
	int r = parse_number(assignment, assignment->type->minimum, assignment->type->maximum,
			     &number);

	if (r < 0)
		return r;
	if (number & (number - 1))
		return expected(assignment, "a power of two from %u to %u",
				assignment->type->minimum, assignment->type->maximum);
	*(uint32_t *)assignment->member = number;
	return 0;
}

int set_choice(const struct assignment *assignment)
{
	const char *const *choices = assignment->type->choices;
	char list[128] = "";

	for (int i = 0; choices[i]; i++) {
		if (strcmp(assignment->value, choices[i]) == 0) {
			*(int *)assignment->member = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
			 i == 0 ? "" : (choices[i + 1] ? ", " : " or "), choices[i]);
	}
	return expected(assignment, "%s", list);
}

/* "none" or the name of a policy in the policy directory. */
int set_policy_name(const struct assignment *assignment)
{
	struct config *config = assignment->config;
	char **target = assignment->member;

	if (target == &config->mandatory_policy)
		config->mandatory_policy_line = assignment->line;
	else
		config->unmanaged_policy_line = assignment->line;
	if (strcmp(assignment->value, assignment->type->choices[0]) == 0) {
		free(TAKE_PTR(*target));
		return 0;
	}
	if (!is_name(assignment->value))
		return expected(assignment, "%s or a policy's name", assignment->type->choices[0]);
	return replace_string(target, assignment->value);
}

int set_listen_address(const struct assignment *assignment)
{
	struct listen_address address;
	char **target = assignment->member;

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

int set_libvirt_uris(const struct assignment *assignment)
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

int set_device_patterns(const struct assignment *assignment)
{
	const struct word_list list = {&assignment->config->quarantine_except,
				       &assignment->config->quarantine_except_count,
				       DEVICE_PATTERNS_MAX, is_device_pattern,
				       "names or patterns of devices"};

	return set_words(assignment, &list);
}

/* ---- printing ------------------------------------------------------------------------------- */

void print_string(FILE *stream, const struct setting_type *type, const struct config *config,
		  const void *member)
{
	fputs(*(char *const *)member, stream);
}

void print_name(FILE *stream, const struct setting_type *type, const struct config *config,
		const void *member)
{
	const char *text = *(char *const *)member;

	fputs(text ? text : type->choices[0], stream);
}

void print_number(FILE *stream, const struct setting_type *type, const struct config *config,
		  const void *member)
{
	fprintf(stream, "%u", *(const uint32_t *)member);
}

void print_choice(FILE *stream, const struct setting_type *type, const struct config *config,
		  const void *member)
{
	fputs(type->choices[*(const int *)member], stream);
}

static void print_words(FILE *stream, char *const *words, size_t count)
{
	if (count == 0)
		fputs("none", stream);
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "%s%s", i ? " " : "", words[i]);
}

void print_libvirt_uris(FILE *stream, const struct setting_type *type, const struct config *config,
			const void *member)
{
	print_words(stream, config->libvirt_uris, config->libvirt_uri_count);
}

void print_device_patterns(FILE *stream, const struct setting_type *type,
			   const struct config *config, const void *member)
{
	print_words(stream, config->quarantine_except, config->quarantine_except_count);
}

/* ---- freeing -------------------------------------------------------------------------------- */

void clear_string(struct config *config, void *member)
{
	free(TAKE_PTR(*(char **)member));
}

void clear_libvirt_uris(struct config *config, void *member)
{
	free_words(&config->libvirt_uris, &config->libvirt_uri_count);
}

void clear_device_patterns(struct config *config, void *member)
{
	free_words(&config->quarantine_except, &config->quarantine_except_count);
}
