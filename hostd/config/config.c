/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/config/config.h"

#include <stdio.h>

char *run_path(const struct config *config, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", config->run_directory, name) < 0 ? NULL : path;
}
