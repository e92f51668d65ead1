/*
 * BEGIN, SET, SAVEPOINT and their kind change what the proxy knows of the session; some are answered without any server, others run on the
 * shards that take part in the transaction.  Everything else is routed, and sent to its shards through a fan-out.
 */
#include "proxy/run_statement.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proxy/cursor.h"
#include "proxy/evaluate.h"
#include "proxy/execution.h"
#include "proxy/extended.h"
#include "proxy/gather.h"
#include "proxy/keyway.h"
#include "proxy/locking.h"
#include "proxy/moment.h"
#include "proxy/query.h"
#include "proxy/run_explain.h"
#include "proxy/run_gather.h"
#include "proxy/run_portal.h"
#include "proxy/run_prepared.h"
#include "proxy/run_settings.h"

static struct worker_state *state_of(const struct client *client)
{
    return worker_state(client->stream.worker);
}

void run_aborted_error(struct error *error)
{
    error_set(error, SQLSTATE_IN_FAILED_TRANSACTION,
              "current transaction is aborted, commands ignored until end of transaction block");
}

static enum run_step fail_with(struct run *run, const char *sqlstate, const char *format, const char *name)
{
    struct error error = {0};
    error_set(&error, sqlstate, "%s%s%s", format, name ? name : "", name ? "\" does not exist" : "");
    return run_fail(run, &error);
}

static enum run_step complete(struct run *run, const struct execution *execution, const char *tag)
{
    struct buffer *out = client_output(run->client);
    if (execution->described)
        wire_empty(out, 'n');
    run_complete(run, tag);
    return STEP_DONE;
}

static void warn(struct run *run, const char *sqlstate, const char *message)
{
    struct error notice = {0};
    error_set(&notice, sqlstate, "%s", message);
    wire_notice(client_output(run->client), "WARNING", &notice);
    client_wrote(run->client);
    error_clear(&notice);
}

/* --- statements of the session ------------------------------------------------------------------------------- */

/* The same statement on every shard that takes part in the transaction. */
static enum run_step on_participants(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    struct fanout_shape shape = {
        .plan = execution->plan,
        .route = {.kind = PLAN_BROADCAST, .limit = -1},
        .simple = execution->statement == NULL,
        .described = execution->described,
    };
    run->fanout = fanout_new(client, &shape, transaction_participants(client));
    for (struct server *server = client->servers; server; server = server->next_lent)
        if (server->joined)
            execution_send(execution, run, server, NULL, 0, NULL, fanout_add(run->fanout, server));
    return STEP_BUSY;
}

enum run_step run_lend(struct run *run, int shard, struct server **server)
{
    struct error error = {0};
    switch (query_lend(run->client, shard, server, &error)) {
    case LEND_WAIT:
        return STEP_WAIT;
    case LEND_FAILED:
        return run_fail(run, &error);
    case LEND_DONE:
        break;
    }
    return STEP_DONE;
}

static enum run_step on_home(struct run *run, const struct execution *execution)
{
    struct server *server;
    struct fanout_shape shape = {
        .plan = execution->plan,
        .route = {.kind = PLAN_SINGLE, .limit = -1},
        .simple = execution->statement == NULL,
        .described = execution->described,
    };
    enum run_step step = run_lend(run, 0, &server);
    if (step != STEP_DONE)
        return step;
    run->fanout = fanout_new(run->client, &shape, 1);
    execution_send(execution, run, server, NULL, 0, NULL, fanout_add(run->fanout, server));
    return STEP_BUSY;
}

static enum run_step run_begin(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    char word[16];
    first_keyword(run->text, run->text_length, word, sizeof(word));
    const char *tag = strcmp(word, "start") == 0 ? "START TRANSACTION" : "BEGIN";
    if (client->mode == POOL_STATEMENT)
        return fail_with(run, SQLSTATE_PROTOCOL_VIOLATION, "transaction blocks not allowed in statement pooling mode", NULL);
    if (client->transaction.kind == TRANSACTION_EXPLICIT)
        warn(run, SQLSTATE_ACTIVE_TRANSACTION, "there is already a transaction in progress");
    else if (client->transaction.kind == TRANSACTION_IMPLICIT)
        client->transaction.kind = TRANSACTION_EXPLICIT;
    else
        transaction_begin(client, TRANSACTION_EXPLICIT, execution->plan->access, run->text, run->text_length);
    return complete(run, execution, tag);
}

