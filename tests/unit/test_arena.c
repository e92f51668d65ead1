/*
 * Arenas: alignment, zeroing, growth, and the one block kept over a reset.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

#include "config/arena.h"
#include "config/array.h"

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

Test(arena, memory_is_zeroed_and_aligned_for_any_type)
{
    struct arena arena = {0};
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = arena_alloc(&arena, size);
        cr_assert(eq(sz, (uintptr_t) memory % _Alignof(max_align_t), 0));
        cr_assert(is_zero(memory, size));
        memset(memory, 0xff, size);
    }
    arena_free(&arena);
}

Test(arena, memory_of_a_reset_arena_is_zeroed_again)
{
    struct arena arena = {0};
    memset(arena_alloc(&arena, 500), 0xff, 500);
    arena_reset(&arena);
    cr_assert(is_zero(arena_alloc(&arena, 500), 500));
    arena_free(&arena);
}

Test(arena, allocations_do_not_overlap)
{
    enum { COUNT = 2000 };
    struct arena arena = {0};
    unsigned char *pieces[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        pieces[i] = arena_alloc(&arena, i % 97 + 1);
        memset(pieces[i], (int) (i % 251), i % 97 + 1);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t j = 0; j < i % 97 + 1; j++)
            cr_assert(eq(int, pieces[i][j], (int) (i % 251)));
    arena_free(&arena);
}

Test(arena, a_request_larger_than_any_block_gets_its_own)
{
    struct arena arena = {0};
    enum { LARGE = 3 * 1024 * 1024 };
    memset(arena_alloc(&arena, LARGE), 1, LARGE);
    memset(arena_alloc(&arena, 10), 2, 10);
    cr_assert(ge(sz, arena.total, LARGE));
    arena_free(&arena);
    cr_assert(eq(sz, arena.total, 0));
}

Test(arena, a_steady_state_takes_nothing_more_from_malloc)
{
    struct arena arena = {0};
    for (int i = 0; i < 100; i++)
        arena_alloc(&arena, 1000);
    arena_reset(&arena);
    for (int i = 0; i < 20; i++)
        arena_alloc(&arena, 1000);
    arena_reset(&arena);
    size_t total = arena.total;
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 20; i++)
            arena_alloc(&arena, 1000);
        arena_reset(&arena);
        cr_assert(eq(sz, arena.total, total));
    }
    arena_free(&arena);
}

Test(arena, an_empty_arena_can_be_reset_and_freed)
{
    struct arena arena = {0};
    arena_reset(&arena);
    arena_free(&arena);
    arena_free(&arena);
}

Test(arena, copies_are_terminated_and_their_own)
{
    struct arena arena = {0};
    char text[] = "shard";
    char *copy = arena_strdup(&arena, text), *part = arena_strndup(&arena, text, 2);
    text[0] = 'x';
    cr_assert(eq(str, copy, "shard"));
    cr_assert(eq(str, part, "sh"));
    cr_assert(arena_strdup(&arena, NULL) == NULL);
    cr_assert(eq(str, arena_strndup(&arena, NULL, 0), ""));
    cr_assert(eq(int, memcmp(arena_memdup(&arena, "a\0b", 3), "a\0b", 3), 0));
    arena_free(&arena);
}

Test(arena, printf_makes_texts_of_any_length)
{
    struct arena arena = {0};
    cr_assert(eq(str, arena_printf(&arena, "%d-%s", 7, "x"), "7-x"));
    char *text = arena_printf(&arena, "%05000d", 1);
    cr_assert(eq(sz, strlen(text), 5000));
    arena_free(&arena);
}

Test(arena, array_room_keeps_what_is_there_while_it_grows)
{
    struct arena arena = {0};
    size_t *numbers = NULL;
    for (size_t i = 0; i < 1000; i++) {
        numbers = array_room(&arena, numbers, i, sizeof(*numbers));
        numbers[i] = i;
    }
    for (size_t i = 0; i < 1000; i++)
        cr_assert(eq(sz, numbers[i], i));
    arena_free(&arena);
}
