/*
 * Fields carry their lengths, so that a row is found by a step for each field; its bytes are not looked at.
 */
#include "router/copy_binary.h"

#include <string.h>

enum {
    SIGNATURE = 11,
    FLAGS_END = SIGNATURE + 4,
    WITH_OIDS = 1 << 16,
    COUNT_SIZE = 2,
    LENGTH_SIZE = 4,
    LONGEST_FIELD = 0x3fffffff, /* MaxAllocSize: no buffer is longer */
};

const uint8_t copy_binary_header[19] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};
const uint8_t copy_binary_trailer[2] = {0xff, 0xff};

static int16_t int16_at(const uint8_t *bytes)
{
    return (int16_t) (bytes[0] << 8 | bytes[1]);
}

static int32_t int32_at(const uint8_t *bytes)
{
    return (int32_t) ((uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3]);
}

static enum copy_piece wrong(struct error *error, const char *message)
{
    error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s", message);
    return COPY_PIECE_WRONG;
}

/* ReceiveCopyBinaryHeader() */
static enum copy_piece scan_header(struct copy_binary *scan, const uint8_t *bytes, size_t length, size_t *end, struct error *error)
{
    if (length < SIGNATURE)
        return COPY_PIECE_PART;
    if (memcmp(bytes, copy_binary_header, SIGNATURE) != 0)
        return wrong(error, "COPY file signature not recognized");
    if (length < FLAGS_END)
        return COPY_PIECE_PART;
    int32_t flags = int32_at(bytes + SIGNATURE);
    if (flags & WITH_OIDS)
        return wrong(error, "invalid COPY file header (WITH OIDS)");
    if (flags >> 16 != 0)
        return wrong(error, "unrecognized critical flags in COPY file header");
    if (length < sizeof copy_binary_header)
        return COPY_PIECE_PART;
    scan->extension = int32_at(bytes + FLAGS_END);
    if (scan->extension < 0)
        return wrong(error, "invalid COPY file header (missing length)");
    scan->state = scan->extension > 0 ? COPY_AT_EXTENSION : COPY_AT_ROW;
    *end = sizeof copy_binary_header;
    return COPY_PIECE_HEADER;
}

static enum copy_piece scan_extension(struct copy_binary *scan, size_t length, size_t *end)
{
    if (length == 0)
        return COPY_PIECE_PART;
    *end = length < (size_t) scan->extension ? length : (size_t) scan->extension;
    scan->extension -= (int32_t) *end;
    if (scan->extension == 0)
        scan->state = COPY_AT_ROW;
    return COPY_PIECE_EXTENSION;
}

static void note_field(const struct copy_binary *scan, int32_t length)
{
    for (int key = 0; key < scan->key_count; key++)
        if (scan->key_fields[key] == scan->field)
            scan->keys[key] = (struct copy_field){scan->scanned + LENGTH_SIZE, length};
}

/* CopyReadBinaryAttribute(), but for the value. */
static bool scan_field(struct copy_binary *scan, const uint8_t *bytes, struct error *error)
{
    int32_t length = int32_at(bytes + scan->scanned);
    if (length < -1) {
        wrong(error, "invalid field size");
        return false;
    }
    if (length >= LONGEST_FIELD) {
        error_set(error, SQLSTATE_PROGRAM_LIMIT, "out of memory");
        error_detail(error, "A field of %d bytes is longer than any buffer.", (int) length);
        return false;
    }
    note_field(scan, length);
    scan->scanned += LENGTH_SIZE + (length > 0 ? (size_t) length : 0);
    scan->field++;
    return true;
}

/* NextCopyFrom() */
static enum copy_piece scan_row(struct copy_binary *scan, const uint8_t *bytes, size_t length, size_t *end, struct error *error)
{
    if (length < COUNT_SIZE)
        return COPY_PIECE_PART;
    if (scan->scanned == 0) {
        int count = int16_at(bytes);
        scan->field = 0;
        scan->scanned = COUNT_SIZE;
        if (count == -1) {
            scan->state = COPY_AT_END;
            *end = COUNT_SIZE;
            return COPY_PIECE_TRAILER;
        }
        if (count != scan->field_count) {
            error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "row field count is %d, expected %d", count, scan->field_count);
            return COPY_PIECE_WRONG;
        }
    }
    while (scan->field < scan->field_count) {
        if (scan->scanned > length || length - scan->scanned < LENGTH_SIZE)
            return COPY_PIECE_PART;
        if (!scan_field(scan, bytes, error))
            return COPY_PIECE_WRONG;
    }
    if (scan->scanned > length)
        return COPY_PIECE_PART;
    *end = scan->scanned;
    scan->scanned = 0;
    return COPY_PIECE_ROW;
}

enum copy_piece copy_binary_scan(struct copy_binary *scan, const uint8_t *bytes, size_t length, size_t *end, struct error *error)
{
    *end = 0;
    switch (scan->state) {
    case COPY_AT_HEADER:
        return scan_header(scan, bytes, length, end, error);
    case COPY_AT_EXTENSION:
        return scan_extension(scan, length, end);
    case COPY_AT_ROW:
        return scan_row(scan, bytes, length, end, error);
    case COPY_AT_END:
        return length > 0 ? wrong(error, "received copy data after EOF marker") : COPY_PIECE_PART;
    }
    return COPY_PIECE_WRONG;
}

/* A single byte where a row may begin is taken for the end, as there. */
bool copy_binary_finish(const struct copy_binary *scan, size_t left, struct error *error)
{
    if (scan->state == COPY_AT_HEADER)
        wrong(error, left < SIGNATURE   ? "COPY file signature not recognized"
                     : left < FLAGS_END ? "invalid COPY file header (missing flags)"
                                        : "invalid COPY file header (missing length)");
    else if (scan->state == COPY_AT_EXTENSION)
        wrong(error, "invalid COPY file header (wrong length)");
    else if (scan->state == COPY_AT_ROW && left >= COUNT_SIZE)
        wrong(error, "unexpected EOF in COPY data");
    return !error_is_set(error);
}

bool copy_binary_row(bool *header_seen, const uint8_t **bytes, size_t *length)
{
    if (!*header_seen) {
        if (*length < sizeof copy_binary_header || memcmp(*bytes, copy_binary_header, SIGNATURE) != 0)
            return false;
        uint32_t extension = (uint32_t) int32_at(*bytes + FLAGS_END);
        if (extension > *length - sizeof copy_binary_header)
            return false;
        *header_seen = true;
        *bytes += sizeof copy_binary_header + extension;
        *length -= sizeof copy_binary_header + extension;
    }
    if (*length >= sizeof copy_binary_trailer && memcmp(*bytes, copy_binary_trailer, sizeof copy_binary_trailer) == 0)
        *length = 0;
    return true;
}
