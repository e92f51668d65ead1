/*
 * Facts: what the conjuncts of a condition say of columns.
 *
 * Read are the built-in comparison operators between a column and a constant, literal or parameter, where the
 * types do not change what is compared; equalities of two columns; and semi-joins.  Whatever else a condition
 * says is left to PostgreSQL.
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/sql_types.h"

uint32_t analysis_type(const TypeName *type, bool *array)
{
#define TYPE_ROW(name, oid, array) {#name, oid},
    static const struct {
        const char *name;
        uint32_t oid;
    } types[] = {SQL_TYPES(TYPE_ROW)};
#undef TYPE_ROW
    const char *qualifier = parse_qualifier(type->names);
    *array = type->arrayBounds != NIL;
    if (!type->names || type->typmods || type->setof || type->pct_type ||
        (qualifier && strcmp(qualifier, "pg_catalog")))
        return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(parse_name(type->names), types[i].name))
            return types[i].oid;
    return 0;
}

/* Behind the minus signs before a negative number, which the grammar folds into the constant. */
static int digits_location(const struct planning *planning, int location, bool *negative)
{
    const char *sql = planning->sql;
    while (sql[location] == '-' || sql[location] == '+' || strchr(" \t\r\n\f", sql[location])) {
        if (!sql[location])
            break;
        *negative ^= sql[location] == '-';
        location++;
    }
    return location;
}

/* Point to the literal in the normalised statement; if it is not found there the constant is kept as it is.
 */
static void find_literal(const struct analysis *analysis, const A_Const *constant, struct value *value)
{
    const struct normalised *normalised = analysis->planning->normalised;
    if (!normalised || analysis->view_depth || constant->location < 0 || IsA(&constant->val, Boolean) ||
        constant->isnull)
        return;
    bool negative = false;
    int location = constant->location;
    if (!IsA(&constant->val, String))
        location = digits_location(analysis->planning, location, &negative);
    size_t index = normalised_literal(normalised, (uint32_t) location);
    if (index == normalised->literal_count) {
        plan_pin_all(analysis->plan);
        return;
    }
    value->kind = VALUE_LITERAL;
    value->index = index;
    value->negative = negative;
}

static bool read_constant(const struct analysis *analysis, const A_Const *constant, struct value *value)
{
    *value = (struct value){.kind = VALUE_CONSTANT};
    value->text = parse_constant_text(constant, &analysis->plan->arena);
    if (constant->isnull)
        return true;
    switch (nodeTag(&constant->val)) {
    case T_Integer:
        value->number = true;
        value->type = TYPE_int4;
        break;
    case T_Float:
        value->number = true;
        value->type = strspn(value->text, "-0123456789") == strlen(value->text) && strlen(value->text) < 19
                          ? TYPE_int8
                          : TYPE_numeric;
        break;
    case T_String:
        break;
    default:
        return false;
    }
    find_literal(analysis, constant, value);
    return true;
}

/* False: there is no parameter $0. */
static bool read_parameter(const struct analysis *analysis, const ParamRef *parameter, uint32_t type,
                           struct value *value)
{
    const struct planning *planning = analysis->planning;
    if (parameter->number < 1)
        return false;
    *value = (struct value){.kind = VALUE_PARAMETER, .index = (size_t) parameter->number - 1};
    uint32_t declared =
        parameter->number <= planning->type_count ? planning->types[parameter->number - 1] : 0;
    value->type = declared && declared != TYPE_unknown ? declared : type;
    value->uncertain =
        parameter->number > analysis->parameter_count || analysis->parameter_uses[parameter->number - 1] > 1;
    return true;
}

/* $1::text is of the type of its cast, unless it was declared to be something else. */
static bool read_cast(struct analysis *analysis, const TypeCast *cast, struct value *value)
{
    bool array;
    uint32_t type = analysis_type(cast->typeName, &array);
    if (!type || array)
        return false;
    if (IsA(cast->arg, ParamRef))
        return read_parameter(analysis, castNode(ParamRef, cast->arg), type, value) && types_compare(value->type, type);
    if (IsA(cast->arg, A_Const)) {
        const A_Const *constant = castNode(A_Const, cast->arg);
        if (!read_constant(analysis, constant, value))
            return false;
        if (constant->isnull)
            return true;
        if (!IsA(&constant->val, String) && !(IsA(&constant->val, Integer) && type_is_integer(type)))
            return false;
        value->type = type;
        value->number = false;
        return true;
    }
    /* 'x'::varchar::text */
    return IsA(cast->arg, TypeCast) && read_cast(analysis, castNode(TypeCast, cast->arg), value) &&
           types_compare(value->type, type);
}

