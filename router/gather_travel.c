#include "router/gather_travel.h"

#include <stdio.h>
#include <string.h>

#include "router/rewrite.h"
#include "router/sql_types.h"

enum { ARRAY_OF_BIT = 1561 };

/* ---- columns of tables ---- */

/* Values of these are OIDs of one server (pg_type.dat: regproc, …). */
static bool is_registry(uint32_t type)
{
    return type == 24 || (type >= 2202 && type <= 2206) || type == 3734 || type == 3769 || type == 4089 || type == 4096 || type == 4191;
}

bool gather_is_own(const struct catalog_column *column)
{
    return column->enumeration || column->base != column->type;
}

bool gather_is_binary(const struct catalog_column *column)
{
    return column->enumeration || (column->base < FIRST_USER_TYPE && !is_registry(column->base));
}

/* A domain over arrays is not. */
static bool is_array(const struct catalog_column *column)
{
    bool named = column->type != TYPE_ARRAY_bpchar || column->typmod > VARHDRSZ;
    return strchr(column->type_name, '[') && column->base == column->type && named;
}

/* Without a length "character" and "bit" mean one of 1, and bpchar cannot be written. */
static const char *type_name(const struct catalog_column *column)
{
    if (column->modified_name)
        return column->modified_name;
    return column->type == ARRAY_OF_BIT ? "pg_catalog.\"bit\"[]" : column->type_name;
}

/* ::type reads a text as the type does, unless there is a user's cast for that. */
static bool reads_text(const struct gathering *gathering, const struct catalog_column *column)
{
    char type[16];
    const char *cast = catalog_results(gathering->analysis->planning->routing->catalog, RESULT_CONVERSION, "", "text");
    snprintf(type, sizeof type, " %u ", column->base);
    return cast && !strstr(cast, type);
}

static const char *collate(const struct gathering *gathering, const struct catalog_collation *collation)
{
    return arena_printf(gathering->arena, " COLLATE %s.%s", rewrite_quote_name(collation->schema, gathering->arena),
                        rewrite_quote_name(collation->name, gathering->arena));
}

/* `cast` NULL: none.  Of a collation that was not told nothing can be written. */
static const char *form_of(const struct gathering *gathering, const char *cast, const struct catalog_collation *collation)
{
    if (!cast && !collation)
        return NULL;
    return arena_printf(gathering->arena, "%s%s%s", cast ? "::" : "", cast ? cast : "", collation ? collate(gathering, collation) : "");
}

static struct gather_travel travel_of_column(const struct gathering *gathering, const struct catalog_column *column, bool null_extends)
{
    bool as_text = is_array(column) || !gather_is_binary(column);
    bool own = gather_is_own(column) && (column->type == column->base || !null_extends);
    bool modified = column->modified_name && gathering->analysis->recursive; /* both arms of a recursive query must have it, or none */
    const struct catalog_collation *collation = column->collation_is_own ? column->collation : NULL;
    return (struct gather_travel){
        .form = form_of(gathering, own || as_text || modified ? type_name(column) : NULL, collation),
        .as_text = as_text,
        .binary = gather_is_binary(column),
        .typed = (!gather_is_own(column) || own || !column->enumeration) && (!as_text || reads_text(gathering, column)),
        .collated = !column->collation_is_own || collation,
    };
}

struct gather_travel gather_column_travel(const struct gathering *gathering, const struct catalog_column *column)
{
    return travel_of_column(gathering, column, false);
}

/* ---- columns of queries ---- */

struct travelling {
    const struct gathering *gathering;
    const struct query *query;
    int end_scan;
    bool null_extends;
};

static const struct catalog_column *column_of_slot(const struct travelling *travelling, int slot)
{
    for (int i = travelling->query->first_scan; slot >= 0 && i < travelling->end_scan; i++) {
        const struct scan *scan = &travelling->gathering->analysis->scans[i];
        const struct catalog_relation *relation = scan->relation.relation;
        if (relation && scan->first_slot >= 0 && slot >= scan->first_slot && slot < scan->first_slot + relation->column_count)
            return &relation->columns[slot - scan->first_slot];
    }
    return NULL;
}

