/*
 * INSERT … SELECT whose rows the home shard computes before they are routed.
 *
 * Of a SELECT that reads no sharded table the home shard knows all rows: those of unnest(), generate_series(), VALUES, of
 * reference tables and of its own.  It computes each of them once, with what is left to sequences and other defaults; each then
 * goes to the shard of its key as a row of VALUES.  That way is taken where the statement cannot run on the shards as it stands.
 *
 * The query stands in FROM of the one that is asked, with the columns' names after the target's places.  There a literal would
 * be a text: what takes its type from the target's column is cast to that.  A row that stands for none comes if there are none,
 * since the columns' types must be known all the same: PostgreSQL would complain of them.
 */
#include <string.h>

#include "router/insert_inside.h"
#include "router/sql_types.h"

enum { MOST_COLUMNS = 700 }; /* each is shown with its type, and a select list has 1664 */

struct computing {
    struct inserting *inserting;
    SelectStmt *select; /* a copy, with the INSERT's WITH */
    struct analysis analysis; /* of another copy, and apart from the statement's */
    const struct query *query;
    int given;    /* columns that the query gives */
    int *columns; /* of the table: the given ones, then those that get their defaults */
    int count;
};

/* ---- may it, must it ---- */

/* A query of its own, with the WITH of the statement; of DEFAULT VALUES one without columns. */
static SelectStmt *copy_of_query(const InsertStmt *insert)
{
    SelectStmt *select = insert->selectStmt ? (SelectStmt *) copyObject(insert->selectStmt) : makeNode(SelectStmt);
    if (insert->withClause)
        select->withClause = copyObject(insert->withClause);
    return select;
}

static bool has_sublink(Node *node, void *context)
{
    return node && (IsA(node, SubLink) || parse_walk(node, has_sublink, context));
}

/* What is not in the query must not need the INSERT's WITH, which goes along with it. */
static bool can_be_cut_out(const InsertStmt *insert)
{
    const SelectStmt *select = (const SelectStmt *) insert->selectStmt;
    ListCell *cell;
    if (!select)
        return !insert->withClause;
    foreach (cell, insert->cols)
        if (lfirst_node(ResTarget, cell)->indirection)
            return false;
    if (insert->override == OVERRIDING_USER_VALUE)
        return false;
    return !insert->withClause ||
           (!select->withClause && !has_sublink((Node *) insert->onConflictClause, NULL) &&
            !has_sublink((Node *) insert->returningList, NULL));
}

static bool is_computable(const struct computing *computing)
{
    const struct analysis *analysis = &computing->analysis;
    for (int i = 0; i < analysis->scan_count; i++) {
        const struct routed_table *table = analysis->scans[i].relation.table;
        if (scan_is_sharded(&analysis->scans[i]) || (table && table->problem))
            return false;
    }
    for (int i = 0; i < analysis->sighting_count; i++)
        switch (analysis->sightings[i].class) {
        case FUNCTION_SAFE:
        case FUNCTION_CLOCK:
        case FUNCTION_VOLATILE:
        case FUNCTION_HOME:
            break;
        case FUNCTION_LOCK:
        case FUNCTION_SETTING:
        case FUNCTION_UNKNOWN:
        case FUNCTION_READER:
            return false;
        }
    return !analysis->unreadable && !analysis->modifying && !analysis->locks && !analysis->system_column &&
           !computing->query->select->lockingClause && !computing->query->select->intoClause;
}

/* SELECT * FROM unnest(a, b): a column of each. */
static int columns_of_unnest(const SelectStmt *select)
{
    if (list_length(select->targetList) != 1 || list_length(select->fromClause) != 1 ||
        !IsA(linitial(select->fromClause), RangeFunction))
        return -1;
    const Node *value = linitial_node(ResTarget, select->targetList)->val;
    const RangeFunction *function = linitial(select->fromClause);
    if (!IsA(value, ColumnRef) || list_length(castNode(ColumnRef, value)->fields) != 1 ||
        !IsA(linitial(castNode(ColumnRef, value)->fields), A_Star) || list_length(function->functions) != 1)
        return -1;
    const Node *call = linitial(linitial_node(List, function->functions));
    if (!IsA(call, FuncCall) || strcmp(parse_name(castNode(FuncCall, call)->funcname), "unnest"))
        return -1;
    return list_length(castNode(FuncCall, call)->args) + function->ordinality;
}

