#include "tests/unit/merge_rows.h"

#include <string.h>

struct row row_of(const struct value *values, int count)
{
    struct row row = {{0, (uint8_t) count}, 2};
    for (int i = 0; i < count; i++) {
        int length = values[i].bytes ? values[i].length : -1;
        for (int shift = 24; shift >= 0; shift -= 8)
            row.bytes[row.length++] = (uint8_t) ((unsigned) length >> shift);
        if (length > 0)
            memcpy(row.bytes + row.length, values[i].bytes, (size_t) length);
        row.length += length > 0 ? (size_t) length : 0;
    }
    return row;
}

struct row text_row(const char *const *texts, int count)
{
    struct value values[8];
    for (int i = 0; i < count; i++)
        values[i] = (struct value){texts[i], texts[i] ? (int) strlen(texts[i]) : -1};
    return row_of(values, count);
}
