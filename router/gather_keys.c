/*
 * Proof: in every combination of rows that can influence the result, a column of the one table equals a column of the other (the scan's
 * region, analyze.h); the other's rows in these combinations are among those of its part.  A row of the first whose value is not among
 * the values of that part stands in no such combination.  This holds for each source by itself, so that a table may have several, and a table that waits
 * for keys may be the source of others.
 *
 * What has been said of a table holds for a part that is a subquery, or FROM and WHERE of one: its rows are those of the subquery's region, where what is
 * around it counts as far as a filter on the column may be asked of the subquery's rows instead (query_filter_moves_in()).  So the part's rows are asked.
 *
 * A source is
 *
 * - another table of which rows are gathered;
 * - a subquery, or FROM and WHERE of one, that the shards compute: a column of its part, which has all values that the subquery shows in it;
 * - a table that is on the home shard in full: this is asked for the column's values, no more than a few, which serve for nothing else.
 *
 * Which table is the smaller one is not known.  A table that is compared with a constant is taken for smaller than one that is not, and
 * one that is searched for by a value for smaller than one of which a range is wanted; so is one that gets keys from such a one.  If a source turns out to be
 * large, its keys are not used.
 */
#include "router/gather_keys.h"

#include <string.h>

#include "router/expressions.h"
#include "router/gather_filter.h"
#include "router/gather_push.h"
#include "router/sql_types.h"

enum { MOST_NODES = 40, MOST_SOURCES = 4 /* of one table */ };

enum restriction { UNRESTRICTED, RANGE_WANTED, VALUE_WANTED };

enum node_kind { NODE_TABLE, NODE_HOME, NODE_PART };

/* What may wait for keys (a table), or have some. */
struct node {
    enum node_kind kind;
    int scan;                    /* of a table, or one on the home shard */
    const struct query *reading; /* of a part … */
    const struct gather_pushed *pushed; /* … what became it */
    enum restriction restriction;
    bool waits; /* it may */
    bool placed;
};

/* Columns that are equal: of a table, by number; and of the source, by its number there. */
struct link {
    const struct node *source;
    int column, source_column;
};

/* By scan, and behind these by part: where its keys come from. */
struct gather_keys {
    struct link links[MOST_SOURCES];
    int count;
    bool is_source;
};

/* ---- how much is wanted ---- */

static bool is_equality(const A_Expr *expression)
{
    bool columns = expression->lexpr && IsA(expression->lexpr, ColumnRef) && IsA(expression->rexpr, ColumnRef);
    return (expression->kind == AEXPR_OP || expression->kind == AEXPR_IN) && !strcmp(parse_name(expression->name), "=") && !columns;
}

static bool finds_value(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, A_Expr))
        return is_equality(castNode(A_Expr, node));
    if (IsA(node, BoolExpr) && castNode(BoolExpr, node)->boolop == NOT_EXPR)
        return false;
    return parse_walk(node, finds_value, context);
}

static bool has_constant(Node *node, void *context)
{
    return node && (IsA(node, A_Const) || IsA(node, ParamRef) || parse_walk(node, has_constant, context));
}

static enum restriction restriction_by(Node *condition)
{
    return !condition ? UNRESTRICTED : finds_value(condition, NULL) ? VALUE_WANTED : RANGE_WANTED;
}

/* What the query says of a table on the home shard; NULL: nothing. */
static Node *condition_of_home(const struct gathering *gathering, const struct scan *scan)
{
    List *own;
    return gather_filter(gathering->analysis, scan, true, &own);
}

/* Groups are taken to be fewer than rows, but for those of a table of which there would be many (gather_early.h). */
static enum restriction restriction_of_part(const struct gathering *gathering, const struct gather_pushed *pushed)
{
    const SelectStmt *select = pushed->computed;
    ListCell *cell;
    bool early = parse_list_has(gathering->early, pushed->select);
    bool restricted = (select->groupClause && !early) || select->limitCount || select->distinctClause;
    foreach (cell, gather_conjuncts(select->whereClause)) {
        if (finds_value(lfirst(cell), NULL) && has_constant(lfirst(cell), NULL))
            return VALUE_WANTED;
        restricted |= has_constant(lfirst(cell), NULL);
    }
    return restricted ? RANGE_WANTED : UNRESTRICTED;
}

