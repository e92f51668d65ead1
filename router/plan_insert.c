/*
 * INSERT: new rows go to the shards of their keys.
 *
 * VALUES: each row names its key as a constant or parameter; rows of one shard stay one statement, rows of
 * several are split. SELECT: the key comes from the key of a sharded source (each shard inserts what it
 * selects), or is a constant. A value is read as an assignment to the column reads it: 5.5 would be rounded,
 * so it is not taken for 5.
 */
#include <string.h>

#include "router/insert_inside.h"
#include "router/sql_types.h"

static bool give_up(struct inserting *inserting, const char *hint, const char *detail)
{
    if (!inserting->proof.detail)
        inserting->proof = (struct proof){detail, hint};
    return false;
}

static void find_columns(struct inserting *inserting, struct arena *arena)
{
    const struct catalog_relation *relation = inserting->target.relation;
    const List *named = inserting->insert->cols;
    ListCell *cell;
    inserting->column_count = named ? list_length(named) : relation->column_count;
    inserting->columns = arena_alloc_array(arena, (size_t) inserting->column_count, sizeof(int));
    for (int i = 0; !named && i < inserting->column_count; i++)
        inserting->columns[i] = i;
    int at = 0;
    foreach (cell, named)
        inserting->columns[at++] = catalog_column(relation, lfirst_node(ResTarget, cell)->name);
}

/* Where among the row's expressions the table's column stands; -1: nowhere. */
int insert_place(const struct inserting *inserting, int column, int width)
{
    for (int i = 0; i < inserting->column_count && i < width; i++)
        if (inserting->columns[i] == column)
            return i;
    return -1;
}

bool insert_is_key(const struct inserting *inserting, int column)
{
    const struct routed_table *table = inserting->target.table;
    for (size_t k = 0; table->keyspace && k < table->settings->key_count; k++)
        if (table->key_columns[k] == column)
            return true;
    return false;
}

/* ---- defaults ---- */

static bool row_leaves(const struct inserting *inserting, const List *row, int number, int column)
{
    int place = insert_place(inserting, column, list_length(row));
    return (place < 0 || IsA(list_nth(row, place), SetToDefault)) &&
           insert_output(inserting, number, column) < 0;
}

static bool leaves(const struct inserting *inserting, int column)
{
    ListCell *cell;
    int number = 0;
    if (!inserting->values && inserting->evaluated)
        return insert_output(inserting, 0, column) < 0;
    if (!inserting->values) {
        bool known = inserting->source && inserting->source->outputs_known;
        return insert_place(inserting, column, known ? inserting->source->output_count : 0) < 0;
    }
    foreach (cell, inserting->values->valuesLists)
        if (row_leaves(inserting, lfirst(cell), number++, column))
            return true;
    return false;
}

/* The first column that is left to a default of the kind; NULL: none. */
static const char *left_to_default(const struct inserting *inserting, enum column_default kind)
{
    const struct catalog_relation *relation = inserting->target.relation;
    for (int i = 0; i < relation->column_count; i++)
        if (relation->columns[i].standard == kind && leaves(inserting, i))
            return relation->columns[i].name;
    return NULL;
}

static void check_sequences(struct inserting *inserting)
{
    const char *column = left_to_default(inserting, DEFAULT_SEQUENCE);
    if (column)
        plan_refuse(
            inserting->plan, NULL, "Give the column a value, or use a uuid made by the application.",
            "Column \"%s\" gets its value from a sequence, and each shard's sequence counts for itself.",
            column);
}

/* ---- ON CONFLICT ---- */

static bool covers_key(const struct inserting *inserting, const struct catalog_unique *unique)
{
    const struct routed_table *table = inserting->target.table;
    for (size_t k = 0; k < table->settings->key_count; k++) {
        bool found = false;
        for (int i = 0; i < unique->column_count; i++)
            found |= unique->columns[i] == table->key_columns[k];
        if (!found)
            return false;
    }
    return true;
}

/* ON CONFLICT (columns): do they contain the key?  Equal rows then have equal keys, and meet on one shard. */
static bool elements_cover_key(const struct inserting *inserting, const List *elements)
{
    const struct table_settings *settings = inserting->target.table->settings;
    for (size_t k = 0; k < settings->key_count; k++) {
        bool found = false;
        ListCell *cell;
        foreach (cell, elements) {
            const IndexElem *element = lfirst_node(IndexElem, cell);
            found |= element->name && !strcmp(element->name, settings->key[k]);
        }
        if (!found)
            return false;
    }
    return true;
}