static enum run_step run_end(struct run *run, const struct execution *execution, bool commit)
{
    struct client *client = run->client;
    if (execution->plan->chain) {
        struct error error = {0};
        error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "AND CHAIN is not supported");
        error_detail(&error, "A transaction reaches a shard with its first statement there: the next one has no shards yet.");
        error_hint(&error, "Send BEGIN after the end of the transaction.");
        return run_fail(run, &error);
    }
    if (client->transaction.kind == TRANSACTION_NONE) {
        warn(run, SQLSTATE_NO_ACTIVE_TRANSACTION, "there is no transaction in progress");
        return complete(run, execution, commit ? "COMMIT" : "ROLLBACK");
    }
    if (client->transaction.kind == TRANSACTION_IMPLICIT)
        warn(run, SQLSTATE_NO_ACTIVE_TRANSACTION, "there is no transaction in progress");
    commit = commit && !client->transaction.failed;
    if (execution->described)
        wire_empty(client_output(client), 'n');
    run->cursor++;
    run_end_transaction(run, commit ? ENDING_COMMIT : ENDING_ROLLBACK, commit ? "COMMIT" : "ROLLBACK");
    return STEP_BUSY;
}

static enum run_step run_savepoint(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    const struct plan *plan = execution->plan;
    const char *tag = plan->statement == STATEMENT_SAVEPOINT ? "SAVEPOINT"
                      : plan->statement == STATEMENT_RELEASE ? "RELEASE"
                                                             : "ROLLBACK";
    if (client->transaction.kind != TRANSACTION_EXPLICIT) {
        struct error error = {0};
        error_set(&error, SQLSTATE_NO_ACTIVE_TRANSACTION, "%s can only be used in transaction blocks",
                  plan->statement == STATEMENT_SAVEPOINT ? "SAVEPOINT"
                  : plan->statement == STATEMENT_RELEASE ? "RELEASE SAVEPOINT"
                                                         : "ROLLBACK TO SAVEPOINT");
        return run_fail(run, &error);
    }
    if (plan->statement != STATEMENT_SAVEPOINT && !transaction_has_savepoint(client, plan->name))
        return fail_with(run, SQLSTATE_INVALID_SAVEPOINT, "savepoint \"", plan->name);
    if (transaction_participants(client) > 0)
        return on_participants(run, execution);
    run_statement_done(run);
    return complete(run, execution, tag);
}

/* Several statements in one Query, or before one Sync, are one transaction: what is SET holds, and goes, with
 * it. */
static enum run_step run_set(struct run *run, const struct execution *execution)
{
    struct error error = {0};
    if (!run_settings_read(run, execution, &error))
        return run_fail(run, &error);
    if (run->several || run->open)
        transaction_begin_implicit(run->client);
    if (run->client->transaction.kind != TRANSACTION_NONE && transaction_participants(run->client) > 0)
        return on_participants(run, execution);
    run->client->transaction.setting = true;
    enum run_step step = on_home(run, execution);
    run->client->transaction.setting = false;
    return step;
}

static void release_pinned(struct client *client)
{
    struct server *next;
    for (struct server *server = client->servers; server; server = next) {
        next = server->next_lent;
        if (server->pinned || server->holds)
            client_release_server(client, server);
    }
}

static enum run_step run_discard(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    if (strcasecmp(execution->plan->name, "ALL") != 0)
        return on_home(run, execution);
    if (client->transaction.kind != TRANSACTION_NONE)
        return fail_with(run, SQLSTATE_ACTIVE_TRANSACTION, "DISCARD ALL cannot run inside a transaction block", NULL);
    release_pinned(client);
    portals_clear(&client->portals, state_of(client)->statements);
    cursors_free(&client->cursors);
    statement_names_free(&client->names, state_of(client)->statements);
    client->session = session_reset(state_of(client)->sessions, client->session, NULL);
    return complete(run, execution, "DISCARD ALL");
}