/* ---- the nodes ---- */

struct choice {
    struct gathering *gathering;
    struct analysis *analysis;
    struct node nodes[MOST_NODES];
    int count;
    struct link links[MOST_NODES][MOST_NODES]; /* of a table to a source; looked for once */
    bool looked[MOST_NODES][MOST_NODES];
};

/* What holds in one reading of a name need not hold in another. */
static bool is_read_once(const struct analysis *analysis, int scan)
{
    int readings = 0;
    for (int i = 0; i < analysis->scan_count; i++)
        readings += analysis->scans[i].range == analysis->scans[scan].range;
    return readings == 1;
}

static bool has_columns(const struct scan *scan)
{
    return scan->range && scan->first_slot != NO_SLOT && scan->relation.relation;
}

/* Who may read a view need not be allowed to read its tables. */
static bool is_in_view(const struct analysis *analysis, int scan)
{
    for (int i = 0; i < analysis->view_count; i++)
        if (scan >= analysis->views[i].first_scan && scan < analysis->views[i].end_scan)
            return true;
    return false;
}

static bool is_on_home_shard(const struct choice *choice, int number)
{
    const struct scan *scan = &choice->analysis->scans[number];
    bool whole = scan->relation.place == PLACE_UNSHARDED || (scan->relation.place == PLACE_REFERENCE && !scan->relation.table->problem);
    return whole && choice->gathering->owners[number] < 0 && scan->relation.relation->kind != RELATION_SEQUENCE &&
           !is_in_view(choice->analysis, number);
}

static void add_node(struct choice *choice, struct node node)
{
    if (choice->count < MOST_NODES)
        choice->nodes[choice->count++] = node;
}

static void add_table(struct choice *choice, int number)
{
    const struct scan *scan = &choice->analysis->scans[number];
    if (!has_columns(scan) || !gather_still_reads(choice->gathering, scan))
        return;
    if (scan_is_sharded(scan) && choice->gathering->owners[number] < 0) {
        add_node(choice, (struct node){.kind = NODE_TABLE, .scan = number, .waits = is_read_once(choice->analysis, number),
                                       .restriction = restriction_by(choice->gathering->wanted[number].condition)});
    } else if (is_on_home_shard(choice, number)) {
        enum restriction restriction = restriction_by(condition_of_home(choice->gathering, scan));
        bool few = restriction == UNRESTRICTED && scan->relation.place == PLACE_UNSHARDED; /* no more than few are asked for */
        add_node(choice, (struct node){.kind = NODE_HOME, .scan = number, .restriction = few ? RANGE_WANTED : restriction, .placed = true});
    }
}

/* The part is nothing else, and is read once. */
static bool is_only_part(const struct choice *choice, const struct gather_pushed *given)
{
    int readings = 0;
    for (const struct gather_pushed *pushed = choice->gathering->pushed; pushed; pushed = pushed->next)
        for (int i = 0; i < choice->analysis->query_count; i++)
            readings += pushed->part == given->part && choice->analysis->queries[i]->select == pushed->select;
    return readings == 1 && !given->computed->limitCount;
}

/* All readings of what became the part; its columns are the same in each. */
static void add_part(struct choice *choice, const struct gather_pushed *pushed)
{
    if (!choice->gathering->arrays[pushed->part] || !choice->gathering->parts[pushed->part].binary)
        return;
    bool waits = is_only_part(choice, pushed);
    for (int i = 0; i < choice->analysis->query_count; i++)
        if (choice->analysis->queries[i]->select == pushed->select)
            add_node(choice, (struct node){.kind = NODE_PART, .scan = -1, .reading = choice->analysis->queries[i], .pushed = pushed,
                                           .restriction = restriction_of_part(choice->gathering, pushed), .waits = waits, .placed = !waits});
}

/* ---- which columns are equal ---- */

