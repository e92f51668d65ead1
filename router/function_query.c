#include "router/function_query.h"

#include <string.h>

#include "router/expressions.h"
#include "router/function_text.h"
#include "router/results.h"
#include "router/sql_types.h"

enum { MOST_QUERIES = 64 }; /* of a statement: functions may call themselves */

static const char rows_name[] = "keyway: rows";

struct putting {
    struct analysis *analysis;
    const struct scope *scope;
    const SelectStmt *grouped; /* the clause is one of its, in which only what it groups by has a value; or NULL */
};

static bool is_plain_call(const FuncCall *call)
{
    return !call->agg_order && !call->agg_filter && !call->agg_within_group && !call->agg_star &&
           !call->agg_distinct && !call->func_variadic && !call->over;
}

/* ---- its arguments ---- */

/* Computed in a subquery, perhaps once for many rows. */
static bool is_unsteady(Node *node, void *context)
{
    const struct planning *planning = context;
    if (!node)
        return false;
    if (IsA(node, FuncCall)) {
        const FuncCall *call = castNode(FuncCall, node);
        struct function_facts facts = function_facts(planning, call);
        bool steady = facts.class == FUNCTION_SAFE || facts.class == FUNCTION_CLOCK || function_text_find(planning, call);
        if (!steady || facts.aggregate || facts.returns_set || call->over)
            return true;
    }
    return parse_walk(node, is_unsteady, context);
}

static bool converts(const struct planning *planning, uint32_t from, uint32_t to)
{
    char conversion[32];
    const char *known = catalog_results(planning->routing->catalog, RESULT_CONVERSION, "", "");
    snprintf(conversion, sizeof conversion, " %u>%u ", from, to);
    return from == to || (known && strstr(known, conversion));
}

static uint32_t type_of_parameter(const struct planning *planning, const ParamRef *parameter)
{
    int number = parameter->number;
    return number > 0 && number <= planning->type_count ? planning->types[number - 1] : 0;
}

/* PostgreSQL converts it without being asked; what has no type yet is read as the parameter's. */
static bool fits(const struct putting *putting, Node *argument, const struct query_parameter *parameter)
{
    struct analysis *analysis = putting->analysis;
    const struct query query = {.scope = (struct scope *) putting->scope};
    const struct text_order *order;
    const struct item *item;
    if (parameter->relation) {
        const struct catalog_relation *table = IsA(argument, ColumnRef) ? scope_row(putting->scope, castNode(ColumnRef, argument), &item) : NULL;
        return table && table->oid == parameter->relation;
    }
    bool literal = IsA(argument, A_Const) && (castNode(A_Const, argument)->isnull || IsA(&castNode(A_Const, argument)->val, String));
    if (is_unsteady(argument, (void *) analysis->planning))
        return false;
    uint32_t type = IsA(argument, ParamRef) ? type_of_parameter(analysis->planning, castNode(ParamRef, argument))
                                            : analysis_infer(analysis, &query, argument, &order);
    if (literal || (IsA(argument, ParamRef) && !type))
        return true;
    return type && converts(analysis->planning, type, parameter->base);
}

/* name => value */
static Node *find_named(const FuncCall *call, const char *name)
{
    ListCell *cell;
    foreach (cell, call->args)
        if (IsA(lfirst(cell), NamedArgExpr) && name && !strcmp(lfirst_node(NamedArgExpr, cell)->name, name))
            return (Node *) lfirst_node(NamedArgExpr, cell)->arg;
    return NULL;
}

static bool forget_location(Node *node, void *context)
{
    if (node && IsA(node, A_Const))
        castNode(A_Const, node)->location = -1;
    return node && parse_walk(node, forget_location, context);
}

/* What a parameter is if nothing is given: no literal of the statement.  NULL: there is none, or it is no constant. */
static Node *standard_of(const struct planning *planning, const struct query_parameter *parameter, struct arena *arena)
{
    struct error error = {0};
    List *parsed = parameter->standard ? parse_more(arena_printf(arena, "SELECT %s", parameter->standard), &error) : NIL;
    error_clear(&error);
    if (!parsed)
        return NULL;
    Node *value = linitial_node(ResTarget, castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt)->targetList)->val;
    forget_location(value, NULL);
    return is_unsteady(value, (void *) planning) ? NULL : value;
}

