/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Diagnoses. When memory runs out while one is recorded, the text is lost and the code still goes
 * to the caller.
 */
#include "hostd/base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/text.h"

static void clear_entry(struct diag_entry *entry)
{
	free(entry->where);
	free(entry->text);
	*entry = (struct diag_entry){0};
}

static char *format_place(const char *source, int line)
{
	char *where;

	if (!source)
		return strdup("");
	if (line <= 0)
		return strdup(source);
	return asprintf(&where, "%s:%d", source, line) < 0 ? NULL : where;
}

/* Names of files and devices are bytes. What is quoted of a document may be millions of them. */
static void make_shown(char *text)
{
	make_utf8(text);
	if (strlen(text) <= DIAG_TEXT_MAX)
		return;
	text[DIAG_TEXT_MAX] = '\0';
	end_at_character(text);
}

/* Fills the entry, or leaves it empty when there is no memory. */
__attribute__((format(printf, 4, 0))) static void fill_entry(struct diag_entry *entry,
							     const char *source, int line,
							     const char *format, va_list arguments)
{
	if (vasprintf(&entry->text, format, arguments) < 0)
		entry->text = NULL;
	entry->where = format_place(source, line);
	if (!entry->text || !entry->where) {
		clear_entry(entry);
		return;
	}
	make_shown(entry->text);
	make_shown(entry->where);
}

int fail(struct diag *diag, int code, const char *source, int line, const char *format, ...)
{
	va_list arguments;

	if (!diag || diag->error.text)
		return -code;
	va_start(arguments, format);
	fill_entry(&diag->error, source, line, format, arguments);
	va_end(arguments);
	return -code;
}

int fail_memory(struct diag *diag, const char *source)
{
	return fail(diag, ENOMEM, source, 0, "out of memory");
}

void warn(struct diag *diag, const char *source, int line, const char *format, ...)
{
	struct diag_entry *grown, *entry;
	va_list arguments;

	if (!diag)
		return;
	grown = reallocarray(diag->warnings, diag->warning_count + 1, sizeof(*grown));
	if (!grown)
		return;
	diag->warnings = grown;
	entry = &grown[diag->warning_count];
	*entry = (struct diag_entry){0};
	va_start(arguments, format);
	fill_entry(entry, source, line, format, arguments);
	va_end(arguments);
	if (entry->text)
		diag->warning_count++;
}

const char *diag_message(struct diag *diag)
{
	const struct diag_entry *error = &diag->error;

	if (!error->text)
		return "";
	if (!error->where[0])
		return error->text;
	free(diag->message);
	if (asprintf(&diag->message, "%s: %s", error->where, error->text) < 0)
		diag->message = NULL;
	return diag->message ? diag->message : error->text;
}

void clear_diag(struct diag *diag)
{
	clear_entry(&diag->error);
	for (size_t i = 0; i < diag->warning_count; i++)
		clear_entry(&diag->warnings[i]);
	free(diag->warnings);
	free(diag->message);
	*diag = (struct diag){0};
}
