/*
 * Of N numbers x (and, of pairs, y), with u = 2^-53:
 *
 *      A = sum(abs(x))      how much is added in all
 *      R = min(room(x))     up to this sum, numbers like the roughest of them are added without rounding
 *      C = N var_pop(x)     how much they are spread, sum((x - mean)^2)
 *
 * Sums.  Let x be a multiple of 2^-k, for all x.  Every sum of some of them is one, too, and at most A in size.  If A <= 2^(53-k) it has at
 * most 53 binary digits, so that no addition rounds, in whichever order: the sum is exact.  room() knows k = 0, 10, 20, 30 and 40 (of
 * sum(real), which has 24 digits: 0, 4 and 8).  A itself is exact as long as it is below that, and does not come back below it.  Nor does the
 * order matter to two numbers.
 *
 * Else two sums that are made in any orders differ by at most 2 (N-1) u A (1 + O(N u)) (Higham, Accuracy and Stability of
 * Numerical Algorithms, 4.2).  E = 4 N u A leaves room for its own rounding.
 *
 * avg(x) is what float8_avg() in float.c makes of it, (0 + sum) / N, in double precision.
 *
 * Spreads.  float8_accum() adds (x_n n - S_n)^2 / (n (n-1)), of the sum S_n so far: squares of d_n, as far as x_n is from the mean so
 * far, times n / (n-1).  S_n / n is wrong by at most u A, and so d_n by less than e = 8 u A, rounding included.  By Cauchy and Schwarz the
 * sum of 2 d_n e is at most 2 e sqrt(2 N C), that of e^2 at most 2 N e^2, and adding positive terms costs N u C.  A parallel
 * plan, which float8_combine() ends, adds terms of the same form.  Two such sums are no farther apart than
 *
 *      E(x) = 16 e sqrt(N C) + 128 N e^2 + 16 N u C        (the second term also pays for C being one of them)
 *
 * and sums of products of deviations than E(x, y), made in the same way (float8_regr_accum()).  If all x are the same, and exact,
 * their spread is 0, and sums of products with them are, in any order.
 *
 * What is made of these sums at the end (float8_stddev_samp(), float8_corr(), …) is followed by first-order bounds, doubled, where the
 * divisors are four times what they may be wrong by; where they are not, nothing is known.  Nor is it beyond 1e100, where squares
 * could overflow, and below 1e-60.  The bounds themselves are computed anyhow, also of one number, of infinite ones and of next to nothing, and
 * must not fail then.
 */
#include "router/float_bounds.h"

#include <stdio.h>
#include <string.h>

#include "router/expressions.h"

/* The parts that formulas are made of, by number. */
enum part { VALUE, COUNT, AMOUNT, ROOM, SPREAD, AMOUNT_Y, ROOM_Y, SPREAD_Y, SLOPE, ONE_VALUE, ONE_VALUE_Y, PARTS };

/* Not next to nothing: PostgreSQL fails where a product, also one of several bounds, is too small for a number. */
#define ADDED(amount) "greatest(" amount ", 1e-30::float8)"
#define BOUNDED(amount) "least(" ADDED(amount) ", 1e100::float8)" /* so that no square of it is out of range */
/* e and E of the text above; $1 is the value, the others are as in enum part. */
#define E_X "(" BOUNDED("$3") " * 8.8817841970012523e-16)"
#define E_Y "(" BOUNDED("$6") " * 8.8817841970012523e-16)"
#define ALL "greatest($2, 1)" /* divisors are never 0 */
#define BUT_ONE "greatest($2 - 1, 1)"
#define SPREAD_ERROR(e, c) "(16 * " e " * sqrt($2 * " c ") + 128 * $2 * " e " * " e " + $2 * " c " * 1.7763568394002505e-15)"
#define E_XX SPREAD_ERROR(E_X, "$5")
#define E_YY SPREAD_ERROR(E_Y, "$8")
#define E_XY                                                                                                           \
    "(16 * " E_X " * sqrt($2 * $8) + 16 * " E_Y " * sqrt($2 * $5) + 256 * $2 * " E_X " * " E_Y                         \
    " + $2 * sqrt($5) * sqrt($8) * 1.7763568394002505e-15)"
#define ROOT(variance_error) "2 * (" variance_error ") / greatest($1, sqrt(" variance_error "), 1e-150)"
#define SLOPE_ERROR "(2 * (" E_XY " + greatest(abs($9), 1e-60) * " E_XX ") / $5)"
#define CORRELATION_ERROR "(2 * (" E_XY " / (sqrt($5) * sqrt($8)) + " E_XX " / $5 + " E_YY " / $8) + 1e-15)"