/* In the order of the function's parameters; NIL: one is missing, or does not fit. */
static List *order_arguments(const struct putting *putting, const FuncCall *call, const struct query_function *function)
{
    List *arguments = NIL;
    for (int i = 0; i < function->argument_count; i++) {
        const struct query_parameter *parameter = &function->arguments[i];
        Node *given = i < list_length(call->args) ? list_nth(call->args, i) : NULL;
        Node *named = find_named(call, parameter->name);
        if (!given || IsA(given, NamedArgExpr) || named)
            given = named;
        Node *argument = given ? given : standard_of(putting->analysis->planning, parameter, putting->analysis->arena);
        if (!argument || (given && !fits(putting, given, parameter)))
            return NIL;
        arguments = lappend(arguments, argument);
    }
    return arguments;
}

/* ---- nodes ---- */

static Node *column(const char *item, const char *name)
{
    ColumnRef *reference = makeNode(ColumnRef);
    reference->fields = list_make1(makeString(pstrdup(name)));
    if (item)
        reference->fields = lcons(makeString(pstrdup(item)), reference->fields);
    reference->location = -1;
    return (Node *) reference;
}

static ResTarget *target(Node *value, const char *name)
{
    ResTarget *node = makeNode(ResTarget);
    node->name = name ? pstrdup(name) : NULL;
    node->val = value;
    node->location = -1;
    return node;
}

/* NULL: the type's name cannot be read. */
static Node *cast_to(Node *value, const struct query_parameter *parameter, struct arena *arena)
{
    struct error error = {0};
    List *parsed = parse_more(arena_printf(arena, "SELECT NULL::%s", parameter->type_name), &error);
    error_clear(&error);
    if (!parsed)
        return NULL;
    const SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt);
    TypeCast *cast = castNode(TypeCast, linitial_node(ResTarget, select->targetList)->val);
    cast->arg = value;
    cast->location = cast->typeName->location = -1;
    return (Node *) cast;
}

static Node *subselect(SelectStmt *select, const char *name, List *columns, bool lateral)
{
    RangeSubselect *node = makeNode(RangeSubselect);
    node->lateral = lateral;
    node->subquery = (Node *) select;
    node->alias = makeNode(Alias);
    node->alias->aliasname = pstrdup(name);
    node->alias->colnames = columns;
    return (Node *) node;
}

static SelectStmt *select_of(List *targets, List *from)
{
    SelectStmt *select = makeNode(SelectStmt);
    select->targetList = targets;
    select->fromClause = from;
    select->limitOption = (LimitOption) PARSED_LIMIT_DEFAULT;
    return select;
}

static Node *link_to(SelectStmt *select)
{
    SubLink *link = makeNode(SubLink);
    link->subLinkType = EXPR_SUBLINK;
    link->subselect = (Node *) select;
    link->location = -1;
    return (Node *) link;
}

/* ---- the call as a query ---- */

static bool is_plain_argument(const Node *node)
{
    while (IsA(node, TypeCast))
        node = (const Node *) castNode(TypeCast, (Node *) node)->arg;
    return IsA(node, ColumnRef) || IsA(node, A_Const) || IsA(node, ParamRef);
}

/* An item of GROUP BY that is the call: as it stands, or the number or name of an output. */
static bool groups_by(const SelectStmt *select, const FuncCall *call)
{
    ListCell *item, *cell;
    foreach (item, select->groupClause) {
        if (equal(lfirst(item), call))
            return true;
        foreach (cell, select->targetList) {
            const ResTarget *target = lfirst_node(ResTarget, cell);
            const A_Const *number = IsA(lfirst(item), A_Const) ? lfirst_node(A_Const, item) : NULL;
            const ColumnRef *name = IsA(lfirst(item), ColumnRef) ? lfirst_node(ColumnRef, item) : NULL;
            bool meant = (number && IsA(&number->val, Integer) && intVal(&number->val) == foreach_current_index(cell) + 1) ||
                         (name && list_length(name->fields) == 1 && target->name && IsA(linitial(name->fields), String) &&
                          !strcmp(strVal(linitial(name->fields)), target->name));
            if (meant && equal(target->val, call))
                return true;
        }
    }
    return false;
}

