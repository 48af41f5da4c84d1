/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of settings, made from settings.def.
 */
#ifndef VMSEG_SETTINGS_LIST_H
#define VMSEG_SETTINGS_LIST_H

#include <stddef.h>
#include <stdio.h>

#include "hostd/config/config.h"
#include "hostd/config/setting_types.h"

/* When a change takes effect: see settings.def. */
enum setting_when { LIVE, RESTART, SIZE };

struct setting {
	const char *name;
	struct setting_type type;
	size_t offset;        /* of its member in struct config */
	const char *standard; /* the default */
	enum setting_when when;
};

extern const struct setting settings[];
extern const size_t setting_count;

/* NULL: there is none. */
const struct setting *find_setting(const char *name);

/* Sets a value; `path` and `line` are where it is written (NULL, 0: nowhere). Returns 0, -EINVAL
 * with an error in diag, or -ENOMEM. */
int set_setting(const struct setting *setting, const char *value, const char *path, int line,
		struct config *config, struct diag *diag);

/* Frees a value. */
void clear_setting(const struct setting *setting, struct config *config);

/* The value as hostd.conf would have it; the caller frees it. NULL when out of memory. */
char *format_setting(const struct setting *setting, const struct config *config);

/* Prints hostd.conf with every setting, its help and its default, all as comments. */
void print_default_settings(FILE *stream);

#endif