/* How many columns the query gives; -1: nobody knows, or not as many as it must. */
static int count_columns(const struct computing *computing)
{
    const InsertStmt *insert = computing->inserting->insert;
    int named = list_length(insert->cols), count = -1;
    if (computing->query->outputs_known)
        count = computing->query->output_count;
    else if (named)
        count = named;
    else if (computing->select->op == SETOP_NONE)
        count = columns_of_unnest(computing->select);
    return count > computing->inserting->column_count || (named && count != named) ? -1 : count;
}

/* Is the column's default of those that one shard must compute for all? */
static bool takes_default(const struct inserting *inserting, int column)
{
    const struct catalog_column *known = &inserting->target.relation->columns[column];
    switch (known->standard) {
    case DEFAULT_NONE:
    case DEFAULT_GENERATED:
        return false;
    case DEFAULT_CONSTANT:
        return known->default_text && insert_is_key(inserting, column);
    case DEFAULT_SEQUENCE:
    case DEFAULT_EXPRESSION:
        return known->default_text;
    }
    return false;
}

static bool find_columns(struct computing *computing)
{
    const struct inserting *inserting = computing->inserting;
    int all = inserting->target.relation->column_count;
    computing->given = count_columns(computing);
    if (computing->given < 0)
        return false;
    computing->columns = arena_alloc_array(inserting->analysis.arena, (size_t) (all + computing->given), sizeof *computing->columns);
    for (int i = 0; i < computing->given; i++)
        computing->columns[i] = inserting->columns[i];
    computing->count = computing->given;
    for (int i = 0; i < computing->given; i++)
        if (computing->columns[i] < 0)
            return false;
    for (int i = 0; i < all; i++)
        if (insert_place(inserting, i, computing->given) < 0 && takes_default(inserting, i))
            computing->columns[computing->count++] = i;
    return computing->count <= MOST_COLUMNS;
}

static bool leaves_default_of(const struct computing *computing, enum column_default standard)
{
    for (int i = computing->given; i < computing->count; i++)
        if (computing->inserting->target.relation->columns[computing->columns[i]].standard == standard)
            return true;
    return false;
}

static bool leaves_key_to_default(const struct computing *computing)
{
    for (int i = computing->given; i < computing->count; i++)
        if (insert_is_key(computing->inserting, computing->columns[i]))
            return true;
    return false;
}

/* SELECT 'bob', …: all rows go to one shard, which computes them itself. */
static bool has_constant_key(struct computing *computing)
{
    const struct inserting *inserting = computing->inserting;
    const struct routed_table *table = inserting->target.table;
    const struct query *query = computing->query;
    struct value value;
    if (query->set_operation || !query->select->targetList || !query->outputs_known)
        return false;
    for (size_t k = 0; k < table->settings->key_count; k++) {
        const struct catalog_column *column = &inserting->target.relation->columns[table->key_columns[k]];
        int place = insert_place(inserting, table->key_columns[k], computing->given);
        if (place < 0 && column->standard == DEFAULT_NONE)
            continue;
        if (place < 0 || !query->outputs[place].expression ||
            !analysis_value(&computing->analysis, query->outputs[place].expression, column->type, &value))
            return false;
    }
    return true;
}

/* Would each shard find the same rows, and the same to do with them? */
static bool is_same_everywhere(const struct computing *computing)
{
    const struct analysis *analysis = &computing->analysis;
    const SelectStmt *select = computing->query->select;
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].relation.place != PLACE_REFERENCE)
            return false;
    return !analysis->sighting_count && !analysis->home && !analysis->order_sensitive && !analysis->limited_inside &&
           !analysis->sampled && !analysis->recursive && !select->limitCount && !select->limitOffset &&
           !computing->inserting->insert->onConflictClause && !leaves_default_of(computing, DEFAULT_EXPRESSION);
}

static bool runs_as_it_stands(struct computing *computing)
{
    if (leaves_default_of(computing, DEFAULT_SEQUENCE))
        return false;
    if (!computing->inserting->insert->selectStmt) /* a row of the key's default, or of one that all shards get */
        return !computing->count || (!leaves_key_to_default(computing) && computing->inserting->target.place != PLACE_REFERENCE);
    return computing->inserting->target.place == PLACE_REFERENCE ? is_same_everywhere(computing)
                                                              : !computing->analysis.home && has_constant_key(computing);
}

/* ---- the question ---- */

