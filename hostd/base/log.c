/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log lines to the journal, with fields, or to stderr.
 */
#include "hostd/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* The caller's place in the source would be this file for every line: leave it out. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/text.h"

static int log_level = LOG_INFO;

static struct {
	void (*listen)(int level, const char *domain, const char *text, void *context);
	void *context;
} listener;

void set_log_listener(void (*listen)(int level, const char *domain, const char *text,
				     void *context),
		      void *context)
{
	listener.listen = listen;
	listener.context = context;
}

void set_log_level(int level)
{
	log_level = level;
}

/* systemd sets JOURNAL_STREAM to device:inode of the stream it gave the service; a redirected
 * stderr no longer has that inode (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;
	char *end;

	if (!stream || fstat(STDERR_FILENO, &status) < 0)
		return false;
	device = strtoull(stream, &end, 10);
	if (*end != ':')
		return false;
	inode = strtoull(end + 1, &end, 10);
	return *end == '\0' && status.st_dev == device && status.st_ino == inode;
}

#define FIELDS_MAX 16

/* The message begins with the domain's name: what greps the text finds it there, too. */
static void write_journal(int level, const char *domain, const char *const *fields,
			  const char *text)
{
	_cleanup_free_ char *message = NULL, *owner = NULL;
	struct iovec vector[FIELDS_MAX + 3];
	char priority[16];
	int count = 0;

	if (asprintf(&message, "MESSAGE=%s%s%s", domain ? domain : "", domain ? ": " : "", text) <
	    0) {
		message = NULL;
		return;
	}
	if (asprintf(&owner, "VMSEG_DOMAIN=%s", domain ? domain : "") < 0) {
		owner = NULL;
		return;
	}
	snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
	vector[count++] = (struct iovec){message, strlen(message)};
	vector[count++] = (struct iovec){priority, strlen(priority)};
	if (domain)
		vector[count++] = (struct iovec){owner, strlen(owner)};
	for (size_t i = 0; fields && fields[i] && i < FIELDS_MAX; i++)
		vector[count++] = (struct iovec){(char *)fields[i], strlen(fields[i])};
	sd_journal_sendv(vector, count);
}

static const char *level_prefix(int level)
{
	if (level <= LOG_ERR)
		return "error: ";
	if (level == LOG_WARNING)
		return "warning: ";
	return level >= LOG_DEBUG ? "debug: " : "";
}

/* One write per line: lines of several processes do not mix. */
static void write_stderr(int level, const char *domain, const char *text)
{
	_cleanup_free_ char *line = NULL;
	int size = asprintf(&line, "%s: %s%s%s%s\n", program_invocation_short_name,
			    level_prefix(level), domain ? domain : "", domain ? ": " : "", text);

	if (size < 0) {
		line = NULL;
		return;
	}
	if (write(STDERR_FILENO, line, (size_t)size) < 0)
		return; /* there is no other place to report this */
}

/* Names come from outside: nothing in them may forge a line or drive a terminal. */
void log_fields(int level, const char *domain, const char *const *fields, const char *text)
{
	_cleanup_free_ char *shown_domain = NULL, *shown = NULL;

	if (domain && !domain[0])
		domain = NULL;
	if (listener.listen && level <= LOG_NOTICE)
		listener.listen(level, domain, text, listener.context);
	if (level > log_level)
		return;
	shown = escape_text(text);
	shown_domain = domain ? escape_text(domain) : NULL;
	if (!shown || !shown_domain != !domain)
		return;
	if (stderr_is_journal())
		write_journal(level, shown_domain, fields, shown);
	else
		write_stderr(level, shown_domain, shown);
}

void log_line(int level, const char *domain, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list arguments;
	int size;

	if (level > log_level && level > LOG_NOTICE)
		return;
	va_start(arguments, format);
	size = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (size < 0) {
		text = NULL;
		return;
	}
	log_fields(level, domain, NULL, text);
}
