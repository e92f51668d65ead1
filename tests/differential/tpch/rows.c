/*
 * Keys count from 1, steps from 0.  Money is counted in cents, discount and tax in hundredths, and days from
 * 1992-01-01.
 */
#include "tests/differential/tpch/rows.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "tests/differential/tpch/dice.h"
#include "tests/differential/tpch/words.h"

enum { LAST_ORDER_DAY = 2405, CURRENT_DAY = 1263, SUPPLIERS_OF_PART = 4, MOST_LINES = 7 };

struct line {
    long part, supplier, quantity, price, discount, tax;
    int shipped, committed, received;
};

/* Of an order all that its own row and those of its lines are made from. */
struct order {
    long key, customer;
    int day, line_count;
    struct line lines[MOST_LINES];
};

/* ---- amounts and days ---- */

struct scale scale_of(double factor)
{
    struct scale scale = {(long) (10000 * factor + 0.5), (long) (200000 * factor + 0.5),
                          (long) (150000 * factor + 0.5), (long) (1500000 * factor + 0.5)};
    assert(scale.suppliers >= NATIONS);
    return scale;
}

long rows_steps(const struct scale *scale, enum table table)
{
    switch (table) {
    case TABLE_REGION:
        return REGIONS;
    case TABLE_NATION:
        return NATIONS;
    case TABLE_SUPPLIER:
        return scale->suppliers;
    case TABLE_PART:
    case TABLE_PARTSUPP:
        return scale->parts;
    case TABLE_CUSTOMER:
        return scale->customers;
    case TABLE_ORDERS:
    case TABLE_LINEITEM:
        return scale->orders;
    case TABLES:
        break;
    }
    return 0;
}

static void write_money(FILE *file, long cents)
{
    long amount = cents < 0 ? -cents : cents;
    fprintf(file, "%s%ld.%02ld", cents < 0 ? "-" : "", amount / 100, amount % 100);
}

static bool is_leap(int year)
{
    return year % 4 == 0; /* until 2099 */
}

static void write_day(FILE *file, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1992, month = 0;
    for (; day >= 365 + is_leap(year); year++)
        day -= 365 + is_leap(year);
    for (; day >= lengths[month] + (month == 1 && is_leap(year)); month++)
        day -= lengths[month] + (month == 1 && is_leap(year));
    fprintf(file, "%d-%02d-%02d", year, month + 1, day + 1);
}

/* ---- small tables ---- */

static void write_region(FILE *file, long step)
{
    struct dice dice = dice_for(TABLE_REGION, (uint64_t) step);
    fprintf(file, "%ld\t%s\t", step, words_regions[step]);
    words_write_comment(file, &dice, 31, 115);
    fputc('\n', file);
}

static void write_nation(FILE *file, long step)
{
    struct dice dice = dice_for(TABLE_NATION, (uint64_t) step);
    fprintf(file, "%ld\t%s\t%d\t", step, words_nations[step].name, words_nations[step].region);
    words_write_comment(file, &dice, 31, 114);
    fputc('\n', file);
}

/* Five in ten thousand complain, and five recommend; the words of query 16 begin the comment. */
static const char *opinion(long key)
{
    return key % 2000 == 13 ? "Customer Complaints " : key % 2000 == 17 ? "Customer Recommends " : "";
}

static void write_supplier(FILE *file, long step)
{
    struct dice dice = dice_for(TABLE_SUPPLIER, (uint64_t) step);
    long key = step + 1;
    int nation = step < NATIONS ? (int) step : (int) dice_between(&dice, 0, NATIONS - 1);
    fprintf(file, "%ld\tSupplier#%09ld\t", key, key);
    words_write_address(file, &dice);
    fprintf(file, "\t%d\t", nation);
    words_write_phone(file, &dice, nation);
    fputc('\t', file);
    write_money(file, dice_between(&dice, -99999, 999999));
    fprintf(file, "\t%s", opinion(key));
    words_write_comment(file, &dice, 25, 80);
    fputc('\n', file);
}

static void write_customer(FILE *file, long step)
{
    struct dice dice = dice_for(TABLE_CUSTOMER, (uint64_t) step);
    long key = step + 1;
    int nation = (int) dice_between(&dice, 0, NATIONS - 1);
    fprintf(file, "%ld\tCustomer#%09ld\t", key, key);
    words_write_address(file, &dice);
    fprintf(file, "\t%d\t", nation);
    words_write_phone(file, &dice, nation);
    fputc('\t', file);
    write_money(file, dice_between(&dice, -99999, 999999));
    fprintf(file, "\t%s\t", words_segment(&dice));
    words_write_comment(file, &dice, 29, 116);
    fputc('\n', file);
}

