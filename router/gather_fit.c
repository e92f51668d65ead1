/*
 * Walks over raw trees.  What the analysis has sighted is not of use here: it does not say where.
 */
#include "router/gather_fit.h"

#include <string.h>
#include <strings.h>

#include "router/gather_table_oids.h"
#include "router/gather_travel.h"

struct fitting {
    struct analysis *analysis;
    const struct scope *scope;    /* of a pure expression; NULL: queries may stand here */
    const List *ctes[8];          /* definitions in sight */
    int cte_count;
    bool clock;                   /* the shards' own clocks will do: a condition */
};

static bool is_unfit(Node *node, void *context);

/* 'now' and the like become a time where they meet one. */
static bool is_clock_word(const A_Const *constant)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    if (constant->isnull || !IsA(&constant->val, String))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(strVal(&constant->val), words[i]))
            return true;
    return false;
}

bool gather_is_aggregate(const struct analysis *analysis, const FuncCall *call)
{
    return function_facts(analysis->planning, call).aggregate || call->agg_star || call->agg_order ||
           call->agg_filter || call->agg_distinct || call->agg_within_group;
}

static bool is_unfit_call(const struct fitting *fitting, const FuncCall *call)
{
    struct function_facts facts = function_facts(fitting->analysis->planning, call);
    bool here = facts.class == FUNCTION_SAFE || (facts.class == FUNCTION_CLOCK && fitting->clock);
    bool scalar = !call->over && !facts.returns_set && !gather_is_aggregate(fitting->analysis, call);
    return !here || facts.writes || facts.pin || (fitting->scope && !scalar);
}

static bool is_users_own(struct function_facts facts)
{
    return (facts.users || facts.class == FUNCTION_READER) && facts.class != FUNCTION_SAFE;
}

static bool is_clock(SQLValueFunctionOp op)
{
    return op != SVFOP_CURRENT_ROLE && op != SVFOP_CURRENT_USER && op != SVFOP_USER && op != SVFOP_SESSION_USER &&
           op != SVFOP_CURRENT_SCHEMA;
}

static bool is_unfit_column(const struct fitting *fitting, const ColumnRef *reference)
{
    static const char *const system[] = {"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax", GATHER_TABLE_NAME};
    const Node *last = llast(reference->fields);
    for (size_t i = 0; IsA(last, String) && i < sizeof system / sizeof *system; i++)
        if (!strcmp(strVal(last), system[i]))
            return true;
    return fitting->scope && !scope_finds(fitting->scope, reference);
}

static bool defines(const List *ctes, const char *name)
{
    ListCell *cell;
    foreach (cell, ctes)
        if (!strcmp(lfirst_node(CommonTableExpr, cell)->ctename, name))
            return true;
    return false;
}

/* A CTE from within, a table that was read as one, or a view that every shard has. */
static bool is_unfit_range(const struct fitting *fitting, const RangeVar *range)
{
    struct analysis *analysis = fitting->analysis;
    if (analysis_is_cte(analysis, range)) {
        for (int i = 0; i < fitting->cte_count; i++)
            if (defines(fitting->ctes[i], range->relname))
                return false;
        return true;
    }
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].range == range)
            return false; /* gather_reads_fit() */
    struct resolved_relation relation = resolve_relation(analysis->planning, range);
    return relation.place != PLACE_VIEW || !relation.relation || !relation.relation->on_every_shard;
}

static bool is_unfit_with(struct fitting *fitting, const WithClause *with)
{
    ListCell *cell;
    if (!with)
        return false;
    if (with->recursive || fitting->cte_count == sizeof fitting->ctes / sizeof *fitting->ctes)
        return true;
    foreach (cell, with->ctes)
        if (!IsA(lfirst_node(CommonTableExpr, cell)->ctequery, SelectStmt))
            return true;
    fitting->ctes[fitting->cte_count++] = with->ctes;
    return is_unfit((Node *) with->ctes, fitting);
}

static bool is_unfit_condition(struct fitting *fitting, Node *condition)
{
    bool clock = fitting->clock;
    fitting->clock = true;
    bool unfit = is_unfit(condition, fitting);
    fitting->clock = clock;
    return unfit;
}

