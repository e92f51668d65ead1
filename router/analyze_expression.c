/*
 * Expressions: functions, system columns and sublinks are noted wherever they stand, with the clause that
 * they stand in.
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/order_dependence.h"
#include "router/sql_types.h"

struct reading {
    struct analysis *analysis;
    struct scope *scope;
    int region;
};

static void sight(struct analysis *analysis, enum function_class class, const char *name)
{
    if (class == FUNCTION_SAFE)
        return;
    if (class == FUNCTION_HOME || class == FUNCTION_LOCK)
        analysis->home = name;
    *ARRAY_ADD(analysis, analysis->sightings, analysis->sighting_count, analysis->sighting_room) =
        (struct sighting){class, name, analysis->clause, analysis->depth};
}

static void sight_users(struct analysis *analysis, struct function_facts facts)
{
    if (facts.users || facts.class == FUNCTION_READER)
        sight(analysis, facts.class, facts.name);
}

/* row.name may be a call of name(row) (ParseFuncOrColumn() in parse_func.c). */
static void read_row_function(struct reading *reading, const ColumnRef *reference)
{
    struct analysis *analysis = reading->analysis;
    bool opaque;
    if (!scope_lacks_column(reading->scope, reference, &opaque))
        return;
    struct function_facts facts =
        function_facts_of_name(analysis->planning, list_make1(llast(reference->fields)));
    sight_users(analysis, facts);
    if (facts.class != FUNCTION_UNKNOWN && !opaque)
        analysis->row_function = facts.name;
}

/* A row of what stands for a function in FROM is not of the type that the function's are. */
static void read_replaced_row(struct reading *reading, const ColumnRef *reference)
{
    struct analysis *analysis = reading->analysis;
    const struct item *item = NULL;
    scope_row(reading->scope, reference, &item);
    if (item && item->replaced && !parse_list_has(analysis->unnamed_rows, reference))
        analysis_give_up(analysis, "Name the columns.", "Rows of a function (%s) are used as values as a whole.", item->name);
}

/* PostgreSQL's own functions see a row's columns and their names, but for one. */
static void note_unnamed_rows(struct analysis *analysis, const FuncCall *call, const struct function_facts *facts)
{
    ListCell *cell;
    if (!analysis->put_items || facts->users || !strcmp(facts->name, "pg_typeof"))
        return;
    foreach (cell, call->args)
        if (IsA(lfirst(cell), ColumnRef))
            analysis->unnamed_rows = lappend(analysis->unnamed_rows, lfirst(cell));
}

static void read_fields(struct analysis *analysis, const A_Indirection *indirection)
{
    ListCell *cell;
    foreach (cell, indirection->indirection)
        if (IsA(lfirst(cell), String))
            sight_users(analysis, function_facts_of_name(analysis->planning, list_make1(lfirst(cell))));
}

struct levels {
    const struct scope *scope;
    bool own, outer;
    int nearest; /* of the outer ones */
    bool unsure;  /* there is a column that may be of a query around, or of a subquery in the aggregate … */
    List *inner;  /* … which has items of these names */
};

static void note_level(struct levels *levels, int level)
{
    levels->own |= level <= 0;
    if (level > 0 && (!levels->outer || level < levels->nearest))
        levels->nearest = level;
    levels->outer |= level > 0;
}

/* How far out a column, or a whole row, is; -1: nobody knows. */
static int level_of_name(const struct scope *scope, const ColumnRef *reference)
{
    int level;
    scope_resolve(scope, reference, &level);
    if (level < 0 && IsA(linitial(reference->fields), String) && list_length(reference->fields) <= 2)
        level = scope_item_level(scope, strVal(linitial(reference->fields)));
    return level;
}

static bool has_opaque_item(const struct scope *scope)
{
    for (int i = 0; i < scope->count; i++)
        if (scope->items[i]->opaque)
            return true;
    return false;
}

/* The names of what a subquery's FROM has, at any depth. */
static bool find_item_names(Node *node, void *context)
{
    List **names = context;
    if (!node)
        return false;
    if (IsA(node, RangeVar))
        *names = lappend(*names, castNode(RangeVar, node)->alias ? castNode(RangeVar, node)->alias->aliasname : castNode(RangeVar, node)->relname);
    if (IsA(node, Alias))
        *names = lappend(*names, castNode(Alias, node)->aliasname);
    return parse_walk(node, find_item_names, context);
}

static bool is_item_name(const List *names, const char *name)
{
    ListCell *cell;
    foreach (cell, names)
        if (!strcmp(lfirst(cell), name))
            return true;
    return false;
}

