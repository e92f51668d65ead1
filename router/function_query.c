#include "router/function_query.h"

#include <ctype.h>
#include <string.h>

#include "router/expressions.h"
#include "router/results.h"
#include "router/sql_types.h"

enum { MOST_QUERIES = 64 }; /* of a statement: functions may call themselves */

static const char rows_name[] = "keyway: rows";

struct putting {
    struct analysis *analysis;
    const struct scope *scope;
    const SelectStmt *grouped; /* the clause is one of its, in which only what it groups by has a value; or NULL */
};

/* ---- which function, and may its text stand here? ---- */

/* The only function of its name, if it is a query that reads tables, or takes a table's row. */
static const struct query_function *find_query(const struct planning *planning, const FuncCall *call)
{
    struct function_facts facts = function_facts(planning, call);
    const struct catalog *catalog = planning->routing->catalog;
    const char *schema = parse_qualifier(call->funcname);
    char next[NAMEDATALEN];
    const struct catalog_function *found = NULL;
    if (!facts.users)
        return NULL;
    if (schema)
        found = catalog_function(catalog, schema, facts.name);
    struct resolve_path path = resolve_path(planning);
    while (!schema && !found && resolve_path_next(&path, next))
        found = catalog_function(catalog, next, facts.name);
    return found && found->query && (facts.class == FUNCTION_READER || found->query->takes_row) ? found->query : NULL;
}

static bool is_plain_call(const FuncCall *call)
{
    return !call->agg_order && !call->agg_filter && !call->agg_within_group && !call->agg_star &&
           !call->agg_distinct && !call->func_variadic && !call->over;
}

struct text {
    struct putting *putting;
    const struct query_function *function;
    List *ctes; /* names that WITH gives in it */
    bool texts; /* it gives texts, or what may have a collation like them */
};

static bool find_ctes(Node *node, void *context)
{
    struct text *text = context;
    if (!node)
        return false;
    if (IsA(node, CommonTableExpr))
        text->ctes = lappend(text->ctes, castNode(CommonTableExpr, node)->ctename);
    return parse_walk(node, find_ctes, context);
}

static bool is_cte(const struct text *text, const RangeVar *range)
{
    ListCell *cell;
    foreach (cell, text->ctes)
        if (!range->schemaname && !strcmp(lfirst(cell), range->relname))
            return true;
    return false;
}

/* A function's result has no collation of a column. */
static bool has_collation(const struct catalog_relation *relation)
{
    for (int i = 0; i < relation->column_count; i++)
        if (relation->columns[i].collation_is_own)
            return true;
    return false;
}

/* The table gets its schema, so that it is no name of the statement's WITH. */
static bool is_known_table(struct text *text, RangeVar *range)
{
    struct resolved_relation relation = resolve_relation(text->putting->analysis->planning, range);
    bool cte = is_cte(text, range);
    switch (relation.place) {
    case PLACE_SHARDED:
    case PLACE_REFERENCE:
    case PLACE_UNSHARDED:
    case PLACE_VIEW:
        break;
    case PLACE_UNKNOWN:
        return cte;
    case PLACE_CATALOG:
    case PLACE_TEMPORARY:
        return false;
    }
    if (cte || !relation.relation || !relation.schema || (text->texts && has_collation(relation.relation)))
        return false;
    range->schemaname = pstrdup(relation.schema);
    return true;
}

static bool is_known_call(const struct text *text, const FuncCall *call)
{
    const struct planning *planning = text->putting->analysis->planning;
    enum function_class class = function_facts(planning, call).class;
    return class == FUNCTION_SAFE || class == FUNCTION_CLOCK || find_query(planning, call);
}

/* 'now' is looked for among the statement's own literals only; a "$1" was the text's. */
static bool is_known_constant(const A_Const *constant)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday", "\"$"};
    if (constant->isnull || !IsA(&constant->val, String))
        return true;
    const char *value = strVal(&constant->val);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(value, words[i]))
            return false;
    return true;
}

/* True: something in it is not known to be harmless.  Its literals are not the statement's. */
static bool is_doubtful(Node *node, void *context)
{
    struct text *text = context;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_RangeVar:
        return !is_known_table(text, castNode(RangeVar, node));
    case T_FuncCall:
        if (!is_known_call(text, castNode(FuncCall, node)))
            return true;
        break;
    case T_A_Const:
        castNode(A_Const, node)->location = -1;
        return !is_known_constant(castNode(A_Const, node));
    case T_SelectStmt:
        if (castNode(SelectStmt, node)->lockingClause || castNode(SelectStmt, node)->intoClause)
            return true;
        break;
    case T_CollateClause:
        if (text->texts)
            return true;
        break;
    case T_ParamRef:
    case T_InsertStmt:
    case T_UpdateStmt:
    case T_DeleteStmt:
    case T_MergeStmt:
    case T_RangeTableSample:
    case T_CurrentOfExpr:
        return true;
    default:
        break;
    }
    return parse_walk(node, is_doubtful, context);
}

