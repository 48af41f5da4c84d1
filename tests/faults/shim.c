// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shim.so: preloaded into vmseg-hostd, it has one chosen call fail, once.
 *
 * The file that VMSEG_FAULTS names is a page shared with whoever chooses (tests/faults/page.py has
 * the same layout). Calls are counted by kind from when `armed` is set; the `chosen`-th of the kind
 * `kind` returns `error` and does nothing. All threads and child processes count together.
 *
 * While `recording` is set nothing fails, and of each allocation its place is kept as a hash: how
 * the program came there, and which instruction of whatever library asked for memory.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

/* In the order of KINDS in page.py. */
enum kind {
	KIND_MEMORY, /* malloc, calloc, realloc, and what calls them: strdup, asprintf, streams */
	KIND_BPF,
	KIND_OPEN,
	KIND_READ,
	KIND_WRITE,
	KIND_RENAME,
	KIND_FSYNC,
	KIND_UNLINK,
	KIND_LINK,
	KIND_MKDIR,
	KIND_MMAP,
	KIND_SOCKET,
	KIND_SEND,
	KIND_RECEIVE,
	KIND_IOCTL,
	KIND_COUNT,
};

#define STACK_DEPTH   64
#define RECORDED_MAX  (1 << 17)
#define PROGRAM_BYTES (16 << 20) /* more than vmseg-hostd has */

struct fault_page {
	_Atomic uint64_t armed, recording;
	uint64_t kind, chosen, error;
	_Atomic uint64_t fired; /* how often the chosen call was met: 0 or 1 */
	_Atomic uint64_t counts[KIND_COUNT];
	uint64_t stack_depth, stack[STACK_DEPTH]; /* addresses from which the failing call came */
	uint64_t stacks[RECORDED_MAX];            /* of the n-th allocation since `recording` */
};

static struct fault_page *page;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static __thread bool inside;

static __attribute__((constructor)) void map_page(void)
{
	const char *path = getenv("VMSEG_FAULTS");
	void *stack[2];
	int fd;

	backtrace(stack, 2); /* allocates the first time */
	if (!path)
		return;
	fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	page = (void *)syscall(SYS_mmap, NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED,
			       fd, 0);
	if (page == MAP_FAILED)
		page = NULL;
	syscall(SYS_close, fd);
}

/* Of stack[0] and stack[1], which are of this file, nothing; of libraries only who has called. */
static uint64_t hash_stack(void *const *stack, int depth)
{
	uintptr_t program = getauxval(AT_PHDR);
	uint64_t hash = 1469598103934665603ULL;

	for (int i = 2; i < depth; i++) {
		if (i == 2 || (uintptr_t)stack[i] - program < PROGRAM_BYTES)
			hash = (hash ^ (uintptr_t)stack[i]) * 1099511628211ULL;
	}
	return hash;
}

/* Whether this call is the one; then errno is set. */
static __attribute__((noinline)) bool fails(enum kind kind)
{
	void *stack[STACK_DEPTH];
	uint64_t number;
	int depth;

	if (!page || inside || !atomic_load(&page->armed))
		return false;
	number = atomic_fetch_add(&page->counts[kind], 1) + 1;
	if (page->recording) {
		if (kind != KIND_MEMORY || number > RECORDED_MAX)
			return false;
		inside = true;
		page->stacks[number - 1] = hash_stack(stack, backtrace(stack, STACK_DEPTH));
		inside = false;
		return false;
	}
	if (kind != page->kind || number != page->chosen)
		return false;
	inside = true;
	depth = backtrace(stack, STACK_DEPTH);
	for (int i = 0; i < depth; i++)
		page->stack[i] = (uintptr_t)stack[i];
	page->stack_depth = (uint64_t)depth;
	inside = false;
	atomic_fetch_add(&page->fired, 1);
	errno = (int)page->error;
	return true;
}

/* ---- memory --------------------------------------------------------------------------------- */