/* Where rows are grouped, a subquery sees the columns that GROUP BY names, and no expressions. */
static bool sees_groups(const struct putting *putting, const FuncCall *call)
{
    ListCell *cell;
    if (!putting->grouped || groups_by(putting->grouped, call))
        return true;
    foreach (cell, call->args)
        if (!is_plain_argument(IsA(lfirst(cell), NamedArgExpr) ? (Node *) lfirst_node(NamedArgExpr, cell)->arg : lfirst(cell)))
            return false;
    return true;
}

struct call_query {
    SelectStmt *text;
    List *values; /* arguments, as targets */
    List *from;   /* what offers them, and rows */
};

static bool names(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, ColumnRef)) {
        ListCell *cell;
        foreach (cell, castNode(ColumnRef, node)->fields)
            if (IsA(lfirst(cell), String) && !strcmp(strVal(lfirst(cell)), context))
                return true;
    }
    return parse_walk(node, names, context);
}

/* As a value by itself, which a row in FROM is not the same as. */
static bool names_alone(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, ColumnRef)) {
        const List *fields = castNode(ColumnRef, node)->fields;
        return IsA(llast(fields), A_Star) || !strcmp(strVal(llast(fields)), context);
    }
    return parse_walk(node, names_alone, context);
}

/* A row's columns that the text may name, as table "name" of a column each. */
static bool list_row(struct putting *putting, Node *argument, const char *name, SelectStmt *text, struct call_query *query)
{
    const struct item *item;
    const struct catalog_relation *table = scope_row(putting->scope, castNode(ColumnRef, argument), &item);
    List *targets = NIL;
    if (names_alone((Node *) text, (void *) name))
        return false;
    for (int i = 0; i < table->column_count; i++)
        if (names((Node *) text, (void *) table->columns[i].name))
            targets = lappend(targets, target(column(item->name, item->columns[i].name), table->columns[i].name));
    if (targets)
        query->from = lappend(query->from, subselect(select_of(targets, NIL), name, NIL, false));
    return targets;
}

static bool list_value(struct putting *putting, Node *argument, const struct query_parameter *parameter, const char *name,
                       struct call_query *query)
{
    Node *value = cast_to(copyObject(argument), parameter, putting->analysis->arena);
    if (value)
        query->values = lappend(query->values, target(value, name));
    return value;
}

/* The arguments that the text may name, under their names and numbers; of a strict function all under their numbers.  False: one cannot be
 * written. */
static bool list_arguments(struct putting *putting, const FuncCall *call, const struct query_function *function, const List *arguments,
                           struct call_query *query)
{
    Node *text = (Node *) query->text;
    for (int i = 0; i < function->argument_count; i++) {
        const struct query_parameter *parameter = &function->arguments[i];
        const char *const given[] = {arena_printf(putting->analysis->arena, "$%d", i + 1), parameter->name};
        for (size_t k = 0; k < sizeof given / sizeof *given; k++) {
            bool named = given[k] && ((function->strict && k == 0) || names(text, (void *) given[k]));
            Node *argument = list_nth(arguments, i);
            if (named && !(parameter->relation ? list_row(putting, argument, given[k], query->text, query)
                                               : list_value(putting, argument, parameter, given[k], query)))
                return false;
        }
    }
    if (query->values)
        query->from = lcons(subselect(select_of(query->values, NIL), parse_name(call->funcname), NIL, false), query->from);
    return true;
}

/* Not one argument is NULL. */
static Node *all_given(const struct query_function *function, struct arena *arena)
{
    List *tests = NIL;
    for (int i = 0; i < function->argument_count; i++) {
        NullTest *test = makeNode(NullTest);
        test->arg = (Expr *) column(NULL, arena_printf(arena, "$%d", i + 1));
        test->nulltesttype = IS_NOT_NULL;
        test->location = -1;
        tests = lappend(tests, test);
    }
    return list_length(tests) == 1 ? linitial(tests) : (Node *) makeBoolExpr(AND_EXPR, tests, -1);
}

