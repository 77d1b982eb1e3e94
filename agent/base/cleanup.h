/* SPDX-License-Identifier: Apache-2.0 */
/* Scope-bound release of resources, and the few macros that every file wants. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))

/* Hands the value of `p` to the caller and leaves NULL behind, so that a _cleanup_ does nothing. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})
#define TAKE_FD(fd)                \
	({                         \
		int _taken = (fd); \
		(fd) = -1;         \
		_taken;            \
	})

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void close_fdp(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* Closes `fd` if it is open; returns -1 so that `fd = close_fd(fd)` leaves no stale number. */
static inline int close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
	return -1;
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}
