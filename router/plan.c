/*
 * plan: making a plan, holding it, and the few ways in which rooms fill it.
 *
 * The tree is parsed, one room plans it, and the tree is gone: whatever the plan keeps is in its arena.
 */
#include "router/plan_inside.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/float_sums.h"
#include "router/moment.h"
#include "router/pass_through.h"
#include "router/utility.h"

#define CANNOT_CROSS "this statement cannot be run across shards"

struct plan *plan_new(void)
{
    struct plan *plan = memory_alloc(sizeof *plan);
    plan->references = 1;
    plan->inside = arena_alloc(&plan->arena, sizeof *plan->inside);
    return plan;
}

struct plan *plan_hold(struct plan *plan)
{
    plan->references++;
    return plan;
}

void plan_release(struct plan *plan)
{
    if (!plan || --plan->references)
        return;
    plan_release(plan->inner);
    error_clear(&plan->refusal);
    arena_free(&plan->arena);
    free(plan);
}

static void set_refusal(struct plan *plan, const char *message, const char *hint, const char *detail,
                        va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, detail, arguments);
    error_clear(&plan->refusal);
    error_set(&plan->refusal, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", message ? message : CANNOT_CROSS);
    error_detail(&plan->refusal, "%s", text);
    if (hint)
        error_hint(&plan->refusal, "%s", hint);
    plan->many = PLAN_REFUSE;
    plan->reason = arena_strdup(&plan->arena, text);
}

void plan_refuse(struct plan *plan, const char *message, const char *hint, const char *detail, ...)
{
    va_list arguments;
    if (plan->inside->refused)
        return;
    va_start(arguments, detail);
    set_refusal(plan, message, hint, detail, arguments);
    va_end(arguments);
    plan->inside->refused = true;
}

void plan_refuse_many(struct plan *plan, const char *message, const char *hint, const char *detail, ...)
{
    va_list arguments;
    if (plan->inside->refused || plan->many == PLAN_REFUSE)
        return;
    va_start(arguments, detail);
    set_refusal(plan, message, hint, detail, arguments);
    va_end(arguments);
}

bool plan_refuses_with(struct error *failure)
{
    bool sums = strstr(failure->message, FLOAT_SUMS_SEEN), keys = strstr(failure->message, EQUAL_KEYS_SEEN);
    if (!sums && !keys)
        return false;
    error_clear(failure);
    error_set(failure, SQLSTATE_FEATURE_NOT_SUPPORTED, CANNOT_CROSS);
    error_detail(failure, keys ? "%s, and rows of several shards have no order." : "%s, and those of several shards have none.",
                 keys ? EQUAL_KEYS_SEEN : FLOAT_SUMS_SEEN);
    error_hint(failure, keys ? "Give it an ORDER BY." : "Round it, cast floating-point numbers to numeric, or set float_sums.");
    return true;
}

bool plan_is_refused(const struct plan *plan)
{
    return plan->inside->refused;
}

void plan_fail(struct plan *plan, struct error *error)
{
    error_clear(&plan->refusal);
    plan->refusal = *error;
    *error = (struct error){0};
    plan->many = PLAN_REFUSE;
    plan->reason = arena_strdup(&plan->arena, plan->refusal.message);
    plan->inside->refused = true;
}

void plan_on_shards(struct plan *plan, const struct shard_set *shards, enum plan_kind kind,
                    const char *reason)
{
    if (plan->inside->refused)
        return;
    shard_set_unite(&plan->inside->fixed, shards);
    plan->many = kind == PLAN_REFUSE ? PLAN_SINGLE : kind;
    plan->reason = reason;
}

void plan_on_home(struct plan *plan, const char *reason)
{
    struct shard_set home = shard_set_one(0);
    plan_on_shards(plan, &home, PLAN_SINGLE, reason);
}

void plan_on_all(struct plan *plan, const struct planning *planning, enum plan_kind kind, const char *reason)
{
    struct shard_set all = shard_set_all((int) planning->routing->settings->shard_count);
    plan_on_shards(plan, &all, kind, reason);
}

void plan_pin_all(struct plan *plan)
{
    plan->inside->pin_all = true;
}

void plan_pin_literal(struct plan *plan, const struct normalised *normalised, size_t literal)
{
    if (!plan->inside->pins) {
        plan->inside->pin_count = normalised->literal_count;
        plan->inside->pins = arena_alloc_array(&plan->arena, normalised->literal_count, sizeof(bool));
    }
    if (literal < plan->inside->pin_count)
        plan->inside->pins[literal] = true;
    else
        plan_pin_all(plan);
}

void plan_pin_location(struct plan *plan, const struct planning *planning, int location)
{
    const struct normalised *normalised = planning->normalised;
    if (normalised)
        plan_pin_literal(plan, normalised, normalised_literal(normalised, (uint32_t) location));
}

