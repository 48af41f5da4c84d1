/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bpffs directory. Nothing in it is trusted to be vmseg's by its name alone: maps are checked
 * by who opens them, links by their programs' names.
 */
#include "hostd/datapath/objects/pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "hostd/base/cleanup.h"
#include "hostd/base/trusted_file.h"

#define MAPS_DIRECTORY  "maps"
#define LINKS_DIRECTORY "links"

/* Longest name below the root: "/links/4294967295-out". */
#define PIN_NAME_BYTES 64

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

static int check_bpffs(const char *path, struct diag *diag)
{
	struct statfs status;

	if (statfs(path, &status) < 0)
		return fail(diag, errno, path, 0, "%s", strerror(errno));
	if (status.f_type != BPF_FS_MAGIC)
		return fail(diag, ENOTSUP, path, 0,
			    "not in a BPF file system: mount -t bpf bpf /sys/fs/bpf");
	return 0;
}

/* The parent is looked at first, so that nothing is made in another file system. */
static int make_root(const char *root, struct diag *diag)
{
	_cleanup_free_ char *copy = strdup(root);
	int r;

	if (!copy)
		return -ENOMEM;
	if (access(root, F_OK) < 0) {
		r = check_bpffs(dirname(copy), diag);
		if (r < 0)
			return r;
		if (mkdir(root, 0700) < 0 && errno != EEXIST)
			return fail(diag, errno, root, 0, "cannot create the directory: %s",
				    strerror(errno));
	}
	return check_bpffs(root, diag);
}

static int make_directory(const struct pins *pins, const char *name, struct diag *diag)
{
	if (mkdirat(pins->lock, name, 0700) < 0 && errno != EEXIST)
		return fail(diag, errno, pins->root, 0, "cannot create the directory %s: %s", name,
			    strerror(errno));
	return 0;
}

int lock_pins(const char *root, struct pins *ret, struct diag *diag)
{
	_cleanup_(close_pins) struct pins pins = {.root = strdup(root), .lock = -1};

	if (!pins.root)
		return -ENOMEM;
	if (strlen(root) + PIN_NAME_BYTES > PIN_PATH_BYTES)
		return fail(diag, ENAMETOOLONG, root, 0, "path too long (at most %d bytes)",
			    PIN_PATH_BYTES - PIN_NAME_BYTES);
	pins.lock = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pins.lock < 0)
		return fail(diag, errno, root, 0, "%s", strerror(errno));
	if (flock(pins.lock, LOCK_EX | LOCK_NB) < 0)
		return fail(diag, errno == EWOULDBLOCK ? EBUSY : errno, root, 0,
			    "in use by another process (is vmseg-hostd running?)");
	*ret = (struct pins){.root = TAKE_PTR(pins.root), .lock = TAKE_FD(pins.lock)};
	return 0;
}

int make_pin_directories(const struct pins *pins, struct diag *diag)
{
	int r = make_directory(pins, MAPS_DIRECTORY, diag);

	return r < 0 ? r : make_directory(pins, LINKS_DIRECTORY, diag);
}

bool are_pins_in_place(const struct pins *pins)
{
	struct stat locked, named;

	return fstat(pins->lock, &locked) == 0 && stat(pins->root, &named) == 0 &&
	       locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
}

