/*
 * As PostgreSQL's own numbers, these have no zeroes at either end: a digit of zero there is left out.
 */
#include "router/numeric_binary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "router/data_row.h"

enum { HEADER = 8, DIGITS = 4, POSITIVE = 0x0000, NEGATIVE = 0x4000, MOST_WEIGHT = 33000 };

char *numeric_binary_text(const uint8_t *bytes, size_t length)
{
    if (length < HEADER)
        return NULL;
    int count = (int16_t) network_uint16(bytes), weight = (int16_t) network_uint16(bytes + 2);
    int sign = network_uint16(bytes + 4);
    if (count < 0 || length != HEADER + 2 * (size_t) count || (sign != POSITIVE && sign != NEGATIVE) ||
        (count > 0 && (weight < count - 1 || weight > MOST_WEIGHT)))
        return NULL;
    char *text = memory_alloc((size_t) (count > 0 ? weight + 1 : 1) * DIGITS + 2), *at = text;
    if (count == 0) {
        strcpy(text, "0");
        return text;
    }
    if (sign == NEGATIVE)
        *at++ = '-';
    for (int i = 0; i <= weight; i++) {
        unsigned digit = i < count ? network_uint16(bytes + HEADER + 2 * i) : 0;
        at += sprintf(at, i == 0 ? "%u" : "%04u", digit < 10000 ? digit : 0);
    }
    return text;
}

static uint8_t *put(uint8_t *to, unsigned value)
{
    *to++ = (uint8_t) (value >> 8);
    *to++ = (uint8_t) value;
    return to;
}

/* The digit of the number that is `place` digits from its end. */
static unsigned digit_at(const char *digits, size_t length, size_t place)
{
    unsigned digit = 0;
    size_t end = length - place * DIGITS, start = end > DIGITS ? end - DIGITS : 0;
    for (size_t i = start; i < end; i++)
        digit = digit * 10 + (unsigned) (digits[i] - '0');
    return digit;
}

uint8_t *numeric_binary_from(const char *text, size_t *length)
{
    bool negative = *text == '-';
    const char *digits = text + negative + strspn(text + negative, "0");
    size_t size = strlen(digits), places = (size + DIGITS - 1) / DIGITS, zeroes = 0;
    while (zeroes < places && digit_at(digits, size, zeroes) == 0)
        zeroes++;
    uint8_t *bytes = memory_alloc(HEADER + 2 * places), *to = bytes;
    to = put(to, (unsigned) (places - zeroes));
    to = put(to, places > 0 ? (unsigned) (places - 1) : 0);
    to = put(to, negative && places > 0 ? NEGATIVE : POSITIVE);
    to = put(to, 0);
    for (size_t place = places; place-- > zeroes;)
        to = put(to, digit_at(digits, size, place));
    *length = (size_t) (to - bytes);
    return bytes;
}