/* ---- parts ---- */

static long retail_price(long part)
{
    return 90000 + part / 10 % 20001 + 100 * (part % 1000);
}

/* The specification's way to spread a part over suppliers, kept free of repetitions where there are few. */
static long supplier_of_part(const struct scale *scale, long part, long which)
{
    long apart = scale->suppliers / 4 + (part - 1) / scale->suppliers % (scale->suppliers / 12);
    return (part + which * apart) % scale->suppliers + 1;
}

static bool has_word(const char *const *words, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(words[i], word))
            return true;
    return false;
}

/* Five different colours, of which the first may be given. */
static void write_part_name(FILE *file, struct dice *dice, const char *first)
{
    const char *words[5] = {first ? first : words_colour(dice)};
    fprintf(file, "%s", words[0]);
    for (int count = 1; count < 5;) {
        const char *word = words_colour(dice);
        if (has_word(words, count, word))
            continue;
        fprintf(file, " %s", word);
        words[count++] = word;
    }
}

/* Of the kinds that queries 8, 17 and 19 look for; some of them have the name that query 20 looks for. */
static void write_wanted_kind(FILE *file, struct dice *dice)
{
    static const struct {
        int brand;
        const char *container;
        int largest;
    } kinds[] = {{12, "SM CASE", 5}, {23, "MED BOX", 10}, {34, "LG PKG", 15}};
    long kind = dice_between(dice, 0, 2);
    fprintf(file, "Manufacturer#%d\tBrand#%d\tECONOMY ANODIZED STEEL\t%ld\t%s", kinds[kind].brand / 10,
            kinds[kind].brand, dice_between(dice, 1, kinds[kind].largest), kinds[kind].container);
}

static void write_any_kind(FILE *file, struct dice *dice)
{
    long maker = dice_between(dice, 1, 5), brand = dice_between(dice, 1, 5);
    fprintf(file, "Manufacturer#%ld\tBrand#%ld%ld\t", maker, maker, brand);
    words_write_type(file, dice);
    fprintf(file, "\t%ld\t", dice_between(dice, 1, 50));
    words_write_container(file, dice);
}

static void write_part(FILE *file, long step)
{
    struct dice dice = dice_for(TABLE_PART, (uint64_t) step);
    long key = step + 1;
    bool wanted = dice_once_in(&dice, 50);
    fprintf(file, "%ld\t", key);
    write_part_name(file, &dice, wanted && dice_once_in(&dice, 4) ? "forest" : NULL);
    fputc('\t', file);
    if (wanted)
        write_wanted_kind(file, &dice);
    else
        write_any_kind(file, &dice);
    fputc('\t', file);
    write_money(file, retail_price(key));
    fputc('\t', file);
    words_write_comment(file, &dice, 5, 22);
    fputc('\n', file);
}

static void write_suppliers_of_part(FILE *file, const struct scale *scale, long step)
{
    struct dice dice = dice_for(TABLE_PARTSUPP, (uint64_t) step);
    for (long which = 0; which < SUPPLIERS_OF_PART; which++) {
        fprintf(file, "%ld\t%ld\t%ld\t", step + 1, supplier_of_part(scale, step + 1, which),
                dice_between(&dice, 1, 9999));
        write_money(file, dice_between(&dice, 100, 100000));
        fputc('\t', file);
        words_write_comment(file, &dice, 49, 198);
        fputc('\n', file);
    }
}

/* ---- orders and their lines ---- */

long rows_order_key(long step)
{
    return step / 8 * 32 + step % 8 + 1;
}

/* A third of the customers has no orders. */
static long customer_with_orders(struct dice *dice, const struct scale *scale)
{
    long customer;
    do
        customer = dice_between(dice, 1, scale->customers);
    while (customer % 3 == 0);
    return customer;
}

static struct line make_line(struct dice *dice, const struct scale *scale, int ordered, bool large)
{
    struct line line = {.part = dice_between(dice, 1, scale->parts)};
    line.supplier = supplier_of_part(scale, line.part, dice_between(dice, 0, SUPPLIERS_OF_PART - 1));
    line.quantity = dice_between(dice, large ? 45 : 1, 50);
    line.price = line.quantity * retail_price(line.part);
    line.discount = dice_between(dice, 0, 10);
    line.tax = dice_between(dice, 0, 8);
    line.shipped = ordered + (int) dice_between(dice, 1, 121);
    line.committed = ordered + (int) dice_between(dice, 30, 90);
    line.received = line.shipped + (int) dice_between(dice, 1, 30);
    return line;
}