/* A server that is kept may have statements of SQL's PREPARE.  It forgets what Parse has brought along with them, which comes again when it is asked for. */
static enum run_step deallocate_all(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    struct server *home = client->servers; /* they are in shard order */
    statement_names_free(&client->names, state_of(client)->statements);
    if (home == NULL || home->pool->shard != 0 || !home->pinned)
        return complete(run, execution, "DEALLOCATE ALL");
    statement_numbers_free(&home->numbers);
    return on_home(run, execution);
}

static enum run_step run_deallocate(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    const char *name = execution->plan->name;
    if (name == NULL)
        return deallocate_all(run, execution);
    if (!statement_names_remove(client->names, state_of(client)->statements, name))
        return client->servers && !statement_name_is_reserved(name) ? on_home(run, execution)
                                                                    : fail_with(run, SQLSTATE_UNDEFINED_PREPARED, "prepared statement \"", name);
    return complete(run, execution, "DEALLOCATE");
}

/* --- routed statements --------------------------------------------------------------------------------------- */

/* How many shards this transaction will have written when the statement has run. */
static int writers_with(const struct client *client, const struct route *route)
{
    struct shard_set all = route->kind == PLAN_GATHER ? shard_set_one(0) : route->shards;
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (server->joined && server->wrote)
            shard_set_add(&all, server->pool->shard);
    return shard_set_count(&all);
}

static bool may_write(struct run *run, const struct plan *plan, const struct route *route, struct error *error)
{
    const struct client *client = run->client;
    if (!plan->writes || plan->changes_catalog || plan->outside_transaction ||
        client->view->state->settings->multi_shard_commit == COMMIT_BEST_EFFORT ||
        writers_with(client, route) <= 1 || (plan->of_home && client->transaction.changes_catalog))
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this transaction would change data on more than one shard");
    error_detail(error, "Several shards cannot yet be committed atomically.");
    error_hint(error, "Write to one shard per transaction, or set multi_shard_commit = best_effort for database \"%s\".",
               client->view->database->name);
    return false;
}

enum lend_answer run_lend_all(struct client *client, const struct shard_set *shards, struct error *error)
{
    struct server *server;
    enum lend_answer all = LEND_DONE;
    for (int shard = shard_set_next(shards, 0); shard >= 0; shard = shard_set_next(shards, shard + 1)) {
        enum lend_answer answer = query_lend(client, shard, &server, error);
        if (answer == LEND_FAILED || client->waiting == WAIT_SERVER)
            return answer;
        if (answer == LEND_WAIT)
            all = LEND_WAIT;
    }
    return all;
}

void run_pin(struct server *server, const struct plan *plan)
{
    server->holds |= plan->pin == PIN_HELD_CURSOR;
    server->pinned |= plan->pin != PIN_NONE && plan->pin != PIN_HELD_CURSOR;
}

static const struct split_part *part_for(const struct route *route, int shard)
{
    for (int i = 0; i < route->part_count; i++)
        if (route->parts[i].shard == shard)
            return &route->parts[i];
    return NULL;
}

/* The text a shard gets: NULL is the client's own. */
static const char *text_for(const struct execution *execution, const struct route *route, int shard)
{
    const struct split_part *part = part_for(route, shard);
    if (part)
        return part->text;
    if (route->kind == PLAN_BROADCAST && execution->plan->elsewhere_text && shard > 0)
        return execution->plan->elsewhere_text;
    return route->kind == PLAN_SINGLE ? NULL : execution->plan->shard_text;
}

