/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The types of settings: how a value is read and written.
 */
#ifndef VMSEG_SETTING_TYPES_H
#define VMSEG_SETTING_TYPES_H

#include <stdint.h>
#include <stdio.h>

#include "hostd/config/config.h"

struct setting_type;

/* A value on its way into a config. */
struct assignment {
	const struct setting_type *type;
	const char *name; /* of the setting */
	const char *value;
	void *member; /* of the config, that takes it */
	struct config *config;
	const char *path;
	int line;
	struct diag *diag;
};

struct setting_type {
	/* Returns 0, -EINVAL with an error in diag, or -ENOMEM. */
	int (*set)(const struct assignment *assignment);
	/* Prints a value as the file has it. */
	void (*print)(FILE *stream, const struct setting_type *type, const struct config *config,
		      const void *member);
	/* Frees a value; NULL: there is nothing to free. */
	void (*clear)(struct config *config, void *member);
	uint32_t minimum, maximum;  /* of a number */
	const char *const *choices; /* NULL-terminated; of a policy's name: the word for none */
};

/* What settings.def may name; a member is a char * (NULL: none), a uint32_t, or an int that is the
 * place of a choice among the others. */
#define TYPE_PATH                                                                                  \
	{                                                                                          \
		.set = set_path, .print = print_string, .clear = clear_string                      \
	}
#define TYPE_POLICY_NAME(none)                                                                     \
	{                                                                                          \
		.set = set_policy_name, .print = print_name, .clear = clear_string,                \
		.choices = (const char *const[])                                                   \
		{                                                                                  \
			none, NULL                                                                 \
		}                                                                                  \
	}
#define TYPE_LISTEN_ADDRESS                                                                        \
	{                                                                                          \
		.set = set_listen_address, .print = print_name, .clear = clear_string,             \
		.choices = (const char *const[])                                                   \
		{                                                                                  \
			"off", NULL                                                                \
		}                                                                                  \
	}
#define TYPE_NUMBER(least, most)                                                                   \
	{                                                                                          \
		.set = set_number, .print = print_number, .minimum = (least), .maximum = (most)    \
	}
#define TYPE_POWER_OF_TWO(least, most)                                                             \
	{                                                                                          \
		.set = set_power_of_two, .print = print_number, .minimum = (least),                \
		.maximum = (most)                                                                  \
	}
#define TYPE_CHOICE(...)                                                                           \
	{                                                                                          \
		.set = set_choice, .print = print_choice, .choices = (const char *const[])         \
		{                                                                                  \
			__VA_ARGS__, NULL                                                          \
		}                                                                                  \
	}
/* `names`: a NULL-terminated array that a list has. */
#define TYPE_CHOICE_OF(names)                                                                      \
	{                                                                                          \
		.set = set_choice, .print = print_choice, .choices = (names)                       \
	}
#define TYPE_LIBVIRT_URIS                                                                          \
	{                                                                                          \
		.set = set_libvirt_uris, .print = print_libvirt_uris, .clear = clear_libvirt_uris  \
	}
#define TYPE_DEVICE_PATTERNS                                                                       \
	{                                                                                          \
		.set = set_device_patterns, .print = print_device_patterns,                        \
		.clear = clear_device_patterns                                                     \
	}

int set_path(const struct assignment *assignment);
int set_policy_name(const struct assignment *assignment);
int set_listen_address(const struct assignment *assignment);
int set_number(const struct assignment *assignment);
int set_power_of_two(const struct assignment *assignment);
int set_choice(const struct assignment *assignment);
int set_libvirt_uris(const struct assignment *assignment);
int set_device_patterns(const struct assignment *assignment);

void print_string(FILE *stream, const struct setting_type *type, const struct config *config,
		  const void *member);
void print_name(FILE *stream, const struct setting_type *type, const struct config *config,
		const void *member);
void print_number(FILE *stream, const struct setting_type *type, const struct config *config,
		  const void *member);
void print_choice(FILE *stream, const struct setting_type *type, const struct config *config,
		  const void *member);
void print_libvirt_uris(FILE *stream, const struct setting_type *type, const struct config *config,
			const void *member);
void print_device_patterns(FILE *stream, const struct setting_type *type,
			   const struct config *config, const void *member);

void clear_string(struct config *config, void *member);
void clear_libvirt_uris(struct config *config, void *member);
void clear_device_patterns(struct config *config, void *member);

#endif