static bool takes_type_of_column(const struct computing *computing, const Node *value)
{
    const struct planning *planning = computing->inserting->analysis.planning;
    if (IsA(value, A_Const))
        return castNode(A_Const, value)->isnull || IsA(&castNode(A_Const, value)->val, String);
    if (!IsA(value, ParamRef))
        return false;
    int number = castNode(ParamRef, value)->number;
    uint32_t type = number > 0 && number <= planning->type_count ? planning->types[number - 1] : 0;
    return !type || type == TYPE_unknown;
}

static bool is_star(const Node *value)
{
    if (IsA(value, A_Indirection))
        return IsA(llast(castNode(A_Indirection, value)->indirection), A_Star);
    return IsA(value, ColumnRef) && IsA(llast(castNode(ColumnRef, value)->fields), A_Star);
}

static bool cast_to_column(const struct computing *computing, ResTarget *target, int place)
{
    const struct catalog_column *column = &computing->inserting->target.relation->columns[computing->columns[place]];
    struct arena *arena = computing->inserting->analysis.arena;
    struct error error = {0};
    if (!takes_type_of_column(computing, target->val))
        return true;
    List *parsed = parse_more(arena_printf(arena, "SELECT NULL::%s", insert_type_name(column->type_name)), &error);
    error_clear(&error);
    if (list_length(parsed) != 1)
        return false;
    SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt);
    TypeCast *cast = castNode(TypeCast, linitial_node(ResTarget, select->targetList)->val);
    cast->arg = target->val;
    target->val = (Node *) cast;
    return true;
}

/* The select list: up to a star its columns are counted from the first one, behind it from the last one. */
static bool cast_to_columns(const struct computing *computing)
{
    const List *targets = computing->select->targetList;
    int length = list_length(targets), first = 0, last = length - 1;
    if (computing->select->op != SETOP_NONE || computing->select->distinctClause)
        return true;
    while (first < length && !is_star(list_nth_node(ResTarget, targets, first)->val))
        first++;
    while (last > first && !is_star(list_nth_node(ResTarget, targets, last)->val))
        last--;
    for (int i = 0; i < length; i++) {
        int place = i < first ? i : computing->given - (length - i);
        if ((i < first || i > last) && place >= 0 && place < computing->given &&
            !cast_to_column(computing, list_nth_node(ResTarget, targets, i), place))
            return false;
    }
    return true;
}

/* Where (SELECT 1) stands in the frame's FROM. */
static RangeSubselect *innermost(SelectStmt *frame)
{
    const JoinExpr *join = linitial_node(JoinExpr, frame->fromClause);
    const SelectStmt *inner = castNode(SelectStmt, castNode(RangeSubselect, join->rarg)->subquery);
    return linitial_node(RangeSubselect, inner->fromClause);
}

static const char *question(const struct computing *computing, struct arena *arena)
{
    const struct catalog_relation *relation = computing->inserting->target.relation;
    const char *names = "", *defaults = "", *types = "";
    struct error error = {0};
    if (!cast_to_columns(computing))
        return NULL;
    for (int i = 0; i < computing->count; i++) {
        if (i < computing->given)
            names = arena_printf(arena, "%s%sv%d", names, i ? ", " : "", i);
        else
            defaults = arena_printf(arena, "%s, %s AS v%d", defaults, relation->columns[computing->columns[i]].default_text, i);
        types = arena_printf(arena, "%s, pg_catalog.pg_typeof(keyway.v%d)", types, i);
    }
    const char *from = computing->given ? arena_printf(arena, ", keyway.*%s FROM (SELECT 1) AS keyway (%s)", defaults, names) : defaults;
    const char *frame = arena_printf(arena,
                                     "SELECT keyway.*%s FROM (SELECT 1) AS one LEFT JOIN (SELECT true AS present%s OFFSET 0) "
                                     "AS keyway ON true",
                                     types, from);
    List *parsed = parse_more(frame, &error);
    error_clear(&error);
    if (list_length(parsed) != 1)
        return NULL;
    SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt);
    if (computing->given)
        innermost(select)->subquery = (Node *) computing->select;
    return parse_deparse((Node *) select, arena);
}

/* ---- the rows ---- */

static bool gives_identity(const struct computing *computing)
{
    for (int i = computing->given; i < computing->count; i++)
        if (computing->inserting->target.relation->columns[computing->columns[i]].always_identity)
            return true;
    return false;
}

