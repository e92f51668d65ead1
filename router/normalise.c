/*
 * The lexer is PostgreSQL 15's src/backend/parser/scan.l taken as a specification: a table gives each byte
 * its class, the class of a token's first byte chooses the function that reads the token and writes it to the
 * output.
 *
 * The output can be taken apart again in one way only: words, parameters, operators and the '?' of a literal
 * are separated by one blank, the punctuation that cannot grow together with its neighbours ( ) [ ] , ; . is
 * not, and the operator ? is written \? so that it is no literal.  Whatever this lexer does not read exactly
 * as PostgreSQL does sets `unsure`, and then nothing else in the result counts.
 */
#include "router/normalise.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "router/fast_hash.h"
#include "router/string_literal.h"

/* What is longer without its literals is not worth a place in a plan cache, and its many literals not the memory.  A long literal costs none, unless it has to
 * be decoded. */
enum {
    LARGEST_STATEMENT = 16 * 1024 * 1024,
    LARGEST_TEXT = 128 * 1024,
    KEPT_SCRATCH = 128 * 1024, /* from one statement to the next */
};

enum byte_class {
    BYTE_ODD, /* begins no token of PostgreSQL's */
    BYTE_SPACE,
    BYTE_WORD, /* letters, '_' and all bytes from 0x80 */
    BYTE_DIGIT,
    BYTE_QUOTE,
    BYTE_DOUBLE_QUOTE,
    BYTE_DOLLAR,
    BYTE_DOT,
    BYTE_COLON,
    BYTE_SEMICOLON,
    BYTE_OPENING, /* ( [ */
    BYTE_CLOSING, /* ) ] , */
    BYTE_OPERATOR,
};

static const uint8_t classes[256] = {
    [' '] = BYTE_SPACE,         ['\t'] = BYTE_SPACE,   ['\n'] = BYTE_SPACE,
    ['\r'] = BYTE_SPACE,        ['\f'] = BYTE_SPACE,   ['a' ... 'z'] = BYTE_WORD,
    ['A' ... 'Z'] = BYTE_WORD,  ['_'] = BYTE_WORD,     [0x80 ... 0xFF] = BYTE_WORD,
    ['0' ... '9'] = BYTE_DIGIT, ['\''] = BYTE_QUOTE,   ['"'] = BYTE_DOUBLE_QUOTE,
    ['$'] = BYTE_DOLLAR,        ['.'] = BYTE_DOT,      [':'] = BYTE_COLON,
    [';'] = BYTE_SEMICOLON,     ['('] = BYTE_OPENING,  ['['] = BYTE_OPENING,
    [')'] = BYTE_CLOSING,       [']'] = BYTE_CLOSING,  [','] = BYTE_CLOSING,
    ['~'] = BYTE_OPERATOR,      ['!'] = BYTE_OPERATOR, ['@'] = BYTE_OPERATOR,
    ['#'] = BYTE_OPERATOR,      ['^'] = BYTE_OPERATOR, ['&'] = BYTE_OPERATOR,
    ['|'] = BYTE_OPERATOR,      ['`'] = BYTE_OPERATOR, ['?'] = BYTE_OPERATOR,
    ['+'] = BYTE_OPERATOR,      ['-'] = BYTE_OPERATOR, ['*'] = BYTE_OPERATOR,
    ['/'] = BYTE_OPERATOR,      ['%'] = BYTE_OPERATOR, ['<'] = BYTE_OPERATOR,
    ['>'] = BYTE_OPERATOR,      ['='] = BYTE_OPERATOR,
};

/* What an unquoted word's byte becomes: ASCII folded to lower case; 0 where the word ends. */
#define SAME(c) [c] = (c)
#define FOLD(c) [(c) - 'a' + 'A'] = (c), [c] = (c)
#define SAME8(c)                                                                                             \
    SAME(c), SAME((c) + 1), SAME((c) + 2), SAME((c) + 3), SAME((c) + 4), SAME((c) + 5), SAME((c) + 6),       \
        SAME((c) + 7)