/* The slot of the part's column inside of the query.  One that nobody reads is a constant there (gather_unread), whatever it was equal to. */
static int slot_inside(const struct choice *choice, const struct node *node, int column)
{
    const struct query *query = node->reading;
    const List *expressions = node->pushed->expressions;
    if (query->set_operation)
        return NO_SLOT;
    if (!expressions)
        return column < query->output_count && !query->outputs[column].forgotten ? query->outputs[column].slot : NO_SLOT;
    return column < list_length(expressions) ? analysis_slot(choice->analysis, query, list_nth(expressions, column)) : NO_SLOT;
}

/* That of the query's column, as those around it know it, which shows this column of the part and nothing else. */
static int slot_outside(const struct node *node, int column, int inside)
{
    const struct query *query = node->reading;
    bool whole = !node->pushed->expressions;
    for (int i = 0; query->shown && query->outputs_known && i < query->output_count; i++)
        if (whole ? i == column && !query->outputs[i].forgotten : inside >= 0 && query->outputs[i].slot == inside)
            return query->shown[i];
    return NO_SLOT;
}

static int column_count(const struct choice *choice, const struct node *node)
{
    return node->kind == NODE_PART ? choice->gathering->parts[node->pushed->part].column_count
                                   : choice->analysis->scans[node->scan].relation.relation->column_count;
}

static bool equal_slots(const struct choice *choice, int region, int left, int right)
{
    if (right < 0 || !analysis_equal(choice->analysis, region, left, right))
        return false;
    uint32_t type = choice->analysis->slots[left].type;
    return type < FIRST_USER_TYPE && types_compare(type, choice->analysis->slots[right].type);
}

/* Of what waits: the slot of a column. */
static int own_slot(const struct choice *choice, const struct node *node, int column)
{
    return node->kind == NODE_PART ? slot_inside(choice, node, column) : choice->analysis->scans[node->scan].first_slot + column;
}

static bool is_equal(const struct choice *choice, const struct node *node, int slot, const struct node *source, int column)
{
    int region = node->kind == NODE_PART ? node->reading->region : choice->analysis->scans[node->scan].region;
    if (source->kind != NODE_PART)
        return equal_slots(choice, region, slot, choice->analysis->scans[source->scan].first_slot + column);
    int inside = slot_inside(choice, source, column);
    return equal_slots(choice, region, slot, inside) || equal_slots(choice, region, slot, slot_outside(source, column, inside));
}

/* An array of the keys is one of labels, if they are. */
static bool is_enumeration(const struct choice *choice, const struct node *node, int column)
{
    return node->kind == NODE_TABLE && choice->analysis->scans[node->scan].relation.relation->columns[column].enumeration;
}

static struct link find_columns(const struct choice *choice, const struct node *node, const struct node *source)
{
    for (int i = 0; i < column_count(choice, node); i++) {
        int slot = own_slot(choice, node, i);
        for (int k = 0; slot >= 0 && !is_enumeration(choice, node, i) && k < column_count(choice, source); k++)
            if (is_equal(choice, node, slot, source, k))
                return (struct link){source, i, k};
    }
    return (struct link){0};
}

/* Its source is NULL: there is none. */
static struct link link_to(struct choice *choice, const struct node *node, const struct node *source)
{
    ptrdiff_t from = node - choice->nodes, to = source - choice->nodes;
    if (!choice->looked[from][to])
        choice->links[from][to] = find_columns(choice, node, source);
    choice->looked[from][to] = true;
    return choice->links[from][to];
}

/* ---- the choice ---- */

/* The query in whose FROM, or below, the scan stands, and no smaller one. */
static const struct query *innermost(const struct analysis *analysis, int scan)
{
    const struct query *found = NULL;
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if (scan >= query->first_scan && scan < query->end_scan &&
            (!found || query->end_scan - query->first_scan <= found->end_scan - found->first_scan))
            found = query;
    }
    return found;
}