static void send_routed(struct run *run, const struct execution *execution, const struct route *route)
{
    struct client *client = run->client;
    struct plan *plan = execution->plan;
    struct fanout_shape shape = {
        .plan = plan,
        .route = *route,
        .simple = execution->statement == NULL,
        .described = execution->described && !evaluate_is_later_part(run),
        .goes_on = evaluate_has_more(run),
        .rows_before = evaluate_rows_before(run),
        .explanation = run_explanation(run, execution, route),
        .rewritten = moment_is_written(run),
    };
    run->description = NULL;
    if (plan->statement == STATEMENT_CURSOR && plan->name && strcmp(plan->value, "FETCH") == 0)
        shape.description = cursor_description(client->cursors, plan->name, &shape.description_length);
    if (plan->inner && route->kind != PLAN_SINGLE) /* the lines of one shard's plan after another's */
        shape.route = (struct route){.kind = PLAN_CONCAT, .shards = route->shards, .limit = -1};
    if (route->kind == PLAN_SINGLE)
        client->view->counters.single_count += !evaluate_is_later_part(run);
    else
        client->view->counters.multi_count += !evaluate_is_later_part(run);
    run->fanout = fanout_new(client, &shape, shard_set_count(&route->shards));
    for (struct server *server = client->servers; server; server = server->next_lent) {
        if (!shard_set_has(&route->shards, server->pool->shard))
            continue;
        server->wrote |= plan->writes;
        run_pin(server, plan);
        if (plan->before_elsewhere && server->pool->shard > 0)
            server_query(server, plan->before_elsewhere, strlen(plan->before_elsewhere), NULL);
        const char *text = plan->inner && route->kind != PLAN_SINGLE
                               ? run_explained_text(run, execution, route, server->pool->shard)
                               : text_for(execution, route, server->pool->shard);
        const struct split_part *part = part_for(route, server->pool->shard);
        execution_send(execution, run, server, text, route->kind == PLAN_SINGLE ? 0 : plan->hidden, part ? part->lacks : NULL,
                       fanout_add(run->fanout, server));
    }
}

/* A view or column that this transaction has made is unknown to the router: what reads it could go to the wrong shard.  Tools that migrate a schema note in
 * a table of their own how far they are. */
static bool catalog_is_current(const struct client *client, const struct plan *plan, struct error *error)
{
    const struct transaction *transaction = &client->transaction;
    bool defines = plan->changes_catalog && plan->many != PLAN_GATHER;
    if (!transaction->catalog_is_old || defines || plan->statement == STATEMENT_SHOW || (plan->of_home && !transaction->redefined))
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this transaction has changed definitions on several shards");
    error_detail(error, "They are read again when it has been committed; until then only statements on tables that are not configured can be routed.");
    error_hint(error, "COMMIT first.");
    return false;
}

/* FETCH, MOVE and CLOSE go where the cursor is; the shard that is home to the rest knows none of that name, and says so. */
static void follow_cursor(const struct client *client, const struct plan *plan, struct route *route)
{
    int shard = plan->name ? cursor_shard(client->cursors, plan->name) : -1;
    if (plan->statement == STATEMENT_CURSOR && strcmp(plan->value, "DECLARE") != 0 && shard >= 0)
        route->shards = shard_set_one(shard);
}

/* The shard that is to have the cursor does not know of one elsewhere. */
static bool may_declare(const struct client *client, const struct plan *plan, const struct route *route, struct error *error)
{
    if (plan->statement != STATEMENT_CURSOR || strcmp(plan->value, "DECLARE") != 0)
        return true;
    int there = cursor_shard(client->cursors, plan->name);
    int shard = route->kind == PLAN_GATHER ? 0 : shard_set_next(&route->shards, 0);
    if (there < 0 || there == shard)
        return true;
    error_set(error, SQLSTATE_DUPLICATE_CURSOR, "cursor \"%s\" already exists", plan->name);
    return false;
}

