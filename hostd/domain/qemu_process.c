/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's open files, by /proc. What is read there comes from the kernel and waits for no disk: a
 * stat() of a file may wait for a server that does not answer, so it is done for devices only.
 */
#include "hostd/domain/qemu_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "hostd/base/array.h"
#include "hostd/base/cleanup.h"

/* QEMU's arguments; libvirt writes some 100 bytes for each device. */
#define ARGUMENTS_MAX (1UL << 20)
/* A QEMU with many disks and queues has some hundreds of files open. A guest that controls its QEMU
 * could open as many as the limit allows, to occupy the daemon. */
#define FILES_MAX 8192

static const char *libvirt_directory = "/run/libvirt";
static const char *proc = "/proc";

void set_process_paths(const char *new_libvirt_directory, const char *new_proc)
{
	libvirt_directory = new_libvirt_directory ? new_libvirt_directory : "/run/libvirt";
	proc = new_proc ? new_proc : "/proc";
}

/* As much of a file as there is, up to size - 1 bytes, with a zero byte behind it. Returns the
 * bytes read or -errno. */
static ssize_t read_text(int directory, const char *path, char *buffer, size_t size)
{
	_cleanup_close_ int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t used = 0;

	if (fd < 0)
		return -errno;
	while (used < size - 1) {
		ssize_t got = read(fd, buffer + used, size - 1 - used);

		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	buffer[used] = '\0';
	return (ssize_t)used;
}

static int read_pid(const struct domain *domain, pid_t *ret)
{
	char path[PATH_MAX], text[32], *end;
	ssize_t size;
	long pid;

	if (strchr(domain->name, '/'))
		return -EBADMSG;
	if ((size_t)snprintf(path, sizeof(path), "%s/%s/%s.pid", libvirt_directory, domain->driver,
			     domain->name) >= sizeof(path))
		return -ENAMETOOLONG;
	size = read_text(AT_FDCWD, path, text, sizeof(text));
	if (size < 0)
		return (int)size;
	pid = strtol(text, &end, 10);
	if (end == text || pid <= 0 || pid > INT_MAX)
		return -EBADMSG;
	*ret = (pid_t)pid;
	return 0;
}

/* Where a part of /proc is hidden, a process that exists looks like one that does not. */
static int judge_missing(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH ? -ESRCH : -EACCES;
}

static int open_process(pid_t pid, int *ret)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", proc, (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		*ret = fd;
		return 0;
	}
	return errno == ENOENT ? judge_missing(pid) : -errno;
}

/* Whether an option, and then its value, are among the arguments. */
static bool has_option(const char *arguments, size_t size, const char *option, const char *value)
{
	const char *end = arguments + size, *argument = arguments;
	bool follows = false;

	while (argument < end) {
		if (follows && strcasecmp(argument, value) == 0)
			return true;
		follows = strcmp(argument, option) == 0;
		argument += strlen(argument) + 1;
	}
	return false;
}

/* Whether libvirt has started a process with these arguments for the domain: QEMU, or libvirt_lxc.
 */
static bool names_domain(const char *arguments, size_t size, const struct domain *domain)
{
	if (strcmp(domain->driver, "lxc") == 0)
		return has_option(arguments, size, "--name", domain->name);
	return has_option(arguments, size, "-uuid", domain->uuid);
}

/* The first thread may have ended while others go on; then /proc shows nothing of the process. */
static bool has_other_threads(int process)
{
	struct stat status;

	/* proc_task_getattr() in fs/proc/base.c: two, and one for each thread. */
	return fstatat(process, "task", &status, 0) == 0 && status.st_nlink > 3;
}

static int check_process(int process, const struct domain *domain)
{
	_cleanup_free_ char *arguments = malloc(ARGUMENTS_MAX);
	ssize_t size;

	if (!arguments)
		return -ENOMEM;
	size = read_text(process, "cmdline", arguments, ARGUMENTS_MAX);
	if (size < 0)
		return (int)size;
	/* It ends, or it has hidden its arguments (PR_SET_MM): what it still has open counts. */
	if (size == 0)
		return has_other_threads(process) ? -EBADMSG : 0;
	return names_domain(arguments, (size_t)size, domain) ? 0 : -EBADMSG;
}

/* Opens the directory of the domain's process in /proc. It may be there also after an error. */
static int find_process(const struct domain *domain, int *ret)
{
	pid_t pid;
	int r = read_pid(domain, &pid);

	if (r == 0)
		r = open_process(pid, ret);
	return r < 0 ? r : check_process(*ret, domain);
}

bool may_run(const struct domain *domain)
{
	_cleanup_close_ int process = -1;
	int r = find_process(domain, &process);

	return r == 0 || r == -EACCES || r == -EPERM;
}

/* ---- one open file -------------------------------------------------------------------------- */

/* Whether an error says that the file was closed meanwhile. */
static bool is_closed(int error)
{
	return error == ENOENT || error == ESRCH;
}

