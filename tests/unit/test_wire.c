/*
 * The wire codec: frames are recognised whole or in part, nothing is read past its message, and what is built
 * reads back.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

#include "proxy/wire.h"

enum { LARGEST = 1 << 20 };

static struct frame frame_in(const struct buffer *buffer)
{
    struct frame frame;
    cr_assert(eq(int, wire_scan(buffer_data(buffer), buffer_length(buffer), LARGEST, &frame), WIRE_FRAME));
    cr_assert(eq(sz, frame.total, buffer_length(buffer)));
    return frame;
}

Test(wire, a_frame_is_whole_only_with_its_last_byte)
{
    const uint8_t query[] = {'Q', 0, 0, 0, 6, 'x', 0, 'Z'};
    struct frame frame;
    for (size_t length = 0; length < 5; length++)
        cr_assert(eq(int, wire_scan(query, length, LARGEST, &frame), WIRE_PARTIAL));
    for (size_t length = 5; length < 7; length++) {
        cr_assert(eq(int, wire_scan(query, length, LARGEST, &frame), WIRE_HEAD));
        cr_assert(eq(sz, frame.total, 7));
        cr_assert(eq(sz, frame.body_length, 2));
    }
    cr_assert(eq(int, wire_scan(query, sizeof(query), LARGEST, &frame), WIRE_FRAME));
    cr_assert(frame.type == 'Q' && frame.body == query + WIRE_HEADER && frame.total == 7);
}

Test(wire, lengths_that_cannot_be_are_bad)
{
    struct frame frame;
    const uint8_t lengths[][5] = {{'Q', 0, 0, 0, 3},
                                  {'Q', 0, 0, 0, 0},
                                  {'Q', 0xff, 0xff, 0xff, 0xff},
                                  {'Q', 0x80, 0, 0, 0},
                                  {'Q', 0, 0x10, 0, 1}};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        cr_assert(eq(int, wire_scan(lengths[i], 5, LARGEST, &frame), WIRE_BAD));
    const uint8_t largest[] = {'Q', 0, 0x10, 0, 0};
    cr_assert(eq(int, wire_scan(largest, 5, LARGEST, &frame), WIRE_HEAD));
}

Test(wire, the_first_packet_has_no_type)
{
    const uint8_t request[] = {0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f};
    struct frame frame;
    cr_assert(eq(int, wire_scan_startup(request, 3, 10000, &frame), WIRE_PARTIAL));
    cr_assert(eq(int, wire_scan_startup(request, 7, 10000, &frame), WIRE_HEAD));
    cr_assert(eq(int, wire_scan_startup(request, 8, 10000, &frame), WIRE_FRAME));
    cr_assert(eq(int, frame.type, 0));
    cr_assert(eq(sz, frame.total, 8));
    struct reader reader = reader_of(&frame);
    cr_assert(eq(int, read_int32(&reader), WIRE_SSL_REQUEST));
    cr_assert(reader_done(&reader));
}

Test(wire, a_reader_stays_failed_once_it_ran_past_the_end)
{
    const uint8_t body[] = {0x80, 0x01, 'a', 0, 'b'};
    struct frame frame = {'x', body, sizeof(body), sizeof(body) + WIRE_HEADER};
    struct reader reader = reader_of(&frame);
    cr_assert(eq(i16, read_int16(&reader), -32767));
    cr_assert(eq(str, (char *) read_string(&reader), "a"));
    cr_assert(not(reader_done(&reader)));
    cr_assert(zero(ptr, (void *) read_string(&reader))); /* "b" has no NUL */
    cr_assert(reader.failed);
    cr_assert(eq(u8, read_byte(&reader), 0));
    cr_assert(eq(i32, read_int32(&reader), 0));
    cr_assert(zero(ptr, (void *) read_bytes(&reader, 0)));
    cr_assert(not(reader_done(&reader)));
}

Test(wire, a_negative_length_reads_nothing)
{
    const uint8_t body[] = {1, 2, 3};
    struct frame frame = {'x', body, sizeof(body), sizeof(body) + WIRE_HEADER};
    struct reader reader = reader_of(&frame);
    cr_assert(zero(ptr, (void *) read_bytes(&reader, (size_t) -1)));
    cr_assert(reader.failed);
}

Test(wire, what_is_built_reads_back)
{
    struct buffer out = {0};
    size_t mark = wire_begin(&out, 'B');
    wire_put_byte(&out, 7);
    wire_put_int16(&out, -2);
    wire_put_int32(&out, -70000);
    wire_put_string(&out, "portal");
    wire_put_bytes(&out, "\0\1", 2);
    wire_end(&out, mark);
    struct frame frame = frame_in(&out);
    struct reader reader = reader_of(&frame);
    cr_assert(eq(u8, read_byte(&reader), 7));
    cr_assert(eq(i16, read_int16(&reader), -2));
    cr_assert(eq(i32, read_int32(&reader), -70000));
    cr_assert(eq(str, (char *) read_string(&reader), "portal"));
    cr_assert(memcmp(read_bytes(&reader, 2), "\0\1", 2) == 0);
    cr_assert(reader_done(&reader));
    buffer_free(&out);
}

