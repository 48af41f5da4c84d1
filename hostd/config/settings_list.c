/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hostd/config/settings_list.h"

#include <string.h>

#include "hostd/base/cleanup.h"

const struct setting settings[] = {
#define SECTION(title)
#define SETTING(setting_name, setting_type, member, text, setting_when, help)                      \
	{.name = (setting_name),                                                                   \
	 .type = TYPE_##setting_type,                                                              \
	 .offset = offsetof(struct config, member),                                                \
	 .standard = (text),                                                                       \
	 .when = (setting_when)},
#include "hostd/config/settings.def"
#undef SETTING
#undef SECTION
};

const size_t setting_count = ARRAY_SIZE(settings);

const struct setting *find_setting(const char *name)
{
	for (size_t i = 0; i < setting_count; i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

int set_setting(const struct setting *setting, const char *value, const char *path, int line,
		struct config *config, struct diag *diag)
{
	return setting->type.set(&(struct assignment){
		.type = &setting->type,
		.name = setting->name,
		.value = value,
		.member = (char *)config + setting->offset,
		.config = config,
		.path = path,
		.line = line,
		.diag = diag,
	});
}

void clear_setting(const struct setting *setting, struct config *config)
{
	if (setting->type.clear)
		setting->type.clear(config, (char *)config + setting->offset);
}

char *format_setting(const struct setting *setting, const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (!stream)
		return NULL;
	setting->type.print(stream, &setting->type, config, (const char *)config + setting->offset);
	if (fclose(stream) != 0)
		free(TAKE_PTR(text));
	return text;
}

/* ---- the file of defaults ------------------------------------------------------------------- */

#define FILE_COLUMNS 98

/* "# ---- title ------", up to the last column. */
static void print_section(FILE *stream, const char *title)
{
	int used = fprintf(stream, "\n# ---- %s ", title) - 1;

	while (used++ < FILE_COLUMNS)
		fputc('-', stream);
	fputc('\n', stream);
}

/* The words in lines that begin with "# ". */
static void print_comment(FILE *stream, const char *text)
{
	int column = fprintf(stream, "#");

	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column + 1 + length > FILE_COLUMNS)
			column = fprintf(stream, "\n#") - 1;
		column += fprintf(stream, " %.*s", length, text);
		text += length + (text[length] == ' ');
	}
	fputc('\n', stream);
}

static void print_setting(FILE *stream, const char *name, const char *standard,
			  enum setting_when when, const char *help)
{
	static const char *const marks[] = {
		[LIVE] = "", [RESTART] = " (restart)", [SIZE] = " (size)"};
	_cleanup_free_ char *comment = NULL;

	if (help[0]) {
		fputc('\n', stream);
		if (asprintf(&comment, "%s%s", help, marks[when]) < 0)
			comment = NULL;
		print_comment(stream, comment ? comment : help);
	}
	fprintf(stream, "#%s = %s\n", name, standard);
}

void print_default_settings(FILE *stream)
{
	print_comment(
		stream,
		"Settings of vmseg-hostd and of its libvirt hook, one `key = value` per line. "
		"Every key is listed here with its default; vmseg-hostd.conf(5) describes "
		"them. `vmseg-hostd --check-config` checks this file; `vmseg reload` applies "
		"changes. Changes of keys marked \"restart\" take effect at the next start of "
		"the daemon, which interrupts neither filtering nor sessions. Keys marked "
		"\"size\" are sizes of maps that stay in the kernel: to change one, stop the "
		"daemon, run `vmseg detach --all` (this ends filtering and all sessions), and "
		"start the daemon.");
#define SECTION(title) print_section(stream, title);
#define SETTING(name, type, member, standard, when, help)                                          \
	print_setting(stream, name, standard, when, help);
#include "hostd/config/settings.def"
#undef SETTING
#undef SECTION
}
