/*
 * utility_query: utility statements that carry a query.
 *
 * EXPLAIN's and a cursor's queries run as they would alone, so their plans are those of the queries.  What
 * stores a query (a view, a rule) lives in one place, and everything that the query reads must be there in full: then it means
 * the same on one shard as on one PostgreSQL.  What stores a query's rows (CREATE TABLE AS) lives in one place, too; rows of
 * several shards are gathered for it.
 */
#include "router/utility_inside.h"

#include <string.h>

#include "router/plan_inside.h"
#include "router/rewrite.h"
#include "router/utility.h"
#include "router/utility_place.h"
#include "router/utility_text.h"

bool option_is_true(const DefElem *option)
{
    if (!option->arg)
        return true;
    if (IsA(option->arg, Integer))
        return intVal(option->arg) != 0;
    if (IsA(option->arg, Boolean))
        return boolVal(option->arg);
    if (!IsA(option->arg, String))
        return true;
    const char *at = strVal(option->arg);
    return strcasecmp(at, "false") && strcasecmp(at, "off");
}

const char *option_text(struct plan *plan, const DefElem *option)
{
    if (!option->arg)
        return NULL;
    if (IsA(option->arg, String))
        return arena_strdup(&plan->arena, strVal(option->arg));
    if (IsA(option->arg, Integer))
        return arena_printf(&plan->arena, "%d", intVal(option->arg));
    if (IsA(option->arg, Boolean))
        return boolVal(option->arg) ? "true" : "false";
    return NULL;
}

static bool is_select_into(const Node *node)
{
    return IsA(node, SelectStmt) && ((const SelectStmt *) node)->intoClause;
}

static bool is_dml(const Node *node)
{
    return (IsA(node, SelectStmt) && !is_select_into(node)) || IsA(node, InsertStmt) ||
           IsA(node, UpdateStmt) || IsA(node, DeleteStmt) || IsA(node, MergeStmt);
}

static struct plan *plan_inner(const struct planning *planning, Node *query)
{
    if (is_dml(query))
        return plan_nested(planning, query);
    struct plan *inner = plan_new();
    utility_plan(inner, planning, query);
    return inner;
}

/* The tree has no place for the explained statement, so its text is found by skipping EXPLAIN and its
 * options. */
static const char *find_explained(const char *sql, int options)
{
    const char *at = text_skip_blanks(text_skip_word(text_skip_blanks(sql)));
    if (!options)
        return at;
    if (*at == '(')
        return text_skip_blanks(text_skip_parentheses(at));
    for (; options > 0; options--)
        at = text_skip_blanks(text_skip_word(at));
    return at;
}

static void cut_explain(struct plan *plan, const struct planning *planning, int options)
{
    char *sql = arena_strndup(&plan->arena, planning->sql, planning->length);
    size_t length = strlen(sql);
    while (length && strchr("; \t\r\n\f\v", sql[length - 1]))
        sql[--length] = '\0';
    const char *explained = find_explained(sql, options);
    plan->explained = explained;
    plan->explain_prefix = arena_strndup(&plan->arena, sql, (size_t) (explained - sql));
}

/* Of another name a shard says what is wrong with it; case matters to ExplainQuery(). */
static enum explain_format read_format(const DefElem *option)
{
    const char *name = option->arg && IsA(option->arg, String) ? strVal(option->arg) : "";
    return !strcmp(name, "json") ? EXPLAIN_JSON : !strcmp(name, "xml") ? EXPLAIN_XML : !strcmp(name, "yaml") ? EXPLAIN_YAML : EXPLAIN_TEXT;
}

void plan_explain(struct plan *plan, const struct planning *planning, Node *statement)
{
    const ExplainStmt *explain = (const ExplainStmt *) statement;
    ListCell *cell;
    plan->statement = STATEMENT_EXPLAIN;
    foreach (cell, explain->options) {
        const DefElem *option = lfirst(cell);
        if (!strcmp(option->defname, "analyze"))
            plan->explain_analyzes = option_is_true(option);
        else if (!strcmp(option->defname, "format"))
            plan->explain_format = read_format(option);
    }
    plan->inner = plan_inner(planning, explain->query);
    plan->parameter_types = plan->inner->parameter_types;
    plan->parameter_count = plan->inner->parameter_count;
    plan->catalog_only = plan->inner->catalog_only;
    if (plan->explain_analyzes) {
        plan->writes = plan->inner->writes;
        plan->changes_catalog = plan->inner->changes_catalog;
        plan->pin = plan->inner->pin;
    }
    if (plan->explain_analyzes && plan->inner->creates)
        plan_refuse_many(plan->inner, "EXPLAIN ANALYZE of CREATE TABLE AS is not supported over several shards", "EXPLAIN ANALYZE the query alone.",
                         "The table is made, and then filled with gathered rows.");
    if (plan->inner->if_new) {
        plan->inner->evaluation = NULL;
        plan_refuse(plan->inner, "EXPLAIN of CREATE TABLE IF NOT EXISTS is not supported over several shards", "Leave out IF NOT EXISTS.",
                    "Whether the table exists is asked only when it is to be made.");
    }
    cut_explain(plan, planning, list_length(explain->options));
    plan_on_home(plan, "the explained statement has a plan of its own");
}