bool analysis_value(struct analysis *analysis, Node *expression, uint32_t type, struct value *value)
{
    if (!expression)
        return false;
    switch (nodeTag(expression)) {
    case T_A_Const:
        return read_constant(analysis, castNode(A_Const, expression), value);
    case T_ParamRef:
        return read_parameter(analysis, castNode(ParamRef, expression), type_is_text(type) ? TYPE_text : type, value);
    case T_TypeCast:
        return read_cast(analysis, castNode(TypeCast, expression), value);
    default:
        return false;
    }
}

/* A column, or a cast of one that changes nothing (varchar to text, which pg_get_viewdef() writes, or a wider
 * integer). */
static int read_column(const struct analysis *analysis, Node *expression, const struct scope *scope)
{
    int level;
    bool array;
    if (!expression)
        return NO_SLOT;
    if (IsA(expression, ColumnRef))
        return scope_resolve(scope, castNode(ColumnRef, expression), &level);
    if (!IsA(expression, TypeCast))
        return NO_SLOT;
    const TypeCast *cast = castNode(TypeCast, expression);
    uint32_t type = analysis_type(cast->typeName, &array);
    int slot = array ? NO_SLOT : read_column(analysis, cast->arg, scope);
    if (slot < 0)
        return NO_SLOT;
    uint32_t from = analysis->slots[slot].type;
    bool same = from == type || (type_is_text(from) && type == TYPE_text) ||
                (type_is_integer(from) && type == TYPE_int8) || (from == TYPE_int2 && type == TYPE_int4);
    return same ? slot : NO_SLOT;
}

int analysis_slot(struct analysis *analysis, const struct query *query, Node *expression)
{
    return query->scope ? read_column(analysis, expression, query->scope) : NO_SLOT;
}

static struct fact *add_fact(struct analysis *analysis, struct collected_facts *collected,
                             enum fact_kind kind, int slot)
{
    struct fact *fact = arena_alloc(&analysis->plan->arena, sizeof *fact);
    fact->kind = kind;
    fact->slot = slot;
    *ARRAY_ADD(analysis, collected->facts, collected->count, collected->room) = fact;
    return fact;
}

static void add_value_fact(struct analysis *analysis, struct collected_facts *collected, enum fact_kind kind,
                           int slot, const struct value *value)
{
    struct fact *fact = add_fact(analysis, collected, kind, slot);
    fact->values = arena_memdup(&analysis->plan->arena, value, sizeof *value);
    fact->value_count = 1;
}

/* Only PostgreSQL's own operator of that name, where search_path has no other that may be meant. */
static const char *operator_name(const struct analysis *analysis, const A_Expr *expression)
{
    const char *qualifier = parse_qualifier(expression->name);
    bool users = function_facts_of_name(analysis->planning, expression->name).users;
    return users || (qualifier && strcmp(qualifier, "pg_catalog")) ? "" : parse_name(expression->name);
}

struct comparison {
    const char *name, *flipped;
    enum fact_kind kind;
};

static const struct comparison *find_comparison(const char *name)
{
    static const struct comparison comparisons[] = {
        {"=", "=", FACT_VALUES}, {"<", ">", FACT_BELOW},      {"<=", ">=", FACT_AT_MOST},
        {">", "<", FACT_ABOVE},  {">=", "<=", FACT_AT_LEAST},
    };
    for (size_t i = 0; i < sizeof comparisons / sizeof *comparisons; i++)
        if (!strcmp(comparisons[i].name, name))
            return &comparisons[i];
    return NULL;
}

static void compare_value(struct analysis *analysis, struct collected_facts *collected, enum fact_kind kind,
                          int slot, Node *expression)
{
    struct value value;
    const struct slot *facts = &analysis->slots[slot];
    if (!facts->comparable || (kind != FACT_VALUES && !facts->ordered_by_type))
        return;
    if (analysis_value(analysis, expression, facts->type, &value))
        add_value_fact(analysis, collected, kind, slot, &value);
}