static bool may_be_text(const struct query_parameter *result)
{
    return !type_is_scalar(result->base) || type_is_string(result->base);
}

static SelectStmt *read_text(struct putting *putting, const struct query_function *function)
{
    struct error error = {0};
    struct text text = {.putting = putting, .function = function};
    List *parsed = parse_more(function->text, &error);
    error_clear(&error);
    Node *statement = list_length(parsed) == 1 ? linitial_node(RawStmt, parsed)->stmt : NULL;
    if (!statement || !IsA(statement, SelectStmt) || !parse_is_shallow(statement))
        return NULL;
    for (int i = 0; i < function->result_count; i++)
        text.texts |= may_be_text(&function->results[i]);
    find_ctes(statement, &text);
    return is_doubtful(statement, &text) ? NULL : castNode(SelectStmt, statement);
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
        bool steady = facts.class == FUNCTION_SAFE || facts.class == FUNCTION_CLOCK || find_query(planning, call);
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

static bool has_aggregate(Node *node, void *context)
{
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, FuncCall) && !castNode(FuncCall, node)->over && function_facts(context, castNode(FuncCall, node)).aggregate)
        return true;
    return parse_walk(node, has_aggregate, context);
}

static bool gives_set(Node *node, void *context)
{
    if (!node || IsA(node, SubLink))
        return false;
    return (IsA(node, FuncCall) && function_facts(context, castNode(FuncCall, node)).returns_set) || parse_walk(node, gives_set, context);
}

/* column = something that is no column of the same table. */
static int equated_column(const struct catalog_relation *relation, const A_Expr *expression)
{
    Node *const sides[] = {expression->lexpr, expression->rexpr};
    if (expression->kind != AEXPR_OP || list_length(expression->name) != 1 || strcmp(parse_name(expression->name), "="))
        return -1;
    for (int i = 0; i < 2; i++) {
        if (!sides[i] || !IsA(sides[i], ColumnRef) || !IsA(llast(castNode(ColumnRef, sides[i])->fields), String))
            continue;
        const Node *other = sides[1 - i];
        bool value = other && (IsA(other, A_Const) || (IsA(other, ColumnRef) && list_length(castNode(ColumnRef, other)->fields) == 1 &&
                                                       IsA(linitial(castNode(ColumnRef, other)->fields), String) &&
                                                       catalog_column(relation, strVal(linitial(castNode(ColumnRef, other)->fields))) < 0));
        int found = catalog_column(relation, strVal(llast(castNode(ColumnRef, sides[i])->fields)));
        if (value && found >= 0)
            return found;
    }
    return -1;
}

static bool is_equated(const struct catalog_relation *relation, Node *condition, int column_number)
{
    ListCell *cell;
    if (!condition)
        return false;
    if (IsA(condition, A_Expr))
        return equated_column(relation, castNode(A_Expr, condition)) == column_number;
    if (!IsA(condition, BoolExpr) || castNode(BoolExpr, condition)->boolop != AND_EXPR)
        return false;
    foreach (cell, castNode(BoolExpr, condition)->args)
        if (is_equated(relation, lfirst(cell), column_number))
            return true;
    return false;
}

/* A unique index holds over all shards if it contains the key. */
static bool is_unique_everywhere(const struct resolved_relation *relation, const struct catalog_unique *unique)
{
    size_t keys = relation->place == PLACE_SHARDED ? relation->table->settings->key_count : 0;
    for (size_t k = 0; k < keys; k++) {
        bool found = false;
        for (int i = 0; i < unique->column_count; i++)
            found |= unique->columns[i] == relation->table->key_columns[k];
        if (!found)
            return false;
    }
    return true;
}

static bool finds_by_key(const struct planning *planning, const SelectStmt *select)
{
    const Node *item = list_length(select->fromClause) == 1 ? linitial(select->fromClause) : NULL;
    if (!item || !IsA(item, RangeVar) || select->withClause)
        return false;
    struct resolved_relation relation = resolve_relation(planning, (const RangeVar *) item);
    if (!relation.relation || relation.relation->has_children || relation.place == PLACE_VIEW ||
        (relation.table && relation.table->problem))
        return false;
    for (int i = 0; i < relation.relation->unique_count; i++) {
        const struct catalog_unique *unique = &relation.relation->uniques[i];
        bool all = is_unique_everywhere(&relation, unique);
        for (int c = 0; all && c < unique->column_count; c++)
            all = is_equated(relation.relation, select->whereClause, unique->columns[c]);
        if (all)
            return true;
    }
    return false;
}