#define SAME32(c) SAME8(c), SAME8((c) + 8), SAME8((c) + 16), SAME8((c) + 24)
static const uint8_t word_bytes[256] = {
    FOLD('a'), FOLD('b'), FOLD('c'), FOLD('d'),    FOLD('e'),    FOLD('f'),    FOLD('g'),
    FOLD('h'), FOLD('i'), FOLD('j'), FOLD('k'),    FOLD('l'),    FOLD('m'),    FOLD('n'),
    FOLD('o'), FOLD('p'), FOLD('q'), FOLD('r'),    FOLD('s'),    FOLD('t'),    FOLD('u'),
    FOLD('v'), FOLD('w'), FOLD('x'), FOLD('y'),    FOLD('z'),    SAME8('0'),   SAME('8'),
    SAME('9'), SAME('_'), SAME('$'), SAME32(0x80), SAME32(0xA0), SAME32(0xC0), SAME32(0xE0),
};

struct lexer {
    const char *start, *at, *end;
    struct normalised *out;
    bool joined;    /* no blank before the next token */
    bool semicolon; /* one was read, and nothing behind it yet */
    bool first;     /* nothing behind it is read */
};

static enum byte_class class_of(char c)
{
    return (enum byte_class) classes[(uint8_t) c];
}

static bool next_is(const struct lexer *lexer, size_t ahead, char c)
{
    return (size_t) (lexer->end - lexer->at) > ahead && lexer->at[ahead] == c;
}

static bool next_class(const struct lexer *lexer, size_t ahead, enum byte_class class)
{
    return (size_t) (lexer->end - lexer->at) > ahead && class_of(lexer->at[ahead]) == class;
}

static void give_up(struct lexer *lexer)
{
    lexer->out->unsure = true;
    lexer->at = lexer->end;
}

/* Behind a token with which the text is too long nothing is read. */
static __attribute__((noinline, cold)) void grow_text(struct lexer *lexer, size_t needed)
{
    struct normalised *out = lexer->out;
    size_t ample = needed * 2 + 128;
    if (needed > LARGEST_TEXT) {
        out->unsure = true;
        lexer->end = lexer->start;
        ample = needed;
    } else if (ample > LARGEST_TEXT) {
        ample = LARGEST_TEXT;
    }
    out->capacity = ample;
    out->text = memory_resize(out->text, ample);
}

/* Room for one token of `length` bytes and what may have to stand before it. */
static char *reserve(struct lexer *lexer, size_t length)
{
    size_t needed = lexer->out->length + length + 4;
    if (needed > lexer->out->capacity)
        grow_text(lexer, needed);
    return lexer->out->text + lexer->out->length;
}

/* Begin a token: its separator is written; the token's own bytes go to the place returned. */
static char *begin_token(struct lexer *lexer, size_t length, bool glued)
{
    char *to = reserve(lexer, length);
    if (lexer->semicolon) {
        lexer->semicolon = false;
        lexer->out->several = true;
        *to++ = ';';
        *to++ = ' ';
    } else if (!lexer->joined && !glued) {
        *to++ = ' ';
    }
    lexer->joined = false;
    return to;
}

static void end_token(struct lexer *lexer, const char *to)
{
    lexer->out->length = (size_t) (to - lexer->out->text);
}

static void put_token(struct lexer *lexer, const char *token, size_t length)
{
    char *to = begin_token(lexer, length, false);
    memcpy(to, token, length);
    end_token(lexer, to + length);
}

static struct literal *put_literal(struct lexer *lexer, enum literal_kind kind, const char *from)
{
    struct normalised *out = lexer->out;
    put_token(lexer, "?", 1);
    if (out->literal_count == out->literal_capacity) {
        out->literal_capacity = out->literal_capacity * 2 + 16;
        out->literals = memory_resize(out->literals, out->literal_capacity * sizeof(*out->literals));
    }
    struct literal *literal = &out->literals[out->literal_count++];
    literal->kind = kind;
    literal->offset = (uint32_t) (from - lexer->start);
    literal->length = (uint32_t) (lexer->at - from);
    literal->value = from;
    literal->value_length = literal->length;
    return literal;
}