static bool find_route(struct run *run, const struct execution *execution, struct route *route, struct error *error)
{
    struct client *client = run->client;
    const struct plan *routed = execution->plan->inner ? execution->plan->inner : execution->plan;
    const struct normalised *literals = execution->normalised->unsure ? NULL : execution->normalised;
    const struct bind_values *binds = execution->statement ? &execution->bind.values : NULL;
    const struct evaluated *evaluated = evaluate_row(run, execution->plan);
    bool routable = evaluated ? plan_route_evaluated(routed, evaluate_routing(run), literals, binds, evaluated,
                                                     evaluate_arena(run), route, error)
                              : plan_route(routed, client->view->state->routing, literals, binds, &run->arena, route, error);
    if (!routable)
        return false;
    follow_cursor(client, execution->plan, route);
    bool in_steps = route->kind == PLAN_SINGLE || (route->kind == PLAN_GATHER && execution->plan->statement == STATEMENT_SELECT);
    if (execution->limit != 0 && !in_steps) {
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "a portal over several shards cannot be executed in parts");
        error_hint(error, "Execute it without a row limit (fetch size).");
        return false;
    }
    return run_can_explain(execution->plan, route, error) && may_write(run, execution->plan, route, error) &&
           may_declare(client, execution->plan, route, error);
}

/* --- any routed statement ------------------------------------------------------------------------------------ */

static enum run_step evaluate_first(struct run *run, const struct execution *execution)
{
    return evaluate_begin(run, execution->plan, execution->statement,
                          execution->statement ? &execution->bind.values : NULL);
}

/* Does the session want to hear of it? */
static bool hears_notices(const struct client *client)
{
    bool known;
    const char *least = session_value(client->transaction.local, "client_min_messages", &known);
    if (!least)
        least = session_value(client->session, "client_min_messages", &known);
    return !least || (strcasecmp(least, "warning") != 0 && strcasecmp(least, "error") != 0);
}

/* CREATE TABLE IF NOT EXISTS … AS over several shards: the home shard has told that there is one. */
static enum run_step skip_existing(struct run *run, const struct execution *execution)
{
    struct error notice = {0};
    error_set(&notice, SQLSTATE_DUPLICATE_TABLE, "relation \"%s\" already exists, skipping", execution->plan->if_new);
    if (hears_notices(run->client))
        wire_notice(client_output(run->client), "NOTICE", &notice);
    error_clear(&notice);
    return complete(run, execution, "CREATE TABLE AS");
}

/* What was asked before the table is made, or not. */
static enum run_step run_unless_there(struct run *run, const struct execution *execution, const char *found, bool *over)
{
    struct error error = {0};
    *over = found != NULL;
    if (!*over)
        return STEP_DONE;
    if (strcmp(found, RELATION_IS_THERE) == 0)
        return skip_existing(run, execution);
    error_set(&error, SQLSTATE_READ_ONLY_TRANSACTION, "cannot execute CREATE TABLE AS in a read-only transaction");
    return run_fail(run, &error);
}

/* The last part turns out to be empty. */
static enum run_step complete_inserted(struct run *run, const struct execution *execution)
{
    struct execution tail = *execution;
    tail.described = false;
    return complete(run, &tail, arena_printf(&run->arena, "INSERT 0 %" PRIu64, evaluate_rows_before(run)));
}

static enum run_step run_routed(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    const struct plan *plan = execution->plan;
    struct error error = {0};
    struct route route = {0};
    if (gather_is_ready(run->gather))
        return run_gathered_query(run, execution);
    if (run->locking)
        return locking_go_on(run, execution);
    if (!catalog_is_current(client, plan, &error))
        return run_fail(run, &error);
    if (plan->inner && plan->inner->evaluation)
        return evaluate_explain(run, execution);
    if (plan->clock != CLOCK_UNREAD && (run->several || run->open))
        transaction_begin_implicit(client);
    if (plan->evaluation && !evaluate_is_begun(run, plan) && !moment_is_there(run, plan, NULL))
        return moment_begin(run, execution, NULL);
    if (plan->evaluation && evaluate_row(run, plan) == NULL)
        return evaluate_first(run, execution);
    if (plan->if_new) {
        bool over;
        enum run_step step = run_unless_there(run, execution, evaluate_row(run, plan)->values[0], &over);
        if (over)
            return step;
    }
    if (evaluate_is_over(run))
        return complete_inserted(run, execution);
    if (!find_route(run, execution, &route, &error))
        return run_refuse(run, execution, &error);
    if (!plan->evaluation && !moment_is_there(run, plan, &route))
        return moment_begin(run, execution, &route);
    if (route.kind == PLAN_GATHER)
        return run_gather(run, execution, &route);
    bool several_writes = (plan->writes || plan->changes_catalog) && shard_set_count(&route.shards) > 1;
    bool locks = plan->locking && route.kind != PLAN_SINGLE && route.limit >= 0;
    if (run->several || (run->open && !plan->outside_transaction) || locks || (several_writes && !plan->outside_transaction))
        transaction_begin_implicit(client);
    switch (run_lend_all(client, &route.shards, &error)) {
    case LEND_WAIT:
        return STEP_WAIT;
    case LEND_FAILED:
        return run_fail(run, &error);
    case LEND_DONE:
        break;
    }
    if (locks)
        return locking_begin(run, execution, &route);
    client->transaction.changes_catalog |= plan->changes_catalog && client->transaction.kind != TRANSACTION_NONE;
    client->transaction.redefined |= client->transaction.changes_catalog && plan->redefines;
    client->transaction.catalog_is_old |= client->transaction.changes_catalog && plan->changes_catalog &&
                                          shard_set_count(&route.shards) > 1;
    run->load_after = plan->changes_catalog && client->transaction.kind == TRANSACTION_NONE;
    run->shard = shard_set_next(&route.shards, 0);
    send_routed(run, execution, &route);
    return STEP_BUSY;
}