bool plan_pins(const struct plan *plan, size_t literal)
{
    const struct plan_inside *inside = plan->inside;
    return inside->pin_all || (inside->pins && literal < inside->pin_count && inside->pins[literal]) ||
           (plan->inner && plan_pins(plan->inner, literal));
}

bool plan_check_functions(struct plan *plan, struct analysis *analysis)
{
    bool spread = false;
    for (int i = 0; i < analysis->scan_count; i++)
        spread |= analysis->scans[i].relation.table != NULL;
    for (int i = 0; i < analysis->sighting_count; i++) {
        const struct sighting *sighting = &analysis->sightings[i];
        if (sighting->class == FUNCTION_READER)
            plan_refuse(plan, NULL, "Declare the function IMMUTABLE if it reads no tables.",
                        "Function %s() may read tables, of which the shard that runs it has only a part.",
                        sighting->name);
        else if (sighting->class == FUNCTION_SETTING)
            plan_refuse(plan, NULL, "Use SET or SET LOCAL, which every shard gets.",
                        "Function %s() would change the session of one shard only.", sighting->name);
        else if (sighting->class == FUNCTION_LOCK && spread)
            plan_refuse(plan, NULL, "Take the lock in a statement of its own.",
                        "Advisory locks are kept by the home shard, the tables are not.");
    }
    return plan->inside->refused;
}

static void add_conditions(struct plan *plan, struct analysis *analysis)
{
    struct plan_inside *inside = plan->inside;
    inside->conditions =
        arena_alloc_array(&plan->arena, (size_t) analysis->scan_count, sizeof *inside->conditions);
    for (int i = 0; i < analysis->scan_count; i++)
        if (scan_is_sharded(&analysis->scans[i]) && !analysis->scans[i].inserted)
            inside->conditions[inside->condition_count++] = analysis_condition(analysis, i);
}

/*
 * Where one shard is enough: each sharded scan says which shards hold rows of it that matter; if these are
 * one shard altogether, and with the home shard whenever something lives only there, that shard has all that
 * matters, and the reference tables.  More than that needs a proof.
 */
/* A name that the catalog lacks may be that of a table which the transaction has made: it is the home shard's, if it is not configured. */
static bool is_of_home(const struct analysis *analysis)
{
    for (int i = 0; i < analysis->scan_count; i++) {
        enum relation_place place = analysis->scans[i].relation.place;
        if (place != PLACE_UNSHARDED && place != PLACE_UNKNOWN && place != PLACE_CATALOG)
            return false;
    }
    return analysis->view_count == 0 && !analysis->local_view;
}

void plan_conclude(struct plan *plan, struct analysis *analysis, enum plan_kind kind, const char *reason,
                   const struct proof *proof)
{
    if (plan->inside->refused || plan_check_functions(plan, analysis))
        return;
    plan->of_home = is_of_home(analysis);
    add_conditions(plan, analysis);
    plan->inside->no_clock_words |= analysis->time_casts;
    plan->many = kind == PLAN_REFUSE ? PLAN_SINGLE : kind;
    plan->reason = reason;
    if (analysis->home)
        shard_set_add(&plan->inside->fixed, 0);
    if (analysis->local_view)
        shard_set_add(&plan->inside->fixed, 0);
    if (kind == PLAN_REFUSE)
        plan_refuse_many(plan, NULL, proof->hint, "%s", proof->detail);
    if (!plan->inside->condition_count && !plan->inside->insert) {
        plan->many = kind == PLAN_BROADCAST ? kind : PLAN_SINGLE;
        if (kind != PLAN_BROADCAST)
            plan->reason = analysis->home ? "single: all of it is on the home shard"
                                          : "single: every shard has what it needs";
    } else if (analysis->home && kind != PLAN_REFUSE && kind != PLAN_GATHER) {
        plan->many = PLAN_SINGLE;
        plan_refuse_many(plan, NULL, "Read them in two statements, or make it a reference table.",
                         "\"%s\" is on the home shard, the sharded tables are on others, too.",
                         analysis->home);
    }
}

static void name_statement(struct plan *plan, Node *statement)
{
    switch (nodeTag(statement)) {
    case T_SelectStmt:
        plan->statement = STATEMENT_SELECT;
        return;
    case T_InsertStmt:
        plan->statement = STATEMENT_INSERT;
        plan->returning = castNode(InsertStmt, statement)->returningList;
        break;
    case T_UpdateStmt:
        plan->statement = STATEMENT_UPDATE;
        plan->returning = castNode(UpdateStmt, statement)->returningList;
        break;
    case T_DeleteStmt:
        plan->statement = STATEMENT_DELETE;
        plan->returning = castNode(DeleteStmt, statement)->returningList;
        break;
    default:
        plan->statement = STATEMENT_MERGE_INTO;
        break;
    }
    plan->writes = true;
}