/* A reference table beside it in FROM restricts it without keys (gather_partners.h). */
static bool is_partner(const struct choice *choice, const struct node *node, const struct node *source)
{
    const struct analysis *analysis = choice->analysis;
    return source->kind == NODE_HOME && node->kind == NODE_TABLE && analysis->scans[source->scan].relation.place == PLACE_REFERENCE &&
           innermost(analysis, node->scan) == innermost(analysis, source->scan);
}

static bool may_restrict(struct choice *choice, const struct node *node, const struct node *source)
{
    return source != node && source->placed && source->restriction != UNRESTRICTED && source->restriction >= node->restriction &&
           !is_partner(choice, node, source) && link_to(choice, node, source).source;
}

/* How much would be known of it, if it came next. */
static enum restriction reach(struct choice *choice, const struct node *node)
{
    enum restriction most = node->restriction;
    for (int i = 0; node->waits && i < choice->count; i++)
        if (choice->nodes[i].restriction > most && may_restrict(choice, node, &choice->nodes[i]))
            most = choice->nodes[i].restriction;
    return most;
}

static struct node *next_node(struct choice *choice)
{
    struct node *best = NULL;
    enum restriction most = UNRESTRICTED;
    for (int i = 0; i < choice->count; i++) {
        struct node *node = &choice->nodes[i];
        enum restriction reached = node->placed ? UNRESTRICTED : reach(choice, node);
        if (node->placed || (best && reached <= most))
            continue;
        best = node;
        most = reached;
    }
    return best;
}

static bool has_column(const struct gather_keys *keys, int column)
{
    for (int i = 0; i < keys->count; i++)
        if (keys->links[i].column == column)
            return true;
    return false;
}

static void place(struct choice *choice, struct node *node)
{
    struct gathering *gathering = choice->gathering;
    struct gather_keys *keys = &gathering->keys[node->kind == NODE_PART ? gathering->analysis->scan_count + node->pushed->part : node->scan];
    enum restriction most = node->restriction;
    for (enum restriction wanted = VALUE_WANTED; node->waits && wanted > UNRESTRICTED; wanted--)
        for (int i = 0; i < choice->count && keys->count < MOST_SOURCES; i++) {
            struct node *source = &choice->nodes[i];
            if (source->restriction != wanted || !may_restrict(choice, node, source) || has_column(keys, link_to(choice, node, source).column))
                continue;
            keys->links[keys->count++] = link_to(choice, node, source);
            if (source->kind == NODE_TABLE)
                gathering->keys[source->scan].is_source = true;
            most = source->restriction > most ? source->restriction : most;
        }
    node->restriction = most;
    node->placed = true;
    if (keys->count && node->kind == NODE_TABLE)
        gathering->sequence[gathering->sequence_count++] = node->scan;
}

bool gather_waits_for_keys(const struct gathering *gathering, int scan)
{
    return gathering->keys[scan].count > 0;
}

/* Those that wait for nothing stand before those that do, and of these the ones that others wait for; else they are as they stand in the query. */
static void put_in_order(struct gathering *gathering)
{
    const int *waiting = gathering->sequence;
    int waiting_count = gathering->sequence_count, scans = gathering->analysis->scan_count;
    gathering->sequence = arena_alloc_array(gathering->analysis->arena, (size_t) scans, sizeof *gathering->sequence);
    gathering->sequence_count = 0;
    for (int i = 0; i < 2 * scans; i++)
        if (!gather_waits_for_keys(gathering, i % scans) && gathering->keys[i % scans].is_source == (i < scans))
            gathering->sequence[gathering->sequence_count++] = i % scans;
    for (int i = 0; i < waiting_count; i++)
        gathering->sequence[gathering->sequence_count++] = waiting[i];
}

void gather_choose_keys(struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    struct choice *choice = arena_alloc(analysis->arena, sizeof *choice);
    struct node *node;
    *choice = (struct choice){.gathering = gathering, .analysis = gathering->analysis};
    gathering->keys = arena_alloc_array(analysis->arena, (size_t) (analysis->scan_count + gathering->part_count), sizeof *gathering->keys);
    gathering->sequence = arena_alloc_array(analysis->arena, (size_t) analysis->scan_count, sizeof *gathering->sequence);
    for (int i = 0; i < analysis->scan_count; i++)
        add_table(choice, i);
    for (const struct gather_pushed *pushed = gathering->pushed; pushed; pushed = pushed->next)
        add_part(choice, pushed);
    while ((node = next_node(choice)))
        place(choice, node);
    put_in_order(gathering);
}