/* CLOSE ALL: wherever a cursor may be. */
static enum run_step run_cursor(struct run *run, const struct execution *execution)
{
    if (execution->plan->name == NULL && transaction_participants(run->client) > 0)
        return on_participants(run, execution);
    return run_routed(run, execution);
}

/* --- dispatch ------------------------------------------------------------------------------------------------ */

bool run_allowed_when_failed(enum statement_kind statement)
{
    return statement == STATEMENT_ROLLBACK || statement == STATEMENT_COMMIT || statement == STATEMENT_ROLLBACK_TO;
}

static enum run_step run_execution(struct run *run, const struct execution *execution)
{
    struct plan *plan = execution->plan;
    if (run->plan != plan) {
        if (run->plan)
            plan_release(run->plan);
        run->plan = plan_hold(plan);
    }
    if (run->client->transaction.failed && !run_allowed_when_failed(plan->statement)) {
        struct error error = {0};
        run_aborted_error(&error);
        return run_fail(run, &error);
    }
    if (plan->many == PLAN_REFUSE && error_is_set(&plan->refusal) && plan->statement == STATEMENT_SET)
        return run_routed(run, execution); /* a setting that would make literals ambiguous */
    switch (plan->statement) {
    case STATEMENT_EMPTY:
        if (execution->described)
            wire_empty(client_output(run->client), 'n');
        wire_empty(client_output(run->client), 'I');
        client_wrote(run->client);
        return STEP_DONE;
    case STATEMENT_BEGIN:
        return run_begin(run, execution);
    case STATEMENT_COMMIT:
        return run_end(run, execution, true);
    case STATEMENT_ROLLBACK:
        return run_end(run, execution, false);
    case STATEMENT_SAVEPOINT:
    case STATEMENT_RELEASE:
    case STATEMENT_ROLLBACK_TO:
        return run_savepoint(run, execution);
    case STATEMENT_SET:
    case STATEMENT_SET_LOCAL:
        return run_set(run, execution);
    case STATEMENT_DISCARD:
        return run_discard(run, execution);
    case STATEMENT_DEALLOCATE:
        return run_deallocate(run, execution);
    case STATEMENT_CURSOR:
        return run_cursor(run, execution);
    case STATEMENT_PREPARE:
        return plan->prepared ? run_prepare(run, execution) : run_routed(run, execution);
    case STATEMENT_EXECUTE:
    case STATEMENT_EXPLAIN:
        return run_knows_prepared(run, plan) ? run_execute_prepared(run, execution) : run_routed(run, execution);
    case STATEMENT_SELECT:
    case STATEMENT_INSERT:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_MERGE_INTO:
    case STATEMENT_COPY_IN:
    case STATEMENT_COPY_OUT:
    case STATEMENT_SHOW:
    case STATEMENT_LISTEN:
    case STATEMENT_DDL:
    case STATEMENT_MAINTENANCE:
    case STATEMENT_OTHER:
        return run_routed(run, execution);
    }
    return STEP_DONE;
}