/* With one shard nothing is split and nothing refused; what the session must know is read all the same. */
struct one_shard {
    struct plan *plan;
    const struct planning *planning;
};

static bool look_for_effects(Node *node, void *context)
{
    struct one_shard *look = context;
    if (!node)
        return false;
    if (IsA(node, FuncCall)) {
        struct function_facts facts = function_facts(look->planning, castNode(FuncCall, node));
        look->plan->writes |= facts.writes || facts.class == FUNCTION_READER;
        if (facts.pin || facts.class == FUNCTION_SETTING)
            look->plan->pin = facts.pin ? facts.pin : PIN_SESSION_STATE;
    }
    if (IsA(node, CommonTableExpr) && !IsA(castNode(CommonTableExpr, node)->ctequery, SelectStmt))
        look->plan->writes = true;
    return parse_walk(node, look_for_effects, context);
}

static void plan_for_one_shard(struct plan *plan, const struct planning *planning, Node *statement)
{
    look_for_effects(statement, &(struct one_shard){plan, planning});
    plan_on_home(plan, "single: the database has one shard");
}

static void dispatch(struct plan *plan, const struct planning *planning, struct arena *arena, Node *statement)
{
    switch (nodeTag(statement)) {
    case T_SelectStmt:
        plan_select(plan, planning, arena, castNode(SelectStmt, statement));
        break;
    case T_InsertStmt:
        plan_insert(plan, planning, arena, castNode(InsertStmt, statement));
        break;
    case T_UpdateStmt:
        plan_update(plan, planning, arena, castNode(UpdateStmt, statement));
        break;
    case T_DeleteStmt:
        plan_delete(plan, planning, arena, castNode(DeleteStmt, statement));
        break;
    default:
        plan_merge(plan, planning, arena, castNode(MergeStmt, statement));
        break;
    }
}

static void plan_for_several(struct plan *plan, const struct planning *planning, struct arena *arena, Node *statement)
{
    plan->clock = moment_reading(planning, statement); /* of the tree as it was written */
    dispatch(plan, planning, arena, statement);
}

void plan_statement(struct plan *plan, const struct planning *planning, Node *statement)
{
    struct arena scratch = {0};
    plan->inside->server_encoding = planning->facts->server_encoding;
    if (!parse_is_shallow(statement)) {
        plan_refuse(plan, NULL, "Write the statement with fewer nested expressions.",
                    "The statement is nested too deeply to be examined.");
        return;
    }
    name_statement(plan, statement);
    if (planning_one_shard(planning))
        plan_for_one_shard(plan, planning, statement);
    else
        plan_for_several(plan, planning, &scratch, statement);
    arena_free(&scratch);
}

/* SELECT INTO makes a table. */
static bool is_dml(const Node *statement)
{
    return (IsA(statement, SelectStmt) && !((const SelectStmt *) statement)->intoClause) ||
           IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) || IsA(statement, DeleteStmt) ||
           IsA(statement, MergeStmt);
}

static bool is_beyond_ascii(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char) *text >= 0x80)
            return true;
    return false;
}

static bool writes_beyond_ascii(const struct plan *plan)
{
    bool found = is_beyond_ascii(plan->shard_text) || is_beyond_ascii(plan->gather_values) ||
                 is_beyond_ascii(plan->wrapped_query) || is_beyond_ascii(plan->elsewhere_text);
    if (plan->locking)
        found |= is_beyond_ascii(plan->locking->look) || is_beyond_ascii(plan->locking->before) || is_beyond_ascii(plan->locking->behind);
    if (plan->evaluation && plan->evaluation->rows)
        found |= is_beyond_ascii(plan->evaluation->sql) || is_beyond_ascii(plan->inside->insert->before) ||
                 is_beyond_ascii(plan->inside->insert->after);
    for (int i = 0; i < plan->gather_count + plan->gather_questions; i++)
        found |= is_beyond_ascii(plan->gather[i].select);
    return found;
}

/* What is written anew has characters in place of escapes, in the servers' encoding; it would be read in the client's. */
static void refuse_decoded_escapes(struct plan *plan, const struct planning *planning)
{
    if (planning->facts->server_encoding || !(strchr(planning->sql, '\\') || strcasestr(planning->sql, "U&")) ||
        !writes_beyond_ascii(plan))
        return;
    plan_refuse_many(plan, NULL, "Write the characters themselves, or set client_encoding to that of the servers.",
                     "The statement is rewritten, and has escapes for characters that client_encoding may lack.");
}

/* What can make a table fit again. */
static bool may_mend(const Node *statement)
{
    return IsA(statement, AlterTableStmt) || IsA(statement, RenameStmt) || IsA(statement, AlterObjectSchemaStmt) || IsA(statement, DropStmt);
}