static const char *skip_line_comment(const char *at, const char *end)
{
    while (at < end && *at != '\n' && *at != '\r')
        at++;
    return at;
}

/* Behind a comment whose slash-star is at `at`; they nest.  NULL: it does not end. */
static const char *skip_block_comment(const char *at, const char *end)
{
    int depth = 0;
    while (end - at >= 2) {
        bool opens = at[0] == '/' && at[1] == '*', closes = at[0] == '*' && at[1] == '/';
        if (!opens && !closes) {
            at++;
            continue;
        }
        at += 2;
        depth += opens ? 1 : -1;
        if (depth == 0)
            return at;
    }
    return NULL;
}

static void lex_word(struct lexer *lexer)
{
    const char *at = lexer->at, *end = at;
    while (end < lexer->end && word_bytes[(uint8_t) *end])
        end++;
    char *to = begin_token(lexer, (size_t) (end - at), false);
    while (at < end)
        *to++ = (char) word_bytes[(uint8_t) *at++];
    lexer->at = end;
    end_token(lexer, to);
}

/* A string from the quote at lexer->at on; its token began at `from`, perhaps with a letter before the quote.
 */
static void lex_string(struct lexer *lexer, enum literal_kind kind, bool escapes, const char *from)
{
    struct normalised *out = lexer->out;
    size_t room = (size_t) (lexer->end - lexer->start);
    if (out->scratch_capacity <
        room) { /* only before the statement's first string: what was decoded stays put */
        out->scratch = memory_resize(out->scratch, room);
        out->scratch_capacity = room;
    }
    struct string_literal string;
    if (!string_literal_read(lexer->at, lexer->end, escapes, out->scratch + out->scratch_length, &string)) {
        give_up(lexer);
        return;
    }
    lexer->at = string.end;
    out->scratch_length += string.room_used;
    struct literal *literal = put_literal(lexer, kind, from);
    literal->value = string.value;
    literal->value_length = (uint32_t) string.length;
}

/* B'…' and X'…': the letter stays in the text, because the same digits mean another value under the other. */
static void lex_bits(struct lexer *lexer)
{
    const char *from = lexer->at++;
    put_token(lexer, *from == 'b' || *from == 'B' ? "b" : "x", 1);
    lex_string(lexer, LITERAL_BITS, false, from);
    if (lexer->out->unsure)
        return;
    /* A doubled quote ends a bit string, and other bytes are errors: digits only are read with certainty. */
    const struct literal *literal = &lexer->out->literals[lexer->out->literal_count - 1];
    for (uint32_t i = 0; i < literal->value_length; i++)
        if (strchr("0123456789abcdefABCDEF", literal->value[i]) == NULL)
            give_up(lexer);
}

/* A word, or a string with a letter before its quote. */
static void lex_letter(struct lexer *lexer)
{
    if (next_is(lexer, 1, '\'')) {
        switch (*lexer->at) {
        case 'b':
        case 'B':
        case 'x':
        case 'X':
            lex_bits(lexer);
            return;
        case 'e':
        case 'E':
            lexer->at++;
            lex_string(lexer, LITERAL_STRING, true, lexer->at - 1);
            return;
        case 'n':
        case 'N': /* two tokens to PostgreSQL: the keyword NCHAR and a string */
            lexer->at++;
            put_token(lexer, "nchar", 5);
            lex_string(lexer, LITERAL_STRING, false, lexer->at);
            return;
        }
    }
    bool unicode = (*lexer->at == 'u' || *lexer->at == 'U') && next_is(lexer, 1, '&') &&
                   (next_is(lexer, 2, '\'') || next_is(lexer, 2, '"'));
    if (unicode) /* decoded by the grammar's front, with UESCAPE: rare enough for the parser */
        give_up(lexer);
    else
        lex_word(lexer);
}

