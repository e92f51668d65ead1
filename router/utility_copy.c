/*
 * utility_copy: COPY.
 *
 * COPY FROM STDIN into a sharded table is split: the plan says how lines and fields are cut, and which fields
 * are the key.  COPY TO STDOUT of one is the shards' lines one after the other, which is as good an order as
 * any.  In binary format rows go the same ways, if no OIDs of one server are in them.  A file belongs to one server, so COPY from and
 * to files works on the home shard's own tables only.
 */
#include "router/utility_inside.h"

#include <string.h>

#include "router/gather_travel.h"
#include "router/plan_inside.h"
#include "router/utility_place.h"

struct copy_options {
    bool csv, binary, header, encoding;
    const char *delimiter, *null_text, *quote, *escape;
    List *forced; /* columns whose NULLs are read otherwise: names, or NULL for all */
    const char *unknown;
};

static void read_format(struct copy_options *options, const char *format)
{
    options->csv = format && !strcmp(format, "csv");
    options->binary = format && !strcmp(format, "binary");
    if (!format || (!options->csv && !options->binary && strcmp(format, "text")))
        options->unknown = "format";
}

static void read_forced(struct copy_options *options, const DefElem *option)
{
    if (option->arg && IsA(option->arg, List))
        options->forced = list_concat(options->forced, (List *) option->arg);
    else
        options->unknown = option->defname;
}

static const char **find_text(struct copy_options *options, const char *name)
{
    const struct {
        const char *name;
        const char **place;
    } texts[] = {{"delimiter", &options->delimiter},
                 {"null", &options->null_text},
                 {"quote", &options->quote},
                 {"escape", &options->escape}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(texts[i].name, name))
            return texts[i].place;
    return NULL;
}

/* Both syntaxes arrive in one form.  An option that is not known here may change how lines are read. */
static void read_option(struct plan *plan, struct copy_options *options, const DefElem *option)
{
    const char **place = find_text(options, option->defname);
    if (place)
        *place = option_text(plan, option);
    else if (!strcmp(option->defname, "format"))
        read_format(options, option_text(plan, option));
    else if (!strcmp(option->defname, "header"))
        options->header = option_is_true(option);
    else if (!strcmp(option->defname, "encoding"))
        options->encoding = true;
    else if (!strcmp(option->defname, "force_null") || !strcmp(option->defname, "force_not_null"))
        read_forced(options, option);
    else if (strcmp(option->defname, "freeze") && strcmp(option->defname, "force_quote"))
        options->unknown = option->defname;
}

static struct copy_options read_options(struct plan *plan, const CopyStmt *copy)
{
    struct copy_options options = {0};
    ListCell *cell;
    foreach (cell, copy->options)
        read_option(plan, &options, lfirst(cell));
    return options;
}

/* Behind a byte that is not one character of its own, lines cannot be cut. */
static bool is_byte(const char *value)
{
    return !value || (value[0] && !value[1] && !(value[0] & 0x80));
}

static bool is_listed(List *names, const char *name)
{
    ListCell *cell;
    foreach (cell, names)
        if (!IsA(lfirst(cell), String) || !strcmp(strVal(lfirst(cell)), name))
            return true;
    return false;
}

static void refuse_options(struct plan *plan, const char *what)
{
    plan_refuse(plan, "this form of COPY is not supported for tables on several shards",
                "Use text or csv format with the common options.", "%s", what);
}

/* The position of the column among the fields of a line, or -1.  Generated columns are not among them. */
static int field_of(const CopyStmt *copy, const struct catalog_relation *relation, int column)
{
    int field = 0;
    ListCell *cell;
    if (copy->attlist) {
        foreach (cell, copy->attlist) {
            if (!strcmp(strVal(lfirst(cell)), relation->columns[column].name))
                return field;
            field++;
        }
        return -1;
    }
    if (relation->columns[column].standard == DEFAULT_GENERATED)
        return -1;
    for (int i = 0; i < column; i++)
        field += relation->columns[i].standard != DEFAULT_GENERATED;
    return field;
}

static int count_fields(const CopyStmt *copy, const struct catalog_relation *relation)
{
    int count = 0;
    if (copy->attlist)
        return list_length(copy->attlist);
    for (int i = 0; i < relation->column_count; i++)
        count += relation->columns[i].standard != DEFAULT_GENERATED;
    return count;
}