/* A number that the home shard's sequence gives once.  Uniqueness beyond a shard is the user's care, as without ON CONFLICT. */
static bool has_number_of_its_own(const struct inserting *inserting, const struct catalog_unique *unique)
{
    const struct catalog_relation *relation = inserting->target.relation;
    ListCell *cell;
    for (int i = 0; i < unique->column_count; i++) {
        const struct catalog_column *column = &relation->columns[unique->columns[i]];
        bool given = !inserting->insert->cols;
        foreach (cell, inserting->insert->cols)
            given |= !strcmp(lfirst_node(ResTarget, cell)->name, column->name);
        if (!given && column->standard == DEFAULT_SEQUENCE)
            return true;
    }
    return false;
}

static bool conflict_stays(const struct inserting *inserting, const OnConflictClause *conflict)
{
    const struct catalog_relation *relation = inserting->target.relation;
    const InferClause *infer = conflict->infer;
    if (infer && !infer->conname)
        return elements_cover_key(inserting, infer->indexElems);
    for (int i = 0; i < relation->unique_count; i++)
        if ((!infer || !strcmp(relation->uniques[i].name, infer->conname)) &&
            !covers_key(inserting, &relation->uniques[i]) && !(!infer && has_number_of_its_own(inserting, &relation->uniques[i])))
            return false;
    return true;
}

/* excluded.name, whose key has brought the row here, also in SET (a, b) = (excluded.a, excluded.b). */
static bool is_excluded(const ResTarget *target)
{
    const Node *value = target->val;
    if (IsA(value, MultiAssignRef)) {
        const MultiAssignRef *one = (const MultiAssignRef *) value;
        const RowExpr *row = (const RowExpr *) one->source;
        value = IsA(row, RowExpr) && one->colno <= list_length(row->args) ? list_nth(row->args, one->colno - 1) : NULL;
    }
    if (!value || !IsA(value, ColumnRef))
        return false;
    const List *fields = ((const ColumnRef *) value)->fields;
    return list_length(fields) == 2 && IsA(linitial(fields), String) && IsA(lsecond(fields), String) &&
           !strcmp(strVal(linitial(fields)), "excluded") && !strcmp(strVal(lsecond(fields)), target->name);
}

static bool sets_other_key(const struct routed_table *table, const List *set)
{
    ListCell *cell;
    foreach (cell, set) {
        ResTarget *target = lfirst_node(ResTarget, cell);
        if (!is_excluded(target) && set_names_key(table, list_make1(target)))
            return true;
    }
    return false;
}

static void check_conflict(struct inserting *inserting)
{
    const OnConflictClause *conflict = inserting->insert->onConflictClause;
    if (!conflict)
        return;
    if (!conflict_stays(inserting, conflict))
        plan_refuse(
            inserting->plan, NULL, "Use a unique constraint that contains the key column.",
            "A row that conflicts may be on another shard: ON CONFLICT is not about the key of \"%s\".",
            inserting->target.name);
    if (sets_other_key(inserting->target.table, conflict->targetList))
        plan_refuse(inserting->plan, NULL, "Leave the key column out of DO UPDATE SET.",
                    "DO UPDATE SET changes the key of \"%s\".", inserting->target.name);
}

/* ---- the key's values ---- */

static bool refuse_key(struct inserting *inserting, int key, const char *why, const char *hint)
{
    plan_refuse(inserting->plan, NULL, hint, "Key column \"%s\" of \"%s\" %s.",
                inserting->target.table->settings->key[key], inserting->target.name, why);
    return false;
}

static bool read_key_value(struct inserting *inserting, int key, Node *expression, struct value *value)
{
    const struct routed_table *table = inserting->target.table;
    const struct catalog_column *column = &inserting->target.relation->columns[table->key_columns[key]];
    if (IsA(expression, SetToDefault))
        return refuse_key(inserting, key, "is left to its default", "Give the key column a value.");
    if (!analysis_value(&inserting->analysis, expression, column->type, value))
        return refuse_key(inserting, key, "gets its value from an expression",
                          "Compute the key first, and pass it as a constant or parameter.");
    return true;
}