static bool is_unfit_select(struct fitting *fitting, SelectStmt *select)
{
    int ctes = fitting->cte_count;
    bool clock = fitting->clock;
    if (fitting->scope || select->limitCount || select->limitOffset || select->lockingClause || select->intoClause)
        return true;
    fitting->clock = false;
    bool unfit = is_unfit_with(fitting, select->withClause) || is_unfit((Node *) select->targetList, fitting) ||
                 is_unfit((Node *) select->fromClause, fitting) || is_unfit_condition(fitting, select->whereClause) ||
                 is_unfit((Node *) select->groupClause, fitting) || is_unfit_condition(fitting, select->havingClause) ||
                 is_unfit((Node *) select->windowClause, fitting) || is_unfit((Node *) select->valuesLists, fitting) ||
                 is_unfit((Node *) select->sortClause, fitting) ||
                 (select_has_distinct_on(select) && is_unfit((Node *) select->distinctClause, fitting)) ||
                 is_unfit((Node *) select->larg, fitting) || is_unfit((Node *) select->rarg, fitting);
    fitting->cte_count = ctes;
    fitting->clock = clock;
    return unfit;
}

static bool is_unfit_join(struct fitting *fitting, JoinExpr *join)
{
    return is_unfit(join->larg, fitting) || is_unfit(join->rarg, fitting) || is_unfit_condition(fitting, join->quals);
}

static bool is_unfit(Node *node, void *context)
{
    struct fitting *fitting = context;
    const struct planning *planning = fitting->analysis->planning;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_SelectStmt:
        return is_unfit_select(fitting, castNode(SelectStmt, node));
    case T_JoinExpr:
        return is_unfit_join(fitting, castNode(JoinExpr, node));
    case T_RangeVar:
        return is_unfit_range(fitting, castNode(RangeVar, node));
    case T_RangeTableSample:
    case T_RangeTableFunc:
    case T_CurrentOfExpr:
        return true;
    case T_SubLink:
        if (fitting->scope || (castNode(SubLink, node)->operName &&
                               is_users_own(function_facts_of_name(planning, castNode(SubLink, node)->operName))))
            return true;
        break;
    case T_CollateClause: /* of a column of a part it would be implicit, and not stand against another */
        if (fitting->scope)
            return true;
        break;
    case T_FuncCall:
        if (is_unfit_call(fitting, castNode(FuncCall, node)))
            return true;
        break;
    case T_SQLValueFunction:
        return is_clock(castNode(SQLValueFunction, node)->op) &&
               (!fitting->clock || castNode(SQLValueFunction, node)->op == SVFOP_CURRENT_CATALOG);
    case T_ColumnRef:
        return is_unfit_column(fitting, castNode(ColumnRef, node));
    case T_A_Const:
        return is_clock_word(castNode(A_Const, node));
    case T_A_Expr:
        if (is_users_own(function_facts_of_name(planning, castNode(A_Expr, node)->name)))
            return true;
        break;
    case T_TypeCast:
        if (type_is_catalog(castNode(TypeCast, node)->typeName) ||
            is_users_own(function_facts_of_cast(planning, castNode(TypeCast, node)->typeName)))
            return true;
        break;
    default:
        break;
    }
    return parse_walk(node, is_unfit, context);
}

bool gather_is_pure(struct analysis *analysis, const struct scope *scope, Node *expression)
{
    struct fitting fitting = {.analysis = analysis, .scope = scope};
    return !is_unfit(expression, &fitting);
}

static struct fitting fitting_with(struct analysis *analysis, const WithClause *with)
{
    struct fitting fitting = {.analysis = analysis};
    if (with)
        fitting.ctes[fitting.cte_count++] = with->ctes;
    return fitting;
}

bool gather_is_fit(struct analysis *analysis, Node *node, const WithClause *with)
{
    struct fitting fitting = {.analysis = analysis}, within = fitting_with(analysis, with);
    return (!with || !is_unfit_with(&fitting, with)) && !is_unfit(node, &within);
}

bool gather_condition_is_fit(struct analysis *analysis, Node *condition, const WithClause *with)
{
    struct fitting within = fitting_with(analysis, with);
    return !is_unfit_condition(&within, condition);
}

