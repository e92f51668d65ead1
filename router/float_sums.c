/*
 * For sum(x), of N numbers:
 *
 *      A = sum(abs(x))      how much is added in all
 *      R = min(room(x))     up to this sum, numbers like the roughest of them are added without rounding
 *
 * Let x be a multiple of 2^-k, for all x.  Every sum of some of them is one, too, and at most A in size.  If A <= 2^(53-k) it has at
 * most 53 binary digits, so that no addition rounds, in whichever order: the sum is exact.  room() knows k = 0, 10 and 20 (of
 * sum(real), which has 24 digits: 0, 4 and 8).  A itself is exact as long as it is below that, and does not come back below it.
 *
 * Else two sums that are made in any orders differ by at most 2 (N-1) u A (1 + O(N u)), u = 2^-53 (Higham, Accuracy and Stability of
 * Numerical Algorithms, 4.2).  With E = 4 N u A, which leaves room for its own rounding, that of one PostgreSQL is between S - E and S + E.
 * What is made of it by steps that are monotonic (a chain) is between what these make of S - E and of S + E; if both are the same
 * to the last digit, it is the same of whatever is between them.
 *
 * avg(x) is what float8_avg() in float.c makes of it, (0 + sum) / N, in double precision.
 *
 * PostgreSQL 15: utils/adt/float.c, float8pl(), float8_accum(), dtoi(); numeric.c, float8_numeric(): 15 digits, rounded.
 */
#include "router/float_sums.h"

#include <string.h>

#include "router/expressions.h"
#include "router/order_dependence.h"
#include "router/sql_types.h"

/* ---- what is made of a sum ---- */

enum stage {
    STAGE_NONE,
    STAGE_FLOAT,   /* a floating-point number */
    STAGE_NUMERIC, /* a numeric of one */
    STAGE_SCALED,  /* a numeric with arithmetics: how many digits it shows may vary */
    STAGE_FIXED,   /* whatever is made of this shows nothing more */
};

/* A sum, where it stands in an expression, and what that makes of it. */
struct chain {
    struct analysis *analysis;
    Node **place;
    enum stage stage;
    struct order_dependent *dependent;
};

static bool is_builtin(const struct analysis *analysis, const FuncCall *call)
{
    const char *qualifier = parse_qualifier(call->funcname);
    return !function_facts(analysis->planning, call).users && (!qualifier || !strcmp(qualifier, "pg_catalog"));
}

static struct order_dependent *find_dependent(const struct analysis *analysis, const Node *call)
{
    for (int i = 0; i < analysis->order_dependent_count; i++)
        if ((const Node *) analysis->order_dependents[i].call == call && analysis->order_dependents[i].name)
            return &analysis->order_dependents[i];
    return NULL;
}

/* May it be computed several times?  Not with sums in it that differ. */
static bool is_unsteady(Node *node, void *context)
{
    const struct analysis *analysis = context;
    if (!node)
        return false;
    if (IsA(node, SubLink) || find_dependent(analysis, node))
        return true;
    if (IsA(node, FuncCall)) {
        struct function_facts facts = function_facts(analysis->planning, castNode(FuncCall, node));
        if (facts.class != FUNCTION_SAFE || facts.returns_set)
            return true;
    }
    return parse_walk(node, is_unsteady, context);
}

static bool is_steady(const struct chain *chain, Node *node)
{
    return !is_unsteady(node, chain->analysis);
}

static uint32_t type_of(const struct chain *chain, Node *node)
{
    const struct text_order *order;
    return analysis_infer(chain->analysis, chain->dependent->query, node, &order);
}

static bool is_float(uint32_t type)
{
    return type == TYPE_float4 || type == TYPE_float8;
}

static bool is_average(const FuncCall *call)
{
    return !strcmp(parse_name(call->funcname), "avg");
}

static bool is_sum(struct chain *chain, Node **place)
{
    FuncCall *call = castNode(FuncCall, *place);
    chain->dependent = find_dependent(chain->analysis, *place);
    if (!chain->dependent || !chain->dependent->query->scope || call->agg_within_group || call->agg_distinct ||
        list_length(call->args) != 1 || !is_builtin(chain->analysis, call) ||
        (strcmp(parse_name(call->funcname), "sum") && !is_average(call)))
        return false;
    chain->place = place;
    return is_float(type_of(chain, linitial(call->args))) && is_steady(chain, (Node *) call->args) &&
           is_steady(chain, call->agg_filter) && is_steady(chain, (Node *) call->over);
}