EXPORT void *malloc(size_t size)
{
	return fails(KIND_MEMORY) ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
	return fails(KIND_MEMORY) ? NULL : __libc_calloc(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	return fails(KIND_MEMORY) ? NULL : __libc_realloc(old, size);
}

/* ---- system calls --------------------------------------------------------------------------- */

/* The function of this name that would have been called without this library. */
#define NEXT(function)                                                                             \
	({                                                                                         \
		static __typeof__(&(function)) next;                                               \
		if (!next) {                                                                       \
			bool was_inside = inside;                                                  \
			inside = true;                                                             \
			next = (__typeof__(&(function)))dlsym(RTLD_NEXT, #function);               \
			inside = was_inside;                                                       \
		}                                                                                  \
		next;                                                                              \
	})

#define WRAP(kind, type, failure, function, parameters, ...)                                       \
	EXPORT type function parameters                                                            \
	{                                                                                          \
		return fails(kind) ? (failure) : NEXT(function)(__VA_ARGS__);                      \
	}

/* libbpf has no other way to bpf(). */
EXPORT long syscall(long number, ...)
{
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf && fails(KIND_BPF))
		return -1;
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

#define WRAP_OPEN(function)                                                                        \
	EXPORT int function(const char *path, int flags, ...)                                      \
	{                                                                                          \
		va_list list;                                                                      \
		mode_t mode;                                                                       \
		va_start(list, flags);                                                             \
		mode = va_arg(list, mode_t);                                                       \
		va_end(list);                                                                      \
		return fails(KIND_OPEN) ? -1 : NEXT(function)(path, flags, mode);                  \
	}

#define WRAP_OPENAT(function)                                                                      \
	EXPORT int function(int directory, const char *path, int flags, ...)                       \
	{                                                                                          \
		va_list list;                                                                      \
		mode_t mode;                                                                       \
		va_start(list, flags);                                                             \
		mode = va_arg(list, mode_t);                                                       \
		va_end(list);                                                                      \
		return fails(KIND_OPEN) ? -1 : NEXT(function)(directory, path, flags, mode);       \
	}

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP_OPENAT(openat)
WRAP_OPENAT(openat64)

/* What fortified programs call. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
WRAP(KIND_OPEN, int, -1, __open_2, (const char *path, int flags), path, flags)
WRAP(KIND_OPEN, int, -1, __open64_2, (const char *path, int flags), path, flags)
WRAP(KIND_OPEN, int, -1, __openat_2, (int directory, const char *path, int flags), directory, path,
     flags)
WRAP(KIND_OPEN, int, -1, __openat64_2, (int directory, const char *path, int flags), directory,
     path, flags)
WRAP(KIND_OPEN, FILE *, NULL, fopen, (const char *path, const char *mode), path, mode)
WRAP(KIND_OPEN, FILE *, NULL, fopen64, (const char *path, const char *mode), path, mode)
WRAP(KIND_OPEN, DIR *, NULL, opendir, (const char *path), path)

WRAP(KIND_READ, ssize_t, -1, read, (int fd, void *to, size_t size), fd, to, size)
WRAP(KIND_READ, ssize_t, -1, pread, (int fd, void *to, size_t size, off_t at), fd, to, size, at)
WRAP(KIND_READ, ssize_t, -1, pread64, (int fd, void *to, size_t size, off64_t at), fd, to, size, at)
ssize_t __read_chk(int fd, void *to, size_t size, size_t room);
ssize_t __pread_chk(int fd, void *to, size_t size, off_t at, size_t room);
WRAP(KIND_READ, ssize_t, -1, __read_chk, (int fd, void *to, size_t size, size_t room), fd, to, size,
     room)
WRAP(KIND_READ, ssize_t, -1, __pread_chk, (int fd, void *to, size_t size, off_t at, size_t room),
     fd, to, size, at, room)

WRAP(KIND_WRITE, ssize_t, -1, write, (int fd, const void *from, size_t size), fd, from, size)
WRAP(KIND_WRITE, ssize_t, -1, pwrite, (int fd, const void *from, size_t size, off_t at), fd, from,
     size, at)
WRAP(KIND_RENAME, int, -1, rename, (const char *from, const char *to), from, to)
WRAP(KIND_RENAME, int, -1, renameat, (int a, const char *from, int b, const char *to), a, from, b,
     to)
WRAP(KIND_FSYNC, int, -1, fsync, (int fd), fd)
WRAP(KIND_FSYNC, int, -1, fdatasync, (int fd), fd)
WRAP(KIND_UNLINK, int, -1, unlink, (const char *path), path)
WRAP(KIND_UNLINK, int, -1, unlinkat, (int directory, const char *path, int flags), directory, path,
     flags)
WRAP(KIND_UNLINK, int, -1, rmdir, (const char *path), path)
WRAP(KIND_LINK, int, -1, link, (const char *from, const char *to), from, to)
WRAP(KIND_LINK, int, -1, linkat, (int a, const char *from, int b, const char *to, int flags), a,
     from, b, to, flags)
WRAP(KIND_MKDIR, int, -1, mkdir, (const char *path, mode_t mode), path, mode)
WRAP(KIND_MKDIR, int, -1, mkdirat, (int directory, const char *path, mode_t mode), directory, path,
     mode)
WRAP(KIND_MMAP, void *, MAP_FAILED, mmap,
     (void *at, size_t size, int protection, int flags, int fd, off_t offset), at, size, protection,
     flags, fd, offset)
WRAP(KIND_SOCKET, int, -1, socket, (int domain, int type, int protocol), domain, type, protocol)

WRAP(KIND_SEND, ssize_t, -1, send, (int fd, const void *from, size_t size, int flags), fd, from,
     size, flags)
WRAP(KIND_SEND, ssize_t, -1, sendto,
     (int fd, const void *from, size_t size, int flags, const struct sockaddr *to,
      socklen_t length),
     fd, from, size, flags, to, length)
WRAP(KIND_SEND, ssize_t, -1, sendmsg, (int fd, const struct msghdr *message, int flags), fd,
     message, flags)

WRAP(KIND_RECEIVE, ssize_t, -1, recv, (int fd, void *to, size_t size, int flags), fd, to, size,
     flags)
WRAP(KIND_RECEIVE, ssize_t, -1, recvfrom,
     (int fd, void *to, size_t size, int flags, struct sockaddr *from, socklen_t *length), fd, to,
     size, flags, from, length)
WRAP(KIND_RECEIVE, ssize_t, -1, recvmsg, (int fd, struct msghdr *message, int flags), fd, message,
     flags)
ssize_t __recv_chk(int fd, void *to, size_t size, size_t room, int flags);
WRAP(KIND_RECEIVE, ssize_t, -1, __recv_chk, (int fd, void *to, size_t size, size_t room, int flags),
     fd, to, size, room, flags)

EXPORT int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *argument;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	return fails(KIND_IOCTL) ? -1 : NEXT(ioctl)(fd, request, argument);
}