/* ON CONFLICT may leave a row without an answer. */
static bool answers_each_row(const InsertStmt *insert)
{
    const OnConflictClause *conflict = insert->onConflictClause;
    return insert->returningList &&
           (!conflict || (conflict->action == ONCONFLICT_UPDATE && !conflict->whereClause));
}

struct insert_rows *insert_rows_new(struct arena *arena, const struct resolved_relation *target, int count)
{
    const struct routed_table *table = target->table;
    size_t keys = table->settings->key_count;
    struct insert_rows *rows = arena_alloc(arena, sizeof *rows);
    const char **columns = arena_alloc_array(arena, keys, sizeof *columns);
    uint32_t *types = arena_alloc_array(arena, keys, sizeof *types);
    int32_t *typmods = arena_alloc_array(arena, keys, sizeof *typmods);
    for (size_t k = 0; k < keys; k++) {
        const struct catalog_column *column = &target->relation->columns[table->key_columns[k]];
        columns[k] = arena_strdup(arena, column->name);
        types[k] = column->type;
        typmods[k] = column->typmod;
    }
    *rows = (struct insert_rows){.table = arena_strdup(arena, target->name), .keyspace = table->keyspace, .columns = columns,
                                 .types = types, .typmods = typmods, .count = count};
    rows->values = arena_alloc_array(arena, (size_t) count * keys, sizeof *rows->values);
    return rows;
}

static struct insert_rows *new_rows(struct inserting *inserting, int count)
{
    const struct insert_rows *evaluated = inserting->evaluated;
    struct insert_rows *rows = insert_rows_new(&inserting->plan->arena, &inserting->target, count);
    rows->answers = answers_each_row(inserting->insert);
    if (evaluated) {
        rows->before = evaluated->before;
        rows->after = evaluated->after;
        rows->pieces = evaluated->pieces;
        rows->width = evaluated->width;
        rows->computed = evaluated->computed;
    }
    return rows;
}

/* A column that is not named, or left to a default that it has not, is NULL. */
static bool leaves_null(const struct inserting *inserting, const List *row, int column)
{
    int place = insert_place(inserting, column, list_length(row));
    return !inserting->source && inserting->target.relation->columns[column].standard == DEFAULT_NONE &&
           (place < 0 || IsA(list_nth(row, place), SetToDefault));
}

static bool read_row(struct inserting *inserting, const List *row, int number, struct value *values)
{
    const struct routed_table *table = inserting->target.table;
    for (size_t k = 0; k < table->settings->key_count; k++) {
        int output = insert_output(inserting, number, table->key_columns[k]);
        if (output >= 0) {
            values[k] = (struct value){.kind = VALUE_EVALUATED, .index = (size_t) output};
            continue;
        }
        if (leaves_null(inserting, row, table->key_columns[k])) {
            values[k] = (struct value){.kind = VALUE_CONSTANT};
            continue;
        }
        int place = insert_place(inserting, table->key_columns[k], list_length(row));
        if (place < 0)
            return refuse_key(inserting, (int) k, "is not given", "Name the key column and give it a value.");
        if (!read_key_value(inserting, (int) k, list_nth(row, place), &values[k]))
            return false;
    }
    return true;
}

static bool read_rows(struct inserting *inserting)
{
    const List *lists = inserting->values ? inserting->values->valuesLists : list_make1(NIL);
    size_t keys = inserting->target.table->settings->key_count;
    struct insert_rows *rows = new_rows(inserting, list_length(lists));
    ListCell *cell;
    int at = 0;
    foreach (cell, lists) {
        if (!read_row(inserting, lfirst(cell), at, &rows->values[(size_t) at * keys]))
            return false;
        at++;
    }
    inserting->plan->inside->insert = rows;
    return true;
}

/* ---- VALUES ---- */

static bool find_parameter_types(struct inserting *inserting)
{
    return insert_parameter_types(inserting) || give_up(inserting, "Declare the parameters' types, or insert the rows one by one.",
                                                        "The type of a parameter is not known.");
}

static bool only_target_is_sharded(const struct inserting *inserting)
{
    for (int i = 0; i < inserting->analysis.scan_count; i++)
        if (!inserting->analysis.scans[i].inserted && scan_is_sharded(&inserting->analysis.scans[i]))
            return false;
    return true;
}

