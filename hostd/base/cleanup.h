/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound ownership: a variable marked `_cleanup_(f)` is released by f(&variable) when it goes
 * out of scope; TAKE_PTR and TAKE_FD hand it on instead. An unset descriptor is -1.
 */
#ifndef VMSEG_CLEANUP_H
#define VMSEG_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f)     __attribute__((cleanup(f)))
#define _cleanup_free_   _cleanup_(free_pointer)
#define _cleanup_close_  _cleanup_(close_descriptor)
#define _cleanup_fclose_ _cleanup_(close_stream)

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__auto_type taken_ = (p);                                                          \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int taken_ = (fd);                                                                 \
		(fd) = -1;                                                                         \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void free_pointer(void *p)
{
	free(*(void **)p);
}

static inline void close_descriptor(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void close_stream(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

#endif
