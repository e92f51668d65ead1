/*
 * What an INSERT leaves to PostgreSQL before its rows can be routed.
 *
 * The key must be known, so a key that is an expression or a default is computed by the home shard; so is
 * what may have only one source for all shards: the next value of a sequence, and, where rows go to several
 * shards, the clock and random numbers.  The values come back as text with their types' names and take the
 * expressions' places, so that the shard converts them to its columns as it would have the expressions.
 *
 * One PostgreSQL gives all calls of now() in a statement one time.  So as soon as anything is computed first,
 * everything that reads the clock is, too.
 */
#include <string.h>

#include "router/insert_inside.h"
#include "router/rewrite.h"

enum { MOST_OUTPUTS = 1600 }; /* of a select list: MaxTupleAttributeNumber is 1664 */

/* What an expression of VALUES is made of. */
struct nature {
    const struct planning *planning;
    bool opaque;  /* cannot be computed elsewhere, as far as can be seen */
    bool counter; /* nextval() and its like */
    bool clock;
    bool random;
};

static void note_call(struct nature *nature, const FuncCall *call)
{
    struct function_facts facts = function_facts(nature->planning, call);
    bool counter =
        !strcmp(facts.name, "nextval") || !strcmp(facts.name, "currval") || !strcmp(facts.name, "lastval");
    nature->opaque |= facts.aggregate || facts.returns_set || call->over != NULL;
    switch (facts.class) {
    case FUNCTION_SAFE:
        return;
    case FUNCTION_CLOCK:
        nature->clock = true;
        return;
    case FUNCTION_VOLATILE:
        nature->random = true;
        return;
    case FUNCTION_HOME:
        nature->counter |= counter;
        nature->opaque |= !counter;
        return;
    case FUNCTION_LOCK:
    case FUNCTION_SETTING:
    case FUNCTION_UNKNOWN:
    case FUNCTION_READER:
        nature->opaque = true;
        return;
    }
}

static void note_value_function(struct nature *nature, const SQLValueFunction *function)
{
    switch (function->op) {
    case SVFOP_CURRENT_CATALOG:
        nature->opaque = true;
        return;
    case SVFOP_CURRENT_ROLE:
    case SVFOP_CURRENT_USER:
    case SVFOP_USER:
    case SVFOP_SESSION_USER:
    case SVFOP_CURRENT_SCHEMA:
        return;
    case SVFOP_CURRENT_DATE:
    case SVFOP_CURRENT_TIME:
    case SVFOP_CURRENT_TIME_N:
    case SVFOP_CURRENT_TIMESTAMP:
    case SVFOP_CURRENT_TIMESTAMP_N:
    case SVFOP_LOCALTIME:
    case SVFOP_LOCALTIME_N:
    case SVFOP_LOCALTIMESTAMP:
    case SVFOP_LOCALTIMESTAMP_N:
        nature->clock = true;
        return;
    }
}

static bool note_node(Node *node, void *context)
{
    struct nature *nature = context;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_SubLink:
    case T_ColumnRef:
    case T_SetToDefault:
        nature->opaque = true;
        return true;
    case T_FuncCall:
        note_call(nature, castNode(FuncCall, node));
        break;
    case T_SQLValueFunction:
        note_value_function(nature, castNode(SQLValueFunction, node));
        break;
    case T_TypeCast: /* nextval('s'::regclass) asks the home shard's catalog for its own sequence */
        nature->opaque |= type_is_catalog(castNode(TypeCast, node)->typeName) &&
                          strcmp(parse_name(castNode(TypeCast, node)->typeName->names), "regclass") != 0;
        break;
    default:
        break;
    }
    return parse_walk(node, note_node, context);
}

static struct nature nature_of(const struct inserting *inserting, Node *expression)
{
    struct nature nature = {.planning = inserting->analysis.planning};
    note_node(expression, &nature);
    return nature;
}

