/*
 * Most sums are those of a machine word.  What it cannot hold is added up in limbs, positive and negative terms apart, so that every step is a
 * plain addition; the one subtraction is made when the sum is asked for.
 */
#include "router/big_sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

enum { LIMB_DIGITS = 9, LIMB = 1000000000, SMALL_DIGITS = 18 };

static void add_limb(struct big_magnitude *magnitude, size_t place, uint32_t limb)
{
    uint32_t carry = limb;
    for (; carry > 0; place++) {
        if (place >= magnitude->capacity) {
            size_t capacity = place * 2 + 4;
            magnitude->limbs = memory_resize(magnitude->limbs, capacity * sizeof(*magnitude->limbs));
            memset(magnitude->limbs + magnitude->capacity, 0,
                   (capacity - magnitude->capacity) * sizeof(*magnitude->limbs));
            magnitude->capacity = capacity;
        }
        uint32_t added = magnitude->limbs[place] + carry;
        carry = added >= LIMB;
        magnitude->limbs[place] = added % LIMB;
        if (place >= magnitude->count)
            magnitude->count = place + 1;
    }
}

static void add_digits(struct big_magnitude *magnitude, const char *digits, size_t length)
{
    for (size_t place = 0; length > 0; place++) {
        size_t taken = length < LIMB_DIGITS ? length : LIMB_DIGITS;
        uint32_t limb = 0;
        for (size_t i = length - taken; i < length; i++)
            limb = limb * 10 + (uint32_t) (digits[i] - '0');
        add_limb(magnitude, place, limb);
        length -= taken;
    }
}

bool big_sum_add_text(struct big_sum *sum, const char *text, size_t length)
{
    bool negative = length > 0 && *text == '-';
    text += negative;
    length -= negative;
    if (length == 0)
        return false;
    int64_t small = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (length <= SMALL_DIGITS)
            small = small * 10 + (text[i] - '0');
    }
    if (length <= SMALL_DIGITS)
        big_sum_add(sum, negative ? -small : small);
    else
        add_digits(negative ? &sum->negative : &sum->positive, text, length);
    return true;
}

/* The word's value goes where there is room for any. */
static void move_small(struct big_sum *sum)
{
    char text[24];
    int length = snprintf(text, sizeof(text), "%lld", (long long) sum->small);
    bool negative = sum->small < 0;
    add_digits(negative ? &sum->negative : &sum->positive, text + negative, (size_t) length - negative);
    sum->small = 0;
}

void big_sum_add(struct big_sum *sum, int64_t term)
{
    int64_t added;
    if (__builtin_add_overflow(sum->small, term, &added)) {
        move_small(sum);
        added = term;
    }
    sum->small = added;
}

static int compare_magnitudes(const struct big_magnitude *left, const struct big_magnitude *right)
{
    if (left->count != right->count)
        return left->count < right->count ? -1 : 1;
    for (size_t i = left->count; i-- > 0;)
        if (left->limbs[i] != right->limbs[i])
            return left->limbs[i] < right->limbs[i] ? -1 : 1;
    return 0;
}

/* larger - smaller into `limbs`, which has room for larger's. */
static void subtract(const struct big_magnitude *larger, const struct big_magnitude *smaller, uint32_t *limbs)
{
    uint32_t borrow = 0;
    for (size_t i = 0; i < larger->count; i++) {
        uint32_t taken = (i < smaller->count ? smaller->limbs[i] : 0) + borrow;
        borrow = larger->limbs[i] < taken;
        limbs[i] = larger->limbs[i] + (borrow ? LIMB : 0) - taken;
    }
}

char *big_sum_text(struct big_sum *sum)
{
    move_small(sum);
    bool negative = compare_magnitudes(&sum->positive, &sum->negative) < 0;
    const struct big_magnitude *larger = negative ? &sum->negative : &sum->positive;
    size_t count = larger->count;
    uint32_t *limbs = memory_alloc((count + 1) * sizeof(*limbs));
    subtract(larger, negative ? &sum->positive : &sum->negative, limbs);
    while (count > 1 && limbs[count - 1] == 0)
        count--;
    char *text = memory_alloc(count * LIMB_DIGITS + 16);
    char *to = text + sprintf(text, "%s%u", negative ? "-" : "", limbs[count > 0 ? count - 1 : 0]);
    for (size_t i = count > 0 ? count - 1 : 0; i-- > 0;)
        to += sprintf(to, "%09u", limbs[i]);
    free(limbs);
    return text;
}

bool big_sum_integer(struct big_sum *sum, int64_t *value)
{
    if (sum->positive.count == 0 && sum->negative.count == 0) {
        *value = sum->small;
        return true;
    }
    char *text = big_sum_text(sum);
    bool negative = *text == '-', fits = true;
    int64_t result = 0; /* grows downwards */
    for (const char *digit = text + negative; *digit && fits; digit++)
        fits = !__builtin_mul_overflow(result, 10, &result) &&
               !__builtin_sub_overflow(result, *digit - '0', &result);
    free(text);
    if (!fits || (!negative && result == INT64_MIN))
        return false;
    *value = negative ? result : -result;
    return true;
}

static void clear_magnitude(struct big_magnitude *magnitude)
{
    memset(magnitude->limbs, 0, magnitude->count * sizeof(*magnitude->limbs));
    magnitude->count = 0;
}

void big_sum_clear(struct big_sum *sum)
{
    sum->small = 0;
    if (sum->positive.count > 0)
        clear_magnitude(&sum->positive);
    if (sum->negative.count > 0)
        clear_magnitude(&sum->negative);
}

void big_sum_free(struct big_sum *sum)
{
    free(sum->positive.limbs);
    free(sum->negative.limbs);
    *sum = (struct big_sum){0};
}