bool gather_reads_fit(const struct analysis *analysis, int first, int end)
{
    for (int i = first; i < end; i++) {
        const struct resolved_relation *relation = &analysis->scans[i].relation;
        bool known = relation->place == PLACE_SHARDED || relation->place == PLACE_REFERENCE;
        if (!known || !relation->table || relation->table->problem || !relation->relation)
            return false;
    }
    return true;
}

/* ---- how rows travel ---- */

struct travelling {
    const struct analysis *analysis;
    struct gather_fit fit;
};

/* A bare name that a table has, too, may mean its row. */
static bool may_be_row(const struct analysis *analysis, const ColumnRef *reference)
{
    const Node *first = linitial(reference->fields);
    for (int i = 0; i < analysis->scan_count; i++) {
        const RangeVar *range = analysis->scans[i].range;
        if (range && IsA(first, String) && list_length(reference->fields) == 1 &&
            !strcmp(strVal(first), range->alias ? range->alias->aliasname : range->relname))
            return true;
    }
    return false;
}

/* The grammar qualifies its own types; of those that are named, the usual ones are known. */
static bool is_builtin_type(const TypeName *type)
{
    static const char *const names[] = {"json", "jsonb", "bytea", "text", "date", "uuid", "inet", "cidr", "macaddr", "money",
                                        "int2", "int4", "int8", "float4", "float8", "timestamptz", "timetz", "name", "oid", "bool",
                                        "varchar", "bpchar", "numeric", "point", "tsvector", "tsquery", "xml",
                                        "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange", "int4multirange", "int8multirange",
                                        "nummultirange", "datemultirange", "tsmultirange", "tstzmultirange", "jsonpath", "macaddr8", "box", "circle",
                                        "line", "lseg", "path", "polygon"};
    const char *qualifier = parse_qualifier(type->names);
    for (size_t i = 0; !qualifier && i < sizeof names / sizeof *names; i++)
        if (!strcmp(parse_name(type->names), names[i]))
            return true;
    return qualifier && !strcmp(qualifier, "pg_catalog");
}

static bool look_at_types(Node *node, void *context)
{
    struct travelling *travelling = context;
    const struct analysis *analysis = travelling->analysis;
    if (!node)
        return false;
    if (IsA(node, CollateClause))
        travelling->fit.collates = true;
    if (IsA(node, TypeCast))
        travelling->fit.binary &= is_builtin_type(castNode(TypeCast, node)->typeName);
    if (IsA(node, FuncCall) && function_facts(analysis->planning, castNode(FuncCall, node)).users)
        travelling->fit.binary = false;
    if (IsA(node, ColumnRef) && may_be_row(analysis, castNode(ColumnRef, node)))
        travelling->fit.binary = false;
    return parse_walk(node, look_at_types, context);
}

/* Columns are meant without their names: by a star, which that of count(*) is not, by NATURAL, by other names. */
static bool means_unnamed(Node *node, void *context)
{
    if (!node)
        return false;
    if ((IsA(node, ColumnRef) && IsA(llast(castNode(ColumnRef, node)->fields), A_Star)) ||
        (IsA(node, A_Indirection) && IsA(llast(castNode(A_Indirection, node)->indirection), A_Star)) ||
        (IsA(node, JoinExpr) && castNode(JoinExpr, node)->isNatural) || (IsA(node, Alias) && castNode(Alias, node)->colnames))
        return true;
    return parse_walk(node, means_unnamed, context);
}

struct gather_fit gather_fit_of(const struct analysis *analysis, const struct query *query, int end_scan, Node *select,
                                const char *text)
{
    struct travelling travelling = {analysis, {.binary = true}};
    bool all = means_unnamed(select, NULL);
    for (int i = query->first_scan; i < end_scan; i++) {
        const struct catalog_relation *relation = analysis->scans[i].relation.relation;
        for (int c = 0; c < relation->column_count; c++) {
            if (!all && !strstr(text, relation->columns[c].name)) /* it is none of the text's own */
                continue;
            travelling.fit.binary &= gather_is_binary(&relation->columns[c]);
            travelling.fit.own |= gather_is_own(&relation->columns[c]);
            travelling.fit.domains |= relation->columns[c].base != relation->columns[c].type;
            travelling.fit.collates |= relation->columns[c].collation_is_own;
        }
    }
    look_at_types(select, &travelling);
    return travelling.fit;
}