/* Equalities of columns go to the region; in an arm of an OR (no region) they are left out. */
static void compare_scalars(struct analysis *analysis, struct collected_facts *collected, const char *name,
                            Node *left, Node *right, struct scope *scope, int region)
{
    const struct comparison *comparison = find_comparison(name);
    if (!comparison)
        return;
    int left_slot = read_column(analysis, left, scope), right_slot = read_column(analysis, right, scope);
    if (left_slot >= 0 && right_slot >= 0) {
        if (comparison->kind == FACT_VALUES && region >= 0)
            region_equate(analysis, region, left_slot, right_slot);
    } else if (left_slot >= 0) {
        compare_value(analysis, collected, comparison->kind, left_slot, right);
    } else if (right_slot >= 0) {
        compare_value(analysis, collected, find_comparison(comparison->flipped)->kind, right_slot, left);
    }
}

static List *row_fields(Node *node)
{
    return node && IsA(node, RowExpr) ? castNode(RowExpr, node)->args : NIL;
}

/* (a, b) = (1, 2) says a = 1 and b = 2; (a, b) < (1, 2) says no more than a <= 1. */
static void compare_rows(struct analysis *analysis, struct collected_facts *collected, const char *name,
                         List *left, List *right, struct scope *scope, int region)
{
    ListCell *left_cell, *right_cell;
    if (list_length(left) != list_length(right))
        return;
    if (!strcmp(name, "=")) {
        forboth(left_cell, left, right_cell, right)
            compare_scalars(analysis, collected, "=", lfirst(left_cell), lfirst(right_cell), scope, region);
        return;
    }
    const char *wider = *name == '<' ? "<=" : *name == '>' ? ">=" : "";
    if (strcmp(name, "<>"))
        compare_scalars(analysis, collected, wider, linitial(left), linitial(right), scope, -1);
}

static void read_operator(struct analysis *analysis, struct collected_facts *collected,
                          const A_Expr *expression, struct scope *scope, int region)
{
    List *left = row_fields(expression->lexpr), *right = row_fields(expression->rexpr);
    const char *name = operator_name(analysis, expression);
    if (left && right)
        compare_rows(analysis, collected, name, left, right, scope, region);
    else
        compare_scalars(analysis, collected, name, expression->lexpr, expression->rexpr, scope, region);
}

static void add_arms(struct analysis *analysis, struct collected_facts *collected,
                     struct collected_facts *arms, int count)
{
    for (int i = 0; i < count; i++)
        if (!arms[i].count)
            return; /* an arm that says nothing: neither does the whole */
    struct fact *fact = add_fact(analysis, collected, FACT_ARMS, NO_SLOT);
    fact->arms = arena_alloc_array(&analysis->plan->arena, (size_t) count, sizeof *fact->arms);
    fact->arm_count = count;
    for (int i = 0; i < count; i++)
        fact->arms[i] = (struct fact_list){arms[i].facts, arms[i].count};
}

static void read_row_list(struct analysis *analysis, struct collected_facts *collected, List *left,
                          List *rows, struct scope *scope)
{
    struct collected_facts *arms =
        arena_alloc_array(analysis->arena, (size_t) list_length(rows), sizeof *arms);
    int count = 0;
    ListCell *cell;
    foreach (cell, rows)
        compare_rows(analysis, &arms[count++], "=", left, row_fields(lfirst(cell)), scope, -1);
    add_arms(analysis, collected, arms, count);
}

/* column = ANY of a list of expressions. */
static void read_list(struct analysis *analysis, struct collected_facts *collected, int slot, List *list,
                      uint32_t cast)
{
    if (slot < 0 || !analysis->slots[slot].comparable || !list)
        return;
    struct value *values =
        arena_alloc_array(&analysis->plan->arena, (size_t) list_length(list), sizeof *values);
    int count = 0;
    ListCell *cell;
    foreach (cell, list) {
        if (!analysis_value(analysis, lfirst(cell), analysis->slots[slot].type, &values[count]))
            return;
        if (cast && values[count].kind == VALUE_PARAMETER && !types_compare(values[count].type, cast))
            return;
        count++;
    }
    struct fact *fact = add_fact(analysis, collected, FACT_VALUES, slot);
    fact->values = values;
    fact->value_count = count;
}

static void read_in(struct analysis *analysis, struct collected_facts *collected, const A_Expr *expression,
                    struct scope *scope)
{
    if (strcmp(operator_name(analysis, expression), "="))
        return;
    List *left = row_fields(expression->lexpr), *list = castNode(List, expression->rexpr);
    if (left)
        read_row_list(analysis, collected, left, list, scope);
    else
        read_list(analysis, collected, read_column(analysis, expression->lexpr, scope), list, 0);
}

