/*
 * Most strings hold nothing that must be undone, and their value is the statement's own bytes.  At the first
 * doubled quote, escape or continuation the pieces are collected in the room the caller gave; no construct
 * decodes to more bytes than it was written with.
 */
#include "router/string_literal.h"

#include <stdint.h>
#include <string.h>

struct decoder {
    const char *at, *end;
    const char *piece; /* what was read since here is not yet in the room */
    char *room, *to;
    bool copying;
};

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static void keep_piece(struct decoder *decoder)
{
    size_t length = (size_t) (decoder->at - decoder->piece);
    if (length > 0)
        memcpy(decoder->to, decoder->piece, length);
    decoder->to += length;
    decoder->copying = true;
}

/* A byte given by number: NUL is never allowed, a byte from 0x80 may break the text's encoding. */
static bool put_numbered_byte(struct decoder *decoder, unsigned value)
{
    value &= 0xFF;
    if (value == 0 || value >= 0x80)
        return false;
    *decoder->to++ = (char) value;
    return true;
}

static bool octal_escape(struct decoder *decoder)
{
    unsigned value = 0;
    for (int digits = 0; digits < 3 && decoder->at < decoder->end && is_octal(*decoder->at); digits++)
        value = value * 8 + (unsigned) (*decoder->at++ - '0');
    return put_numbered_byte(decoder, value);
}

static bool hex_escape(struct decoder *decoder)
{
    unsigned value = 0;
    for (int digits = 0; digits < 2 && decoder->at < decoder->end && hex_digit(*decoder->at) >= 0; digits++)
        value = value * 16 + (unsigned) hex_digit(*decoder->at++);
    return put_numbered_byte(decoder, value);
}

/* The hex digits behind \u or \U, the letter being at decoder->at. */
static bool read_code(struct decoder *decoder, uint32_t *code)
{
    int digits = *decoder->at++ == 'u' ? 4 : 8;
    *code = 0;
    for (; digits > 0; digits--) {
        if (decoder->at == decoder->end || hex_digit(*decoder->at) < 0)
            return false;
        *code = *code << 4 | (uint32_t) hex_digit(*decoder->at++);
    }
    return true;
}

static bool read_low_surrogate(struct decoder *decoder, uint32_t *code)
{
    uint32_t low;
    if (decoder->end - decoder->at < 2 || decoder->at[0] != '\\' ||
        (decoder->at[1] != 'u' && decoder->at[1] != 'U'))
        return false;
    decoder->at++;
    if (!read_code(decoder, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
    *code = 0x10000 + ((*code & 0x3FF) << 10) + (low & 0x3FF);
    return true;
}

static char *put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char) code;
    } else if (code < 0x800) {
        *to++ = (char) (0xC0 | code >> 6);
        *to++ = (char) (0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char) (0xE0 | code >> 12);
        *to++ = (char) (0x80 | (code >> 6 & 0x3F));
        *to++ = (char) (0x80 | (code & 0x3F));
    } else {
        *to++ = (char) (0xF0 | code >> 18);
        *to++ = (char) (0x80 | (code >> 12 & 0x3F));
        *to++ = (char) (0x80 | (code >> 6 & 0x3F));
        *to++ = (char) (0x80 | (code & 0x3F));
    }
    return to;
}

static bool unicode_escape(struct decoder *decoder)
{
    uint32_t code;
    if (!read_code(decoder, &code))
        return false;
    if (code >= 0xD800 && code <= 0xDBFF && !read_low_surrogate(decoder, &code))
        return false;
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return false;
    decoder->to = put_utf8(decoder->to, code);
    return true;
}

/* The escape whose backslash is at decoder->at. */
static bool read_escape(struct decoder *decoder)
{
    static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    keep_piece(decoder);
    if (++decoder->at == decoder->end)
        return false;
    char c = *decoder->at;
    bool done;
    if (is_octal(c)) {
        done = octal_escape(decoder);
    } else if (c == 'x' && decoder->end - decoder->at > 1 && hex_digit(decoder->at[1]) >= 0) {
        decoder->at++;
        done = hex_escape(decoder);
    } else if (c == 'u' || c == 'U') {
        done = unicode_escape(decoder);
    } else {
        const char *letter = strchr(letters, c);
        *decoder->to++ = letter ? meanings[letter - letters] : c;
        decoder->at++;
        done = c != 'v'; /* a vertical tab in later versions of PostgreSQL, the letter in 15 */
    }
    decoder->piece = decoder->at;
    return done;
}

/* How white space behind a quote ends. */
enum continuation {
    STRING_ENDS,
    STRING_CONTINUES,
    STRING_IS_DOUBTFUL, /* a -- comment stands between: PostgreSQL continues, libpg_query's scanner does not
                         */
};

/* Look behind a quote for the next part of the string: one more quote behind white space with a line end. */
static enum continuation look_behind(const char *at, const char *end, const char **next)
{
    bool line_end = false, comment = false;
    for (; at < end; at++) {
        if (*at == '\n' || *at == '\r') {
            line_end = true;
        } else if (*at == '-' && end - at > 1 && at[1] == '-') {
            comment = true;
            while (end - at > 1 && at[1] != '\n' && at[1] != '\r')
                at++;
        } else if (*at != ' ' && *at != '\t' && *at != '\f') {
            break;
        }
    }
    if (at == end || *at != '\'' || !line_end)
        return STRING_ENDS;
    *next = at + 1;
    return comment ? STRING_IS_DOUBTFUL : STRING_CONTINUES;
}

/* At a quote inside or at the end of the string: does the string go on? */
static enum continuation goes_on(struct decoder *decoder)
{
    const char *next = decoder->at + 1;
    if (next < decoder->end && *next == '\'') {
        decoder->at = next; /* the first quote of the two is kept */
        keep_piece(decoder);
        decoder->piece = decoder->at = next + 1;
        return STRING_CONTINUES;
    }
    enum continuation found = look_behind(next, decoder->end, &next);
    if (found == STRING_CONTINUES) {
        keep_piece(decoder);
        decoder->piece = decoder->at = next;
    }
    return found;
}

static void finish(struct decoder *decoder, struct string_literal *string)
{
    string->end = decoder->at + 1;
    if (!decoder->copying) {
        string->value = decoder->piece;
        string->length = (size_t) (decoder->at - decoder->piece);
        string->room_used = 0;
        return;
    }
    keep_piece(decoder);
    string->value = decoder->room;
    string->length = string->room_used = (size_t) (decoder->to - decoder->room);
}

bool string_literal_read(const char *at, const char *end, bool escapes, char *room,
                         struct string_literal *string)
{
    struct decoder decoder = {.at = at + 1, .end = end, .piece = at + 1, .room = room, .to = room};
    while (decoder.at < end) {
        if (*decoder.at == '\'') {
            switch (goes_on(&decoder)) {
            case STRING_CONTINUES:
                continue;
            case STRING_IS_DOUBTFUL:
                return false;
            case STRING_ENDS:
                finish(&decoder, string);
                return true;
            }
        } else if (!escapes) {
            const char *quote = memchr(decoder.at, '\'', (size_t) (end - decoder.at));
            decoder.at = quote ? quote : end;
        } else if (*decoder.at != '\\') {
            decoder.at++;
        } else if (!read_escape(&decoder)) {
            return false;
        }
    }
    return false;
}