static bool read_call(struct putting *putting, const FuncCall *call, const struct query_function *function, struct call_query *query)
{
    if (!is_plain_call(call) || putting->analysis->put_count >= MOST_QUERIES || list_length(call->args) > function->argument_count ||
        (function->strict && function->takes_row) || !sees_groups(putting, call))
        return false;
    List *arguments = order_arguments(putting, call, function);
    if (list_length(arguments) != function->argument_count)
        return false;
    query->text = function_text_read(putting->analysis, putting->scope, function);
    return query->text && list_arguments(putting, call, function, arguments, query);
}

static Node *value_of_call(struct putting *putting, const FuncCall *call)
{
    struct analysis *analysis = putting->analysis;
    const struct query_function *function = function_text_find(analysis->planning, call);
    struct call_query query = {0};
    if (!function || function->returns_set || function->result_count != 1 || !read_call(putting, call, function, &query) ||
        !function_text_gives_one_column(query.text) || !function_text_take_first(analysis->planning, query.text))
        return NULL;
    Node *value = cast_to(link_to(query.text), &function->results[0], analysis->arena);
    if (!value || !query.from)
        return value;
    if (function->strict)
        value = expression_choose(expression_when(NIL, all_given(function, analysis->arena), value), NULL);
    return link_to(select_of(list_make1(target(value, NULL)), query.from));
}

/* Its columns as the function gives them. */
static List *list_results(struct putting *putting, const struct query_function *function, const SelectStmt *text, const char *name,
                          List **columns)
{
    struct arena *arena = putting->analysis->arena;
    bool same = function_text_gives_rows_of(putting->analysis->planning, text, function);
    List *targets = NIL;
    for (int i = 0; i < function->result_count; i++) {
        const struct query_parameter *result = &function->results[i];
        const char *number = arena_printf(arena, "column %d", i + 1);
        Node *value = column(rows_name, number);
        value = same ? value : cast_to(value, result, arena);
        if (!value)
            return NIL;
        *columns = lappend(*columns, makeString(pstrdup(number)));
        targets = lappend(targets, target(value, result->name ? result->name : name));
    }
    return targets;
}

static SelectStmt *rows_of_call(struct putting *putting, const FuncCall *call, const char *name)
{
    struct analysis *analysis = putting->analysis;
    const struct query_function *function = function_text_find(analysis->planning, call);
    struct call_query query = {0};
    List *columns = NIL;
    if (!function || !read_call(putting, call, function, &query))
        return NULL;
    List *targets = list_results(putting, function, query.text, name, &columns);
    if (!targets)
        return NULL;
    SelectStmt *select = select_of(targets, lappend(query.from, subselect(query.text, rows_name, columns, query.from)));
    if (function->strict && query.values)
        select->whereClause = all_given(function, analysis->arena);
    return select;
}

/* A function that gives one value gives a row in any case. */
static SelectStmt *row_of_call(struct putting *putting, const FuncCall *call, const char *name)
{
    Node *value = value_of_call(putting, call);
    return value ? select_of(list_make1(target(value, name)), NIL) : NULL;
}

Node *put_query_for_item(struct analysis *analysis, Node *item, const struct scope *scope)
{
    struct putting putting = {analysis, scope, NULL};
    const RangeFunction *range = IsA(item, RangeFunction) ? (const RangeFunction *) item : NULL;
    if (!analysis->puts_queries || !range || range->ordinality || range->coldeflist || list_length(range->functions) != 1)
        return item;
    const List *pair = linitial_node(List, range->functions);
    if (!IsA(linitial(pair), FuncCall) || lsecond(pair))
        return item;
    const FuncCall *call = linitial_node(FuncCall, pair);
    const char *name = range->alias ? range->alias->aliasname : parse_name(call->funcname);
    const struct query_function *function = function_text_find(analysis->planning, call);
    if (!function)
        return item;
    /* The row of a function that gives values is a value. */
    bool value = function->result_count == 1;
    if (value && ((range->alias && range->alias->colnames) || function->results[0].name))
        return item;
    SelectStmt *select = function->returns_set ? rows_of_call(&putting, call, name) : row_of_call(&putting, call, name);
    if (!select)
        return item;
    analysis->put_count++;
    Node *put_item = subselect(select, name, range->alias ? range->alias->colnames : NIL, true);
    analysis->put_items = lappend(analysis->put_items, put_item);
    return put_item;
}