/* Arrays whose elements are compared as the column itself would be. */
static bool is_array_of(uint32_t array, uint32_t element)
{
#define ARRAY_ROW(name, oid, array_oid) {oid, array_oid},
    static const struct {
        uint32_t oid, array;
    } types[] = {SQL_TYPES(ARRAY_ROW)};
#undef ARRAY_ROW
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].array == array)
            return types_compare(types[i].oid, element);
    return false;
}

static void read_array_value(struct analysis *analysis, struct collected_facts *collected, int slot,
                             Node *array)
{
    struct value value;
    if (IsA(array, TypeCast) && IsA(castNode(TypeCast, array)->arg, A_ArrayExpr) == false)
        array = castNode(TypeCast, array)->arg;
    if (!IsA(array, A_Const) && !IsA(array, ParamRef))
        return;
    if (!analysis_value(analysis, array, 0, &value))
        return;
    if (value.type && !is_array_of(value.type, analysis->slots[slot].type))
        return;
    value.type = 0;
    add_value_fact(analysis, collected, FACT_ARRAY, slot, &value);
}

/* column = ANY (ARRAY[…]), with or without a cast; = ANY ('{…}'), = ANY ($1). */
static void read_any(struct analysis *analysis, struct collected_facts *collected, const A_Expr *expression,
                     struct scope *scope)
{
    int slot = read_column(analysis, expression->lexpr, scope);
    Node *array = expression->rexpr;
    uint32_t cast = 0;
    if (slot < 0 || strcmp(operator_name(analysis, expression), "=") || !analysis->slots[slot].comparable)
        return;
    if (IsA(array, TypeCast)) {
        bool is_array;
        cast = analysis_type(castNode(TypeCast, array)->typeName, &is_array);
        if (!is_array || !types_compare(cast, analysis->slots[slot].type))
            return;
        if (IsA(castNode(TypeCast, array)->arg, A_ArrayExpr))
            array = castNode(TypeCast, array)->arg;
    }
    if (IsA(array, A_ArrayExpr))
        read_list(analysis, collected, slot, castNode(A_ArrayExpr, array)->elements, cast);
    else
        read_array_value(analysis, collected, slot, array);
}

/* A match starts with the pattern's text up to its first wildcard, whatever the (deterministic) collation. */
static void read_like(struct analysis *analysis, struct collected_facts *collected, const A_Expr *expression,
                      struct scope *scope)
{
    int slot = read_column(analysis, expression->lexpr, scope);
    struct value value;
    if (slot < 0 || strcmp(operator_name(analysis, expression), "~~") || !analysis->slots[slot].comparable ||
        !type_is_text(analysis->slots[slot].type) ||
        !analysis_value(analysis, expression->rexpr, TYPE_text, &value))
        return;
    if (!value.type || value.type == TYPE_text)
        add_value_fact(analysis, collected, FACT_LIKE, slot, &value);
}

/* column IS NOT DISTINCT FROM constant: an equality, unless the value may be NULL. */
static void read_not_distinct(struct analysis *analysis, struct collected_facts *collected,
                              const A_Expr *expression, struct scope *scope)
{
    int slot = read_column(analysis, expression->lexpr, scope);
    struct value value;
    if (slot < 0 || !analysis->slots[slot].comparable ||
        !analysis_value(analysis, expression->rexpr, analysis->slots[slot].type, &value))
        return;
    if (value.kind == VALUE_LITERAL || (value.kind == VALUE_CONSTANT && value.text))
        add_value_fact(analysis, collected, FACT_VALUES, slot, &value);
}

static void read_between(struct analysis *analysis, struct collected_facts *collected,
                         const A_Expr *expression, struct scope *scope)
{
    List *bounds = castNode(List, expression->rexpr);
    compare_scalars(analysis, collected, ">=", expression->lexpr, linitial(bounds), scope, -1);
    compare_scalars(analysis, collected, "<=", expression->lexpr, lsecond(bounds), scope, -1);
}

