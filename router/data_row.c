/*
 * Int16 count, then per field Int32 length and that many bytes.  Nothing may be missing and nothing left
 * over.
 */
#include "router/data_row.h"

static bool malformed(struct error *error, const char *what)
{
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent a malformed row");
    error_detail(error, "%s", what);
    return false;
}

bool data_row_read(const uint8_t *row, size_t length, struct field *fields, int count, struct error *error)
{
    if (length < 2 || network_uint16(row) != count)
        return malformed(error, "The row has another number of columns than was announced.");
    const uint8_t *at = row + 2, *end = row + length;
    for (int i = 0; i < count; i++) {
        if (end - at < 4)
            return malformed(error, "The row ends inside a length.");
        int32_t size = (int32_t) network_uint32(at);
        at += 4;
        if (size < -1 || (size > 0 && end - at < size))
            return malformed(error, "A value's length is negative or reaches beyond the row.");
        fields[i] = (struct field){at, size};
        at += size > 0 ? size : 0;
    }
    return at == end || malformed(error, "Bytes are left over behind the last column.");
}