#define FEW_DIGITS "$3 <= $4"
#define FEW_DIGITS_Y "$6 <= $7"
#define TWO " OR $2 <= 2"
#define ALONE "$2 <= 1"
#define FLAT ALONE " OR ($10 AND " FEW_DIGITS ")"
#define FLAT_Y ALONE " OR ($11 AND " FEW_DIGITS_Y ")"
#define EITHER_FLAT FLAT " OR ($11 AND " FEW_DIGITS_Y ")"

#define HUGE_SUM "$3 >= 1e290"
#define EXTREME "$3 >= 1e100 OR ($3 < 1e-60 AND $3 > 0)"
#define EXTREME_Y "$6 >= 1e100 OR ($6 < 1e-60 AND $6 > 0)"
#define EITHER_EXTREME EXTREME " OR " EXTREME_Y
#define SHAKY " OR NOT (" FLAT ") AND " E_XX " > $5 / 4"
#define SHAKY_Y " OR NOT (" EITHER_FLAT ") AND " E_YY " > $8 / 4"

static const struct kind {
    const char *name;
    int arguments;
    const char *radius, *exact, *doubt;
} kinds[] = {
    {"sum", 1, "$2 * " ADDED("$3") " * 4.44089209850062616e-16", FEW_DIGITS TWO, HUGE_SUM},
    {"avg", 1, ADDED("$3") " * 4.44089209850062616e-16", FEW_DIGITS TWO, HUGE_SUM},
    {"var_pop", 1, E_XX " / " ALL, FLAT, EXTREME},
    {"var_samp", 1, E_XX " / " BUT_ONE, FLAT, EXTREME},
    {"variance", 1, E_XX " / " BUT_ONE, FLAT, EXTREME},
    {"stddev_pop", 1, ROOT(E_XX " / " ALL), FLAT, EXTREME},
    {"stddev_samp", 1, ROOT(E_XX " / " BUT_ONE), FLAT, EXTREME},
    {"stddev", 1, ROOT(E_XX " / " BUT_ONE), FLAT, EXTREME},
    {"regr_avgx", 2, ADDED("$3") " * 4.44089209850062616e-16", FEW_DIGITS TWO, HUGE_SUM},
    {"regr_avgy", 2, ADDED("$6") " * 4.44089209850062616e-16", FEW_DIGITS_Y TWO, "$6 >= 1e290"},
    {"regr_sxx", 2, E_XX, FLAT, EXTREME},
    {"regr_syy", 2, E_YY, FLAT_Y, EXTREME_Y},
    {"regr_sxy", 2, E_XY, EITHER_FLAT, EITHER_EXTREME},
    {"covar_pop", 2, E_XY " / " ALL, EITHER_FLAT, EITHER_EXTREME},
    {"covar_samp", 2, E_XY " / " BUT_ONE, EITHER_FLAT, EITHER_EXTREME},
    {"regr_slope", 2, SLOPE_ERROR, EITHER_FLAT, EITHER_EXTREME SHAKY},
    {"regr_intercept", 2, "2 * (" E_Y " + greatest(abs($9), 1e-60) * " E_X " + " BOUNDED("$3") " / " ALL " * " SLOPE_ERROR ")",
     EITHER_FLAT, EITHER_EXTREME SHAKY},
    {"corr", 2, CORRELATION_ERROR, EITHER_FLAT, EITHER_EXTREME SHAKY SHAKY_Y},
    {"regr_r2", 2, "4 * " CORRELATION_ERROR, EITHER_FLAT, EITHER_EXTREME SHAKY SHAKY_Y},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

int float_bounds_arguments(const char *name)
{
    const struct kind *kind = find_kind(name);
    return kind ? kind->arguments : 0;
}

/* Over the same rows as the call. */
static Node *aggregate(const FuncCall *call, const char *name, Node *argument)
{
    FuncCall *node = expression_call(name, argument);
    node->agg_filter = (Node *) copyObjectImpl(call->agg_filter);
    node->over = (struct WindowDef *) copyObjectImpl(call->over);
    return (Node *) node;
}

/* At 1e290 and above, among them infinity and NaN, it is not computed. */
static Node *amount(const FuncCall *call, Node *number)
{
    return aggregate(call, "sum",
                     expression_from("CASE WHEN $1 IS NULL THEN NULL ELSE least(abs($1), 1e290::float8) END", &number));
}

static Node *room(const FuncCall *call, Node *number, bool is_real)
{
    const char *of_double = "CASE WHEN $1 IS NULL THEN NULL WHEN abs($1) > 9007199254740992::float8 THEN 0::float8"
                            " WHEN $1 = trunc($1) THEN 9007199254740992::float8"
                            " WHEN $1 * 1024 = trunc($1 * 1024) THEN 8796093022208::float8"
                            " WHEN $1 * 1048576 = trunc($1 * 1048576) THEN 8589934592::float8"
                            " WHEN $1 * 1073741824 = trunc($1 * 1073741824) THEN 8388608::float8"
                            " WHEN $1 * 1099511627776 = trunc($1 * 1099511627776) THEN 8192::float8 ELSE 0::float8 END";
    const char *of_real = "CASE WHEN $1 IS NULL THEN NULL WHEN abs($1) > 16777216::float8 THEN 0::float8"
                          " WHEN $1 = trunc($1) THEN 16777216::float8"
                          " WHEN $1 * 16 = trunc($1 * 16) THEN 1048576::float8"
                          " WHEN $1 * 256 = trunc($1 * 256) THEN 65536::float8 ELSE 0::float8 END";
    return aggregate(call, "min", expression_from(is_real ? of_real : of_double, &number));
}

/* C; of spreads so small that their squares are next to nothing, 1e-200 will do. */
static Node *spread(const FuncCall *call, Node *number, Node *count)
{
    Node *values[] = {aggregate(call, "var_pop", number), count};
    return expression_from("greatest($1 * $2, 1e-200::float8)", values);
}

static Node *one_value(const FuncCall *call, Node *number)
{
    Node *values[] = {aggregate(call, "min", number), aggregate(call, "max", number)};
    return expression_from("$1 = $2", values);
}

static Node *own(const FuncCall *call, const char *name, List *arguments)
{
    FuncCall *node = (FuncCall *) copyObjectImpl(call);
    node->funcname = expression_call(name, NULL)->funcname;
    node->args = (List *) copyObjectImpl(arguments);
    return (Node *) node;
}

/* In double precision; of a pair, where the other is known. */
static Node *number_of(const FuncCall *call, const enum float_argument *arguments, int i)
{
    Node *number = list_nth(call->args, i);
    if (arguments[i] != FLOAT_DOUBLE)
        number = expression_cast((Node *) copyObjectImpl(number), "float8");
    if (list_length(call->args) == 1)
        return number;
    Node *values[] = {number, list_nth(call->args, 1 - i)};
    return expression_from("CASE WHEN $2 IS NOT NULL THEN $1 END", values);
}

static Node *count_of(const FuncCall *call, Node *number)
{
    return expression_cast(aggregate(call, "count", number), "float8");
}

/* The value as PostgreSQL makes it; an average, of a sum that may be made of partial ones. */
static Node *value_of(const FuncCall *call, const char *name, Node *number, Node *count)
{
    if (strcmp(name, "avg"))
        return own(call, name, call->args);
    Node *values[] = {own(call, "sum", list_make1(number)), count};
    return expression_from("($1 + 0::float8) / $2", values);
}

/* Numbers without infinite ones among them, or NaN, give an error before they give these; and where there are such, all orders give the same. */
static Node *unless_infinite(const char *sql, Node *condition, Node *value)
{
    Node *values[] = {condition, expression_from("coalesce(abs($1::float8) >= 'Infinity'::float8, false)", &value)};
    return expression_from(sql, values);
}

struct float_estimate float_bounds(const FuncCall *call, const enum float_argument *arguments)
{
    const struct kind *kind = find_kind(parse_name(call->funcname));
    bool is_sum_of_reals = !strcmp(kind->name, "sum") && arguments[0] == FLOAT_REAL;
    Node *x = number_of(call, arguments, kind->arguments - 1); /* of (Y, X) */
    Node *parts[PARTS] = {[COUNT] = count_of(call, x)};
    parts[VALUE] = value_of(call, kind->name, x, parts[COUNT]);
    parts[AMOUNT] = amount(call, x);
    parts[ROOM] = room(call, x, is_sum_of_reals);
    parts[SPREAD] = spread(call, x, parts[COUNT]);
    parts[ONE_VALUE] = one_value(call, x);
    if (kind->arguments == 2) {
        Node *y = number_of(call, arguments, 0);
        parts[AMOUNT_Y] = amount(call, y);
        parts[ROOM_Y] = room(call, y, false);
        parts[SPREAD_Y] = spread(call, y, parts[COUNT]);
        parts[ONE_VALUE_Y] = one_value(call, y);
        parts[SLOPE] = own(call, "regr_slope", call->args);
    }
    return (struct float_estimate){
        .value = parts[VALUE],
        .radius = expression_from(is_sum_of_reals ? "$2 * " ADDED("$3") " * 2.384185791015625e-07" : kind->radius, parts), /* 2^-22 */
        .exact = unless_infinite("$1 OR $2", expression_from(kind->exact, parts), parts[VALUE]),
        .doubt = unless_infinite("$1 AND NOT $2", expression_from(kind->doubt, parts), parts[VALUE]),
    };
}

Node *float_radius_of(const struct float_estimate *estimate)
{
    return estimate->radius ? estimate->radius : EXPRESSION("0::float8", NULL);
}

Node *float_exact_of(const struct float_estimate *estimate)
{
    return estimate->exact ? estimate->exact : expression_truth(true);
}

Node *float_doubt_of(const struct float_estimate *estimate)
{
    return estimate->doubt ? estimate->doubt : expression_truth(false);
}
