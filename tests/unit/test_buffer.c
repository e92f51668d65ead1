/*
 * Buffers: order is kept whatever is appended and taken, room is found again, memory is given back.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/buffer.h"

Test(buffer, a_zeroed_buffer_is_empty)
{
    struct buffer buffer = {0};
    cr_assert(eq(sz, buffer_length(&buffer), 0));
    cr_assert(zero(ptr, (void *) buffer_data(&buffer)));
    buffer_append(&buffer, NULL, 0);
    buffer_clear(&buffer);
    buffer_free(&buffer);
    cr_assert(eq(sz, buffer.capacity, 0));
}

Test(buffer, bytes_come_out_in_the_order_they_went_in)
{
    struct buffer buffer = {0};
    uint8_t in = 0, out = 0;
    srand(1);
    for (int turn = 0; turn < 20000; turn++) {
        uint8_t piece[700];
        size_t put = (size_t) rand() % sizeof(piece);
        for (size_t i = 0; i < put; i++)
            piece[i] = in++;
        buffer_append(&buffer, piece, put);
        size_t take = (size_t) rand() % (buffer_length(&buffer) + 1);
        for (size_t i = 0; i < take; i++)
            cr_assert(buffer_data(&buffer)[i] == out++);
        buffer_take(&buffer, take);
    }
    cr_assert(lt(sz, buffer.capacity, 1 << 20));
    buffer_free(&buffer);
}

Test(buffer, what_was_taken_makes_room_again)
{
    struct buffer buffer = {0};
    uint8_t piece[300] = {0};
    for (int i = 0; i < 10000; i++) {
        buffer_append(&buffer, piece, sizeof(piece));
        if (i > 0)
            buffer_take(&buffer, sizeof(piece));
    }
    cr_assert(eq(sz, buffer_length(&buffer), sizeof(piece)));
    cr_assert(le(sz, buffer.capacity, 2048));
    buffer_free(&buffer);
}

Test(buffer, an_emptied_buffer_starts_at_the_front_and_keeps_its_memory)
{
    struct buffer buffer = {0};
    buffer_append(&buffer, "abc", 3);
    size_t capacity = buffer.capacity;
    buffer_take(&buffer, 3);
    cr_assert(eq(sz, buffer.start, 0));
    cr_assert(eq(sz, buffer.capacity, capacity));
    buffer_free(&buffer);
}

Test(buffer, reserved_room_may_be_written_up_to_its_last_byte)
{
    struct buffer buffer = {0};
    for (size_t room = 1; room < 100000; room = room * 3 + 1) {
        memset(buffer_reserve(&buffer, room), 'x', room);
        buffer.end += room;
        buffer_take(&buffer, room / 2);
    }
    buffer_free(&buffer);
}