/* In binary a field of one shard is one of another only where it has no OIDs inside, as arrays and composite types have. */
static bool check_fields(struct plan *plan, const CopyStmt *copy, const struct routed_table *table)
{
    for (int i = 0; i < table->relation->column_count; i++) {
        const struct catalog_column *column = &table->relation->columns[i];
        if (field_of(copy, table->relation, i) < 0 || gather_is_binary(column) || column->in_c)
            continue;
        plan_refuse(plan, "this form of COPY is not supported for tables on several shards", "Use text or csv format.",
                    "Column \"%s\" is of type %s, whose binary form may have OIDs of one server inside.", column->name, column->type_name);
        return false;
    }
    return true;
}

/* Could the splitter read these rows as PostgreSQL would? */
static bool check_input(struct plan *plan, const CopyStmt *copy, const struct copy_options *options,
                        const struct routed_table *table)
{
    if (options->unknown)
        refuse_options(plan,
                       arena_printf(&plan->arena, "Option \"%s\" is not known here.", options->unknown));
    else if (options->encoding)
        refuse_options(plan, "Lines in another encoding than the client's cannot be cut safely.");
    else if (options->binary)
        check_fields(plan, copy, table);
    else if (!is_byte(options->delimiter) || !is_byte(options->quote) || !is_byte(options->escape))
        refuse_options(plan, "DELIMITER, QUOTE and ESCAPE must be single one-byte characters.");
    for (size_t i = 0; i < table->settings->key_count; i++)
        if (is_listed(options->forced, table->settings->key[i]))
            refuse_options(plan, "FORCE_NULL and FORCE_NOT_NULL are not supported on key columns.");
    return !plan_is_refused(plan);
}

/*
 * Columns that no field fills get their defaults where the row is written.  A sequence counts on each shard
 * for itself, and on the copies of a reference table an expression may come out differently.
 */
static bool check_defaults(struct plan *plan, const CopyStmt *copy, const struct routed_table *table)
{
    for (int i = 0; i < table->relation->column_count; i++) {
        const struct catalog_column *column = &table->relation->columns[i];
        bool differs = column->standard == DEFAULT_SEQUENCE ||
                       (column->standard == DEFAULT_EXPRESSION && table->settings->reference);
        if (!differs || field_of(copy, table->relation, i) >= 0)
            continue;
        plan_refuse(plan, "COPY must fill columns whose default depends on the shard",
                    "Name the column in the list, and give its values.",
                    "Column \"%s\" of \"%s\" would get values that the shards do not agree on.", column->name,
                    table->settings->name);
        return false;
    }
    return true;
}

/* What must hold of the table itself before its rows are written on several shards. */
static bool check_table(struct plan *plan, const struct routed_table *table)
{
    if (!table->relation)
        plan_refuse(plan, "the table is not known yet", "Commit its CREATE TABLE, and try again.",
                    "The home shard's catalog had no table \"%s\" when it was last read.",
                    table->settings->name);
    else if (table->problem)
        plan_refuse(plan, "the shards do not agree on the table", "Make the tables equal, and reload.", "%s.",
                    table->problem);
    else if (table->relation->has_triggers && !table->settings->local_triggers)
        plan_refuse(
            plan, "COPY into a table with triggers is not supported with several shards",
            "Write triggers = local in the table's configuration if they touch only the row's own shard.",
            "What a trigger of \"%s\" does is not known here.", table->settings->name);
    return !plan_is_refused(plan);
}

static char byte_or(const char *value, char standard)
{
    return value ? *value : standard;
}

static struct copy_shape *make_shape(struct plan *plan, const struct planning *planning, const CopyStmt *copy,
                                     const struct routed_table *table, const struct copy_options *options)
{
    struct copy_shape *shape = arena_alloc(&plan->arena, sizeof *shape);
    shape->csv = options->csv;
    shape->binary = options->binary;
    shape->delimiter = byte_or(options->delimiter, options->csv ? ',' : '\t');
    shape->quote = byte_or(options->quote, '"');
    shape->escape = byte_or(options->escape, shape->quote);
    shape->null_text = options->null_text ? options->null_text : options->csv ? "" : "\\N";
    shape->header = options->header;
    shape->key_count = (int) table->settings->key_count;
    shape->key_fields =
        arena_alloc_array(&plan->arena, table->settings->key_count, sizeof *shape->key_fields);
    shape->key_types = arena_alloc_array(&plan->arena, table->settings->key_count, sizeof *shape->key_types);
    shape->key_typmods = arena_alloc_array(&plan->arena, table->settings->key_count, sizeof *shape->key_typmods);
    for (int i = 0; i < shape->key_count; i++) {
        const struct catalog_column *column = &table->relation->columns[table->key_columns[i]];
        shape->key_fields[i] = field_of(copy, table->relation, table->key_columns[i]);
        shape->key_types[i] = column->type;
        shape->key_typmods[i] = column->typmod;
    }
    shape->field_count = count_fields(copy, table->relation);
    shape->server_encoding = planning->facts->server_encoding;
    shape->keyspace = table->keyspace;
    return shape;
}