static enum stage follow(struct chain *chain, Node **place);

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

/* round(sum), round(sum, 2), to_char(sum, '…'), … */
static enum stage follow_function(struct chain *chain, FuncCall *call)
{
    static const char *const roundings[] = {"round", "trunc", "floor", "ceil", "ceiling", NULL};
    const char *name = parse_name(call->funcname);
    int count = list_length(call->args);
    bool rounds = is_among(name, roundings), prints = !strcmp(name, "to_char"), root = !strcmp(name, "sqrt");
    if ((!rounds && !prints && !root) || count != 1 + (prints || count == 2) || call->over || call->agg_filter ||
        !is_builtin(chain->analysis, call) || (count == 2 && !IsA(lsecond(call->args), A_Const)))
        return STAGE_NONE;
    enum stage stage = follow(chain, (Node **) &linitial(call->args));
    if (stage == STAGE_NONE || stage == STAGE_FIXED)
        return STAGE_NONE;
    if (prints || stage != STAGE_FLOAT)
        return root ? STAGE_NONE : STAGE_FIXED;
    return count == 1 ? STAGE_FLOAT : STAGE_NONE;
}

static enum stage follow_cast(struct chain *chain, TypeCast *cast)
{
    bool array;
    TypeName plain = *cast->typeName;
    plain.typmods = NIL;
    uint32_t type = analysis_type(&plain, &array);
    if (array || !(is_float(type) || type_is_integer(type) || type == TYPE_numeric))
        return STAGE_NONE;
    enum stage stage = follow(chain, &cast->arg);
    if (stage == STAGE_NONE || stage == STAGE_FIXED)
        return STAGE_NONE;
    if (is_float(type))
        return STAGE_FLOAT;
    if (type_is_integer(type) || cast->typeName->typmods)
        return STAGE_FIXED;
    return stage == STAGE_FLOAT ? STAGE_NUMERIC : stage;
}

/* A number beside a sum that is the same for each of its values. */
static bool is_steady_number(const struct chain *chain, Node *node)
{
    uint32_t type = type_of(chain, node);
    return (is_float(type) || type_is_integer(type) || type == TYPE_numeric) && is_steady(chain, node);
}

/* Quotients of numerics have as many digits as they want. */
static enum stage after_arithmetics(enum stage stage, const char *name)
{
    if (stage == STAGE_FLOAT)
        return STAGE_FLOAT;
    return stage == STAGE_FIXED || !strcmp(name, "/") ? STAGE_NONE : STAGE_SCALED;
}

static enum stage follow_operator(struct chain *chain, A_Expr *expression)
{
    static const char *const comparisons[] = {"<", "<=", ">", ">=", NULL};
    static const char *const arithmetics[] = {"+", "-", "*", "/", NULL};
    const char *name = parse_name(expression->name);
    bool compares = is_among(name, comparisons);
    if (expression->kind != AEXPR_OP || list_length(expression->name) != 1 || !expression->lexpr ||
        (!compares && !is_among(name, arithmetics)) ||
        function_facts_of_name(chain->analysis->planning, expression->name).users)
        return STAGE_NONE;
    Node *other = expression->rexpr;
    enum stage stage = follow(chain, &expression->lexpr);
    if (stage == STAGE_NONE && strcmp(name, "/")) {
        other = expression->lexpr;
        stage = follow(chain, &expression->rexpr);
    }
    if (stage == STAGE_NONE || stage == STAGE_FIXED || !is_steady_number(chain, other))
        return STAGE_NONE;
    return compares ? STAGE_FIXED : after_arithmetics(stage, name);
}

