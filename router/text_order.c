/*
 * Orders are found in a list that only grows: there are as many as the databases have locales.  A collator of
 * ICU and a locale of the C library are not changed once they are made, so that all threads may compare.
 *
 * strcoll_l() wants its texts to end with a zero byte, which a value in a row does not: both are copied, as
 * PostgreSQL does, to the stack if they are short.
 */
#include "router/text_order.h"

#include <gnu/libc-version.h>
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/ucol.h>

#include "config/arena.h"

enum { SHORT_TEXT = 1024 };

struct text_order {
    struct text_order *next;
    char provider; /* 0: bytes */
    char *locale;
    locale_t libc;
    UCollator *icu;
    char version[U_MAX_VERSION_STRING_LENGTH + 40];
};

const struct text_order text_order_bytes = {0};

static struct text_order *orders;
static pthread_mutex_t orders_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- finding ---- */

/* "en_US.UTF-8" and "en_US.utf8" are one, as the C library has it. */
static bool same_spelling(const char *left, const char *right)
{
    bool codeset = false;
    for (;; left++, right++) {
        codeset |= *left == '.';
        left += codeset && *left == '-';
        right += codeset && *right == '-';
        if (codeset ? strncasecmp(left, right, 1) != 0 : *left != *right)
            return false;
        if (!*left)
            return true;
    }
}

static bool open_libc(struct text_order *order)
{
    order->libc = newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, order->locale, NULL);
    strncat(order->version, gnu_get_libc_version(), sizeof order->version - 1);
    return order->libc;
}

/* As make_icu_collator() and get_collation_actual_version() of PostgreSQL 15's pg_locale.c. */
static bool open_icu(struct text_order *order)
{
    UErrorCode status = U_ZERO_ERROR;
    UVersionInfo version;
    order->icu = ucol_open(order->locale, &status);
    if (U_FAILURE(status))
        return false;
    ucol_getVersion(order->icu, version);
    u_versionToString(version, order->version);
    return true;
}

static struct text_order *open_order(char provider, const char *locale)
{
    struct text_order *order = memory_alloc(sizeof *order);
    order->provider = provider;
    order->locale = memory_strdup(locale);
    if (provider == TEXT_ORDER_LIBC ? open_libc(order) : provider == TEXT_ORDER_ICU && open_icu(order))
        return order;
    free(order->locale);
    free(order);
    return NULL;
}

bool text_order_same_locale(char provider, const char *left, const char *right)
{
    return provider == TEXT_ORDER_LIBC ? same_spelling(left, right) : !strcmp(left, right);
}

static bool is_order(const struct text_order *order, char provider, const char *locale)
{
    return order->provider == provider && text_order_same_locale(provider, order->locale, locale);
}

const struct text_order *text_order_find(char provider, const char *locale)
{
    pthread_mutex_lock(&orders_lock);
    struct text_order *order = orders;
    while (order && !is_order(order, provider, locale))
        order = order->next;
    if (!order && (order = open_order(provider, locale))) {
        order->next = orders;
        orders = order;
    }
    pthread_mutex_unlock(&orders_lock);
    return order;
}

const char *text_order_version(const struct text_order *order)
{
    return order->version;
}

/* ---- comparing ---- */

static int compare_bytes(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length)
{
    size_t shorter = left_length < right_length ? left_length : right_length;
    int order = shorter > 0 ? memcmp(left, right, shorter) : 0;
    return order ? order : (left_length > right_length) - (left_length < right_length);
}

/* A copy that ends with a zero byte, in `room` if it fits there. */
static char *terminated(const uint8_t *text, size_t length, char *room)
{
    char *copy = length < SHORT_TEXT ? room : memory_alloc(length + 1);
    if (length > 0)
        memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

static int compare_libc(locale_t locale, const uint8_t *left, size_t left_length, const uint8_t *right,
                        size_t right_length)
{
    char rooms[2][SHORT_TEXT];
    char *one = terminated(left, left_length, rooms[0]), *other = terminated(right, right_length, rooms[1]);
    int order = strcoll_l(one, other, locale);
    if (one != rooms[0])
        free(one);
    if (other != rooms[1])
        free(other);
    return order;
}

/* UTF-8 that is none compares in some way; a PostgreSQL does not store such. */
static int compare_icu(const UCollator *collator, const uint8_t *left, size_t left_length,
                       const uint8_t *right, size_t right_length)
{
    UErrorCode status = U_ZERO_ERROR;
    UCollationResult order = ucol_strcollUTF8(collator, (const char *) left, (int32_t) left_length,
                                              (const char *) right, (int32_t) right_length, &status);
    return U_FAILURE(status) ? 0 : (int) order;
}

int text_order_compare(const struct text_order *order, const uint8_t *left, size_t left_length,
                       const uint8_t *right, size_t right_length)
{
    int result = 0;
    if (left_length == right_length && (left_length == 0 || memcmp(left, right, left_length) == 0))
        return 0;
    if (order->provider == TEXT_ORDER_LIBC)
        result = compare_libc(order->libc, left, left_length, right, right_length);
    else if (order->provider == TEXT_ORDER_ICU)
        result = compare_icu(order->icu, left, left_length, right, right_length);
    return result ? result : compare_bytes(left, left_length, right, right_length);
}
