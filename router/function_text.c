/*
 * Which functions are queries, and which texts of theirs may stand in another statement.
 */
#include "router/function_text.h"

#include <string.h>

#include "router/expressions.h"
#include "router/sql_types.h"

const struct query_function *function_text_find(const struct planning *planning, const FuncCall *call)
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

/* ---- may the text stand elsewhere? ---- */

struct text {
    struct analysis *analysis;
    const struct scope *scope; /* where the call stands */
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

/* The table gets its schema, so that it is no name of the statement's WITH.  One of the home shard alone does not: the session may have a temporary
 * table of that name, which the function would read. */
static bool is_known_table(struct text *text, RangeVar *range)
{
    struct resolved_relation relation = resolve_relation(text->analysis->planning, range);
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
    if (relation.place == PLACE_UNSHARDED)
        return range->schemaname || !scope_cte(text->scope, range->relname);
    range->schemaname = pstrdup(relation.schema);
    return true;
}

static bool is_known_call(const struct text *text, const FuncCall *call)
{
    const struct planning *planning = text->analysis->planning;
    enum function_class class = function_facts(planning, call).class;
    return class == FUNCTION_SAFE || class == FUNCTION_CLOCK || function_text_find(planning, call);
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

SelectStmt *function_text_read(struct analysis *analysis, const struct scope *scope, const struct query_function *function)
{
    struct error error = {0};
    struct text text = {.analysis = analysis, .scope = scope};
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

/* ---- what it gives ---- */

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

bool function_text_take_first(const struct planning *planning, SelectStmt *select)
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

bool function_text_gives_one_column(const SelectStmt *select)
{
    while (select->op != SETOP_NONE)
        select = select->larg;
    if (select->valuesLists)
        return list_length(linitial(select->valuesLists)) == 1;
    const Node *value = list_length(select->targetList) == 1 ? linitial_node(ResTarget, select->targetList)->val : NULL;
    return value && !(IsA(value, ColumnRef) && IsA(llast(castNode(ColumnRef, value)->fields), A_Star));
}

bool function_text_gives_rows_of(const struct planning *planning, const SelectStmt *select, const struct query_function *function)
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