static const struct catalog_column *column_of(const struct travelling *travelling, Node *expression)
{
    bool column = IsA(expression, ColumnRef);
    return column ? column_of_slot(travelling, analysis_slot(travelling->gathering->analysis, travelling->query, expression)) : NULL;
}

/* The least or greatest value of a column. */
static const struct catalog_column *extreme_of(const struct travelling *travelling, Node *value)
{
    const FuncCall *call = (const FuncCall *) value;
    if (!IsA(value, FuncCall) || list_length(call->args) != 1 || call->over || call->agg_within_group)
        return NULL;
    struct function_facts facts = function_facts(travelling->gathering->analysis->planning, call);
    bool extreme = !facts.users && (!strcmp(facts.name, "min") || !strcmp(facts.name, "max"));
    return extreme ? column_of(travelling, linitial(call->args)) : NULL;
}

struct collations {
    const struct travelling *travelling;
    const struct catalog_collation *found; /* the columns', but for the default one, to which it is preferred */
    bool unclear;
};

static void note_collation(struct collations *collations, const struct catalog_column *column)
{
    bool fixed = column && column->base == TYPE_name; /* it brings "C" along */
    if (!column || fixed || (column->collation_is_own && !column->collation))
        collations->unclear = true;
    else if (column->collation_is_own && collations->found && collations->found != column->collation)
        collations->unclear = true;
    else if (column->collation_is_own)
        collations->found = column->collation;
}

/* What is made of texts by functions and operators has their collation (PostgreSQL 15, 24.2.1); true: something else is in it. */
static bool find_collation(Node *node, void *context)
{
    struct collations *collations = context;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_ColumnRef:
        note_collation(collations, column_of(collations->travelling, node));
        return collations->unclear;
    case T_FuncCall:
        return castNode(FuncCall, node)->agg_filter || castNode(FuncCall, node)->over || parse_walk(node, find_collation, context);
    case T_A_Expr:
        return castNode(A_Expr, node)->kind != AEXPR_OP || parse_walk(node, find_collation, context);
    case T_A_Const:
    case T_ParamRef:
    case T_List:
    case T_String:
        return parse_walk(node, find_collation, context);
    default:
        return true;
    }
}

static struct gather_travel travel_of_expression(const struct travelling *travelling, Node *value, uint32_t type)
{
    const char *array = type_array_name(type);
    struct collations collations = {.travelling = travelling};
    bool other = type_is_scalar(type) && !type_is_string(type);
    bool clear = other || (value && type_is_string(type) && !find_collation(value, &collations));
    return (struct gather_travel){
        .form = form_of(travelling->gathering, array, other ? NULL : collations.found),
        .as_text = array,
        .binary = true,
        .typed = array || type_is_scalar(type),
        .collated = clear,
    };
}

/* `value` NULL: what a star means, a column of the slot. */
static struct gather_travel travel_of(const struct travelling *travelling, Node *value, int slot)
{
    struct analysis *analysis = travelling->gathering->analysis;
    const struct text_order *order;
    const struct catalog_column *column = value ? column_of(travelling, value) : column_of_slot(travelling, slot);
    const struct catalog_column *extreme = value ? extreme_of(travelling, value) : NULL;
    if (extreme && extreme->enumeration && extreme->type == extreme->base)
        column = extreme;
    if (column)
        return travel_of_column(travelling->gathering, column, travelling->null_extends);
    if (!value)
        return travel_of_expression(travelling, NULL, slot >= 0 ? analysis->slots[slot].type : 0);
    return travel_of_expression(travelling, value, analysis_infer(analysis, travelling->query, value, &order));
}