static struct order make_order(const struct scale *scale, long step)
{
    struct dice dice = dice_for(TABLE_ORDERS, (uint64_t) step);
    struct order order = {.key = rows_order_key(step), .customer = customer_with_orders(&dice, scale)};
    bool large = dice_once_in(&dice, 500);
    order.day = (int) dice_between(&dice, 0, LAST_ORDER_DAY);
    order.line_count = large ? MOST_LINES : (int) dice_between(&dice, 1, MOST_LINES);
    for (int i = 0; i < order.line_count; i++)
        order.lines[i] = make_line(&dice, scale, order.day, large);
    return order;
}

/* In hundredths of a hundredth of a cent, rounded. */
static long total_price(const struct order *order)
{
    long total = 0;
    for (int i = 0; i < order->line_count; i++)
        total += order->lines[i].price * (100 + order->lines[i].tax) * (100 - order->lines[i].discount);
    return (total + 5000) / 10000;
}

static bool is_open(const struct line *line)
{
    return line->shipped > CURRENT_DAY;
}

static char order_status(const struct order *order)
{
    int open = 0;
    for (int i = 0; i < order->line_count; i++)
        open += is_open(&order->lines[i]);
    return open == 0 ? 'F' : open == order->line_count ? 'O' : 'P';
}

static void write_order(FILE *file, const struct scale *scale, long step)
{
    struct order order = make_order(scale, step);
    struct dice dice = dice_for(TABLES + TABLE_ORDERS, (uint64_t) step);
    fprintf(file, "%ld\t%ld\t%c\t", order.key, order.customer, order_status(&order));
    write_money(file, total_price(&order));
    fputc('\t', file);
    write_day(file, order.day);
    fprintf(file, "\t%s\t", words_priority(&dice));
    fprintf(file, "Clerk#%09ld\t0\t", dice_between(&dice, 1, scale->suppliers / 10));
    words_write_comment(file, &dice, 19, 78);
    fputc('\n', file);
}

static void write_days(FILE *file, const struct line *line)
{
    write_day(file, line->shipped);
    fputc('\t', file);
    write_day(file, line->committed);
    fputc('\t', file);
    write_day(file, line->received);
}

static void write_line(FILE *file, const struct order *order, int number, struct dice *dice)
{
    const struct line *line = &order->lines[number];
    bool returned = dice_once_in(dice, 2);
    fprintf(file, "%ld\t%ld\t%ld\t%d\t%ld\t", order->key, line->part, line->supplier, number + 1,
            line->quantity);
    write_money(file, line->price);
    fprintf(file, "\t0.%02ld\t0.%02ld\t%c\t%c\t", line->discount, line->tax,
            line->received > CURRENT_DAY ? 'N'
            : returned                   ? 'R'
                                         : 'A',
            is_open(line) ? 'O' : 'F');
    write_days(file, line);
    fprintf(file, "\t%s", words_instruction(dice));
    fprintf(file, "\t%s\t", words_mode(dice));
    words_write_comment(file, dice, 10, 43);
    fputc('\n', file);
}

static void write_lines(FILE *file, const struct scale *scale, long step)
{
    struct order order = make_order(scale, step);
    struct dice dice = dice_for(TABLE_LINEITEM, (uint64_t) step);
    for (int i = 0; i < order.line_count; i++)
        write_line(file, &order, i, &dice);
}

void rows_write(FILE *file, const struct scale *scale, enum table table, long step)
{
    switch (table) {
    case TABLE_REGION:
        write_region(file, step);
        break;
    case TABLE_NATION:
        write_nation(file, step);
        break;
    case TABLE_SUPPLIER:
        write_supplier(file, step);
        break;
    case TABLE_PART:
        write_part(file, step);
        break;
    case TABLE_PARTSUPP:
        write_suppliers_of_part(file, scale, step);
        break;
    case TABLE_CUSTOMER:
        write_customer(file, step);
        break;
    case TABLE_ORDERS:
        write_order(file, scale, step);
        break;
    case TABLE_LINEITEM:
        write_lines(file, scale, step);
        break;
    case TABLES:
        break;
    }
}