/* What tun_chr_show_fdinfo() in drivers/net/tun.c adds for a queue of a tap. Returns 1 with its
 * name, 0 for any other file, or -errno. */
static int find_tap(int fdinfo, const char *number, char device[static IF_NAMESIZE])
{
	static const char key[] = "\niff:\t";
	char text[1024];
	const char *name;
	size_t length;
	ssize_t size = read_text(fdinfo, number, text, sizeof(text));

	if (size < 0)
		return is_closed((int)-size) ? 0 : (int)size;
	name = strstr(text, key);
	if (!name)
		return 0;
	name += strlen(key);
	length = strcspn(name, "\n");
	if (length == 0 || length >= IF_NAMESIZE)
		return 0;
	memcpy(device, name, length);
	device[length] = '\0';
	return 1;
}

/* The character device of a macvtap has the device's number in its name, and its own number in
 * sysfs. */
static bool is_device_of(int fd_directory, const char *number, unsigned int ifindex,
			 const char *device)
{
	char path[PATH_MAX], text[32], *colon;
	unsigned long major_number, minor_number;
	struct stat status;

	snprintf(path, sizeof(path), "/sys/class/net/%s/tap%u/dev", device, ifindex);
	if (read_text(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	major_number = strtoul(text, &colon, 10);
	if (*colon != ':')
		return false;
	minor_number = strtoul(colon + 1, NULL, 10);
	return fstatat(fd_directory, number, &status, 0) == 0 && S_ISCHR(status.st_mode) &&
	       status.st_rdev == makedev(major_number, minor_number);
}

/* The same for a macvtap or ipvtap. */
static int find_macvtap(int fd_directory, const char *number, char device[static IF_NAMESIZE])
{
	char link[PATH_MAX], *last, *end;
	ssize_t length = readlinkat(fd_directory, number, link, sizeof(link) - 1);
	unsigned long ifindex;

	if (length < 0)
		return is_closed(errno) ? 0 : -errno;
	link[length] = '\0';
	last = strrchr(link, '/');
	if (!last || strncmp(last, "/tap", strlen("/tap")) != 0)
		return 0;
	last += strlen("/tap");
	ifindex = strtoul(last, &end, 10);
	return end != last && ifindex <= INT_MAX && if_indextoname((unsigned int)ifindex, device) &&
	       is_device_of(fd_directory, number, (unsigned int)ifindex, device);
}

static int find_device(int fdinfo, int fd_directory, const char *number,
		       char device[static IF_NAMESIZE])
{
	int r = find_tap(fdinfo, number, device);

	return r == 0 ? find_macvtap(fd_directory, number, device) : r;
}

/* ---- all of them ---------------------------------------------------------------------------- */

bool holds_device(const struct held_devices *held, const char *device)
{
	for (size_t i = 0; i < held->count; i++) {
		if (strcmp(held->names[i], device) == 0)
			return true;
	}
	return false;
}

static int add_device(struct held_devices *held, const char device[static IF_NAMESIZE])
{
	char(*grown)[IF_NAMESIZE];

	if (holds_device(held, device))
		return 0;
	grown = grow_array(held->names, held->count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	held->names = grown;
	memcpy(grown[held->count++], device, IF_NAMESIZE);
	return 0;
}

static void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

/* NULL, with errno: it cannot be opened. */
static DIR *open_directory(int process, const char *name)
{
	int fd = openat(process, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !directory)
		close(fd);
	return directory;
}

static int list_devices(int process, struct held_devices *held)
{
	_cleanup_(close_directory) DIR *fdinfo = open_directory(process, "fdinfo");
	_cleanup_(close_directory) DIR *fds = fdinfo ? open_directory(process, "fd") : NULL;
	const struct dirent *entry;
	unsigned int count = 0;
	int r = 0;

	if (!fds)
		return -errno;
	errno = 0;
	while (r == 0 && (entry = readdir(fdinfo))) {
		char device[IF_NAMESIZE];

		if (entry->d_name[0] == '.')
			continue;
		if (++count > FILES_MAX)
			return -E2BIG;
		r = find_device(dirfd(fdinfo), dirfd(fds), entry->d_name, device);
		if (r > 0)
			r = add_device(held, device);
		errno = 0;
	}
	return r == 0 ? -errno : r; /* errno: of readdir() */
}

void free_held_devices(struct held_devices *held)
{
	free(held->names);
	*held = (struct held_devices){0};
}

int read_held_devices(const struct domain *domain, struct held_devices *ret)
{
	_cleanup_close_ int process = -1;
	struct held_devices held = {0};
	int r = find_process(domain, &process);

	if (r == 0)
		r = list_devices(process, &held);
	/* It has ended, perhaps meanwhile: it holds nothing. */
	if (r == -ESRCH || (r == -ENOENT && process >= 0)) {
		free_held_devices(&held);
		r = 0;
	}
	if (r < 0)
		free_held_devices(&held);
	else
		*ret = held;
	return r == -EPERM ? -EACCES : r;
}