static void read_expression_facts(struct analysis *analysis, struct collected_facts *collected,
                                  const A_Expr *expression, struct scope *scope, int region)
{
    switch (expression->kind) {
    case AEXPR_OP:
        read_operator(analysis, collected, expression, scope, region);
        break;
    case AEXPR_OP_ANY:
        read_any(analysis, collected, expression, scope);
        break;
    case AEXPR_NOT_DISTINCT:
        read_not_distinct(analysis, collected, expression, scope);
        break;
    case AEXPR_IN:
        read_in(analysis, collected, expression, scope);
        break;
    case AEXPR_LIKE:
        read_like(analysis, collected, expression, scope);
        break;
    case AEXPR_BETWEEN:
        read_between(analysis, collected, expression, scope);
        break;
    case AEXPR_OP_ALL:
    case AEXPR_DISTINCT:
    case AEXPR_NULLIF:
    case AEXPR_ILIKE:
    case AEXPR_SIMILAR:
    case AEXPR_NOT_BETWEEN:
    case AEXPR_BETWEEN_SYM:
    case AEXPR_NOT_BETWEEN_SYM:
        break;
    }
}

static void collect_facts(struct analysis *analysis, struct collected_facts *collected, Node *condition,
                          struct scope *scope, int region);

static bool has_conjunct(const Node *condition, const Node *conjunct)
{
    ListCell *cell;
    if (!IsA(condition, BoolExpr) || ((const BoolExpr *) condition)->boolop != AND_EXPR)
        return equal(condition, conjunct);
    foreach (cell, ((const BoolExpr *) condition)->args)
        if (has_conjunct(lfirst(cell), conjunct))
            return true;
    return false;
}

static bool is_equality_of_columns(const Node *node)
{
    const A_Expr *expression = (const A_Expr *) node;
    return IsA(node, A_Expr) && expression->kind == AEXPR_OP && expression->lexpr && IsA(expression->lexpr, ColumnRef) &&
           IsA(expression->rexpr, ColumnRef);
}

/* (a.k = b.k AND …) OR (a.k = b.k AND …): the columns are equal. */
static void read_common(struct analysis *analysis, struct collected_facts *collected, List *arms, Node *first, struct scope *scope, int region)
{
    ListCell *cell;
    if (IsA(first, BoolExpr) && castNode(BoolExpr, first)->boolop == AND_EXPR)
        foreach (cell, castNode(BoolExpr, first)->args)
            read_common(analysis, collected, arms, lfirst(cell), scope, region);
    if (!is_equality_of_columns(first))
        return;
    foreach (cell, arms)
        if (!has_conjunct(lfirst(cell), first))
            return;
    collect_facts(analysis, collected, first, scope, region);
}

static void read_or(struct analysis *analysis, struct collected_facts *collected, List *list,
                    struct scope *scope)
{
    struct collected_facts *arms =
        arena_alloc_array(analysis->arena, (size_t) list_length(list), sizeof *arms);
    int count = 0;
    ListCell *cell;
    foreach (cell, list)
        collect_facts(analysis, &arms[count++], lfirst(cell), scope, -1);
    add_arms(analysis, collected, arms, count);
}

/* The facts that a condition implies; it is one conjunct, or an arm of an OR (region -1). */
static void collect_facts(struct analysis *analysis, struct collected_facts *collected, Node *condition,
                          struct scope *scope, int region)
{
    ListCell *cell;
    if (IsA(condition, A_Expr)) {
        read_expression_facts(analysis, collected, castNode(A_Expr, condition), scope, region);
    } else if (IsA(condition, BoolExpr) && castNode(BoolExpr, condition)->boolop == AND_EXPR) {
        foreach (cell, castNode(BoolExpr, condition)->args)
            collect_facts(analysis, collected, lfirst(cell), scope, region);
    } else if (IsA(condition, BoolExpr) && castNode(BoolExpr, condition)->boolop == OR_EXPR) {
        List *arms = castNode(BoolExpr, condition)->args;
        read_or(analysis, collected, arms, scope);
        if (region >= 0)
            read_common(analysis, collected, arms, linitial(arms), scope, region);
    }
}

/* IN (SELECT …) ties its left side to the subquery's columns, which stand in the same region if they are
 * merged, and are seen from there as those of a subquery in FROM are, if not. */
static void tie_semi_join(struct analysis *analysis, Node *test, const struct query *query,
                          struct scope *scope, int region)
{
    List *fields = row_fields(test);
    if (!fields)
        fields = list_make1(test);
    if (!query->outputs_known || query->output_count != list_length(fields))
        return;
    for (int i = 0; i < query->output_count; i++)
        region_equate(analysis, region, read_column(analysis, list_nth(fields, i), scope),
                      query->shown ? query->shown[i] : query->outputs[i].slot);
}