static const char *declaration(struct plan *plan, const DeclareCursorStmt *declare, const char *query)
{
    static const struct {
        int option;
        const char *word;
    } words[] = {{CURSOR_OPT_BINARY, "BINARY "},
                 {CURSOR_OPT_INSENSITIVE, "INSENSITIVE "},
                 {CURSOR_OPT_ASENSITIVE, "ASENSITIVE "},
                 {CURSOR_OPT_SCROLL, "SCROLL "},
                 {CURSOR_OPT_NO_SCROLL, "NO SCROLL "}};
    const char *options = "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (declare->options & words[i].option)
            options = arena_printf(&plan->arena, "%s%s", options, words[i].word);
    return arena_printf(&plan->arena, "DECLARE %s %sCURSOR %sFOR %s", rewrite_quote_name(declare->portalname, &plan->arena), options,
                        declare->options & CURSOR_OPT_HOLD ? "WITH HOLD " : "", query);
}

/* A cursor is one server's.  If its query needs several shards, it is the home shard's, over gathered rows. */
void plan_declare_cursor(struct plan *plan, const struct planning *planning, Node *statement)
{
    const DeclareCursorStmt *declare = (const DeclareCursorStmt *) statement;
    struct session_facts facts = *planning->facts;
    struct planning in_steps = *planning;
    Node *query = copyObject(declare->query);
    facts.gathers = true;
    in_steps.facts = &facts;
    plan_statement(plan, &in_steps, declare->query);
    plan->statement = STATEMENT_CURSOR;
    plan->name = arena_strdup(&plan->arena, declare->portalname);
    plan->value = "DECLARE";
    if (declare->options & CURSOR_OPT_HOLD)
        plan->pin = PIN_HELD_CURSOR;
    if (plan->pin == PIN_HELD_CURSOR && plan->checks_sums) {
        plan_refuse_many(plan, "a cursor WITH HOLD over sums of floats of several shards is not supported", "Declare it without HOLD.",
                         "Whether their digits depend on the order of rows would be found out by COMMIT.");
    } else if (plan->many == PLAN_GATHER && (plan->wrapped_query = parse_deparse(query, &plan->arena))) {
        plan->shard_text = declaration(plan, declare, plan->shard_text);
        plan->gather_values = plan->gather_values ? declaration(plan, declare, plan->gather_values) : NULL;
    } else if (plan->many != PLAN_SINGLE && plan->many != PLAN_REFUSE) {
        plan_refuse_many(plan, "a cursor over several shards is not supported",
                         "Select by key, or read the rows without a cursor.",
                         "The query of cursor \"%s\" needs more than one shard.", plan->name);
    }
}

/* Does the query read in one place what it would read on one PostgreSQL?  The planner's refusals hold here,
 * too. */
static bool check_stored_query(struct plan *plan, const struct planning *planning, Node *query,
                               const char *what, const char *hint)
{
    struct utility_place place = {.planning = planning};
    place_query(&place, query);
    if (place.everywhere) {
        plan_refuse(plan, "the statement is not supported for a query over sharded tables", hint,
                    "%s: the query reads \"%s\", whose rows live on several shards.", what, place.everywhere);
        return false;
    }
    struct plan *inner = plan_inner(planning, query);
    bool sound = inner->many != PLAN_REFUSE && inner->many != PLAN_GATHER;
    if (!sound)
        plan_refuse(plan, inner->refusal.message, inner->refusal.hint, "%s",
                    inner->refusal.detail ? inner->refusal.detail : what);
    plan_release(inner);
    return sound;
}

/* ---- CREATE TABLE AS, SELECT INTO ---- */

static const char stored_hint[] = "Create the table first, and fill it with INSERT … SELECT.";

/* The name as it will be found, whatever else has it on search_path; false: there is no schema for it. */
static bool name_table(RangeVar *range, const struct planning *planning)
{
    char schema[NAMEDATALEN];
    bool temporary = place_is_temporary(planning, range);
    if (!temporary && !range->schemaname && !resolve_creation_schema(planning, schema))
        return false;
    if (temporary || !range->schemaname)
        range->schemaname = temporary ? pstrdup("pg_temp") : pstrdup(schema);
    return true;
}

