/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The policy directory, read once: entries sorted by name.
 */
#include "hostd/policy/read/library.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/trusted_file.h"
#include "hostd/policy/read/parse.h"

#define SUFFIX ".xml"

/* One file: a policy, a set, or why it is neither. */
struct entry {
	char *name; /* the file's, without SUFFIX */
	struct policy *policy;
	struct address_set *set;
	char *error;
	bool borrowed; /* from the library that this one was made of */
};

typedef int parse_file(const char *path, struct policy **ret_policy, struct address_set **ret_set,
		       struct diag *diag);

struct library {
	char *directory;
	struct entry *entries;
	size_t entry_count;
	size_t bad_count;
};

static int is_policy_file(const struct dirent *item)
{
	size_t size = strlen(item->d_name);

	return item->d_name[0] != '.' && size > strlen(SUFFIX) &&
	       strcmp(item->d_name + size - strlen(SUFFIX), SUFFIX) == 0;
}

static int compare_items(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* References use the name, people use the file: both must be the same. */
static int check_entry_name(const struct entry *entry, const char *path, struct diag *diag)
{
	const char *name = entry->policy ? entry->policy->name : entry->set->name;
	int line = entry->policy ? entry->policy->place.line : entry->set->place.line;

	if (strcmp(name, entry->name) == 0)
		return 0;
	return fail(diag, EINVAL, path, line,
		    "<%s>: name=\"%s\" differs from the name of the file (expected \"%s\", or the "
		    "file name %s" SUFFIX ")",
		    entry->policy ? "policy" : "set", name, entry->name, name);
}

/* Turns the error of a bad file into an entry that repeats it. */
static int keep_error(struct entry *entry, struct diag *diag)
{
	free_policy(&entry->policy);
	free_address_set(&entry->set);
	entry->error = strdup(diag_message(diag));
	return entry->error ? 0 : -ENOMEM;
}

static int load_entry(struct library *library, const char *file, parse_file *parse,
		      struct entry *entry)
{
	_cleanup_(clear_diag) struct diag diag = {0};
	_cleanup_free_ char *path = NULL;
	int r;

	entry->name = strndup(file, strlen(file) - strlen(SUFFIX));
	if (!entry->name || asprintf(&path, "%s/%s", library->directory, file) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	r = parse(path, &entry->policy, &entry->set, &diag);
	if (!r)
		r = check_entry_name(entry, path, &diag);
	if (!r)
		return 0;
	library->bad_count++;
	return keep_error(entry, &diag);
}

static int load_entries(struct library *library, struct dirent *const *items, size_t count,
			parse_file *parse)
{
	library->entries = calloc(count + 1, sizeof(*library->entries));
	if (!library->entries)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		int r = load_entry(library, items[i]->d_name, parse,
				   &library->entries[library->entry_count++]);

		if (r)
			return r;
	}
	/* The suffix took part when the files were sorted: "a-b.xml" stands before "a.xml". */
	qsort(library->entries, count, sizeof(*library->entries), compare_entries);
	return 0;
}

static int load_directory(const char *directory, parse_file *parse, struct library **ret,
			  struct diag *diag)
{
	_cleanup_(free_library) struct library *library = calloc(1, sizeof(*library));
	struct dirent **items = NULL;
	int count, r;

	if (!library || !(library->directory = strdup(directory)))
		return fail_memory(diag, directory);
	count = scandir(directory, &items, is_policy_file, compare_items);
	if (count < 0 && errno != ENOENT)
		return fail(diag, errno, directory, 0, "cannot read the policy directory: %s",
			    strerror(errno));
	if (count < 0)
		count = 0;
	r = load_entries(library, items, (size_t)count, parse);
	for (int i = 0; i < count; i++)
		free(items[i]);
	free(items);
	if (r)
		return fail(diag, -r, directory, 0, "out of memory");
	*ret = TAKE_PTR(library);
	return 0;
}

int load_library(const char *directory, struct library **ret, struct diag *diag)
{
	return load_directory(directory, parse_policy_file, ret, diag);
}

int load_trusted_library(const char *directory, struct library **ret, struct diag *diag)
{
	_cleanup_close_ int fd = -1;
	int r = 0;

	if (access(directory, F_OK) == 0 || errno != ENOENT)
		r = open_trusted_directory(directory, &fd, diag);
	return r < 0 ? r : load_directory(directory, parse_trusted_policy_file, ret, diag);
}

static void free_entry(struct entry *entry)
{
	if (entry->borrowed)
		return;
	free(entry->name);
	free_policy(&entry->policy);
	free_address_set(&entry->set);
	free(entry->error);
}

/* The base's entries, but for the one of that name. */
static void borrow_entries(struct library *library, const struct library *base, const char *name)
{
	library->bad_count = base->bad_count;
	for (size_t i = 0; i < base->entry_count; i++) {
		struct entry *entry = &library->entries[library->entry_count];

		if (strcmp(base->entries[i].name, name) == 0) {
			library->bad_count -= base->entries[i].error != NULL;
			continue;
		}
		*entry = base->entries[i];
		entry->borrowed = true;
		library->entry_count++;
	}
}

int substitute_entry(const struct library *base, struct policy *policy, struct address_set *set,
		     struct library **ret)
{
	_cleanup_(free_library) struct library *library = calloc(1, sizeof(*library));
	struct entry entry = {.policy = policy, .set = set};

	entry.name = strdup(policy ? policy->name : set->name);
	if (library) {
		library->directory = strdup(base->directory);
		library->entries = calloc(base->entry_count + 1, sizeof(*library->entries));
	}
	if (!entry.name || !library || !library->directory || !library->entries) {
		free_entry(&entry);
		return -ENOMEM;
	}
	borrow_entries(library, base, entry.name);
	library->entries[library->entry_count++] = entry;
	qsort(library->entries, library->entry_count, sizeof(*library->entries), compare_entries);
	*ret = TAKE_PTR(library);
	return 0;
}

void free_library(struct library **library)
{
	struct library *l = *library;

	if (!l)
		return;
	for (size_t i = 0; i < l->entry_count; i++)
		free_entry(&l->entries[i]);
	free(l->entries);
	free(l->directory);
	free(l);
	*library = NULL;
}

static const struct entry *look_up(const struct library *library, const char *name)
{
	struct entry key = {.name = (char *)name};

	return bsearch(&key, library->entries, library->entry_count, sizeof(key), compare_entries);
}

const char *find_file_error(const struct library *library, const char *name)
{
	const struct entry *entry = look_up(library, name);

	return entry ? entry->error : NULL;
}

/* The usable entry of a name, or NULL with an error in diag; `what` is what was looked for. */
static const struct entry *find_entry(const struct library *library, const char *name,
				      const char *what, struct diag *diag)
{
	const struct entry *entry = look_up(library, name);

	if (!entry) {
		fail(diag, ENOENT, NULL, 0, "there is no %s \"%s\" (no file %s/%s" SUFFIX ")", what,
		     name, library->directory, name);
		return NULL;
	}
	if (entry->error) {
		fail(diag, EINVAL, NULL, 0, "%s", entry->error);
		return NULL;
	}
	return entry;
}

const struct policy *find_policy(const struct library *library, const char *name, struct diag *diag)
{
	const struct entry *entry = find_entry(library, name, "policy", diag);

	if (entry && !entry->policy)
		fail(diag, ENOENT, NULL, 0, "\"%s\" is an address set, not a policy", name);
	return entry ? entry->policy : NULL;
}

const struct address_set *find_address_set(const struct library *library, const char *name,
					   struct diag *diag)
{
	const struct entry *entry = find_entry(library, name, "address set", diag);

	if (entry && !entry->set)
		fail(diag, ENOENT, NULL, 0, "\"%s\" is a policy, not an address set", name);
	return entry ? entry->set : NULL;
}

void for_each_policy(const struct library *library,
		     void (*visit)(const char *name, const struct policy *policy, const char *error,
				   void *context),
		     void *context)
{
	for (size_t i = 0; i < library->entry_count; i++) {
		const struct entry *entry = &library->entries[i];

		if (!entry->set)
			visit(entry->name, entry->policy, entry->error, context);
	}
}

size_t count_bad_files(const struct library *library)
{
	return library->bad_count;
}