/*
 * What was fetched for a plan is of use to that plan only.  A new one need not be the same, nor the old one
 * found again: long statements are not cached, and a prepared statement that sessions of other settings share
 * is planned for each of them.
 */
static struct plan *plan_begun(const struct run *run)
{
    bool begun = gather_is_ready(run->gather) || run->locking || (run->plan && evaluate_is_begun(run, run->plan));
    return begun ? plan_hold(run->plan) : NULL;
}

enum run_step run_query(struct run *run, const struct run_item *item)
{
    struct client *client = run->client;
    struct normalised *normalised = &state_of(client)->normalised;
    struct session_facts facts = query_facts(client);
    struct error error = {0};
    if (run_executes_prepared(run))
        return run_prepared_go_on(run);
    run->text = (const char *) item->body;
    run->text_length = item->length;
    normalise(run->text, run->text_length, normalised);
    struct execution execution = {.normalised = normalised};
    execution.plan = plan_begun(run);
    if (execution.plan == NULL)
        execution.plan = plan_cache_get(client->view->plans, client->view->state->routing, &facts, run->text,
                                        run->text_length, normalised, NULL, 0, &error);
    if (execution.plan == NULL)
        return run_fail(run, &error);
    enum run_step step = run_execution(run, &execution);
    plan_release(execution.plan);
    return step;
}

/* A limit of rows is none to a statement without rows (PortalRun() in pquery.c); pgjdbc gives one where it wants no rows. */
static bool gives_rows(const struct plan *plan)
{
    switch (plan->statement) {
    case STATEMENT_INSERT:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
        return plan->returning;
    case STATEMENT_SELECT:
    case STATEMENT_EXPLAIN:
    case STATEMENT_SHOW:
    case STATEMENT_CURSOR:
    case STATEMENT_EXECUTE:
    case STATEMENT_OTHER:
        return true;
    default:
        return false;
    }
}

/* What a run binds on the shards takes the place of the client's unnamed portal there: it must not go on with the wrong rows, or none. */
static void give_up_unnamed(struct client *client, const struct portal *portal)
{
    const struct portal *unnamed = portal_find(client->portals, "");
    if (unnamed && unnamed != portal && unnamed->shard >= 0)
        portal_remove(client->portals, state_of(client)->statements, "");
}

/* Refused without the types of its parameters, it is planned with those that the home shard has told. */
static struct statement *with_types(struct run *run, struct statement *statement)
{
    struct client *client = run->client;
    if (!statement_is_described(statement, client->view->state->routing->version))
        return statement;
    statement_release(state_of(client)->statements, run->typed);
    run->typed = query_intern(client, statement->sql, statement->length, statement->described, statement->described_count);
    run->typed->typed = true;
    return run->typed;
}

enum run_step run_bound(struct run *run, struct statement *client_statement, const uint8_t *bind, size_t length, bool described, int32_t limit)
{
    struct statement *written = moment_statement(run);
    struct statement *statement = with_types(run, written ? written : client_statement);
    struct error error = {0};
    struct execution execution = {.statement = statement, .normalised = &statement->normalised, .limit = limit, .once = written != NULL};
    run->text = statement->sql;
    run->text_length = statement->length;
    run->shard = -1;
    query_read_bind(bind, length, statement, &run->arena, &execution.bind);
    execution.plan = plan_begun(run);
    if (execution.plan == NULL)
        execution.plan = run_portal_plan(run, &execution, &error);
    if (execution.plan == NULL)
        return run_fail(run, &error);
    execution.described = described && (run->extended || gives_rows(execution.plan)); /* a Query has no NoData */
    if (!gives_rows(execution.plan))
        execution.limit = 0;
    run->limit = execution.limit;
    enum run_step step = run_execution(run, &execution);
    plan_release(execution.plan);
    return step;
}