/* A subquery of the aggregate: item.column is of a query around if the subquery has no such item; a bare column may be either's. */
static bool find_levels_inside(Node *node, void *context)
{
    struct levels *levels = context;
    if (!node)
        return false;
    if (!IsA(node, ColumnRef))
        return parse_walk(node, find_levels_inside, context);
    const List *fields = castNode(ColumnRef, node)->fields;
    int level = level_of_name(levels->scope, castNode(ColumnRef, node));
    bool hidden = list_length(fields) > 1 && is_item_name(levels->inner, strVal(linitial(fields)));
    if (level >= 0 && (list_length(fields) == 1 || hidden))
        levels->unsure = true;
    else if (level >= 0)
        note_level(levels, level);
    return false;
}

static bool find_levels(Node *node, void *context)
{
    struct levels *levels = context;
    if (!node)
        return false;
    if (IsA(node, SubLink)) {
        levels->inner = NIL;
        find_item_names(castNode(SubLink, node)->subselect, &levels->inner);
        find_levels_inside(castNode(SubLink, node)->subselect, context);
        return find_levels(castNode(SubLink, node)->testexpr, context);
    }
    if (!IsA(node, ColumnRef))
        return parse_walk(node, find_levels, context);
    int level = level_of_name(levels->scope, castNode(ColumnRef, node));
    if (level < 0 && !has_opaque_item(levels->scope))
        levels->unsure = true;
    else
        note_level(levels, level);
    return false;
}

static const struct query *query_of_scope(const struct analysis *analysis, const struct scope *scope)
{
    for (int i = 0; i < analysis->query_count; i++)
        if (analysis->queries[i]->scope == scope)
            return analysis->queries[i];
    return NULL;
}

static bool has_own_column(Node *node, void *context)
{
    if (!node || IsA(node, SubLink))
        return false;
    return (IsA(node, ColumnRef) && scope_finds(context, castNode(ColumnRef, node))) || parse_walk(node, has_own_column, context);
}

struct grouped {
    struct analysis *analysis;
    const struct query *query;
};

/* count(*), and aggregates of the query's own columns, are the query's that they stand in. */
static bool has_own_aggregate(Node *node, void *context)
{
    const struct grouped *grouped = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, FuncCall)) {
        const FuncCall *call = castNode(FuncCall, node);
        bool own = (call->agg_star && !call->agg_filter) || has_own_column((Node *) call->args, grouped->query->scope);
        if (own && !call->over && function_facts(grouped->analysis->planning, call).aggregate)
            return true;
    }
    return parse_walk(node, has_own_aggregate, context);
}

static bool is_surely_grouped(struct analysis *analysis, const struct query *query)
{
    struct grouped grouped = {analysis, query};
    return query->select && query->scope && !query->set_operation &&
           (query->select->groupClause || has_own_aggregate((Node *) query->select->targetList, &grouped));
}

/* Has nothing been taken for what it is not: the query for one without aggregates, those inside it for some with? */
static bool is_as_it_looks(struct analysis *analysis, const struct query *query)
{
    const struct query *inner = analysis->reading;
    for (; inner && inner != query; inner = inner->around)
        if (inner->aggregates && !is_surely_grouped(analysis, inner))
            return false;
    return inner && query->select && (query->aggregates || query->select->groupClause);
}

/* Could a name lead there? */
static bool has_columns(const struct scope *scope)
{
    for (; scope; scope = scope->outer)
        if (scope->count > 0)
            return true;
    return false;
}

/* The query whose rows an aggregate takes: the nearest that its columns are of.  In (SELECT count(outer.x)) that is not the one that it
 * stands in: what looks like a plain query around it is none, and only rows of the statement itself can be gathered for it. */
static const struct query *query_of_aggregate(struct analysis *analysis, const FuncCall *call, const struct scope *scope)
{
    struct levels levels = {.scope = scope};
    find_levels((Node *) call->args, &levels);
    find_levels((Node *) call->agg_order, &levels);
    find_levels(call->agg_filter, &levels);
    if (levels.unsure && !levels.own && has_columns(scope->outer))
        analysis_give_up(analysis, "Write the aggregate in the query whose rows it counts.",
                         "A subquery in the aggregate %s() may make it one of a query around it.", parse_name(call->funcname));
    if (!levels.outer || levels.own)
        return analysis->reading;
    for (int i = 0; i < levels.nearest; i++)
        scope = scope->outer;
    const struct query *query = query_of_scope(analysis, scope);
    if (query && is_as_it_looks(analysis, query))
        return query;
    analysis->outer_aggregate = parse_name(call->funcname);
    if (!query || query->depth > 0)
        analysis_give_up(analysis, "Write the aggregate in the query whose rows it counts.",
                         "The aggregate %s() in a subquery belongs to a query around it.",
                         analysis->outer_aggregate);
    return query;
}

static bool is_order_free(const struct function_facts *facts)
{
    static const char *const names[] = {"count", "min", "max", "bool_and", "bool_or", "every"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], facts->name))
            return !facts->shadowed;
    return false;
}

