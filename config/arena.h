/*
 * arena: memory that lives and dies together.
 *
 * Everything that belongs to one statement, one plan or one settings snapshot is allocated in one arena
 * and released by one call.  Nothing in an arena is freed on its own.  An arena is used by one thread at a
 * time.  Allocation never returns NULL: when the machine has no memory left the process ends with a message,
 * because a proxy that continues with half a statement would be wrong.
 */
#ifndef KEYWAY_ARENA_H
#define KEYWAY_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes used of the newest block */
    size_t total;               /* bytes obtained from malloc, for accounting */
};

/* A zeroed struct arena is a valid empty arena. */
void *arena_alloc(struct arena *arena, size_t size);  /* zeroed, aligned for any type */
void *arena_alloc_array(struct arena *arena, size_t count, size_t size); /* overflow-checked, zeroed */
char *arena_strdup(struct arena *arena, const char *text); /* NULL gives NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list arguments);
void *arena_memdup(struct arena *arena, const void *bytes, size_t length);

/* Forget everything but keep the largest block for reuse: the end of a statement. */
void arena_reset(struct arena *arena);
/* Give everything back: the end of the owner. */
void arena_free(struct arena *arena);

/* The one place where memory is obtained outside arenas: malloc/realloc that end the process on failure. */
void *memory_alloc(size_t size); /* zeroed */
void *memory_resize(void *memory, size_t size);
char *memory_strdup(const char *text);

#endif