Test(wire, a_message_is_patched_where_it_stands_in_the_buffer)
{
    struct buffer out = {0};
    wire_ready(&out, 'I');
    wire_query(&out, "select 1", 8);
    buffer_take(&out, 6);
    wire_empty(&out, 'S');
    struct frame frame;
    cr_assert(eq(int, wire_scan(buffer_data(&out), buffer_length(&out), LARGEST, &frame), WIRE_FRAME));
    cr_assert(frame.type == 'Q' && strcmp((const char *) frame.body, "select 1") == 0);
    buffer_take(&out, frame.total);
    frame = frame_in(&out);
    cr_assert(frame.type == 'S' && frame.body_length == 0);
    buffer_free(&out);
}

Test(wire, a_type_of_zero_makes_an_untyped_packet)
{
    struct buffer out = {0};
    size_t mark = wire_begin(&out, 0);
    wire_put_int32(&out, WIRE_CANCEL_REQUEST);
    wire_end(&out, mark);
    struct frame frame;
    cr_assert(eq(int, wire_scan_startup(buffer_data(&out), 8, LARGEST, &frame), WIRE_FRAME));
    cr_assert(eq(sz, buffer_length(&out), 8));
    buffer_free(&out);
}

Test(wire, an_error_reads_back_with_all_its_fields)
{
    struct buffer out = {0};
    struct error error = {0};
    struct wire_fields fields;
    error_set(&error, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"%s\"", "x");
    error_detail(&error, "why");
    error_hint(&error, "what else");
    error.position = 17;
    wire_error(&out, &error, true);
    struct frame frame = frame_in(&out);
    cr_assert(eq(int, frame.type, 'E'));
    cr_assert(wire_read_fields(&frame, &fields));
    cr_assert(eq(str, (char *) fields.severity, "FATAL"));
    cr_assert(eq(str, (char *) fields.sqlstate, "42601"));
    cr_assert(eq(str, (char *) fields.message, "syntax error at or near \"x\""));
    cr_assert(eq(str, (char *) fields.detail, "why"));
    cr_assert(eq(str, (char *) fields.hint, "what else"));
    cr_assert(eq(str, (char *) fields.position, "17"));
    buffer_clear(&out);
    wire_notice(&out, "WARNING", &error);
    frame = frame_in(&out);
    cr_assert(eq(int, frame.type, 'N'));
    error_clear(&error);
    buffer_free(&out);
}

Test(wire, fields_without_an_end_are_refused)
{
    struct wire_fields fields;
    const uint8_t cut[] = "SERROR\0Mtext"; /* its last NUL is the end of a string, not of the fields */
    struct frame frame = {'E', cut, sizeof(cut), sizeof(cut) + WIRE_HEADER};
    cr_assert(not(wire_read_fields(&frame, &fields)));
    frame.body_length = 0;
    cr_assert(not(wire_read_fields(&frame, &fields)));
}

Test(wire, rows_and_columns_are_laid_out_as_the_protocol_says)
{
    struct buffer out = {0};
    const char *names[] = {"id", "name"}, *values[] = {"42", NULL};
    const uint32_t types[] = {20, 25};
    wire_columns(&out, names, types, 2);
    struct frame frame = frame_in(&out);
    const uint8_t columns[] = "\0\2id\0\0\0\0\0\0\0\0\0\0\x14\0\x8\xff\xff\xff\xff\0\0"
                              "name\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0";
    cr_assert(eq(sz, frame.body_length, sizeof(columns)));
    cr_assert(memcmp(frame.body, columns, sizeof(columns)) == 0);
    buffer_clear(&out);
    wire_row(&out, values, 2);
    frame = frame_in(&out);
    const uint8_t row[] = {0, 2, 0, 0, 0, 2, '4', '2', 0xff, 0xff, 0xff, 0xff};
    cr_assert(eq(sz, frame.body_length, sizeof(row)));
    cr_assert(memcmp(frame.body, row, sizeof(row)) == 0);
    buffer_clear(&out);
    wire_parameter(&out, "client_encoding", "UTF8");
    frame = frame_in(&out);
    cr_assert(memcmp(frame.body, "client_encoding\0UTF8", 21) == 0);
    buffer_clear(&out);
    wire_complete(&out, "SELECT 1");
    frame = frame_in(&out);
    cr_assert(eq(str, (char *) frame.body, "SELECT 1"));
    buffer_free(&out);
}