static const char *skip_digits(const char *at, const char *end)
{
    while (at < end && class_of(*at) == BYTE_DIGIT)
        at++;
    return at;
}

/* Behind an exponent at `at`, or `at` itself. */
static const char *skip_exponent(const char *at, const char *end)
{
    if (end - at < 2 || (*at != 'e' && *at != 'E'))
        return at;
    const char *digits = at + 1 + (at[1] == '+' || at[1] == '-');
    const char *behind = skip_digits(digits, end);
    return behind > digits ? behind : at;
}

/* Does a run of digits fit an int4?  (If not, the parser makes it a Float, as it does with decimals.) */
static bool fits_int4(const char *at, const char *end)
{
    int64_t value = 0;
    for (; at < end && value <= INT32_MAX; at++)
        value = value * 10 + (*at - '0');
    return value <= INT32_MAX;
}

static void lex_number(struct lexer *lexer)
{
    const char *from = lexer->at, *end = lexer->end;
    const char *at = skip_digits(from, end);
    bool whole = true;
    if (at < end && *at == '.') {
        if (at > from && end - at > 1 && at[1] == '.') { /* 1..2: a PL/pgSQL range */
            give_up(lexer);
            return;
        }
        at = skip_digits(at + 1, end);
        whole = false;
    }
    const char *mantissa = at;
    at = skip_exponent(at, end);
    whole = whole && at == mantissa;
    if (at < end &&
        class_of(*at) == BYTE_WORD) { /* trailing junk: an error here, a number in later versions */
        give_up(lexer);
        return;
    }
    lexer->at = at;
    put_literal(lexer, whole && fits_int4(from, at) ? LITERAL_INTEGER : LITERAL_DECIMAL, from);
}

static void lex_parameter(struct lexer *lexer)
{
    const char *from = lexer->at, *behind = skip_digits(from + 1, lexer->end);
    bool sane = behind - from <= 6 && !(behind < lexer->end && class_of(*behind) == BYTE_WORD);
    if (!sane) {
        give_up(lexer);
        return;
    }
    int number = 0;
    for (const char *at = from + 1; at < behind; at++)
        number = number * 10 + (*at - '0');
    if (number > lexer->out->highest_parameter)
        lexer->out->highest_parameter = number;
    lexer->at = behind;
    put_token(lexer, from, (size_t) (behind - from));
}

/* $tag$…$tag$: taken as it is up to the first repetition of its opening. */
static void lex_dollar_string(struct lexer *lexer)
{
    const char *from = lexer->at, *at = from + 1;
    while (at < lexer->end && (class_of(*at) == BYTE_WORD || (at > from + 1 && class_of(*at) == BYTE_DIGIT)))
        at++;
    if (at == lexer->end || *at != '$') {
        give_up(lexer);
        return;
    }
    size_t tag = (size_t) (at + 1 - from);
    const char *value = from + tag;
    const char *close = memmem(value, (size_t) (lexer->end - value), from, tag);
    if (close == NULL) {
        give_up(lexer);
        return;
    }
    lexer->at = close + tag;
    struct literal *literal = put_literal(lexer, LITERAL_STRING, from);
    literal->value = value;
    literal->value_length = (uint32_t) (close - value);
}

static void lex_quoted_identifier(struct lexer *lexer)
{
    const char *from = lexer->at, *at = from + 1;
    while (at < lexer->end && (*at != '"' || (lexer->end - at > 1 && at[1] == '"')))
        at += *at == '"' ? 2 : 1;
    if (at >= lexer->end || at == from + 1) {
        give_up(lexer);
        return;
    }
    lexer->at = at + 1;
    put_token(lexer, from, (size_t) (lexer->at - from));
}

/* Bytes that PostgreSQL's operator rule looks for before it lets a name of several bytes end in + or -. */
static bool allows_sign_at_end(char c)
{
    return strchr("~!@#^&|`?%", c) != NULL;
}

