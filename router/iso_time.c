/*
 * Field by field, each of fixed width but the year's.  Values that PostgreSQL would accept but carry over
 * (24:00, a 60th second, more than six digits of a fraction) are not read here.
 */
#include "router/iso_time.h"

#include <string.h>

enum { MOST_YEAR_DIGITS = 7, UNIX_EPOCH_TO_2000 = 10957 };

static const int64_t MICROSECONDS = 1000000;
static const int64_t DAY = INT64_C(86400000000);
static const int64_t FIRST_DAY = -2451545;                         /* 4714-11-24 BC, Julian day 0 */
static const int64_t END_OF_DATES = INT64_C(2147483494) - 2451545; /* the first day that a date cannot be */
static const int64_t END_OF_TIMESTAMPS = INT64_C(9223371331200000000); /* 294277-01-01 */

struct cursor {
    const char *at, *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool accept(struct cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static bool two_digits(struct cursor *cursor, int largest, int64_t *value)
{
    if (cursor->end - cursor->at < 2 || !is_digit(cursor->at[0]) || !is_digit(cursor->at[1]))
        return false;
    *value = (cursor->at[0] - '0') * 10 + (cursor->at[1] - '0');
    cursor->at += 2;
    return *value <= largest;
}

static bool read_year(struct cursor *cursor, int64_t *year)
{
    const char *from = cursor->at;
    *year = 0;
    while (cursor->at < cursor->end && is_digit(*cursor->at) && cursor->at - from < MOST_YEAR_DIGITS)
        *year = *year * 10 + (*cursor->at++ - '0');
    return cursor->at - from >= 4 && *year > 0;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 2000-01-01 in the Gregorian calendar carried backwards; the year 0 is 1 BC. */
static int64_t days_since_2000(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2; /* years that begin in March have their leap day at the end */
    int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468 - UNIX_EPOCH_TO_2000;
}

struct civil {
    int64_t year, month, day;
};

static bool read_civil(struct cursor *cursor, struct civil *civil)
{
    return read_year(cursor, &civil->year) && accept(cursor, '-') && two_digits(cursor, 12, &civil->month) &&
           civil->month > 0 && accept(cursor, '-') && two_digits(cursor, 31, &civil->day) && civil->day > 0;
}

/* The day, once it is known whether the year counts before Christ. */
static bool civil_day(const struct civil *civil, bool before_christ, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = before_christ ? 1 - civil->year : civil->year;
    int length = civil->month == 2 && is_leap(year) ? 29 : lengths[civil->month - 1];
    *days = days_since_2000(year, civil->month, civil->day);
    return civil->day <= length && *days >= FIRST_DAY;
}

static bool read_fraction(struct cursor *cursor, int64_t *microseconds)
{
    int64_t scale = MICROSECONDS, value = 0;
    if (!accept(cursor, '.'))
        return true;
    const char *from = cursor->at;
    while (cursor->at < cursor->end && is_digit(*cursor->at) && scale > 1) {
        value = value * 10 + (*cursor->at++ - '0');
        scale /= 10;
    }
    *microseconds += value * scale;
    return cursor->at > from;
}

/* HH:MM[:SS[.ffffff]] as microseconds. */
static bool read_clock(struct cursor *cursor, int64_t *time)
{
    int64_t hour, minute, second = 0;
    if (!two_digits(cursor, 23, &hour) || !accept(cursor, ':') || !two_digits(cursor, 59, &minute))
        return false;
    bool seconds = accept(cursor, ':');
    if (seconds && !two_digits(cursor, 59, &second))
        return false;
    *time = ((hour * 60 + minute) * 60 + second) * MICROSECONDS;
    return !seconds || read_fraction(cursor, time);
}

/* Z, or +HH[[:]MM[:SS]], as microseconds east of UTC. */
static bool read_offset(struct cursor *cursor, int64_t *offset)
{
    *offset = 0;
    if (accept(cursor, 'Z'))
        return true;
    bool west = accept(cursor, '-');
    int64_t hour, minute = 0, second = 0;
    if ((!west && !accept(cursor, '+')) || !two_digits(cursor, 15, &hour))
        return false;
    bool colon = accept(cursor, ':');
    bool minutes = colon || (cursor->at < cursor->end && is_digit(*cursor->at));
    if (minutes && !two_digits(cursor, 59, &minute))
        return false;
    if (colon && accept(cursor, ':') && !two_digits(cursor, 59, &second))
        return false;
    *offset = ((hour * 60 + minute) * 60 + second) * MICROSECONDS * (west ? -1 : 1);
    return true;
}

/* The end of the text: " BC" or nothing. */
static bool read_end(struct cursor *cursor, bool *before_christ)
{
    *before_christ = cursor->end - cursor->at == 3 && memcmp(cursor->at, " BC", 3) == 0;
    return *before_christ || cursor->at == cursor->end;
}

static bool read_infinity(enum iso_shape shape, const char *text, size_t length, int64_t *value)
{
    bool below = length == 9 && memcmp(text, "-infinity", 9) == 0;
    if (!below && !(length == 8 && memcmp(text, "infinity", 8) == 0))
        return false;
    if (shape == ISO_DATE)
        *value = below ? INT32_MIN : INT32_MAX;
    else
        *value = below ? INT64_MIN : INT64_MAX;
    return true;
}

static bool at_clock(const struct cursor *cursor)
{
    return cursor->end - cursor->at > 1 && (*cursor->at == ' ' || *cursor->at == 'T') &&
           is_digit(cursor->at[1]);
}

static bool read_timestamp(enum iso_shape shape, struct cursor *cursor, const struct civil *civil,
                           int64_t *value)
{
    int64_t days, time = 0, offset = 0;
    bool clock = at_clock(cursor), before_christ;
    if (clock) {
        cursor->at++;
        if (!read_clock(cursor, &time))
            return false;
    }
    if (shape == ISO_TIMESTAMPTZ && (!clock || !read_offset(cursor, &offset)))
        return false;
    if (!read_end(cursor, &before_christ) || !civil_day(civil, before_christ, &days))
        return false;
    if (days > END_OF_TIMESTAMPS / DAY)
        return false;
    /* The day's own limit keeps this inside 64 bits by less than an offset; it may overflow by the offset
     * only. */
    if (__builtin_add_overflow(days * DAY, time, value) || __builtin_sub_overflow(*value, offset, value))
        return false;
    return *value >= FIRST_DAY * DAY && *value < END_OF_TIMESTAMPS;
}

bool iso_time_read(enum iso_shape shape, const char *text, size_t length, int64_t *value)
{
    if (read_infinity(shape, text, length, value))
        return true;
    struct cursor cursor = {text, text + length};
    struct civil civil;
    if (!read_civil(&cursor, &civil))
        return false;
    if (shape != ISO_DATE)
        return read_timestamp(shape, &cursor, &civil, value);
    bool before_christ;
    return read_end(&cursor, &before_christ) && civil_day(&civil, before_christ, value) &&
           *value < END_OF_DATES;
}