/* CREATE TABLE … AS query WITH NO DATA, and the table's name. */
static bool write_storing(struct plan *plan, const struct planning *planning, const IntoClause *given, const Node *query, const char **name)
{
    CreateTableAsStmt *create = makeNode(CreateTableAsStmt);
    struct arena *arena = &plan->arena;
    create->into = (IntoClause *) copyObjectImpl(given);
    create->query = (Node *) copyObjectImpl(query);
    create->objtype = OBJECT_TABLE;
    create->into->skipData = true;
    RangeVar *range = create->into->rel;
    if (!name_table(range, planning))
        return false;
    plan->creates = parse_deparse((Node *) create, arena);
    *name = arena_printf(arena, "%s.%s", rewrite_quote_name(range->schemaname, arena), rewrite_quote_name(range->relname, arena));
    return plan->creates;
}

static bool is_parameter(Node *node, void *context)
{
    return node && (IsA(node, ParamRef) || parse_walk(node, is_parameter, context));
}

static const char *quote_text(const char *text, struct arena *arena)
{
    char *quoted = arena_alloc_array(arena, 2 * strlen(text) + 3, 1), *at = quoted;
    *at++ = '\'';
    for (; *text; *at++ = *text++)
        if (*text == '\'')
            *at++ = '\'';
    *at = '\'';
    return quoted;
}

/*
 * IF NOT EXISTS: PostgreSQL looks for the name behind the query's analysis and before it runs (CreateTableAsRelExists() in createas.c).  So does the home
 * shard, which analyzes the query, too, and runs nothing of it.  If somebody makes one of the name after that, it is an error, as it may be there.
 */
static void ask_whether_new(struct plan *plan, const IntoClause *into, Node *query, const char *name)
{
    struct arena *arena = &plan->arena;
    const char *text = is_parameter(query, NULL) ? NULL : parse_deparse(query, arena);
    if (!text) {
        plan_refuse(plan, "CREATE TABLE IF NOT EXISTS of this query of several shards is not supported", "Leave out IF NOT EXISTS, or the parameters.",
                    "Whether \"%s\" exists cannot be asked with the query.", into->rel->relname);
        return;
    }
    struct evaluation *evaluation = arena_alloc(arena, sizeof *evaluation);
    *evaluation = (struct evaluation){.count = 1, .row_count = 1};
    evaluation->sql = arena_printf(arena,
                                   "SELECT CASE WHEN pg_catalog.current_setting('transaction_read_only') = 'on' THEN '" TRANSACTION_IS_READ_ONLY
                                   "' WHEN pg_catalog.to_regclass(%s) IS NOT NULL THEN '" RELATION_IS_THERE
                                   "' END FROM (SELECT 1) AS keyway LEFT JOIN (%s) AS query ON false",
                                   quote_text(name, arena), text);
    plan->evaluation = evaluation;
    plan->if_new = arena_strdup(arena, into->rel->relname);
    plan_pin_all(plan);
}

/*
 * The new table is the home shard's, and its rows are of several: it is made with nothing in it, of the query as it was written, and so has
 * the columns that PostgreSQL gives it (modifiers and collations, too, which copies may lack); behind that it is filled with what the query gives over
 * gathered rows.  Both are one transaction, in which nobody else sees the table.
 */
static void store_gathered(struct plan *plan, const struct planning *planning, const IntoClause *into, Node *query, bool skips)
{
    struct session_facts facts = *planning->facts;
    struct planning in_steps = *planning;
    const char *name;
    Node *read = (Node *) copyObjectImpl(query);
    facts.gathers = true;
    in_steps.facts = &facts;
    if (place_is_temporary(planning, into->rel) && !place_temporary(plan, planning, into->rel))
        return;
    const enum statement_kind statement = plan->statement;
    const enum pin_reason pin = plan->pin;
    plan->writes = false; /* the query does not */
    plan_statement(plan, &in_steps, read);
    plan->statement = statement;
    plan->writes = true;
    plan->pin = pin != PIN_NONE ? pin : plan->pin;
    shard_set_add(&plan->inside->fixed, 0);
    if (plan->many != PLAN_GATHER)
        return;
    if (!write_storing(plan, planning, into, query, &name)) {
        plan_refuse_many(plan, NULL, stored_hint, "The statements that make and fill the table cannot be written.");
        return;
    }
    plan->stores = true;
    plan->shard_text = arena_printf(&plan->arena, "INSERT INTO %s %s", name, plan->shard_text);
    plan->gather_values = plan->gather_values ? arena_printf(&plan->arena, "INSERT INTO %s %s", name, plan->gather_values) : NULL;
    if (skips)
        ask_whether_new(plan, into, query, name);
}

static bool reads_several(const struct planning *planning, Node *query)
{
    struct utility_place place = {.planning = planning};
    place_query(&place, query);
    return place.everywhere;
}