static void note_order_dependent(struct analysis *analysis, const char *name, const struct query *query,
                                 const struct query *reader, const FuncCall *call)
{
    *ARRAY_ADD(analysis, analysis->order_dependents, analysis->order_dependent_count, analysis->order_dependent_room) =
        (struct order_dependent){name, query, reader, call};
}

static void read_order(struct analysis *analysis, const FuncCall *call, const struct function_facts *facts,
                       const struct query *query)
{
    enum order_dependence dependence = call_order_dependence(analysis, query, call, facts);
    bool unseen = dependence != ORDER_ADDED && order_is_unseen(analysis, call);
    if (dependence == ORDER_IGNORED || unseen || (dependence != ORDER_ADDED && order_of_aggregated(query)))
        return;
    note_order_dependent(analysis, facts->name, query, query, call);
}

static void read_call(struct reading *reading, const FuncCall *call)
{
    struct analysis *analysis = reading->analysis;
    struct function_facts facts = function_facts(analysis->planning, call);
    sight(analysis, facts.class, facts.name);
    note_unnamed_rows(analysis, call, &facts);
    if (facts.pin)
        analysis->plan->pin = facts.pin;
    analysis->plan->writes |= facts.writes;
    if (call->over || (facts.aggregate && !is_order_free(&facts)))
        analysis->order_sensitive = facts.name;
    const struct query *query = analysis->reading;
    if (facts.aggregate && !call->over)
        query = query_of_aggregate(analysis, call, reading->scope);
    read_order(analysis, call, &facts, query);
}

static void read_value_function(struct analysis *analysis, const SQLValueFunction *function)
{
    switch (function->op) {
    case SVFOP_CURRENT_CATALOG:
        sight(analysis, FUNCTION_HOME, "current_catalog");
        break;
    case SVFOP_CURRENT_ROLE:
    case SVFOP_CURRENT_USER:
    case SVFOP_USER:
    case SVFOP_SESSION_USER:
    case SVFOP_CURRENT_SCHEMA:
        break;
    case SVFOP_CURRENT_DATE:
    case SVFOP_CURRENT_TIME:
    case SVFOP_CURRENT_TIME_N:
    case SVFOP_CURRENT_TIMESTAMP:
    case SVFOP_CURRENT_TIMESTAMP_N:
    case SVFOP_LOCALTIME:
    case SVFOP_LOCALTIME_N:
    case SVFOP_LOCALTIMESTAMP:
    case SVFOP_LOCALTIMESTAMP_N:
        sight(analysis, FUNCTION_CLOCK, "current_timestamp");
        break;
    }
}

static bool is_system_name(const Node *field)
{
    static const char *const names[] = {"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"};
    for (size_t i = 0; IsA(field, String) && i < sizeof names / sizeof *names; i++)
        if (!strcmp(strVal(field), names[i]))
            return true;
    return false;
}

static bool names_output(const struct query *query, const char *name)
{
    ListCell *cell;
    if (!query || !query->select)
        return false;
    foreach (cell, query->select->targetList)
        if (IsA(lfirst(cell), ResTarget) && !strcmp(output_name(lfirst_node(ResTarget, cell)), name))
            return true;
    return false;
}

/* ORDER BY and DISTINCT ON mean an output of that name before anything else (findTargetlistEntrySQL92() in parse_clause.c). */
static bool is_output_in_order(const struct query *query, const ColumnRef *reference)
{
    ListCell *cell;
    if (!query || !query->select || list_length(reference->fields) != 1 || !names_output(query, strVal(linitial(reference->fields))))
        return false;
    foreach (cell, query->select->sortClause)
        if (lfirst_node(SortBy, cell)->node == (const Node *) reference)
            return true;
    return parse_list_has(query->select->distinctClause, reference);
}

/*
 * tableoid is noted with its table: it can be told of rows that are copied (gather_table_oids.h).  What the others tell of them is nobody's but their
 * server's.
 */
static void read_system_column(struct reading *reading, const ColumnRef *reference)
{
    struct analysis *analysis = reading->analysis;
    const RangeVar *range = NULL;
    ListCell *cell;
    if (!is_system_name(llast(reference->fields)) || is_output_in_order(analysis->reading, reference))
        return;
    foreach (cell, reference->fields)
        if (!IsA(lfirst(cell), String))
            return;
    enum system_name owner = scope_system_name(reading->scope, reference, &range);
    if (owner == SYSTEM_NAME_OF_COLUMN)
        return;
    analysis->system_column = strVal(llast(reference->fields));
    if (owner == SYSTEM_NAME_OF_TABLE && !strcmp(analysis->system_column, "tableoid")) {
        struct table_oid *oid = arena_alloc(analysis->arena, sizeof *oid);
        *oid = (struct table_oid){reference, range};
        analysis->table_oids = lappend(analysis->table_oids, oid);
    } else {
        analysis->storage_column = analysis->system_column;
    }
}

