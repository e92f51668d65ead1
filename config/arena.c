/*
 * An arena is a chain of malloc'ed blocks; allocation moves a cursor in the newest.  A request larger than
 * the block size gets a block of its own size.  Reset keeps the largest block so that a steady state
 * allocates nothing.
 */
#include "config/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_FIRST_BLOCK = 1024, ARENA_LARGEST_STEP = 256 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t size; /* usable bytes behind the header */
    max_align_t bytes[];
};

static void out_of_memory(size_t size)
{
    fprintf(stderr, "keyway: out of memory (%zu bytes wanted)\n", size);
    abort();
}

void *memory_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (memory == NULL)
        out_of_memory(size);
    return memory;
}

void *memory_resize(void *memory, size_t size)
{
    void *moved = realloc(memory, size ? size : 1);
    if (moved == NULL)
        out_of_memory(size);
    return moved;
}

char *memory_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(memory_alloc(size), text, size);
}

static void arena_grow(struct arena *arena, size_t needed)
{
    size_t size = arena->blocks ? arena->blocks->size * 2 : ARENA_FIRST_BLOCK;
    if (size > ARENA_LARGEST_STEP)
        size = ARENA_LARGEST_STEP;
    if (size < needed)
        size = needed;
    struct arena_block *block = malloc(sizeof(*block) + size);
    if (block == NULL)
        out_of_memory(size);
    block->size = size;
    block->next = arena->blocks;
    arena->blocks = block;
    arena->used = 0;
    arena->total += size;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        out_of_memory(size);
    size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (arena->blocks == NULL || arena->blocks->size - arena->used < rounded)
        arena_grow(arena, rounded);
    void *memory = (char *) arena->blocks->bytes + arena->used;
    arena->used += rounded;
    return memset(memory, 0, rounded);
}

void *arena_alloc_array(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / 2 / size)
        out_of_memory(SIZE_MAX);
    return arena_alloc(arena, count * size);
}

void *arena_memdup(struct arena *arena, const void *bytes, size_t length)
{
    void *copy = arena_alloc(arena, length);
    if (length > 0)
        memcpy(copy, bytes, length);
    return copy;
}

char *arena_strndup(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_vprintf(struct arena *arena, const char *format, va_list arguments)
{
    va_list measured;
    va_copy(measured, arguments);
    int length = vsnprintf(NULL, 0, format, measured);
    va_end(measured);
    if (length < 0)
        abort(); /* only a broken format string gets here */
    char *text = arena_alloc(arena, (size_t) length + 1);
    vsnprintf(text, (size_t) length + 1, format, arguments);
    return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    return text;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *largest = arena->blocks;
    for (struct arena_block *block = arena->blocks; block; block = block->next)
        if (block->size > largest->size)
            largest = block;
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        if (block != largest)
            free(block);
        block = next;
    }
    if (largest) {
        largest->next = NULL;
        arena->total = largest->size;
    }
    arena->blocks = largest;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