/* The statement with one row in place of the query, cut around that. */
static bool cut_statement(const struct computing *computing, struct insert_rows *rows, struct arena *arena)
{
    InsertStmt *insert = copyObject(computing->inserting->insert);
    A_Const *nothing = makeNode(A_Const);
    nothing->isnull = true;
    nothing->location = -1;
    SelectStmt *values = makeNode(SelectStmt);
    values->valuesLists = list_make1(list_make1(nothing));
    values->limitOption = (LimitOption) PARSED_LIMIT_DEFAULT;
    values->op = SETOP_NONE;
    insert->selectStmt = (Node *) values;
    insert->withClause = NULL;
    insert->cols = NIL;
    for (int i = 0; i < computing->count; i++) {
        ResTarget *target = makeNode(ResTarget);
        target->name = pstrdup(computing->inserting->target.relation->columns[computing->columns[i]].name);
        target->location = -1;
        insert->cols = lappend(insert->cols, target);
    }
    if (insert->override == OVERRIDING_NOT_SET && gives_identity(computing))
        insert->override = OVERRIDING_SYSTEM_VALUE;
    const char *text = parse_deparse((Node *) insert, arena);
    rows->count = 1;
    return text && insert_split(rows, text, strlen(text), values->valuesLists, &(struct insert_addition){0}, arena);
}

/* What each row is made of: outputs of the evaluation, which start with the sign that there is a row. */
static void lay_out(const struct computing *computing, struct insert_rows *rows, struct arena *arena)
{
    rows->width = computing->count;
    rows->computed = true;
    rows->pieces = arena_alloc_array(arena, (size_t) computing->count, sizeof *rows->pieces);
    for (int i = 0; i < computing->count; i++)
        rows->pieces[i] = (struct insert_piece){NULL, 1 + i, 1 + computing->count + i};
}

/*
 * Do several INSERTs of some rows each, in one transaction, do what one of all of them does?  Not where a row may ask for later ones, or must not be
 * met twice, or where the statement as a whole shows: to triggers, to statement_timestamp(), in an answer that an error should have prevented.
 */
static bool can_be_parted(const struct computing *computing)
{
    const InsertStmt *insert = computing->inserting->insert;
    const struct catalog_relation *relation = computing->inserting->target.relation;
    const struct analysis *analysis = &computing->analysis;
    for (int i = 0; i < analysis->sighting_count; i++)
        if (!strcmp(analysis->sightings[i].name, "statement_timestamp"))
            return false;
    return !insert->returningList && (!insert->onConflictClause || insert->onConflictClause->action == ONCONFLICT_NOTHING) &&
           !relation->has_triggers && !relation->has_rules && !relation->references_itself;
}

static void apply(struct computing *computing)
{
    struct inserting *inserting = computing->inserting;
    struct arena *arena = &inserting->plan->arena;
    int parameters = inserting->analysis.parameter_count;
    struct evaluation *evaluation = arena_alloc(arena, sizeof *evaluation);
    struct insert_rows *rows = arena_alloc(arena, sizeof *rows);
    bool *asks = arena_alloc_array(arena, (size_t) parameters, sizeof *asks);
    insert_note_parameters(inserting, (Node *) computing->select, asks);
    evaluation->sql = question(computing, arena);
    if (!evaluation->sql || !cut_statement(computing, rows, arena))
        return;
    lay_out(computing, rows, arena);
    evaluation->count = 1 + 2 * computing->count;
    evaluation->rows = true;
    evaluation->in_parts = can_be_parted(computing);
    evaluation->asks = asks;
    plan_pin_all(inserting->plan);
    inserting->evaluation = evaluation;
    inserting->evaluated = rows;
    inserting->evaluated_columns = computing->columns;
    inserting->insert->selectStmt = NULL; /* it is not there for the analysis any more */
    inserting->insert->withClause = NULL;
}

void insert_compute(struct inserting *inserting)
{
    const struct planning *planning = inserting->analysis.planning;
    struct plan *aside = plan_new();
    struct computing computing = {.inserting = inserting};
    if (!can_be_cut_out(inserting->insert)) {
        plan_release(aside);
        return;
    }
    computing.select = copy_of_query(inserting->insert);
    SelectStmt *read = copyObject(computing.select);
    analysis_init(&computing.analysis, planning, aside, inserting->analysis.arena, (Node *) read);
    computing.query = analyze_select(&computing.analysis, read);
    if (!plan_is_refused(aside) && aside->pin == PIN_NONE && is_computable(&computing) && find_columns(&computing) &&
        !runs_as_it_stands(&computing)) {
        if (planning->facts->rounded_floats)
            plan_refuse(inserting->plan, NULL, "SET extra_float_digits = 1.",
                        "The rows are computed first, and would come back without all of their digits.");
        else
            apply(&computing);
    }
    plan_release(aside);
}