static bool put(Node **place, void *context);

/* The column keeps the name that the call gave it. */
static void put_into_target(struct putting *putting, ResTarget *node)
{
    int count = putting->analysis->put_count;
    const char *name = output_name(node);
    put(&node->val, putting);
    if (!node->name && count != putting->analysis->put_count)
        node->name = pstrdup(name);
}

static Node *value_of_row_call(struct putting *putting, Node *row, Node *name)
{
    return value_of_call(putting, makeFuncCall(list_make1(name), list_make1(row), COERCE_EXPLICIT_CALL, -1));
}

/* row.name is a call of name(row), if the row has no such column … */
static Node *value_of_field(struct putting *putting, const ColumnRef *reference)
{
    bool opaque;
    if (list_length(reference->fields) != 2 || !scope_lacks_column(putting->scope, reference, &opaque) || opaque)
        return NULL;
    return value_of_row_call(putting, column(NULL, strVal(linitial(reference->fields))), llast(reference->fields));
}

/* … and so is (row).name. */
static Node *value_of_indirection(struct putting *putting, const A_Indirection *indirection)
{
    const struct item *item;
    Node *name = linitial(indirection->indirection);
    const struct catalog_relation *table =
        IsA(indirection->arg, ColumnRef) ? scope_row(putting->scope, castNode(ColumnRef, indirection->arg), &item) : NULL;
    if (!table || list_length(indirection->indirection) != 1 || !IsA(name, String) || item_column(item, strVal(name)) != -1 ||
        catalog_column(table, strVal(name)) >= 0)
        return NULL;
    return value_of_row_call(putting, indirection->arg, name);
}

static Node *value_of(struct putting *putting, Node *node)
{
    switch (nodeTag(node)) {
    case T_FuncCall:
        return value_of_call(putting, castNode(FuncCall, node));
    case T_ColumnRef:
        return value_of_field(putting, castNode(ColumnRef, node));
    case T_A_Indirection:
        return value_of_indirection(putting, castNode(A_Indirection, node));
    default:
        return NULL;
    }
}

/* An aggregate's arguments are of single rows. */
static bool takes_rows(const struct putting *putting, const Node *node)
{
    return IsA(node, FuncCall) && !((const FuncCall *) node)->over &&
           function_facts(putting->analysis->planning, (const FuncCall *) node).aggregate;
}

static bool put(Node **place, void *context)
{
    struct putting *putting = context, within = *putting;
    Node *value = value_of(putting, *place);
    if (value) {
        putting->analysis->put_count++;
        *place = value;
    } else if (IsA(*place, ResTarget)) {
        put_into_target(putting, castNode(ResTarget, *place));
    } else {
        within.grouped = takes_rows(putting, *place) ? NULL : putting->grouped;
        parse_visit(*place, put, &within);
    }
    return true;
}

static void put_into_clause(struct analysis *analysis, Node **clause, const struct scope *scope, const SelectStmt *grouped)
{
    struct putting putting = {analysis, scope, grouped};
    if (analysis->puts_queries && *clause)
        put(clause, &putting);
}

void put_queries_into(struct analysis *analysis, Node **expression, const struct scope *scope)
{
    put_into_clause(analysis, expression, scope, NULL);
}

/* What GROUP BY says is looked at before it is changed. */
void put_queries(struct analysis *analysis, struct query *query)
{
    SelectStmt *select = query->select;
    const SelectStmt *grouped = query->aggregates || select->groupClause ? select : NULL;
    Node **const clauses[] = {&select->havingClause, (Node **) &select->windowClause, (Node **) &select->sortClause};
    put_into_clause(analysis, &select->whereClause, query->scope, NULL);
    for (size_t i = 0; i < sizeof clauses / sizeof *clauses; i++)
        put_into_clause(analysis, clauses[i], query->scope, grouped);
    if (select_has_distinct_on(select))
        put_into_clause(analysis, (Node **) &select->distinctClause, query->scope, grouped);
    put_into_clause(analysis, (Node **) &select->targetList, query->scope, grouped);
    put_into_clause(analysis, (Node **) &select->groupClause, query->scope, NULL);
}