/* Nothing of such a value is read when the statement is planned but, of a key's, where it stands. */
static bool is_plain_value(Node *value)
{
    while (IsA(value, TypeCast))
        value = castNode(TypeCast, value)->arg;
    return IsA(value, A_Const) || IsA(value, ParamRef) || IsA(value, SetToDefault);
}

/* Can the same plan serve other values? */
static bool takes_other_literals(const struct inserting *inserting)
{
    const struct normalised *normalised = inserting->analysis.planning->normalised;
    ListCell *row, *value;
    foreach (row, inserting->values->valuesLists)
        foreach (value, (List *) lfirst(row))
            if (!is_plain_value(lfirst(value)))
                return false;
    return normalised && insert_note_literals(inserting->plan->inside->insert, inserting->plan, normalised);
}

/*
 * Split: each row is inserted on its own shard, and nothing else in the statement depends on the shard.  A
 * default that is an expression might be the time, which one PostgreSQL would give all rows alike.
 */
static bool can_split(struct inserting *inserting)
{
    struct plan *plan = inserting->plan;
    if (!prove_environment(&inserting->analysis, &inserting->proof))
        return false;
    if (!only_target_is_sharded(inserting))
        return give_up(inserting, "Insert the rows one by one.", "The rows read sharded tables.");
    if (left_to_default(inserting, DEFAULT_EXPRESSION))
        return give_up(
            inserting, "Give all columns with such defaults a value, or insert the rows one by one.",
            "A column is left to a default that is an expression, which each shard would evaluate.");
    if (!find_parameter_types(inserting))
        return false;
    const struct planning *planning = inserting->analysis.planning;
    bool cut = inserting->evaluated || insert_split(plan->inside->insert, planning->sql, planning->length, inserting->values->valuesLists,
                                                    &(struct insert_addition){0}, &plan->arena);
    if (!cut || inserting->evaluated || !takes_other_literals(inserting))
        plan_pin_all(plan);
    return cut || give_up(inserting, "Insert the rows one by one.", "The text of the rows cannot be told apart.");
}

/* Of rows that are computed what is left to be proved is about the rest of the statement. */
static bool can_compute(struct inserting *inserting)
{
    return prove_environment(&inserting->analysis, &inserting->proof) &&
           (only_target_is_sharded(inserting) ||
            give_up(inserting, "Insert the rows one by one.", "The statement reads sharded tables.")) &&
           find_parameter_types(inserting);
}

static void plan_computed(struct inserting *inserting)
{
    if (!read_rows(inserting))
        return;
    bool proved = can_compute(inserting);
    plan_conclude(inserting->plan, &inserting->analysis, proved ? PLAN_SPLIT : PLAN_REFUSE,
                  proved ? "split: each row goes to the shard of its key" : inserting->proof.detail, &inserting->proof);
}

static void plan_values(struct inserting *inserting)
{
    struct plan *plan = inserting->plan;
    if (!read_rows(inserting))
        return;
    bool split = inserting->values && plan->inside->insert->count > 1 && can_split(inserting);
    if (!split)
        give_up(inserting, "Give the key's value wherever sharded tables are read.",
                "The row and what it reads are on different shards.");
    plan_conclude(plan, &inserting->analysis, split ? PLAN_SPLIT : PLAN_REFUSE,
                  split ? "split: each row goes to the shard of its key" : inserting->proof.detail,
                  &inserting->proof);
}

/* ---- SELECT ---- */

/* Is the output the key of one and the same sharded scan, and stored just as it is there? */
static bool leaf_feeds_key(struct inserting *inserting, const struct query *query, const struct scan *scan)
{
    const struct routed_table *table = inserting->target.table;
    if (!keyspace_same(scan->relation.table->keyspace, table->keyspace))
        return false;
    for (size_t k = 0; k < table->settings->key_count; k++) {
        const struct catalog_column *to = &inserting->target.relation->columns[table->key_columns[k]];
        const struct catalog_column *from =
            &scan->relation.relation->columns[scan->relation.table->key_columns[k]];
        int place = insert_place(inserting, table->key_columns[k], query->output_count);
        if (place < 0 || (to->typmod >= 0 && to->typmod != from->typmod) ||
            !analysis_equal(&inserting->analysis, query->region, query->outputs[place].slot,
                            scan_key_slot(scan, (int) k)))
            return false;
    }
    return true;
}