/* A function of the users' own stands behind an operator, a cast or a field. */
static bool calls_unseen(Node *node, void *context)
{
    const struct planning *planning = context;
    struct function_facts facts = {.class = FUNCTION_SAFE};
    if (!node)
        return false;
    if (IsA(node, A_Expr))
        facts = function_facts_of_name(planning, castNode(A_Expr, node)->name);
    else if (IsA(node, TypeCast))
        facts = function_facts_of_cast(planning, castNode(TypeCast, node)->typeName);
    else if (IsA(node, A_Indirection))
        return true;
    return (facts.users && facts.class != FUNCTION_SAFE) || parse_walk(node, calls_unseen, context);
}

bool planning_computes(const struct planning *planning, Node *expression)
{
    struct nature nature = {.planning = planning};
    note_node(expression, &nature);
    return !nature.opaque && !calls_unseen(expression, (void *) planning);
}

/* ---- choosing ---- */

/* A place of a row: what is written there, or a column that is not named at all. */
struct place {
    int column;  /* of the table */
    Node *value; /* NULL or SetToDefault: the column's default */
    bool chosen;
};

struct choice {
    struct inserting *inserting;
    struct place *places; /* rows × width */
    int rows, width, written;
    bool any;
};

static const struct catalog_column *column_of(const struct choice *choice, const struct place *place)
{
    return &choice->inserting->target.relation->columns[place->column];
}

static bool is_default(const struct place *place)
{
    return !place->value || IsA(place->value, SetToDefault);
}

/* Do rows, or copies of one row, go to several shards? */
static bool spreads(const struct choice *choice)
{
    return choice->rows > 1 || choice->inserting->target.place == PLACE_REFERENCE;
}

static bool must_choose_default(const struct choice *choice, const struct place *place)
{
    const struct catalog_column *column = column_of(choice, place);
    switch (column->standard) {
    case DEFAULT_NONE:
    case DEFAULT_GENERATED:
        return false;
    case DEFAULT_CONSTANT:
        return insert_is_key(choice->inserting, place->column);
    case DEFAULT_SEQUENCE:
        return true;
    case DEFAULT_EXPRESSION:
        return choice->any || spreads(choice) || insert_is_key(choice->inserting, place->column);
    }
    return false;
}

static bool must_choose(const struct choice *choice, const struct place *place)
{
    struct inserting *inserting = choice->inserting;
    struct value value;
    if (is_default(place))
        return must_choose_default(choice, place) && column_of(choice, place)->default_text;
    struct nature nature = nature_of(inserting, place->value);
    if (nature.opaque)
        return false;
    if (nature.counter || (nature.clock && choice->any) ||
        ((nature.clock || nature.random) && spreads(choice)))
        return true;
    return insert_is_key(inserting, place->column) &&
           !analysis_value(&inserting->analysis, place->value, column_of(choice, place)->type, &value);
}

static bool choose(struct choice *choice)
{
    for (int i = 0; i < choice->rows * choice->width; i++) {
        struct place *place = &choice->places[i];
        place->chosen = place->chosen || must_choose(choice, place);
        choice->any |= place->chosen;
    }
    return choice->any;
}

/* The columns of the table that a row of this width names nothing for. */
static int find_missing(const struct inserting *inserting, int written, int *missing)
{
    int count = 0;
    for (int i = 0; i < inserting->target.relation->column_count; i++)
        if (insert_place(inserting, i, written) < 0)
            missing[count++] = i;
    return count;
}

static void lay_out(struct choice *choice, const List *rows, const int *missing)
{
    for (int row = 0; row < choice->rows; row++)
        for (int i = 0; i < choice->width; i++)
            choice->places[row * choice->width + i] =
                i < choice->written
                    ? (struct place){choice->inserting->columns[i], list_nth(list_nth(rows, row), i), false}
                    : (struct place){missing[i - choice->written], NULL, false};
}

/* A column that is added is added to all rows. */
static void drop_unchosen(struct choice *choice)
{
    int width = choice->written;
    for (int i = choice->written; i < choice->width; i++) {
        if (!choice->places[i].chosen)
            continue;
        for (int row = 0; row < choice->rows; row++)
            choice->places[row * choice->width + width] = choice->places[row * choice->width + i];
        width++;
    }
    struct place *packed = choice->places;
    for (int row = 0; row < choice->rows; row++)
        memmove(&packed[row * width], &choice->places[row * choice->width], (size_t) width * sizeof *packed);
    choice->width = width;
}