/* (row).ctid */
static void read_system_field(struct analysis *analysis, const A_Indirection *indirection)
{
    ListCell *cell;
    foreach (cell, indirection->indirection)
        if (is_system_name(lfirst(cell)))
            analysis->system_column = analysis->storage_column = strVal(lfirst(cell));
}

/* What is cast might be 'now'. */
static void read_time_cast(struct analysis *analysis, const TypeName *name)
{
    TypeName plain = *name;
    bool array;
    plain.typmods = NIL;
    analysis->time_casts |= type_is_time(analysis_type(&plain, &array)) && analysis->clause != CLAUSE_FILTER;
}

static void read_sublink(struct reading *reading, const SubLink *link)
{
    struct analysis *analysis = reading->analysis;
    if (link->testexpr)
        read_expression(analysis, link->testexpr, reading->scope, reading->region);
    if (link->operName)
        sight_users(analysis, function_facts_of_name(analysis->planning, link->operName));
    struct query *query =
        read_select(analysis, castNode(SelectStmt, link->subselect), reading->scope, reading->region, false);
    tie_subquery(analysis, link, query, reading->scope, reading->region);
    if (link->subLinkType != ARRAY_SUBLINK || query->select->sortClause || order_is_unseen(analysis, link))
        return;
    query->passes_order |= order_is_kept(query);
    if (!query->passes_order)
        note_order_dependent(analysis, "array", query, analysis->reading, NULL);
}

/* How many scopes out the reference leads; -1: nobody knows. */
static int level_of(const struct reading *reading, const ColumnRef *reference)
{
    const Node *first = linitial(reference->fields);
    int level;
    scope_resolve(reading->scope, reference, &level);
    if (level >= 0 || list_length(reference->fields) > 2)
        return level;
    if (IsA(first, A_Star))
        return 0;
    if (IsA(llast(reference->fields), A_Star) || list_length(reference->fields) == 1) /* a whole row */
        level = scope_item_level(reading->scope, strVal(first));
    bool output = level < 0 && list_length(reference->fields) == 1 && reading->analysis->clause == CLAUSE_OTHER &&
                  names_output(reading->analysis->reading, strVal(first));
    return output ? 0 : level;
}

/* What is found outside of a query ties it to the one that it is found in. */
static void read_level(struct reading *reading, const ColumnRef *reference)
{
    const struct scope *scope = reading->scope;
    int level = level_of(reading, reference);
    for (int i = 0; i < level; i++)
        scope = scope->outer;
    int depth = level < 0 ? -1 : scope->depth;
    for (struct query *query = reading->analysis->reading; query && query->depth > depth; query = query->around)
        query->correlated = true;
}

static bool read_node(Node *node, void *context)
{
    struct reading *reading = context;
    if (!node)
        return false;
    order_unseen_by(reading->analysis, node);
    switch (nodeTag(node)) {
    case T_SubLink:
        read_sublink(reading, castNode(SubLink, node));
        return false;
    case T_FuncCall:
        read_call(reading, castNode(FuncCall, node));
        break;
    case T_SQLValueFunction:
        read_value_function(reading->analysis, castNode(SQLValueFunction, node));
        break;
    case T_ColumnRef:
        read_system_column(reading, castNode(ColumnRef, node));
        read_level(reading, castNode(ColumnRef, node));
        read_row_function(reading, castNode(ColumnRef, node));
        read_replaced_row(reading, castNode(ColumnRef, node));
        break;
    case T_A_Indirection:
        read_fields(reading->analysis, castNode(A_Indirection, node));
        read_system_field(reading->analysis, castNode(A_Indirection, node));
        break;
    case T_A_Expr:
        sight_users(reading->analysis,
                    function_facts_of_name(reading->analysis->planning, castNode(A_Expr, node)->name));
        break;
    case T_TypeCast:
        sight_users(reading->analysis,
                    function_facts_of_cast(reading->analysis->planning, castNode(TypeCast, node)->typeName));
        read_time_cast(reading->analysis, castNode(TypeCast, node)->typeName);
        if (type_is_catalog(castNode(TypeCast, node)->typeName))
            sight(reading->analysis, FUNCTION_HOME, parse_name(castNode(TypeCast, node)->typeName->names));
        break;
    case T_CurrentOfExpr:
        reading->analysis->home = "WHERE CURRENT OF";
        break;
    default:
        break;
    }
    return parse_walk(node, read_node, context);
}

void read_expression(struct analysis *analysis, Node *expression, struct scope *scope, int region)
{
    read_node(expression, &(struct reading){analysis, scope, region});
}