static bool same_form(const char *left, const char *right)
{
    return left && right ? !strcmp(left, right) : left == right;
}

/* The arms of a set operation agree on each column, or it is not known. */
void gather_query_travels(const struct gathering *gathering, const struct query *query, bool null_extends, struct gather_travel *travels,
                          int count)
{
    const struct travelling travelling = {gathering, query, query->end_scan, null_extends};
    if (!query->set_operation) {
        bool plain = query->select && !query->select->valuesLists && query->outputs_known && query->output_count == count;
        for (int i = 0; plain && i < count; i++)
            travels[i] = travel_of(&travelling, query->outputs[i].expression, query->outputs[i].slot);
        return;
    }
    struct gather_travel *others = arena_alloc_array(gathering->analysis->arena, (size_t) count, sizeof *others);
    gather_query_travels(gathering, query->left, null_extends, travels, count);
    gather_query_travels(gathering, query->right, null_extends, others, count);
    for (int i = 0; i < count; i++) {
        bool same = travels[i].as_text == others[i].as_text && same_form(travels[i].form, others[i].form);
        travels[i].typed &= same && others[i].typed;
        travels[i].collated &= same && others[i].collated;
        travels[i].binary &= others[i].binary;
    }
}

void gather_target_travels(const struct gathering *gathering, const struct query *query, int end_scan, const List *targets,
                           bool null_extends, struct gather_travel *travels, int count)
{
    const struct travelling travelling = {gathering, query, end_scan, null_extends};
    ListCell *cell;
    if (list_length(targets) == count)
        foreach (cell, targets)
            travels[foreach_current_index(cell)] = travel_of(&travelling, lfirst_node(ResTarget, cell)->val, NO_SLOT);
}

struct gather_travel gather_all_travels(const struct gather_travel *travels, int count)
{
    struct gather_travel all = {.binary = true, .typed = true, .collated = true};
    for (int i = 0; i < count; i++) {
        all.binary &= travels[i].binary;
        all.typed &= travels[i].typed;
        all.collated &= travels[i].collated;
    }
    return all;
}

/* It could tell a domain from the type that it is made of: a domain's functions are chosen before those of that type. */
static bool sees_domains(Node *node, void *context)
{
    const struct analysis *analysis = context;
    if (!node)
        return false;
    if (IsA(node, FuncCall)) {
        struct function_facts facts = function_facts(analysis->planning, castNode(FuncCall, node));
        if (facts.users || !strcmp(facts.name, "pg_typeof"))
            return true;
    }
    return parse_walk(node, sees_domains, context);
}

bool gather_settle_binary(const struct analysis *analysis, Node *query, struct gather_travel all, struct gather_fit *fit)
{
    bool known = all.typed && !(fit->domains && sees_domains(query, (void *) analysis));
    fit->binary = known ? all.binary : fit->binary && !fit->own;
    return known;
}

/* ---- results ---- */

static bool knows_tables(const struct analysis *analysis, const struct query *query)
{
    for (int i = query->first_scan; i < query->end_scan; i++)
        if (!analysis->scans[i].relation.relation)
            return false;
    return true;
}

bool gather_is_alike_in_binary(struct analysis *analysis, const struct query *query, SelectStmt *select)
{
    struct gathering gathering = {.analysis = analysis, .arena = analysis->arena, .query = select};
    const char *text = parse_deparse((Node *) select, analysis->arena);
    if (!text || !query->outputs_known || !knows_tables(analysis, query))
        return false;
    struct gather_fit fit = gather_fit_of(analysis, query, query->end_scan, (Node *) select, text);
    struct gather_travel *travels = arena_alloc_array(analysis->arena, (size_t) query->output_count, sizeof *travels);
    gather_query_travels(&gathering, query, false, travels, query->output_count);
    gather_settle_binary(analysis, (Node *) select, gather_all_travels(travels, query->output_count), &fit);
    return fit.binary;
}