static bool feeds_key(struct inserting *inserting, const struct query *query)
{
    if (query->set_operation)
        return feeds_key(inserting, query->left) && feeds_key(inserting, query->right);
    for (int i = query->first_scan; query->outputs_known && i < query->end_scan; i++)
        if (scan_is_sharded(&inserting->analysis.scans[i]) &&
            leaf_feeds_key(inserting, query, &inserting->analysis.scans[i]))
            return true;
    return false;
}

/* A subquery in FROM may show the key of what is behind it. */
static bool anchor_feeds_key(struct inserting *inserting)
{
    const struct routed_table *table = inserting->target.table;
    struct anchor anchor;
    struct proof proof = {0};
    if (!prove_query(&inserting->analysis, inserting->source, &anchor, &proof) ||
        !keyspace_same(anchor.keyspace, table->keyspace))
        return false;
    for (size_t k = 0; k < table->settings->key_count; k++)
        if (anchor.positions[k] < 0 ||
            inserting->target.relation->columns[table->key_columns[k]].typmod >= 0 ||
            anchor.positions[k] !=
                insert_place(inserting, table->key_columns[k], inserting->source->output_count))
            return false;
    return true;
}

static bool prove_source(struct inserting *inserting)
{
    struct anchor anchor;
    const SelectStmt *select = inserting->source->select;
    if (select->limitCount || select->limitOffset)
        return give_up(inserting, "Leave out LIMIT, or give the key's value.",
                       "LIMIT would count rows of each shard apart.");
    if (left_to_default(inserting, DEFAULT_EXPRESSION))
        return give_up(
            inserting, "Select a value for each column with such a default.",
            "A column is left to a default that is an expression, which each shard would evaluate.");
    return prove_environment(&inserting->analysis, &inserting->proof) &&
           prove_query(&inserting->analysis, inserting->source, &anchor, &inserting->proof);
}

/* SELECT 'bob', …: the key is the same constant for all rows. */
static bool read_constant_key(struct inserting *inserting)
{
    const struct query *source = inserting->source;
    List *row = NIL;
    if (source->set_operation || !source->select->targetList || !source->outputs_known)
        return refuse_key(inserting, 0, "does not come from the key of a sharded table",
                          "Select the key column of a sharded table for it, or a constant.");
    for (int i = 0; i < source->output_count; i++)
        row = lappend(row, source->outputs[i].expression ? source->outputs[i].expression
                                                         : (Node *) makeNode(SetToDefault));
    struct insert_rows *rows = new_rows(inserting, 1);
    rows->from_query = true;
    if (!read_row(inserting, row, 0, rows->values))
        return false;
    inserting->plan->inside->insert = rows;
    return true;
}

static void plan_source(struct inserting *inserting)
{
    struct plan *plan = inserting->plan;
    bool fed = feeds_key(inserting, inserting->source) || anchor_feeds_key(inserting);
    if (!fed && !read_constant_key(inserting))
        return;
    bool proved = fed && prove_source(inserting);
    give_up(inserting, "Give the key's value for all sharded tables.",
            "The rows and the place they go to are on different shards.");
    plan_conclude(plan, &inserting->analysis, proved ? PLAN_CONCAT : PLAN_REFUSE,
                  proved ? "concat: each shard inserts rows whose keys it holds" : inserting->proof.detail,
                  &inserting->proof);
}

/* ---- the whole ---- */

/* OVERRIDING USER VALUE: whatever is given for an identity column, each shard's own sequence gives another. */
static void check_overriding(struct inserting *inserting)
{
    const struct catalog_relation *relation = inserting->target.relation;
    for (int i = 0; inserting->insert->override == OVERRIDING_USER_VALUE && i < relation->column_count; i++)
        if (relation->columns[i].standard == DEFAULT_SEQUENCE)
            plan_refuse(inserting->plan, NULL, "Leave the column out, and OVERRIDING USER VALUE, too.",
                        "Column \"%s\" gets its value from a sequence, and each shard's sequence counts for itself.",
                        relation->columns[i].name);
}