/* x = ANY (SELECT …), which x IN (…) is, by an operator of PostgreSQL's own. */
static bool is_in(const struct analysis *analysis, const SubLink *link)
{
    List *operator= link->operName ? link->operName : list_make1(makeString((char *) "="));
    return link->subLinkType == ANY_SUBLINK && !strcmp(parse_name(operator), "=") &&
           !function_facts_of_name(analysis->planning, operator).users;
}

/* A subquery's column may share the slot of what it shows, and be NULL behind a LEFT JOIN LATERAL all the same. */
static bool has_only_tables(const struct scope *scope)
{
    for (int i = 0; scope && i < scope->count; i++)
        if (scope->items[i]->by_name && !scope->items[i]->table)
            return false;
    return scope != NULL;
}

/* A column of a table that no outer join of the region's query extends with NULLs: those stand in regions of their own. */
static bool is_never_null(const struct analysis *analysis, int slot, int region)
{
    for (int i = 0; slot >= 0 && i < analysis->scan_count; i++) {
        const struct scan *scan = &analysis->scans[i];
        const struct catalog_relation *relation = scan->relation.relation;
        if (relation && scan->first_slot >= 0 && slot >= scan->first_slot && slot < scan->first_slot + relation->column_count)
            return scan->region == region && !relation->has_children && relation->columns[slot - scan->first_slot].not_null;
    }
    return false;
}

/*
 * x NOT IN (SELECT y …), x IN (SELECT y …) OR …, and wherever else it stands: a row of the subquery's with another y does not change what it is, unless
 * x or y is NULL.  So in the subquery's region y is x.
 */
void tie_subquery(struct analysis *analysis, const SubLink *link, const struct query *query, struct scope *scope, int region)
{
    List *fields = row_fields(link->testexpr);
    if (!fields)
        fields = list_make1(link->testexpr);
    if (!is_in(analysis, link) || !select_is_plain(analysis, query->select) || !query->outputs_known ||
        query->output_count != list_length(fields) || !has_only_tables(scope) || !has_only_tables(query->scope))
        return;
    for (int i = 0; i < query->output_count; i++) {
        int left = read_column(analysis, list_nth(fields, i), scope), right = query->outputs[i].slot;
        if (is_never_null(analysis, left, region) && is_never_null(analysis, right, query->region))
            region_equate(analysis, query->region, left, right);
    }
}

/*
 * EXISTS (…) and x IN (SELECT …) as conjuncts: a row survives only with a witness in the subquery, so for
 * the pair of them all conjuncts of both hold.  That makes one region of the two, if the subquery's rows
 * stand for themselves (no grouping, no LIMIT).  Else the witness is a row of its result, as in FROM.
 */
static bool read_semi_join(struct analysis *analysis, SubLink *link, struct scope *scope, int region)
{
    bool exists = link->subLinkType == EXISTS_SUBLINK;
    bool in = is_in(analysis, link);
    SelectStmt *select = castNode(SelectStmt, link->subselect);
    bool plain = select_is_plain(analysis, select);
    if (!in && !(exists && plain))
        return false;
    if (link->testexpr)
        read_expression(analysis, link->testexpr, scope, region);
    struct query *query = read_select(analysis, select, scope, region, plain);
    if (!plain)
        query_show(analysis, query, region);
    if (in)
        tie_semi_join(analysis, link->testexpr, query, scope, region);
    return true;
}

static void read_conjunct(struct analysis *analysis, Node *conjunct, struct scope *scope, int region)
{
    struct collected_facts collected = {0};
    if (IsA(conjunct, SubLink) && read_semi_join(analysis, castNode(SubLink, conjunct), scope, region))
        return;
    collect_facts(analysis, &collected, conjunct, scope, region);
    for (int i = 0; i < collected.count; i++)
        region_add_fact(analysis, region, collected.facts[i]);
    read_expression(analysis, conjunct, scope, region);
}

void read_condition(struct analysis *analysis, Node *condition, struct scope *scope, int region)
{
    ListCell *cell;
    if (!condition)
        return;
    if (IsA(condition, BoolExpr) && castNode(BoolExpr, condition)->boolop == AND_EXPR) {
        foreach (cell, castNode(BoolExpr, condition)->args)
            read_condition(analysis, lfirst(cell), scope, region);
    } else if (IsA(condition, BooleanTest) && castNode(BooleanTest, condition)->booltesttype == IS_TRUE) {
        read_condition(analysis, (Node *) castNode(BooleanTest, condition)->arg, scope, region);
    } else {
        read_conjunct(analysis, condition, scope, region);
    }
}