/* ---- the text ---- */

/*
 * The numbers of a column GENERATED ALWAYS come from the home shard's sequence, so the shards must take them.  Only where every row leaves the
 * column to it: PostgreSQL refuses rows of which one gives a value (428C9), and so do the shards as long as nobody tells them to override.
 */
static bool gives_identity(const struct choice *choice)
{
    bool any = false;
    for (int i = 0; i < choice->rows * choice->width; i++) {
        const struct place *place = &choice->places[i];
        if (!column_of(choice, place)->always_identity)
            continue;
        if (!is_default(place))
            return false;
        any |= place->chosen;
    }
    return any;
}

static struct insert_addition addition_of(const struct choice *choice, struct arena *arena)
{
    const struct catalog_relation *relation = choice->inserting->target.relation;
    struct insert_addition addition = {0};
    const char *whole = "", *more = "";
    for (int i = 0; i < choice->width; i++) {
        const struct place *place = &choice->places[i];
        const char *name = rewrite_quote_name(relation->columns[place->column].name, arena);
        whole = arena_printf(arena, "%s%s%s", whole, i ? ", " : "(", name);
        if (i >= choice->written)
            more = arena_printf(arena, "%s, %s", more, name);
    }
    if (choice->width > choice->written) {
        addition.more = more;
        addition.whole = arena_printf(arena, " %s) ", whole);
    }
    addition.overriding = choice->inserting->insert->override == OVERRIDING_NOT_SET && gives_identity(choice);
    return addition;
}

/* The outputs of the evaluation: the values, then the names of their types, once for each default. */
static bool number_outputs(struct choice *choice, struct insert_piece *pieces, int *count)
{
    int values = 0, types;
    for (int i = 0; i < choice->rows * choice->width; i++)
        if (choice->places[i].chosen)
            pieces[i].value = values++;
    types = values;
    for (int i = 0; i < choice->rows * choice->width; i++) {
        const struct place *place = &choice->places[i], *first = &choice->places[i % choice->width];
        if (!place->chosen)
            continue;
        bool same = i >= choice->width && first->chosen && is_default(place) && is_default(first);
        pieces[i].type = same ? pieces[i % choice->width].type : types++;
    }
    *count = types;
    return types <= MOST_OUTPUTS;
}

/* Is what is computed nothing but the defaults of some columns, in each row? */
static bool are_columns_of_defaults(const struct choice *choice)
{
    for (int i = 0; i < choice->rows * choice->width; i++) {
        const struct place *place = &choice->places[i];
        if (place->chosen != choice->places[i % choice->width].chosen || (place->chosen && !is_default(place)))
            return false;
    }
    return true;
}

/* Of so many rows that one row of all values would be too wide, the home shard computes row by row. */
static const char *rows_sql(const struct choice *choice, struct insert_piece *pieces, int *count, struct arena *arena)
{
    const char *values = "", *names = "", *types = "";
    int columns = 0, number = 0;
    for (int i = 0; i < choice->width; i++)
        columns += choice->places[i].chosen;
    *count = 2 * columns;
    for (int i = 0; i < choice->width; i++) {
        if (!choice->places[i].chosen)
            continue;
        const char *comma = number ? ", " : "";
        values = arena_printf(arena, "%s%s%s AS v%d", values, comma, column_of(choice, &choice->places[i])->default_text, number);
        names = arena_printf(arena, "%s%sv%d", names, comma, number);
        types = arena_printf(arena, "%s, pg_catalog.pg_typeof(v%d)", types, number);
        for (int row = 0; row < choice->rows; row++)
            pieces[row * choice->width + i] = (struct insert_piece){NULL, row * *count + number, columns + number};
        number++;
    }
    return arena_printf(arena, "SELECT %s%s FROM (SELECT %s FROM pg_catalog.generate_series(1, %d) OFFSET 0) AS keyway", names, types,
                        values, choice->rows);
}