static void plan_sharded(struct inserting *inserting)
{
    check_sequences(inserting);
    check_overriding(inserting);
    check_conflict(inserting);
    if (plan_is_refused(inserting->plan))
        return;
    plan_forbid_clock_words(inserting->plan, &inserting->target);
    if (inserting->source)
        plan_source(inserting);
    else if (inserting->evaluated && inserting->evaluated->computed)
        plan_computed(inserting);
    else
        plan_values(inserting);
}

static void plan_reference(struct inserting *inserting)
{
    struct plan *plan = inserting->plan;
    check_overriding(inserting);
    const char *column = left_to_default(inserting, DEFAULT_SEQUENCE);
    column = column ? column : left_to_default(inserting, DEFAULT_EXPRESSION);
    if (column)
        plan_refuse(plan, "this statement cannot change a reference table", "Give the column a value.",
                    "The default of column \"%s\" may be different on each shard.", column);
    if (inserting->source && inserting->insert->onConflictClause)
        plan_refuse(plan, "this statement cannot change a reference table", "Insert VALUES.",
                    "Which of several conflicting rows stays may be different on each shard.");
    if (inserting->source &&
        (inserting->source->select->limitCount || inserting->source->select->limitOffset))
        plan_refuse(plan, "this statement cannot change a reference table", "Leave out LIMIT and OFFSET.",
                    "Which rows LIMIT takes may be different on each shard.");
    if (plan_check_functions(plan, &inserting->analysis))
        return;
    if (inserting->evaluated)
        plan->inside->insert = new_rows(inserting, inserting->evaluated->count);
    if (inserting->evaluated && inserting->evaluated->computed && !insert_parameter_types(inserting))
        plan_refuse(plan, "this statement cannot change a reference table", "Declare the parameters' types.",
                    "The type of a parameter is not known.");
    plan_reference_write(plan, &inserting->analysis, &inserting->target);
}

/* ---- a table of the home shard ---- */

static bool has_parameter(Node *node, void *context)
{
    return node && (IsA(node, ParamRef) || parse_walk(node, has_parameter, context));
}

static bool has_sublink(Node *node, void *context)
{
    return node && (IsA(node, SubLink) || parse_walk(node, has_sublink, context));
}

/* WITH goes along with the query. */
static bool can_take_with(const InsertStmt *insert)
{
    return !insert->withClause || (!castNode(SelectStmt, insert->selectStmt)->withClause && !has_sublink((Node *) insert->onConflictClause, NULL) &&
                                   !has_sublink((Node *) insert->returningList, NULL));
}

/* Are rows of sharded tables what the query gives, and nothing else asks for any?  All that there is but the query stays as it is. */
static bool takes_gathered(const struct inserting *inserting)
{
    const InsertStmt *insert = inserting->insert;
    const struct analysis *analysis = &inserting->analysis;
    const struct query *source = inserting->source;
    const struct resolved_relation *target = &inserting->target;
    if (!source || !can_take_with(insert) || target->place == PLACE_VIEW || (target->relation && target->relation->has_rules) ||
        has_parameter((Node *) insert->onConflictClause, NULL) || has_parameter((Node *) insert->returningList, NULL))
        return false;
    for (int i = 0; i < analysis->scan_count; i++)
        if (!insert->withClause && scan_is_sharded(&analysis->scans[i]) && (i < source->first_scan || i >= source->end_scan))
            return false;
    return scans_have_sharded(analysis, source->first_scan, source->end_scan);
}

/* The INSERT's text around its query. */
static bool cut_around_query(struct inserting *inserting, const char **before, const char **behind)
{
    static const char mark[] = "SELECT \"keyway: rows\"";
    struct arena *arena = &inserting->plan->arena;
    struct error error = {0};
    InsertStmt *insert = (InsertStmt *) copyObjectImpl(inserting->insert);
    insert->withClause = NULL;
    insert->selectStmt = linitial_node(RawStmt, parse_more(mark, &error))->stmt;
    const char *text = parse_deparse((Node *) insert, arena), *at = text ? strstr(text, mark) : NULL;
    if (!at)
        return false;
    *before = arena_strndup(arena, text, (size_t) (at - text));
    *behind = at + strlen(mark);
    return true;
}