/* ---- the condition ---- */

/* column = ANY ($number) */
static Node *is_among_keys(const char *column, int number)
{
    ColumnRef *reference = makeNode(ColumnRef);
    ParamRef *array = makeNode(ParamRef);
    reference->fields = list_make1(makeString((char *) column));
    array->number = number;
    reference->location = array->location = -1;
    return (Node *) makeA_Expr(AEXPR_OP_ANY, list_make2(makeString((char *) "pg_catalog"), makeString((char *) "=")), (Node *) reference,
                               (Node *) array, -1);
}

/* … OR $number IS NULL: that source was not used. */
static Node *is_among_known_keys(const char *column, int number)
{
    NullTest *test = makeNode(NullTest);
    ParamRef *array = makeNode(ParamRef);
    array->number = number;
    array->location = test->location = -1;
    test->arg = (Expr *) array;
    test->nulltesttype = IS_NULL;
    return (Node *) makeBoolExpr(OR_EXPR, list_make2(is_among_keys(column, number), test), -1);
}

static int column_of_part(const struct gathering *gathering, int part, const char *name)
{
    ListCell *cell;
    foreach (cell, gathering->columns[part])
        if (!strcmp(strVal(lfirst(cell)), name))
            return foreach_current_index(cell);
    return -1;
}

static const char *name_of(const struct scan *scan, int column)
{
    return scan->relation.relation->columns[column].name;
}

/* SELECT the column FROM the table WHERE what the query says of it alone LIMIT one more than few */
static SelectStmt *select_of_home(struct gathering *gathering, const struct scan *scan, const char *column)
{
    SelectStmt *select = makeNode(SelectStmt);
    RangeVar *from = (RangeVar *) copyObjectImpl(scan->range);
    from->schemaname = (char *) scan->relation.schema;
    if (from->alias)
        from->alias->colnames = NIL;
    select->targetList = list_make1(gather_target(makeString((char *) column)));
    select->fromClause = list_make1(from);
    select->whereClause = (Node *) copyObjectImpl(condition_of_home(gathering, scan));
    select->limitCount = expression_number(arena_printf(gathering->arena, "%d", GATHER_MOST_KEYS + 1));
    select->limitOption = (LimitOption) PARSED_LIMIT_COUNT;
    return select;
}

static bool same_question(const struct gather_part *left, const struct gather_part *right)
{
    return !left->parameter_count && !right->parameter_count && !strcmp(left->select, right->select);
}

/* The number of the question for the column's values; -1: it cannot be written. */
static int ask_home(struct gathering *gathering, const struct link *link)
{
    const struct scan *scan = &gathering->analysis->scans[link->source->scan];
    SelectStmt *select = select_of_home(gathering, scan, name_of(scan, link->source_column));
    struct gather_parameters parameters = gather_renumber(gathering, (Node *) select);
    struct gather_part part = {.what = GATHER_KEYS,
                               .table = arena_strdup(gathering->arena, scan->relation.name),
                               .select = parse_deparse((Node *) select, gathering->arena),
                               .parameters = parameters.numbers,
                               .parameter_count = parameters.count,
                               .column_count = 1,
                               .binary = true};
    if (!part.select || scan->relation.relation->columns[link->source_column].enumeration)
        return -1;
    for (int i = 0; i < gathering->question_count; i++)
        if (same_question(&gathering->questions[i], &part))
            return i;
    if (gathering->question_count == gathering->analysis->scan_count) /* there is room for as many */
        return -1;
    gathering->questions[gathering->question_count] = part;
    return gathering->question_count++;
}