/* coalesce(sum, 0) */
static enum stage follow_coalesce(struct chain *chain, CoalesceExpr *coalesce)
{
    if (list_length(coalesce->args) != 2 || !IsA(lsecond(coalesce->args), A_Const))
        return STAGE_NONE;
    enum stage stage = follow(chain, (Node **) &linitial(coalesce->args));
    bool number = stage != STAGE_NONE && is_steady_number(chain, lsecond(coalesce->args));
    return number && stage != STAGE_FIXED ? stage : STAGE_NONE;
}

static enum stage follow_null_test(struct chain *chain, NullTest *test)
{
    return follow(chain, (Node **) &test->arg) == STAGE_NONE ? STAGE_NONE : STAGE_FIXED;
}

/* What the expression makes of a sum, which is found in it. */
static enum stage follow(struct chain *chain, Node **place)
{
    Node *node = *place;
    if (IsA(node, FuncCall))
        return is_sum(chain, place) ? STAGE_FLOAT : follow_function(chain, castNode(FuncCall, node));
    if (IsA(node, TypeCast))
        return follow_cast(chain, castNode(TypeCast, node));
    if (IsA(node, A_Expr))
        return follow_operator(chain, castNode(A_Expr, node));
    if (IsA(node, CoalesceExpr))
        return follow_coalesce(chain, castNode(CoalesceExpr, node));
    if (IsA(node, NullTest))
        return follow_null_test(chain, castNode(NullTest, node));
    return STAGE_NONE;
}

/* ---- what is computed ---- */

static Node *real(const char *text)
{
    return expression_cast(expression_number(text), "float8");
}

/* What is known of a sum: parts of expressions, copied for each use. */
struct sum {
    const FuncCall *call;
    bool is_real; /* sum(real) adds reals; its average does not */
    Node *added;  /* x, in double precision */
};

/* Over the same rows as the sum. */
static Node *aggregate(const struct sum *sum, const char *name, Node *argument)
{
    FuncCall *call = expression_call(name, argument);
    call->agg_filter = (Node *) copyObjectImpl(sum->call->agg_filter);
    call->over = (struct WindowDef *) copyObjectImpl(sum->call->over);
    return (Node *) call;
}

static Node *added(const struct sum *sum)
{
    return (Node *) copyObjectImpl(sum->added);
}

/* CASE WHEN x IS NULL THEN NULL */
static List *unless_null(const struct sum *sum)
{
    NullTest *test = makeNode(NullTest);
    test->arg = (Expr *) added(sum);
    test->location = -1;
    return expression_when(NIL, (Node *) test, expression_null());
}

/* A; at 1e290 and above, among them infinity and NaN, it is not computed. */
#define TOO_MUCH "1e290"

static Node *amount(const struct sum *sum)
{
    MinMaxExpr *least = makeNode(MinMaxExpr);
    least->op = IS_LEAST;
    least->args = list_make2(expression_call("abs", added(sum)), real(TOO_MUCH));
    least->location = -1;
    return aggregate(sum, "sum", expression_choose(unless_null(sum), (Node *) least));
}

static Node *is_multiple(const struct sum *sum, const char *scale)
{
    Node *scaled = expression_operation("*", added(sum), real(scale));
    return expression_operation("=", scaled, (Node *) expression_call("trunc", (Node *) copyObjectImpl(scaled)));
}

static Node *room(const struct sum *sum)
{
    static const char *const scales[2][3] = {{"1", "1024", "1048576"}, {"1", "16", "256"}};
    static const char *const rooms[2][3] = {{"9007199254740992", "8796093022208", "8589934592"}, {"16777216", "1048576", "65536"}};
    List *cases = expression_when(unless_null(sum), expression_operation(">", (Node *) expression_call("abs", added(sum)), real(rooms[0][0])), real("0"));
    for (int i = 0; i < 3; i++)
        cases = expression_when(cases, is_multiple(sum, scales[sum->is_real][i]), real(rooms[sum->is_real][i]));
    return aggregate(sum, "min", expression_choose(cases, real("0")));
}

static Node *count(const struct sum *sum)
{
    return expression_cast(aggregate(sum, "count", added(sum)), "float8");
}