static const char *evaluation_sql(const struct choice *choice, const struct insert_piece *pieces,
                                  const char **texts, int count, struct arena *arena)
{
    const char **types = arena_alloc_array(arena, (size_t) count, sizeof *types);
    const char *values = "", *names = "", *type_list = "";
    int value_count = 0;
    for (int i = 0; i < choice->rows * choice->width; i++) {
        if (!choice->places[i].chosen)
            continue;
        const char *comma = value_count++ ? ", " : "";
        int n = pieces[i].value;
        values = arena_printf(arena, "%s%s%s AS v%d", values, comma, texts[i], n);
        names = arena_printf(arena, "%s%sv%d", names, comma, n);
        if (!types[pieces[i].type])
            types[pieces[i].type] = arena_printf(arena, ", pg_catalog.pg_typeof(v%d)", n);
    }
    for (int i = value_count; i < count; i++)
        type_list = arena_printf(arena, "%s%s", type_list, types[i]);
    return arena_printf(arena, "SELECT %s%s FROM (SELECT %s OFFSET 0) AS keyway", names, type_list, values);
}

/* Each value's text, from the rows' texts and the catalog. */
static bool find_texts(const struct choice *choice, const struct insert_rows *rows, const char **texts,
                       struct arena *arena)
{
    for (int row = 0; row < choice->rows; row++) {
        const List *list = list_nth(choice->inserting->values->valuesLists, row);
        if (!insert_split_row(rows->rows[row], list, &texts[row * choice->width], arena))
            return false;
    }
    for (int i = 0; i < choice->rows * choice->width; i++)
        if (choice->places[i].chosen && is_default(&choice->places[i]))
            texts[i] = column_of(choice, &choice->places[i])->default_text;
    return true;
}

static void note_columns(const struct choice *choice)
{
    int *columns =
        arena_alloc_array(choice->inserting->analysis.arena, (size_t) choice->width, sizeof *columns);
    for (int i = 0; i < choice->width; i++)
        columns[i] = choice->places[i].column;
    choice->inserting->evaluated_columns = columns;
}

/* What is computed elsewhere is not there for the analysis any more. */
static void take_out(const struct choice *choice)
{
    A_Const *nothing = makeNode(A_Const);
    nothing->isnull = true;
    for (int row = 0; row < choice->rows; row++) {
        List *list = list_nth(choice->inserting->values->valuesLists, row);
        for (int i = 0; i < choice->written; i++)
            if (choice->places[row * choice->width + i].chosen)
                list_nth_cell(list, i)->ptr_value = nothing;
    }
}

/* ---- parameters ---- */

static void note_asked(const struct choice *choice, struct evaluation *evaluation, struct arena *arena)
{
    int count = choice->inserting->analysis.parameter_count;
    bool *asks = arena_alloc_array(arena, (size_t) count, sizeof *asks);
    for (int i = 0; i < choice->rows * choice->width; i++)
        if (choice->places[i].chosen && choice->places[i].value)
            insert_note_parameters(choice->inserting, choice->places[i].value, asks);
    evaluation->asks = asks;
}

void insert_evaluated_parameters(struct inserting *inserting)
{
    struct plan *plan = inserting->plan;
    int count = inserting->analysis.parameter_count;
    bool *used = arena_alloc_array(&plan->arena, (size_t) count, sizeof *used);
    bool *leaves = arena_alloc_array(&plan->arena, (size_t) count, sizeof *leaves);
    insert_note_parameters(inserting, (Node *) inserting->insert, used);
    for (int i = 0; i < count; i++)
        leaves[i] = !used[i];
    inserting->evaluation->leaves = leaves;
    plan->parameter_types = arena_alloc_array(&plan->arena, (size_t) count, sizeof *plan->parameter_types);
    plan->parameter_count = count;
    for (int i = 0; i < count && i < inserting->analysis.planning->type_count; i++)
        plan->parameter_types[i] = inserting->analysis.planning->types[i];
}

/* ---- the whole ---- */

static void refuse_text(struct inserting *inserting)
{
    plan_refuse(inserting->plan, NULL, "Give constants for the key and for columns with a sequence.",
                "The text of the rows cannot be told apart.");
}