static void plan_copy_in_sharded(struct plan *plan, const struct planning *planning, const CopyStmt *copy,
                                 const struct routed_table *table, const struct copy_options *options)
{
    if (!check_input(plan, copy, options, table))
        return;
    plan->copy = make_shape(plan, planning, copy, table, options);
    for (int i = 0; i < plan->copy->key_count; i++)
        if (plan->copy->key_fields[i] < 0) {
            plan_refuse(plan, "COPY into a sharded table needs its key",
                        "Name the key columns in the column list.",
                        "Column \"%s\" says on which shard a row lives.", table->settings->key[i]);
            return;
        }
    plan_on_all(plan, planning, PLAN_SPLIT, "each line goes to the shard of its key");
}

static void plan_copy_in(struct plan *plan, const struct planning *planning, const CopyStmt *copy,
                         const struct routed_table *table, const struct copy_options *options)
{
    if (!check_table(plan, table) || !check_defaults(plan, copy, table))
        return;
    if (table->keyspace)
        plan_copy_in_sharded(plan, planning, copy, table, options);
    else if (copy->whereClause)
        plan_refuse(plan, "COPY … WHERE into a reference table is not supported",
                    "Leave out the WHERE clause.", "The copies of \"%s\" must get the same rows.",
                    table->settings->name);
    else
        plan_on_all(plan, planning, PLAN_BROADCAST, "every shard has a copy of the reference table");
}

/* Can the shards' outputs be put one behind the other? */
static bool check_output(struct plan *plan, const CopyStmt *copy, const struct routed_table *table, const struct copy_options *options)
{
    if (options->unknown)
        refuse_options(plan,
                       arena_printf(&plan->arena, "Option \"%s\" is not known here.", options->unknown));
    else if (options->header)
        refuse_options(plan, "Each shard would write a header of its own.");
    else if (options->binary)
        check_fields(plan, copy, table);
    return !plan_is_refused(plan);
}

static void plan_copy_out(struct plan *plan, const struct planning *planning, const CopyStmt *copy,
                          const struct routed_table *table, const struct copy_options *options)
{
    if (!table->keyspace) {
        plan_on_home(plan, "the home shard has all rows of a reference table");
        return;
    }
    if (table->problem)
        plan_refuse(plan, "the shards do not agree on the table", "Make the tables equal, and reload.", "%s.",
                    table->problem);
    else if (!table->relation)
        plan_refuse(plan, "the table is not known yet", "Commit its CREATE TABLE, and try again.",
                    "The home shard's catalog had no table \"%s\" when it was last read.",
                    table->settings->name);
    else if (table->relation->row_security)
        plan_refuse(plan, "COPY of a sharded table with row security is not supported",
                    "Use COPY (SELECT …) TO.", "What the policies of \"%s\" read is not known here.",
                    table->settings->name);
    else if (check_output(plan, copy, table, options))
        plan_on_all(plan, planning, PLAN_CONCAT, "COPY writes rows in no certain order");
}

static void refuse_file(struct plan *plan, const char *name)
{
    plan_refuse(plan, "COPY from or to a file is not supported for tables on several shards",
                "Use COPY … FROM STDIN or TO STDOUT (\\copy in psql).",
                "The file is one server's, \"%s\" is on every shard.", name);
}

