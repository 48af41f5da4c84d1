/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hostd.conf, read by inih. settings.def lists the keys.
 */
#include "hostd/config/load_config.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/config/settings_list.h"

/* What inih's callbacks share; inih itself does not hand out line numbers. */
struct reading {
	FILE *stream;
	const char *path;
	int line;
	int *seen; /* line of each setting; 0: not yet */
	struct config *config;
	struct diag *diag;
	int result;
};

static int assign_value(struct reading *reading, const char *section, const char *name,
			const char *value)
{
	const struct setting *setting = find_setting(name);
	int *seen;

	if (section[0])
		return fail(reading->diag, EINVAL, reading->path, reading->line,
			    "no [%s] or other section is expected, only `key = value` lines",
			    section);
	if (!setting)
		return fail(reading->diag, EINVAL, reading->path, reading->line,
			    "unknown key \"%s\" (vmseg-hostd.conf(5) lists them)", name);
	seen = &reading->seen[setting - settings];
	if (*seen)
		return fail(reading->diag, EINVAL, reading->path, reading->line,
			    "%s was already given on line %d", name, *seen);
	*seen = reading->line;
	return set_setting(setting, value, reading->path, reading->line, reading->config,
			   reading->diag);
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
	_cleanup_free_ int *seen = calloc(setting_count, sizeof(*seen));
	struct reading reading = {
		.stream = stream, .path = path, .seen = seen, .config = config, .diag = diag};
	int bad_line;

	if (!stream)
		return fail(diag, errno, path, 0, "%s", strerror(errno));
	if (!seen)
		return fail_memory(diag, path);
	bad_line = ini_parse_stream(read_line, &reading, take_value, &reading);
	if (reading.result < 0)
		return fail(diag, -reading.result, path, reading.line, "out of memory");
	if (bad_line)
		return fail(diag, EINVAL, path, bad_line, "expected `key = value`");
	if (ferror(stream))
		return fail(diag, EIO, path, 0, "could not be read");
	return 0;
}

static int set_defaults(struct config *config, struct diag *diag)
{
	for (size_t i = 0; i < setting_count; i++) {
		int r = set_setting(&settings[i], settings[i].standard, NULL, 0, config, diag);

		if (r < 0)
			return r;
	}
	return 0;
}

int load_config(const char *path, struct config **ret, struct diag *diag)
{
	_cleanup_(free_config) struct config *config = calloc(1, sizeof(*config));
	int r = config ? set_defaults(config, diag) : -ENOMEM;

	if (r == -ENOMEM)
		return fail_memory(diag, path);
	if (r < 0)
		return r;
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
	for (size_t i = 0; i < setting_count; i++)
		clear_setting(&settings[i], *config);
	free((*config)->path);
	free(*config);
	*config = NULL;
}