/* The sum, with what the chain begins with. */
static Node *value(const struct sum *sum, const char *sign)
{
    bool average = is_average(sum->call);
    Node *argument = average ? added(sum) : (Node *) copyObjectImpl(linitial(sum->call->args));
    Node *total = aggregate(sum, "sum", argument);
    ((FuncCall *) total)->agg_order = (List *) copyObjectImpl(sum->call->agg_order);
    if (sign) {
        Node *error = expression_operation("*", expression_operation("*", count(sum), amount(sum)), /* 2^-22, 2^-51 */
                                real(sum->is_real ? "2.384185791015625e-07" : "4.44089209850062616e-16"));
        total = expression_operation(sign, expression_cast(total, "float8"), error);
    }
    if (average)
        return expression_operation("/", expression_operation("+", total, real("0")), count(sum));
    return sign && sum->is_real ? expression_cast(total, "float4") : total;
}

/* The chain over another value than the sum. */
static Node *chain_over(const struct chain *chain, Node **top, Node *sum)
{
    Node *original = *chain->place;
    if (chain->place == top)
        return sum;
    *chain->place = sum;
    Node *copy = (Node *) copyObjectImpl(*top);
    *chain->place = original;
    return copy;
}

static bool note_sums(Node *node, void *context)
{
    struct analysis *analysis = context;
    if (!node)
        return false;
    if (IsA(node, FuncCall) && !strcmp(parse_name(castNode(FuncCall, node)->funcname), "sum") &&
        parse_qualifier(castNode(FuncCall, node)->funcname))
        analysis->checked_sums = lappend(analysis->checked_sums, node);
    return parse_walk(node, note_sums, context);
}

/* What is seen of it: all of its bits, as of a minus zero; or its digits, as of 1.50 and 1.5. */
static Node *seen_over(const struct chain *chain, Node **top, const struct sum *sum, const char *sign)
{
    Node *made = chain_over(chain, top, value(sum, sign));
    return chain->stage == STAGE_FLOAT ? (Node *) expression_call("float8send", expression_cast(made, "float8")) : expression_cast(made, "text");
}

/* Nothing that PostgreSQL could compute beforehand. */
static Node *failure(const struct sum *sum)
{
    Node *text = expression_cast(expression_text(FLOAT_SUMS_SEEN ": "), "text");
    return expression_cast(expression_operation("||", text, expression_cast(amount(sum), "text")), "bool");
}

static Node *is_seen(const struct chain *chain, Node **top, const struct sum *sum)
{
    Node *differ = (Node *) makeSimpleA_Expr(AEXPR_DISTINCT, "=", seen_over(chain, top, sum, "-"),
                                             seen_over(chain, top, sum, "+"), -1);
    List *cases = expression_when(NIL, expression_operation(">=", amount(sum), real(TOO_MUCH)), failure(sum));
    cases = expression_when(cases, expression_operation("<=", amount(sum), room(sum)), expression_truth(false));
    return expression_choose(expression_when(cases, differ, failure(sum)), expression_truth(false));
}

/* Both ways are the same, so that the value has the chain's type with its modifiers. */
static Node *checked(const struct chain *chain, Node **top)
{
    FuncCall *call = castNode(FuncCall, *chain->place);
    Node *argument = linitial(call->args);
    bool is_real = type_of(chain, argument) == TYPE_float4;
    struct sum sum = {
        .call = call,
        .is_real = is_real && !is_average(call),
        .added = is_real ? expression_cast((Node *) copyObjectImpl(argument), "float8") : argument,
    };
    Node *seen = is_seen(chain, top, &sum);
    Node *either = expression_choose(expression_when(NIL, seen, chain_over(chain, top, value(&sum, NULL))), chain_over(chain, top, value(&sum, NULL)));
    note_sums(either, chain->analysis);
    return either;
}

Node *float_sums_checked(struct analysis *analysis, Node *expression, const FuncCall **call)
{
    struct chain chain = {.analysis = analysis};
    chain.stage = follow(&chain, &expression);
    if (chain.stage == STAGE_NONE || chain.stage == STAGE_SCALED)
        return NULL;
    *call = chain.dependent->call;
    return checked(&chain, &expression);
}

bool float_sums_has(const struct analysis *analysis, const FuncCall *call)
{
    ListCell *cell;
    foreach (cell, analysis->checked_sums)
        if (lfirst(cell) == call)
            return true;
    return false;
}