/* How much of a run of operator bytes is one operator, when no comment begins inside `length`. */
static size_t operator_length(const char *run, size_t length)
{
    if (run[length - 1] != '+' && run[length - 1] != '-')
        return length;
    for (size_t i = 0; i + 1 < length; i++)
        if (allows_sign_at_end(run[i]))
            return length;
    while (length > 1 && (run[length - 1] == '+' || run[length - 1] == '-'))
        length--;
    return length;
}

/* The bytes from lexer->at that an operator may take: up to the first byte of another class, or a comment. */
static size_t operator_run(const struct lexer *lexer)
{
    const char *at = lexer->at;
    for (; at < lexer->end && class_of(*at) == BYTE_OPERATOR; at++) {
        if (lexer->end - at < 2)
            continue;
        if ((at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*'))
            break;
    }
    return (size_t) (at - lexer->at);
}

static void lex_operator(struct lexer *lexer)
{
    enum { LONGEST_OPERATOR = 63 }; /* NAMEDATALEN - 1 */
    size_t run = operator_run(lexer);
    if (run == 0) { /* a comment */
        const char *behind = *lexer->at == '-' ? skip_line_comment(lexer->at, lexer->end)
                                               : skip_block_comment(lexer->at, lexer->end);
        if (behind == NULL)
            give_up(lexer);
        else
            lexer->at = behind;
        return;
    }
    size_t length = operator_length(lexer->at, run);
    if (length > LONGEST_OPERATOR) {
        give_up(lexer);
        return;
    }
    if (length == 1 && *lexer->at == '?')
        put_token(lexer, "\\?", 2);
    else
        put_token(lexer, lexer->at, length);
    lexer->at += length;
}

static void lex_punctuation(struct lexer *lexer, bool glued, bool joins)
{
    char *to = begin_token(lexer, 1, glued);
    *to++ = *lexer->at++;
    end_token(lexer, to);
    lexer->joined = joins;
}

static void lex_dot(struct lexer *lexer)
{
    const struct normalised *out = lexer->out;
    bool behind_dot = out->length > 0 && out->text[out->length - 1] == '.';
    if (next_class(lexer, 1, BYTE_DIGIT)) {
        lex_number(lexer);
    } else if (next_is(lexer, 1, '.')) {
        give_up(lexer);
    } else {
        lexer->joined = lexer->joined && !behind_dot; /* two dots together are one token */
        lex_punctuation(lexer, !behind_dot, true);
    }
}

static void lex_colon(struct lexer *lexer)
{
    size_t length = next_is(lexer, 1, ':') || next_is(lexer, 1, '=') ? 2 : 1;
    put_token(lexer, lexer->at, length);
    lexer->at += length;
}

static void lex_dollar(struct lexer *lexer)
{
    if (next_class(lexer, 1, BYTE_DIGIT))
        lex_parameter(lexer);
    else
        lex_dollar_string(lexer);
}

static void lex_semicolon(struct lexer *lexer)
{
    lexer->semicolon =
        true; /* written only if something follows: SELECT 1 and SELECT 1; are the same statement */
    lexer->at++;
    if (lexer->first)
        lexer->end = lexer->at;
}

static void lex_token(struct lexer *lexer)
{
    switch (class_of(*lexer->at)) {
    case BYTE_ODD:
        give_up(lexer);
        return;
    case BYTE_SPACE:
        lexer->at++;
        return;
    case BYTE_WORD:
        lex_letter(lexer);
        return;
    case BYTE_DIGIT:
        lex_number(lexer);
        return;
    case BYTE_QUOTE:
        lex_string(lexer, LITERAL_STRING, false, lexer->at);
        return;
    case BYTE_DOUBLE_QUOTE:
        lex_quoted_identifier(lexer);
        return;
    case BYTE_DOLLAR:
        lex_dollar(lexer);
        return;
    case BYTE_DOT:
        lex_dot(lexer);
        return;
    case BYTE_COLON:
        lex_colon(lexer);
        return;
    case BYTE_SEMICOLON:
        lex_semicolon(lexer);
        return;
    case BYTE_OPENING:
        lex_punctuation(lexer, false, true);
        return;
    case BYTE_CLOSING:
        lex_punctuation(lexer, true, false);
        return;
    case BYTE_OPERATOR:
        lex_operator(lexer);
        return;
    }
}

static uint64_t hash_of(const struct normalised *out)
{
    uint64_t kinds = out->literal_count;
    for (size_t i = 0; i < out->literal_count; i++)
        kinds = kinds * 31 + (uint64_t) out->literals[i].kind;
    return fast_hash(out->text, out->length, kinds);
}

/* What only a long statement needs is not kept for those after it. */
static __attribute__((noinline, cold)) void forget_scratch(struct normalised *out)
{
    free(out->scratch);
    out->scratch = NULL;
    out->scratch_capacity = 0;
}

static __attribute__((noinline, cold)) void forget_text(struct normalised *out)
{
    free(out->text);
    out->text = NULL;
    out->length = out->capacity = out->literal_count = 0;
}

/* Returns how much was read. */
static size_t read_tokens(const char *sql, size_t length, bool first, struct normalised *out)
{
    out->sql = sql;
    out->length = out->literal_count = out->scratch_length = 0;
    out->highest_parameter = 0;
    out->several = false;
    if (out->scratch_capacity > KEPT_SCRATCH && out->scratch_capacity > length)
        forget_scratch(out);
    struct lexer lexer = {.start = sql, .at = sql, .end = sql + length, .out = out, .joined = true, .first = first};
    if (!out->unsure)
        while (lexer.at < lexer.end)
            lex_token(&lexer);
    if (out->capacity > LARGEST_TEXT)
        forget_text(out);
    out->empty = out->length == 0 && !out->unsure;
    out->hash = hash_of(out);
    return (size_t) (lexer.at - sql);
}

void normalise(const char *sql, size_t length, struct normalised *out)
{
    /* A NUL cannot be part of a statement; what stands behind it would be seen here and not by the parser. */
    out->unsure = length > LARGEST_STATEMENT || memchr(sql, 0, length) != NULL;
    read_tokens(sql, length, false, out);
}

size_t normalise_first(const char *sql, size_t length, struct normalised *out)
{
    out->unsure = false;
    return read_tokens(sql, length, true, out);
}

size_t normalised_literal(const struct normalised *normalised, uint32_t offset)
{
    size_t low = 0, high = normalised->literal_count; /* they stand in the order of the text */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (normalised->literals[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < normalised->literal_count && normalised->literals[low].offset == offset;
    return found ? low : normalised->literal_count;
}

void normalised_free(struct normalised *normalised)
{
    free(normalised->text);
    free(normalised->literals);
    free(normalised->scratch);
    *normalised = (struct normalised){0};
}

/* The first byte that is neither white space nor comment, nor a parenthesis or semicolon before the
 * statement. */
static const char *skip_to_statement(const char *at, const char *end)
{
    while (at && at < end) {
        if (class_of(*at) == BYTE_SPACE || *at == '(' || *at == ';')
            at++;
        else if (end - at > 1 && at[0] == '-' && at[1] == '-')
            at = skip_line_comment(at, end);
        else if (end - at > 1 && at[0] == '/' && at[1] == '*')
            at = skip_block_comment(at, end);
        else
            return at;
    }
    return end;
}

void first_keyword(const char *sql, size_t length, char *word, size_t size)
{
    const char *end = sql + length, *at = skip_to_statement(sql, end);
    size_t used = 0;
    if (at < end && class_of(*at) == BYTE_WORD)
        for (; at < end && word_bytes[(uint8_t) *at] && used + 1 < size; at++)
            word[used++] = (char) word_bytes[(uint8_t) *at];
    if (size > 0)
        word[used] = '\0';
}