/* INSERT … over gathered rows: the query gives what it would give over all of them in one place, and what is done with that is the home shard's. */
static void plan_gathered_source(struct inserting *inserting, SelectStmt *select)
{
    struct plan *plan = inserting->plan;
    struct session_facts facts = *inserting->analysis.planning->facts;
    struct planning in_steps = *inserting->analysis.planning;
    const char *before, *behind;
    if (inserting->insert->withClause)
        select->withClause = (WithClause *) copyObjectImpl(inserting->insert->withClause);
    facts.gathers = true;
    in_steps.facts = &facts;
    plan->writes = false; /* the query does not */
    plan_select(plan, &in_steps, inserting->analysis.arena, select);
    plan->writes = true;
    shard_set_add(&plan->inside->fixed, 0);
    if (plan->many != PLAN_GATHER)
        return;
    if (!cut_around_query(inserting, &before, &behind)) {
        plan_refuse_many(plan, NULL, "Write the statement in a simpler form.", "The INSERT of gathered rows cannot be written.");
        return;
    }
    plan->stores = true;
    plan->shard_text = arena_printf(&plan->arena, "%s%s%s", before, plan->shard_text, behind);
    plan->gather_values = plan->gather_values ? arena_printf(&plan->arena, "%s%s%s", before, plan->gather_values, behind) : NULL;
}

static void plan_home(struct inserting *inserting)
{
    if (takes_gathered(inserting)) {
        if (!plan_check_functions(inserting->plan, &inserting->analysis))
            plan_gathered_source(inserting, inserting->unread);
        return;
    }
    inserting->analysis.home = inserting->target.name;
    give_up(inserting, "Read first, then insert in a statement of its own.",
            "The table is on the home shard, what the INSERT reads is on others, too.");
    plan_conclude(inserting->plan, &inserting->analysis, PLAN_REFUSE, inserting->proof.detail,
                  &inserting->proof);
}

/* VALUES with ORDER BY or LIMIT is a query like any other. */
static bool is_plain_values(const SelectStmt *select)
{
    return select->valuesLists && !select->sortClause && !select->limitCount && !select->limitOffset &&
           !select->withClause;
}

static void read_clauses(struct inserting *inserting)
{
    struct analysis *analysis = &inserting->analysis;
    InsertStmt *insert = inserting->insert;
    SelectStmt *select = (SelectStmt *) insert->selectStmt;
    if (inserting->target.table && !(select && is_plain_values(select)))
        insert_compute(inserting);
    inserting->query = analyze_insert(analysis, insert->relation, insert->withClause);
    if (select && is_plain_values(select)) {
        inserting->values = select;
        if (inserting->target.table)
            insert_evaluate(inserting);
        analyze_clause(analysis, inserting->query, (Node *) select->valuesLists, CLAUSE_OUTPUT);
    } else if (select && !inserting->evaluated) {
        inserting->unread = (SelectStmt *) copyObjectImpl(select);
        inserting->source = analyze_source(analysis, inserting->query, select);
    }
    if (insert->onConflictClause) {
        analyze_clause(analysis, inserting->query, (Node *) insert->onConflictClause->targetList, CLAUSE_SET);
        analyze_clause(analysis, inserting->query, insert->onConflictClause->whereClause, CLAUSE_SET);
    }
    analyze_clause(analysis, inserting->query, (Node *) insert->returningList, CLAUSE_OUTPUT);
    if (inserting->evaluated)
        insert_evaluated_parameters(inserting);
}

void plan_insert(struct plan *plan, const struct planning *planning, struct arena *arena, InsertStmt *insert)
{
    struct inserting inserting = {.plan = plan, .insert = insert};
    analysis_init(&inserting.analysis, planning, plan, arena, (Node *) insert);
    inserting.target = resolve_relation(planning, insert->relation);
    bool updates = insert->onConflictClause && insert->onConflictClause->action == ONCONFLICT_UPDATE;
    if (plan_check_target(plan, &inserting.target, updates) || plan_check_home(plan, planning, &inserting.target))
        return;
    if (inserting.target.table)
        find_columns(&inserting, arena);
    read_clauses(&inserting);
    if (plan_is_refused(plan) || plan_check_view(plan, planning, arena, &inserting.target))
        return;
    if (inserting.target.place == PLACE_SHARDED)
        plan_sharded(&inserting);
    else if (inserting.target.place == PLACE_REFERENCE)
        plan_reference(&inserting);
    else
        plan_home(&inserting);
    if (!plan_is_refused(plan))
        plan->evaluation = inserting.evaluation;
}