static void plan_copy_table(struct plan *plan, const struct planning *planning, const CopyStmt *copy,
                            const struct copy_options *options)
{
    const struct routed_table *table = place_configured(planning, copy->relation);
    struct utility_place place = {.planning = planning};
    place_relation(&place, copy->relation, UNKNOWN_IS_HOME);
    if (!place.everywhere) {
        struct resolved_relation target = resolve_relation(planning, copy->relation);
        if (!copy->is_from || !plan_check_home(plan, planning, &target))
            plan_on_home(plan, "the relation lives on the home shard");
    } else if (copy->filename)
        refuse_file(plan, copy->relation->relname);
    else if (!table)
        plan_refuse(plan, "COPY of this relation is not supported with several shards",
                    "Copy the table that is named in the configuration.",
                    "\"%s\" is on every shard, but not configured itself.", copy->relation->relname);
    else if (copy->is_from)
        plan_copy_in(plan, planning, copy, table, options);
    else
        plan_copy_out(plan, planning, copy, table, options);
}

/* Can each shard run the COPY as it stands, and the client have one shard's rows behind another's? */
static bool stands_side_by_side(const struct plan *query, const struct copy_options *options)
{
    return query->many == PLAN_CONCAT && !query->shard_text && !query->hidden && !query->has_limit && !query->has_offset &&
           !options->header && !options->unknown;
}

/* COPY as the client wrote it, but of this query. */
static const char *copy_of(struct plan *plan, const CopyStmt *copy, const char *query)
{
    const char *text = parse_deparse((Node *) copy, &plan->arena), *given = parse_deparse(copy->query, &plan->arena);
    const char *place = text && given ? strstr(text, given) : NULL;
    return place ? arena_printf(&plan->arena, "%.*s%s%s", (int) (place - text), text, query, place + strlen(given)) : NULL;
}

/* The home shard copies what it makes of gathered rows, in temporary tables: COPY has no parameters. */
static void copy_gathered(struct plan *plan, const CopyStmt *copy)
{
    plan->wrapped_query = parse_deparse(copy->query, &plan->arena);
    plan->shard_text = copy_of(plan, copy, plan->shard_text);
    plan->gather_values = NULL;
    if (!plan->wrapped_query || !plan->shard_text)
        plan_refuse_many(plan, "COPY of this query is not supported over several shards", "Write the query in a simpler form.",
                         "The statement for the home shard cannot be written.");
}

/* To a file only what the home shard has in full; to the client anything. */
static void plan_copy_query(struct plan *plan, const struct planning *planning, const CopyStmt *copy,
                            const struct copy_options *options)
{
    if (copy->filename) {
        struct utility_place place = {.planning = planning};
        place_query(&place, copy->query);
        if (place.everywhere || place.reference) {
            refuse_file(plan, place.everywhere ? place.everywhere : place.reference);
            return;
        }
    }
    enum statement_kind statement = plan->statement;
    struct session_facts facts = *planning->facts;
    struct planning in_steps = *planning;
    in_steps.alike_in_binary = options->binary;
    struct plan *alone = plan_nested(&in_steps, copyObject(copy->query));
    facts.gathers = alone->many != PLAN_SINGLE && !stands_side_by_side(alone, options);
    in_steps.facts = &facts;
    plan_release(alone);
    plan_statement(plan, &in_steps, copyObject(copy->query));
    plan->statement = statement;
    if (plan->evaluation)
        plan_refuse(plan, "COPY of this query is not supported over several shards", "Use INSERT … RETURNING.",
                    "Rows to be inserted are computed first.");
    if (plan->many == PLAN_SINGLE && copy->filename)
        plan_on_home(plan, "the file is on the home shard's server");
    if (plan->many == PLAN_GATHER)
        copy_gathered(plan, copy);
    else if (plan->many != PLAN_SINGLE && plan->many != PLAN_REFUSE && !stands_side_by_side(plan, options))
        plan_refuse_many(plan, "COPY of this query is not supported over several shards", "Select by key.",
                         "The shards' rows cannot be put one behind the other.");
}

void plan_copy(struct plan *plan, const struct planning *planning, Node *statement)
{
    const CopyStmt *copy = (const CopyStmt *) statement;
    struct copy_options options = read_options(plan, copy);
    plan->statement = copy->filename  ? STATEMENT_OTHER
                      : copy->is_from ? STATEMENT_COPY_IN
                                      : STATEMENT_COPY_OUT;
    plan->writes = copy->is_from || copy->is_program;
    if (copy->query)
        plan_copy_query(plan, planning, copy, &options);
    else if (planning_one_shard(planning))
        plan_on_home(plan, "the database has one shard");
    else
        plan_copy_table(plan, planning, copy, &options);
}
