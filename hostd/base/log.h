/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Logging for programs (libraries return errors instead): to the journal with fields when stderr
 * is the journal, else to stderr, one line each. A line says what, on which domain, why.
 */
#ifndef VMSEG_LOG_H
#define VMSEG_LOG_H

/* From syslog.h: LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG. */
#include <syslog.h>

/* Lines less important than `level` are not written. Default: LOG_INFO. */
void set_log_level(int level);

/* domain may be NULL or empty: no domain. In the journal it is the field VMSEG_DOMAIN. */
__attribute__((format(printf, 3, 4))) void log_line(int level, const char *domain,
						    const char *format, ...);

/* The same with a finished text and further journal fields: "NAME=value" strings, the last one
 * followed by NULL. */
void log_fields(int level, const char *domain, const char *const *fields, const char *text);

/* `listen` also gets every line of LOG_NOTICE and more important, whatever the log level; NULL: no
 * listener. It must not log. */
void set_log_listener(void (*listen)(int level, const char *domain, const char *text,
				     void *context),
		      void *context);

#define log_error(domain, ...)   log_line(LOG_ERR, domain, __VA_ARGS__)
#define log_warning(domain, ...) log_line(LOG_WARNING, domain, __VA_ARGS__)
#define log_notice(domain, ...)  log_line(LOG_NOTICE, domain, __VA_ARGS__)
#define log_info(domain, ...)    log_line(LOG_INFO, domain, __VA_ARGS__)
#define log_debug(domain, ...)   log_line(LOG_DEBUG, domain, __VA_ARGS__)

#endif