static DIR *open_directory(const struct pins *pins, const char *name)
{
	int fd = openat(pins->lock, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory;

	if (fd < 0)
		return NULL;
	directory = fdopendir(fd);
	if (!directory)
		close(fd);
	return directory;
}

/* Of all entries of a directory that is pinned in, and of the directory itself. */
static int check_pins_in(const struct pins *pins, const char *name, struct diag *diag)
{
	_cleanup_(close_directory) DIR *directory = open_directory(pins, name);
	const struct dirent *entry;
	char path[PIN_PATH_BYTES];
	struct stat status;
	int r = 0;

	while (r == 0 && directory && (entry = readdir(directory))) {
		if (strcmp(entry->d_name, "..") == 0 ||
		    fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/%.*s", pins->root, name, PIN_NAME_BYTES / 2,
			 entry->d_name);
		r = check_trusted(&status, path, diag);
	}
	return r;
}

/* Whoever can write to a pinned map decides what passes. Refused rather than repaired: nobody knows
 * what has been written. */
static int check_all_pins(const struct pins *pins, struct diag *diag)
{
	struct stat status;
	int r;

	if (fstat(pins->lock, &status) < 0)
		return fail(diag, errno, pins->root, 0, "%s", strerror(errno));
	r = check_trusted(&status, pins->root, diag);
	if (r == 0)
		r = check_pins_in(pins, MAPS_DIRECTORY, diag);
	return r < 0 ? r : check_pins_in(pins, LINKS_DIRECTORY, diag);
}

int open_pins(const char *root, struct pins *ret, struct diag *diag)
{
	_cleanup_(close_pins) struct pins pins = {.lock = -1};
	int r;

	r = make_root(root, diag);
	if (r < 0)
		return r;
	r = lock_pins(root, &pins, diag);
	if (r < 0)
		return r;
	r = make_pin_directories(&pins, diag);
	if (r == 0)
		r = check_all_pins(&pins, diag);
	if (r < 0)
		return r;
	*ret = (struct pins){.root = TAKE_PTR(pins.root), .lock = TAKE_FD(pins.lock)};
	return 0;
}

void close_pins(struct pins *pins)
{
	close_descriptor(&pins->lock);
	free(pins->root);
	*pins = (struct pins){.lock = -1};
}

/* Writes the beginning of every pin's path; returns its length. */
static int write_root(const struct pins *pins, char path[static PIN_PATH_BYTES])
{
	if (pins->displaced)
		return snprintf(path, PIN_PATH_BYTES, "/proc/self/fd/%d", pins->lock);
	return snprintf(path, PIN_PATH_BYTES, "%s", pins->root);
}

const char *map_pin(const struct pins *pins, const char *map, char path[static PIN_PATH_BYTES])
{
	int root = write_root(pins, path);

	snprintf(path + root, PIN_NAME_BYTES, "/" MAPS_DIRECTORY "/%s", map);
	return path;
}

const char *link_pin(const struct pins *pins, unsigned int ifindex, enum direction direction,
		     char path[static PIN_PATH_BYTES])
{
	int root = write_root(pins, path);

	snprintf(path + root, PIN_NAME_BYTES, "/" LINKS_DIRECTORY "/%u-%s", ifindex,
		 direction == DIRECTION_IN ? "in" : "out");
	return path;
}

/* "12-in" and "12-out" are ours. */
static bool parse_link_name(const char *name, unsigned int *ret_ifindex,
			    enum direction *ret_direction)
{
	unsigned long ifindex;
	char *end;

	errno = 0;
	ifindex = strtoul(name, &end, 10);
	if (errno || end == name || ifindex > UINT_MAX)
		return false;
	if (strcmp(end, "-in") != 0 && strcmp(end, "-out") != 0)
		return false;
	*ret_direction = strcmp(end, "-in") == 0 ? DIRECTION_IN : DIRECTION_OUT;
	*ret_ifindex = (unsigned int)ifindex;
	return true;
}

void for_each_link_pin(const struct pins *pins,
		       void (*visit)(const char *path, unsigned int ifindex,
				     enum direction direction, void *context),
		       void *context)
{
	_cleanup_(close_directory) DIR *directory = open_directory(pins, LINKS_DIRECTORY);
	const struct dirent *entry;
	char path[PIN_PATH_BYTES];
	enum direction direction;
	unsigned int ifindex;
	int root = write_root(pins, path);

	while (directory && (entry = readdir(directory))) {
		if (!parse_link_name(entry->d_name, &ifindex, &direction))
			continue;
		snprintf(path + root, PIN_NAME_BYTES, "/" LINKS_DIRECTORY "/%.*s",
			 PIN_NAME_BYTES / 2, entry->d_name);
		visit(path, ifindex, direction, context);
	}
}

void remove_map_pins(const struct pins *pins)
{
	_cleanup_(close_directory) DIR *directory = open_directory(pins, MAPS_DIRECTORY);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
}

int remove_pin_directories(const struct pins *pins, struct diag *diag)
{
	if (unlinkat(pins->lock, MAPS_DIRECTORY, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(diag, errno, pins->root, 0, "cannot remove %s: %s", MAPS_DIRECTORY,
			    strerror(errno));
	if (unlinkat(pins->lock, LINKS_DIRECTORY, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return fail(diag, errno, pins->root, 0, "cannot remove %s: %s", LINKS_DIRECTORY,
			    strerror(errno));
	if (rmdir(pins->root) < 0 && errno != EBUSY)
		return fail(diag, errno, pins->root, 0, "cannot remove the directory: %s",
			    strerror(errno));
	return 0;
}
