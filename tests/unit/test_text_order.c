/*
 * text_order: the lists are what PostgreSQL 15.20 on Debian 12 (glibc 2.36, ICU 72.1) gave for ORDER BY under
 * these locales.
 */
#include <criterion/criterion.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "router/text_order.h"

static char folder[] = "/tmp/keyway-locales-XXXXXX";

/* The machine may not have it. */
static void make_english(void)
{
    char command[200];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(command, sizeof command, "localedef -i en_US -f UTF-8 %s/en_US.UTF-8", folder);
    cr_assert_eq(system(command), 0, "localedef needs the Debian package locales");
    setenv("LOCPATH", folder, 1);
}

static void remove_english(void)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

static int compare(const struct text_order *order, const char *left, const char *right)
{
    return text_order_compare(order, (const uint8_t *) left, strlen(left), (const uint8_t *) right,
                              strlen(right));
}

static void check(const struct text_order *order, const char *const *texts)
{
    cr_assert_not_null(order);
    for (int i = 0; texts[i]; i++)
        for (int j = 0; texts[j]; j++) {
            int found = compare(order, texts[i], texts[j]);
            cr_expect((found > 0) - (found < 0) == (i > j) - (i < j), "\"%s\" and \"%s\": %d", texts[i],
                      texts[j], found);
        }
}

#define SORTED(...) ((const char *const[]){__VA_ARGS__, NULL})

Test(text_order, bytes)
{
    check(&text_order_bytes,
          SORTED("", " a", "10", "9", "A", "Z", "_a", "a", "a ", "ab", "z", "~", "é", "中"));
    cr_assert_str_eq(text_order_version(&text_order_bytes), "");
}

Test(text_order, english_of_the_c_library, .init = make_english, .fini = remove_english)
{
    const struct text_order *order = text_order_find(TEXT_ORDER_LIBC, "en_US.UTF-8");
    check(order, SORTED("", "~", "😀", "10", "9", " a", "_a", "a", "a ", "A", "ae", "æ", "co op", "co-op",
                        "coop", "CO-OP", "e", "E", "é", "elan", "Elan", "élan", "\u00ADsoft", "so\u00ADft",
                        "soft", "ss", "SS", "ß", "z", "Z", "Ω", "中"));
    cr_assert_str_eq(text_order_version(order), gnu_get_libc_version());
    cr_assert_eq(text_order_find(TEXT_ORDER_LIBC, "en_US.utf8"), order, "another spelling of the same");
    cr_assert_neq(text_order_find(TEXT_ORDER_ICU, "en_US.UTF-8"), order);
}

Test(text_order, english_of_icu)
{
    const struct text_order *order = text_order_find(TEXT_ORDER_ICU, "en-US");
    check(order, SORTED("", " a", "_a", "~", "😀", "10", "9", "a", "A", "a ", "ae", "æ", "co op", "co-op",
                        "CO-OP", "coop", "e", "E", "é", "elan", "Elan", "e\u0301lan", "élan", "soft",
                        "so\u00ADft", "\u00ADsoft", "ss", "SS", "ß", "z", "Z", "Ω", "中"));
    check(text_order_find(TEXT_ORDER_ICU, "und-u-kf-upper"), SORTED("A", "a", "B", "b"));
    cr_assert_eq(text_order_find(TEXT_ORDER_ICU, "en-US"), order);
    cr_assert_gt(strlen(text_order_version(order)), 0);
}

Test(text_order, code_points)
{
    check(text_order_find(TEXT_ORDER_LIBC, "C.UTF-8"), SORTED("A", "Z", "a", "z", "é", "中", "\uffff", "😀"));
}

Test(text_order, what_the_machine_does_not_know_is_none)
{
    cr_assert_null(text_order_find(TEXT_ORDER_LIBC, "xx_YY.UTF-8"));
    cr_assert_null(text_order_find('b', "C.UTF-8"), "a provider of a later PostgreSQL");
}

/* Longer ones do not fit into the place kept for short ones; they differ at their ends only. */
Test(text_order, texts_may_be_long)
{
    static const size_t lengths[] = {1022, 1023, 1024, 1025, 70000};
    const struct text_order *orders[] = {&text_order_bytes, text_order_find(TEXT_ORDER_LIBC, "C.UTF-8"),
                                         text_order_find(TEXT_ORDER_ICU, "en-US")};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
            uint8_t *left = malloc(lengths[i]), *right = malloc(lengths[i]);
            memset(left, 'x', lengths[i]);
            memset(right, 'x', lengths[i]);
            right[lengths[i] - 1] = 'y';
            cr_expect_lt(text_order_compare(orders[o], left, lengths[i], right, lengths[i]), 0);
            cr_expect_gt(text_order_compare(orders[o], right, lengths[i], left, lengths[i]), 0);
            cr_expect_eq(text_order_compare(orders[o], left, lengths[i], left, lengths[i]), 0);
            cr_expect_gt(text_order_compare(orders[o], left, lengths[i], left, lengths[i] - 1), 0);
            free(left);
            free(right);
        }
}