static void apply(struct choice *choice)
{
    struct inserting *inserting = choice->inserting;
    const struct planning *planning = inserting->analysis.planning;
    struct arena *arena = &inserting->plan->arena;
    size_t size = (size_t) (choice->rows * choice->width);
    struct insert_rows *rows = arena_alloc(arena, sizeof *rows);
    struct insert_addition addition = addition_of(choice, arena);
    struct evaluation *evaluation = arena_alloc(arena, sizeof *evaluation);
    const char **texts = arena_alloc_array(arena, size, sizeof *texts);
    rows->count = choice->rows;
    rows->width = choice->width;
    rows->pieces = arena_alloc_array(arena, size, sizeof *rows->pieces);
    if (!insert_split(rows, planning->sql, planning->length, inserting->values->valuesLists, &addition,
                      arena) ||
        !find_texts(choice, rows, texts, arena)) {
        refuse_text(inserting);
        return;
    }
    bool wide = !number_outputs(choice, rows->pieces, &evaluation->count);
    if (wide && !are_columns_of_defaults(choice)) {
        plan_refuse(inserting->plan, NULL, "Insert fewer rows with one statement.",
                    "The statement leaves too many values to be computed first.");
        return;
    }
    evaluation->rows = wide;
    evaluation->row_count = wide ? choice->rows : 1;
    evaluation->sql = wide ? rows_sql(choice, rows->pieces, &evaluation->count, arena)
                           : evaluation_sql(choice, rows->pieces, texts, evaluation->count, arena);
    for (size_t i = 0; i < size; i++)
        rows->pieces[i].text = choice->places[i].chosen ? NULL : texts[i];
    note_asked(choice, evaluation, arena);
    note_columns(choice);
    take_out(choice);
    plan_pin_all(inserting->plan);
    inserting->evaluation = evaluation;
    inserting->evaluated = rows;
}

/* Rows that PostgreSQL will refuse, and targets like column[1], are left as they are. */
static bool is_simple(const struct inserting *inserting, int *written)
{
    const List *rows = inserting->values->valuesLists;
    ListCell *cell;
    *written = list_length(linitial(rows));
    foreach (cell, rows)
        if (list_length(lfirst(cell)) != *written)
            return false;
    foreach (cell, inserting->insert->cols)
        if (lfirst_node(ResTarget, cell)->indirection)
            return false;
    if (*written > inserting->column_count || (inserting->insert->cols && *written < inserting->column_count))
        return false;
    for (int i = 0; i < *written; i++)
        if (inserting->columns[i] < 0)
            return false;
    return true;
}

int insert_output(const struct inserting *inserting, int row, int column)
{
    const struct insert_rows *rows = inserting->evaluated;
    for (int i = 0; rows && i < rows->width; i++) {
        const struct insert_piece *piece = &rows->pieces[row * rows->width + i];
        if (inserting->evaluated_columns[i] == column)
            return piece->text ? -1 : piece->value;
    }
    return -1;
}

void insert_evaluate(struct inserting *inserting)
{
    struct choice choice = {.inserting = inserting, .rows = list_length(inserting->values->valuesLists)};
    struct arena *scratch = inserting->analysis.arena;
    if (!is_simple(inserting, &choice.written))
        return;
    int *missing =
        arena_alloc_array(scratch, (size_t) inserting->target.relation->column_count, sizeof *missing);
    choice.width = choice.written + find_missing(inserting, choice.written, missing);
    choice.places = arena_alloc_array(scratch, (size_t) (choice.rows * choice.width), sizeof *choice.places);
    lay_out(&choice, inserting->values->valuesLists, missing);
    if (!choose(&choice))
        return;
    if (inserting->analysis.planning->facts->rounded_floats) {
        plan_refuse(inserting->plan, NULL, "SET extra_float_digits = 1.",
                    "Some of the values are computed first, and would come back without all of their digits.");
        return;
    }
    choose(&choice); /* now that something is computed first, so is all that reads the clock */
    drop_unchosen(&choice);
    apply(&choice);
}