static void refuse_unusable(struct plan *plan, const struct planning *planning, const Node *statement)
{
    const struct error *obstacle = planning->unusable->obstacle;
    struct error error = {0};
    if (!obstacle || may_mend(statement))
        return;
    error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "\"%s\" does not fit the configuration and cannot be used", planning->unusable->name);
    error_detail(&error, "The %s.%s%s", obstacle->message, obstacle->detail ? " " : "", obstacle->detail ? obstacle->detail : "");
    error_hint(&error, "%s RELOAD puts a changed configuration in force.", obstacle->hint);
    plan_fail(plan, &error);
    plan->evaluation = NULL;
}

static void plan_any(struct plan *plan, const struct planning *planning, Node *statement)
{
    if (IsA(statement, SelectStmt) && plan_set_config(plan, planning, castNode(SelectStmt, statement)))
        return;
    if (is_dml(statement))
        plan_statement(plan, planning, statement);
    else
        utility_plan(plan, planning, statement);
    refuse_decoded_escapes(plan, planning);
    refuse_unusable(plan, planning, statement);
}

struct plan *plan_nested(const struct planning *planning, Node *statement)
{
    struct plan *plan = plan_new();
    plan_any(plan, planning, statement);
    return plan;
}

struct making {
    struct plan *plan;
    const struct planning *planning;
    const struct parse *parse;
};

static void plan_parsed(void *context)
{
    struct making *making = context;
    struct plan *plan = making->plan;
    if (!making->parse->statements) {
        plan->statement = STATEMENT_EMPTY;
        plan_on_home(plan, "single: there is nothing to do");
        return;
    }
    if (list_length(making->parse->statements) > 1) {
        plan_refuse(plan, NULL, "Send the statements one by one.", "There are several statements.");
        return;
    }
    plan_any(plan, making->planning, linitial_node(RawStmt, making->parse->statements)->stmt);
}

static void plan_text(struct plan *plan, const struct planning *planning, struct error *error)
{
    struct parse parse;
    struct error internal = {0};
    if (!parse_begin(&parse, planning->sql, planning->length, error))
        return;
    if (!parse_protect(plan_parsed, &(struct making){plan, planning, &parse}, &internal))
        plan_fail(plan, &internal);
    parse_end(&parse);
}

/* A text that is too long to be told apart: does a string begin with one of the words, or with something that could hide one? */
static bool may_have_clock_word(const char *sql, size_t length)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    if (memchr(sql, '\\', length) || memchr(sql, 0, length) || strcasestr(sql, "U&'"))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (const char *at = sql; (at = strcasestr(at, words[i])); at++) {
            const char *before = at;
            while (before > sql && isspace((unsigned char) before[-1]))
                before--;
            if (before > sql && strchr("'$", before[-1]) && !isalnum((unsigned char) at[strlen(words[i])]))
                return true;
        }
    return false;
}

/* Where the literals are not at hand at each execution they are looked at now. */
static void find_clock_words(struct plan *plan, const struct planning *planning)
{
    struct normalised normalised = {0};
    if (planning->normalised || !plan->inside->no_clock_words)
        return;
    normalise(planning->sql, planning->length, &normalised);
    plan->inside->clock_words =
        normalised.unsure ? may_have_clock_word(planning->sql, planning->length) : has_clock_word(&normalised);
    normalised_free(&normalised);
}

struct plan *plan_make(const struct routing *routing, const struct session_facts *facts, const char *sql,
                       size_t length, const struct normalised *normalised, const uint32_t *types,
                       int type_count, struct error *error)
{
    struct plan *plan = plan_new();
    struct unusable_name unusable = {0};
    struct arena text = {0}; /* the plan keeps nothing of it */
    const struct planning planning = {
        .routing = routing,
        .facts = facts,
        .sql = arena_strndup(&text, sql, length),
        .length = length,
        .normalised = normalised && !normalised->unsure ? normalised : NULL,
        .types = types,
        .type_count = type_count,
        .unusable = &unusable,
    };
    plan->inside->server_encoding = facts->server_encoding;
    if (passes_through(routing, planning.sql, length)) {
        plan->statement = STATEMENT_OTHER;
        plan->writes = true;
        plan_on_home(plan, "single: the database has no sharded tables");
        arena_free(&text);
        return plan;
    }
    if (normalised && normalised->unsure)
        plan_pin_all(plan);
    plan_text(plan, &planning, error);
    find_clock_words(plan, &planning);
    if (plan->inner)
        find_clock_words(plan->inner, &planning);
    arena_free(&text);
    if (!error_is_set(error))
        return plan;
    plan_release(plan);
    return NULL;
}
