/*
 * The item is begun, finds that rows are needed, and waits for them; when they are there it is begun again, and its query is sent.
 */
#include "proxy/run_gather.h"

#include <string.h>

#include "proxy/explain.h"
#include "proxy/gather.h"
#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/run_statement.h"

/* --- EXPLAIN ------------------------------------------------------------------------------------------------- */

/* Only the router's lines. */
static enum run_step explain_without_shards(struct run *run, const struct execution *execution, const struct route *route)
{
    static const char *const columns[] = {"QUERY PLAN"};
    static const uint32_t json[] = {114};
    bool in_json = execution->plan->explain_format == EXPLAIN_JSON;
    struct buffer *out = client_output(run->client);
    if (execution->statement == NULL || execution->described)
        wire_columns(out, columns, in_json ? json : NULL, 1);
    struct explanation *explanation = explanation_new(&run->arena, in_json, run_explain_preface(run, execution, route), 0);
    explanation_send(explanation, out);
    wire_complete(out, "EXPLAIN");
    client_wrote(run->client);
    return STEP_DONE;
}

/* One Query for all parts: their plans follow each other.  A Query has no parameters. */
static bool can_ask_shards(const struct plan *plan, const struct route *route)
{
    bool some = false;
    for (int i = 0; i < plan->gather_count; i++) {
        if (plan->gather[i].parameter_count > 0)
            return false;
        some |= shard_set_count(&route->gather_shards[i]) > 0;
    }
    return some;
}

static const char *explained_parts(struct run *run, const struct plan *plan, const struct route *route, int shard)
{
    const char *text = NULL;
    for (int i = 0; i < plan->inner->gather_count; i++)
        if (shard_set_has(&route->gather_shards[i], shard))
            text = arena_printf(&run->arena, "%s%s%s%s", text ? text : "", text ? "; " : "", plan->explain_prefix,
                                plan->inner->gather[i].select);
    return text;
}

/* What each shard would do for the parts: nothing is gathered. */
static enum run_step explain_gathering(struct run *run, const struct execution *execution, const struct route *route)
{
    const struct plan *plan = execution->plan;
    if (!can_ask_shards(plan->inner, route))
        return explain_without_shards(run, execution, route);
    struct fanout_shape shape = {
        .plan = plan,
        .route = {.kind = PLAN_CONCAT, .shards = route->shards, .limit = -1},
        .simple = execution->statement == NULL,
        .described = execution->described,
        .preface = run_explain_preface(run, execution, route),
        .json = plan->explain_format == EXPLAIN_JSON,
    };
    run->fanout = fanout_new(run->client, &shape, shard_set_count(&route->shards));
    for (struct server *server = run->client->servers; server; server = server->next_lent) {
        if (!shard_set_has(&route->shards, server->pool->shard))
            continue;
        const char *text = explained_parts(run, plan, route, server->pool->shard);
        if (text)
            server_query(server, text, strlen(text), fanout_add(run->fanout, server));
    }
    return STEP_BUSY;
}

/* --- gathered queries ---------------------------------------------------------------------------------------- */

static void explain_moves(struct run *run, const struct execution *execution, struct fanout_shape *shape)
{
    shape->preface = arena_printf(&run->arena, "%s%s", run_explain_preface(run, execution, gather_route(run->gather)),
                                  gather_moves(run->gather, &run->arena));
    shape->json = execution->plan->explain_format == EXPLAIN_JSON;
}

enum run_step run_gathered_query(struct run *run, const struct execution *execution)
{
    struct server *home = client_server(run->client, 0);
    const struct plan *plan = execution->plan;
    struct fanout_shape shape = {
        .plan = plan,
        .route = {.kind = PLAN_SINGLE, .shards = shard_set_one(0), .limit = -1},
        .simple = execution->statement == NULL,
        .described = execution->described,
    };
    run->shard = 0;
    run->description = gather_description(run->gather, &run->description_length);
    if (plan->wrapped_query == NULL) {
        shape.description = run->description;
        shape.description_length = run->description_length;
    }
    if (plan->inner)
        explain_moves(run, execution, &shape);
    run_pin(home, plan);
    run->fanout = fanout_new(run->client, &shape, 1);
    gather_query(run->gather, execution, fanout_add(run->fanout, home));
    return STEP_BUSY;
}

enum run_step run_gather(struct run *run, const struct execution *execution, const struct route *route)
{
    struct client *client = run->client;
    struct error error = {0};
    if (run->several || run->open)
        transaction_begin_implicit(client);
    switch (run_lend_all(client, &route->shards, &error)) {
    case LEND_WAIT:
        return STEP_WAIT;
    case LEND_FAILED:
        return run_fail(run, &error);
    case LEND_DONE:
        break;
    }
    client->view->counters.multi_count++;
    if (execution->plan->inner && !execution->plan->explain_analyzes)
        return explain_gathering(run, execution, route);
    gather_begin(run, execution, route);
    return STEP_BUSY;
}

/* --- refusals ------------------------------------------------------------------------------------------------ */

/* Of EXPLAIN, PostgreSQL examines the statement in it, too. */
static bool may_be_examined(const struct plan *plan)
{
    plan = plan->inner ? plan->inner : plan;
    return plan->statement == STATEMENT_SELECT || plan->statement == STATEMENT_INSERT || plan->statement == STATEMENT_UPDATE ||
           plan->statement == STATEMENT_DELETE || plan->statement == STATEMENT_MERGE_INTO;
}

enum run_step run_refuse(struct run *run, const struct execution *execution, struct error *error)
{
    struct server *home;
    struct error failure = {0};
    run->client->view->counters.refused_count++;
    if (strcmp(error->sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED) != 0 || !may_be_examined(execution->plan))
        return run_fail(run, error);
    switch (query_lend(run->client, 0, &home, &failure)) {
    case LEND_WAIT: /* it will be refused again */
        run->client->view->counters.refused_count--;
        error_clear(error);
        return STEP_WAIT;
    case LEND_FAILED:
        error_clear(&failure);
        return run_fail(run, error);
    case LEND_DONE:
        break;
    }
    gather_refuse(run, execution, error);
    return STEP_BUSY;
}