/* CREATE TABLE AS, CREATE MATERIALIZED VIEW, SELECT INTO. */
static void route_stored_rows(struct plan *plan, const struct planning *planning, const IntoClause *into, Node *query, bool table, bool skips)
{
    const RangeVar *target = into->rel;
    if (place_taken(planning, target)) {
        plan_refuse(plan, "a configured table cannot be made from a query", stored_hint,
                    "\"%s\" is configured to be on every shard.", target->relname);
        return;
    }
    bool several = reads_several(planning, query);
    if (several && !table) {
        plan_refuse(plan, "a materialized view of rows of several shards is not supported", "Use a view, or CREATE TABLE AS.",
                    "REFRESH would find those of the home shard only.");
    } else if (several && !into->skipData) {
        store_gathered(plan, planning, into, query, skips);
    } else if (several || check_stored_query(plan, planning, query, "CREATE … AS", stored_hint)) {
        if (place_is_temporary(planning, target))
            place_temporary(plan, planning, target);
        else
            plan_on_home(plan, several ? "the new table lives on the home shard, and has no rows"
                                       : "the new table lives on the home shard, with all that its query reads");
    }
}

void route_create_table_as(struct plan *plan, const struct planning *planning, Node *statement)
{
    const CreateTableAsStmt *create = (const CreateTableAsStmt *) statement;
    if (IsA(create->query, ExecuteStmt))
        plan_refuse(plan, "CREATE TABLE AS EXECUTE is not supported with several shards",
                    "Write the query itself.", "What the prepared statement reads is not known here.");
    else
        route_stored_rows(plan, planning, create->into, create->query, create->objtype == OBJECT_TABLE, create->if_not_exists);
}

/* The same, written as a SELECT: without its INTO it is the query. */
void route_select_into(struct plan *plan, const struct planning *planning, Node *statement)
{
    SelectStmt *select = (SelectStmt *) statement;
    IntoClause *into = select->intoClause;
    select->intoClause = NULL;
    route_stored_rows(plan, planning, into, statement, true, false);
    select->intoClause = into;
}

/* A materialized view may have been made on the shard itself: what it reads is asked again. */
void route_refresh(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RangeVar *range = ((const RefreshMatViewStmt *) statement)->relation;
    struct resolved_relation found = resolve_relation(planning, range);
    struct utility_place place = {.planning = planning};
    if (found.relation && found.relation->definition) {
        struct error error = {0};
        List *definition = parse_more(found.relation->definition, &error);
        error_clear(&error);
        if (!definition)
            place.everywhere = range->relname;
        else
            place_query(&place, ((RawStmt *) linitial(definition))->stmt);
    }
    if (place.everywhere)
        plan_refuse(plan, "a materialized view over sharded tables cannot be refreshed",
                    "Use a view instead of a materialized view.",
                    "\"%s\" reads \"%s\", whose rows live on several shards.", range->relname,
                    place.everywhere);
    else
        plan_on_home(plan, "materialized views live on the home shard");
}

static bool replaces_one_everywhere(const struct planning *planning, const ViewStmt *view)
{
    struct resolved_relation found = resolve_relation(planning, view->view);
    return view->replace && found.place == PLACE_VIEW && found.relation->on_every_shard;
}

/*
 * A view lives where its query's tables live; reference tables are at home everywhere.  The home shard has all tables that there
 * are, so it takes a view of tables that live on different shards: a query reads it by its definition.
 */
void route_view(struct plan *plan, const struct planning *planning, Node *statement)
{
    const ViewStmt *view = (const ViewStmt *) statement;
    struct utility_place place = {.planning = planning};
    place_query(&place, view->query);
    if (place_taken(planning, view->view)) {
        plan_refuse(plan, "a view must not have the name of a configured table",
                    "Give the view another name.", "\"%s\" is configured to be a table.",
                    view->view->relname);
    } else if (place_is_temporary(planning, view->view)) {
        if (place.everywhere)
            plan_refuse(plan, "a temporary view over sharded tables is not supported",
                        "Create a permanent view.", "A temporary view lives on one shard, \"%s\" on several.",
                        place.everywhere);
        else
            place_temporary(plan, planning, view->view);
    } else if (place.home && replaces_one_everywhere(planning, view)) {
        plan_refuse(plan, "the view that is replaced is on every shard", "Drop the view first.",
                    "The new one reads \"%s\", which is on the home shard only.", place.home);
    } else if (place.home) {
        plan_on_home(plan, "the view lives on the home shard, with all that it names");
    } else {
        plan_on_all(plan, planning, PLAN_BROADCAST, "every shard has what it names");
    }
}

void route_rule(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RuleStmt *rule = (const RuleStmt *) statement;
    struct utility_place place = {.planning = planning};
    ListCell *cell;
    place_relation(&place, rule->relation, UNKNOWN_IS_HOME);
    foreach (cell, rule->actions)
        place_query(&place, lfirst(cell));
    place_apply(plan, &place, "CREATE RULE");
}