/* The table's own part, and where in it the column is; false: it has no array of it. */
static bool find_part(const struct gathering *gathering, const struct link *link, struct gather_key *key)
{
    const struct scan *scan = &gathering->analysis->scans[link->source->scan];
    key->part = gathering->owners[link->source->scan];
    if (key->part < 0 || !gathering->scans[key->part] || !gathering->arrays[key->part] || !gathering->parts[key->part].binary)
        return false;
    key->column = column_of_part(gathering, key->part, name_of(scan, link->source_column));
    return key->column >= 0;
}

static bool find_key(struct gathering *gathering, const struct link *link, struct gather_key *key)
{
    *key = (struct gather_key){0};
    switch (link->source->kind) {
    case NODE_TABLE:
        return find_part(gathering, link, key);
    case NODE_PART:
        *key = (struct gather_key){.part = link->source->pushed->part, .column = link->source_column};
        return true;
    case NODE_HOME:
        key->part = ask_home(gathering, link);
        key->of_home = true;
        return key->part >= 0;
    }
    return false;
}

/* The keys of the part that are to be had, and of which of its columns each is. */
static int find_keys(struct gathering *gathering, const struct gather_keys *keys, struct gather_part *part, int columns[MOST_SOURCES])
{
    struct gather_key *found = arena_alloc_array(gathering->arena, MOST_SOURCES, sizeof *found);
    int count = 0;
    for (int i = 0; part->binary && i < keys->count; i++)
        if (find_key(gathering, &keys->links[i], &found[count]))
            columns[count++] = keys->links[i].column;
    part->keys = found;
    return count;
}

static Node *key_condition(const char *column, const struct gather_part *part, int number, int count)
{
    int parameter = part->parameter_count + number + 1;
    return count == 1 ? is_among_keys(column, parameter) : is_among_known_keys(column, parameter);
}

static void note_keyed(struct gathering *gathering, struct gather_part *part, SelectStmt *select, int count)
{
    part->keyed = count ? parse_deparse((Node *) select, gathering->arena) : NULL;
    part->key_count = part->keyed ? count : 0;
}

void gather_add_keys(struct gathering *gathering, int scan, const SelectStmt *select)
{
    struct gather_part *part = &gathering->parts[gathering->part_count - 1];
    SelectStmt restricted = *select;
    List *conditions = gather_conjuncts(select->whereClause); /* which the parser makes one AND of */
    int columns[MOST_SOURCES], count = find_keys(gathering, &gathering->keys[scan], part, columns);
    for (int i = 0; i < count; i++)
        conditions = lappend(conditions, key_condition(name_of(&gathering->analysis->scans[scan], columns[i]), part, i, count));
    restricted.whereClause = gather_conjunction(conditions);
    note_keyed(gathering, part, &restricted, count);
}

/* SELECT * FROM (what the part is) WHERE its column is among the keys: PostgreSQL asks it of what the column is made of. */
static void add_keys_of_part(struct gathering *gathering, const struct gather_pushed *pushed)
{
    struct gather_part *part = &gathering->parts[pushed->part];
    SelectStmt *restricted = makeNode(SelectStmt);
    RangeSubselect *rows = makeNode(RangeSubselect);
    List *conditions = NIL;
    int columns[MOST_SOURCES];
    int count = find_keys(gathering, &gathering->keys[gathering->analysis->scan_count + pushed->part], part, columns);
    for (int i = 0; i < count; i++)
        conditions = lappend(conditions, key_condition(gather_column_name(gathering, columns[i]), part, i, count));
    rows->subquery = (Node *) copyObject(pushed->computed);
    rows->alias = makeAlias(GATHER_ALIAS, gathering->columns[pushed->part]);
    gather_renumber(gathering, rows->subquery);
    restricted->targetList = list_make1(gather_target(makeNode(A_Star)));
    restricted->fromClause = list_make1(rows);
    restricted->whereClause = gather_conjunction(conditions);
    note_keyed(gathering, part, restricted, count);
}

void gather_add_keys_of_parts(struct gathering *gathering)
{
    for (const struct gather_pushed *pushed = gathering->pushed; pushed; pushed = pushed->next)
        if (gathering->keys[gathering->analysis->scan_count + pushed->part].count)
            add_keys_of_part(gathering, pushed);
}