enum run_step run_execute_portal(struct run *run, struct portal *portal, int32_t limit)
{
    if (portal->shard >= 0)
        return run_portal_step(run, portal, limit);
    give_up_unnamed(run->client, portal);
    enum run_step step = run_executes_prepared(run)
                             ? run_prepared_go_on(run)
                             : run_bound(run, portal->statement, portal->bind, portal->bind_length, portal->described, limit);
    if (run->limit != 0 && run->fanout)
        portal->shard = run->shard;
    return step;
}

/* Any shard knows the statement's columns, but for those of FETCH only the cursor's. */
static int shard_to_describe(const struct client *client, const struct plan *plan)
{
    bool of_cursor = plan && plan->statement == STATEMENT_CURSOR && plan->name;
    int shard = of_cursor ? cursor_shard(client->cursors, plan->name) : -1;
    return shard >= 0 ? shard : client->servers ? client->servers->pool->shard : 0;
}

enum run_step run_describe_statement(struct run *run, struct statement *statement)
{
    struct client *client = run->client;
    struct server *server;
    char name[STATEMENT_NAME_SIZE];
    struct fanout_shape shape = {.route = {.kind = PLAN_SINGLE, .limit = -1}, .described = true};
    struct error error = {0};
    const struct plan *plan = query_statement_plan(client, statement, &error);
    error_clear(&error); /* PostgreSQL tells it in its own words */
    enum run_step step = run_lend(run, shard_to_describe(client, plan), &server);
    if (step != STEP_DONE)
        return step;
    if (run->plan)
        plan_release(run->plan);
    run->plan = NULL;
    run->fanout = fanout_new(client, &shape, 1);
    struct reply_sink *sink = fanout_add(run->fanout, server);
    if (plan && plan->statement == STATEMENT_EXECUTE && run_knows_prepared(run, plan)) {
        run_describe_prepared(run, statement, plan, server, sink);
        return STEP_BUSY;
    }
    query_prepare(server, statement, true, sink, name);
    extended_describe_statement(server, sink, name);
    extended_sync(server, sink);
    return STEP_BUSY;
}

/* --- afterwards ---------------------------------------------------------------------------------------------- */

static void remember_declared(struct run *run)
{
    struct client *client = run->client;
    const struct transaction *transaction = &client->transaction;
    int savepoints = transaction->kind == TRANSACTION_NONE ? -1 : (int) transaction->savepoints;
    cursor_declared(&client->cursors, run->plan->name, run->shard, run->plan->pin == PIN_HELD_CURSOR, savepoints);
    if (run->description)
        cursor_describe(client->cursors, run->plan->name, run->description, run->description_length);
}

static void remember_cursor(struct run *run)
{
    const struct plan *plan = run->plan;
    if (strcmp(plan->value, "DECLARE") == 0)
        remember_declared(run);
    else if (strcmp(plan->value, "CLOSE") == 0 && plan->name)
        cursor_closed(&run->client->cursors, plan->name);
    else if (strcmp(plan->value, "CLOSE") == 0)
        cursors_free(&run->client->cursors);
}

static void remember_released(struct client *client, const char *savepoint)
{
    transaction_release_savepoint(client, savepoint);
    cursors_released(client->cursors, client->transaction.savepoints);
}

static void remember_rollback_to(struct client *client, const char *savepoint)
{
    transaction_rollback_to(client, savepoint);
    cursors_rolled_back_to(&client->cursors, client->transaction.savepoints);
}

void run_statement_done(struct run *run)
{
    struct client *client = run->client;
    const struct plan *plan = run->plan;
    if (plan == NULL)
        return;
    if (plan->setting_count > 0 || plan->statement == STATEMENT_SET || plan->statement == STATEMENT_SET_LOCAL)
        run_settings_remember(run);
    else if (plan->statement == STATEMENT_CURSOR)
        remember_cursor(run);
    else if (plan->statement == STATEMENT_SAVEPOINT)
        transaction_savepoint(client, plan->name, run->text, run->text_length);
    else if (plan->statement == STATEMENT_RELEASE)
        remember_released(client, plan->name);
    else if (plan->statement == STATEMENT_ROLLBACK_TO)
        remember_rollback_to(client, plan->name);
}