static bool is_one(const Node *limit)
{
    return IsA(limit, A_Const) && !castNode(A_Const, limit)->isnull && IsA(&castNode(A_Const, limit)->val, Integer) &&
           intVal(&castNode(A_Const, limit)->val) <= 1;
}

/* A value is the first row's.  False: which row that is cannot be written. */
static bool take_first(const struct planning *planning, SelectStmt *select)
{
    bool plain = select->op == SETOP_NONE && !select->valuesLists && !select->groupClause;
    bool single = plain && (has_aggregate((Node *) select->targetList, (void *) planning) || !select->fromClause ||
                            finds_by_key(planning, select));
    if (single && !gives_set((Node *) select->targetList, (void *) planning))
        return true;
    if (select->limitCount)
        return is_one(select->limitCount) && (int) select->limitOption != PARSED_LIMIT_WITH_TIES;
    select->limitCount = expression_number("1");
    select->limitOption = (LimitOption) PARSED_LIMIT_COUNT;
    return true;
}

static bool gives_one_column(const SelectStmt *select)
{
    while (select->op != SETOP_NONE)
        select = select->larg;
    if (select->valuesLists)
        return list_length(linitial(select->valuesLists)) == 1;
    const Node *value = list_length(select->targetList) == 1 ? linitial_node(ResTarget, select->targetList)->val : NULL;
    return value && !(IsA(value, ColumnRef) && IsA(llast(castNode(ColumnRef, value)->fields), A_Star));
}

static bool read_call(struct putting *putting, const FuncCall *call, const struct query_function *function, struct call_query *query)
{
    if (!is_plain_call(call) || putting->analysis->put_count >= MOST_QUERIES || list_length(call->args) > function->argument_count ||
        (function->strict && function->takes_row) || !sees_groups(putting, call))
        return false;
    List *arguments = order_arguments(putting, call, function);
    if (list_length(arguments) != function->argument_count)
        return false;
    query->text = read_text(putting, function);
    return query->text && list_arguments(putting, call, function, arguments, query);
}

static Node *value_of_call(struct putting *putting, const FuncCall *call)
{
    struct analysis *analysis = putting->analysis;
    const struct query_function *function = find_query(analysis->planning, call);
    struct call_query query = {0};
    if (!function || function->returns_set || function->result_count != 1 || !read_call(putting, call, function, &query) ||
        !gives_one_column(query.text) || !take_first(analysis->planning, query.text))
        return NULL;
    Node *value = cast_to(link_to(query.text), &function->results[0], analysis->arena);
    if (!value || !query.from)
        return value;
    if (function->strict)
        value = expression_choose(expression_when(NIL, all_given(function, analysis->arena), value), NULL);
    return link_to(select_of(list_make1(target(value, NULL)), query.from));
}

/* SELECT * FROM table, whose columns are those that the function gives. */
static bool gives_rows_of(const struct planning *planning, const SelectStmt *select, const struct query_function *function)
{
    if (select->op != SETOP_NONE || list_length(select->fromClause) != 1 || !IsA(linitial(select->fromClause), RangeVar) ||
        list_length(select->targetList) != 1 || select->withClause)
        return false;
    const Node *value = linitial_node(ResTarget, select->targetList)->val;
    struct resolved_relation relation = resolve_relation(planning, linitial_node(RangeVar, select->fromClause));
    if (!IsA(value, ColumnRef) || !IsA(llast(castNode(ColumnRef, value)->fields), A_Star) || !relation.relation ||
        relation.relation->column_count != function->result_count)
        return false;
    for (int i = 0; i < function->result_count; i++)
        if (relation.relation->columns[i].type != function->results[i].type || relation.relation->columns[i].typmod != function->results[i].typmod)
            return false;
    return true;
}

/* Its columns as the function gives them. */
static List *list_results(struct putting *putting, const struct query_function *function, const SelectStmt *text, const char *name,
                          List **columns)
{
    struct arena *arena = putting->analysis->arena;
    bool same = gives_rows_of(putting->analysis->planning, text, function);
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
    const struct query_function *function = find_query(analysis->planning, call);
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
    const struct query_function *function = find_query(analysis->planning, call);
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
