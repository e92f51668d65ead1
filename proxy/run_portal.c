/*
 * Whether a SELECT has to be gathered is known when it is executed: then it gets another plan.
 */
#include "proxy/run_portal.h"

#include "proxy/cursor.h"
#include "proxy/extended.h"
#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/run_statement.h"

#define DESCRIBED "keyway_described"

static bool runs_on_shards(const struct plan *plan)
{
    return plan->statement == STATEMENT_SELECT &&
           (plan->many == PLAN_CONCAT || plan->many == PLAN_MERGE || plan->many == PLAN_COMBINE);
}

/* Then its end comes before the limit does. */
static bool has_fewer_rows(const struct plan *plan, const struct route *route, int32_t limit)
{
    bool one_row = route->kind == PLAN_COMBINE && plan->sort_key_count == 0;
    return (one_row && limit > 1) || (route->limit >= 0 && route->limit < limit);
}

static struct plan *plan_in_steps(struct run *run, struct statement *statement, struct error *error)
{
    struct client *client = run->client;
    struct session_facts facts = query_facts(client);
    facts.gathers = true;
    return plan_cache_get(client->view->plans, client->view->state->routing, &facts, statement->sql, statement->length,
                          &statement->normalised, statement->types, statement->type_count, error);
}

struct plan *run_portal_plan(struct run *run, struct execution *execution, struct error *error)
{
    struct statement *statement = execution->statement;
    struct plan *plan = query_statement_plan(run->client, statement, error);
    struct error unrouted = {0};
    struct route route;
    if (plan == NULL || execution->limit == 0 || !runs_on_shards(plan))
        return plan ? plan_hold(plan) : NULL;
    bool routed = plan_route(plan, run->client->view->state->routing, statement->normalised.unsure ? NULL : &statement->normalised,
                             &execution->bind.values, &run->arena, &route, &unrouted);
    error_clear(&unrouted); /* it will be met again */
    if (!routed || route.kind == PLAN_SINGLE)
        return plan_hold(plan);
    if (!has_fewer_rows(plan, &route, execution->limit))
        return plan_in_steps(run, statement, error);
    execution->limit = 0;
    return plan_hold(plan);
}

static struct server *shard_of(const struct run *run, const struct portal *portal)
{
    struct server *server = portal && portal->shard >= 0 ? client_server(run->client, portal->shard) : NULL;
    return server && (server->joined || server->holds) ? server : NULL;
}

static struct fanout_shape shape_of_portal(bool described)
{
    return (struct fanout_shape){.route = {.kind = PLAN_SINGLE, .limit = -1}, .described = described};
}

static enum run_step ask_portal(struct run *run, const struct portal *portal, const struct fanout_shape *shape, bool execute, int32_t limit)
{
    struct server *server = shard_of(run, portal);
    struct error error = {0};
    if (run->client->transaction.failed) {
        run_aborted_error(&error);
        return run_fail(run, &error);
    }
    if (server == NULL) {
        error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this batch mixes a portal of one shard with statements for others");
        error_hint(&error, "Execute the portal in a batch of its own.");
        return run_fail(run, &error);
    }
    if (run->plan)
        plan_release(run->plan);
    run->plan = NULL;
    run->fanout = fanout_new(run->client, shape, 1);
    struct reply_sink *sink = fanout_add(run->fanout, server);
    if (shape->described)
        extended_describe(server, sink, portal->name);
    if (execute)
        extended_execute(server, sink, portal->name, limit);
    extended_sync(server, sink);
    return STEP_BUSY;
}

enum run_step run_portal_step(struct run *run, struct portal *portal, int32_t limit)
{
    struct fanout_shape shape = shape_of_portal(portal->described);
    return ask_portal(run, portal, &shape, true, limit);
}

/* Bound on any shard, its columns have the formats that Bind has asked for. */
static void bind_elsewhere(struct run *run, const struct portal *portal, struct server *server, struct reply_sink *sink)
{
    struct buffer *out = stream_output(&server->stream);
    struct bind_message bind;
    char name[STATEMENT_NAME_SIZE];
    query_read_bind(portal->bind, portal->bind_length, portal->statement, &run->arena, &bind);
    query_prepare(server, portal->statement, true, sink, name);
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, DESCRIBED);
    wire_put_string(out, name);
    wire_put_bytes(out, bind.rest, bind.rest_length);
    wire_end(out, mark);
    server_expect(server, 'B', false, sink);
}

enum run_step run_describe_portal(struct run *run, const struct portal *portal)
{
    struct server *server;
    struct fanout_shape shape = shape_of_portal(true);
    if (portal->shard >= 0)
        return ask_portal(run, portal, &shape, false, 0);
    enum run_step step = run_lend(run, run->client->servers ? run->client->servers->pool->shard : 0, &server);
    if (step != STEP_DONE)
        return step;
    if (run->plan)
        plan_release(run->plan);
    run->plan = NULL;
    run->fanout = fanout_new(run->client, &shape, 1);
    struct reply_sink *sink = fanout_add(run->fanout, server);
    bind_elsewhere(run, portal, server, sink);
    extended_describe(server, sink, DESCRIBED);
    extended_close(server, DESCRIBED);
    extended_sync(server, sink);
    return STEP_BUSY;
}

static struct portal portal_of_cursor(const struct run *run, const char *name)
{
    return (struct portal){.name = (char *) name, .shard = cursor_shard(run->client->cursors, name)};
}

enum run_step run_describe_cursor(struct run *run, const char *name)
{
    struct portal portal = portal_of_cursor(run, name);
    struct fanout_shape shape = shape_of_portal(true);
    shape.description = cursor_description(run->client->cursors, name, &shape.description_length);
    return ask_portal(run, &portal, &shape, false, 0);
}

enum run_step run_fetch_cursor(struct run *run, const char *name, int32_t limit)
{
    struct portal portal = portal_of_cursor(run, name);
    struct fanout_shape shape = shape_of_portal(false);
    return ask_portal(run, &portal, &shape, true, limit < 0 ? 0 : limit);
}

static void answer_close(struct run *run)
{
    wire_empty(client_output(run->client), '3');
    client_wrote(run->client);
}

/* The server may be free to go then, so that no reply may be outstanding.  Close is taken in an aborted transaction, too. */
static enum run_step close_cursor(struct run *run, const char *name)
{
    struct portal portal = portal_of_cursor(run, name);
    struct fanout_shape shape = shape_of_portal(false);
    struct server *server = shard_of(run, &portal);
    run->closing = name;
    if (server == NULL) {
        run_portal_closed(run);
        return STEP_DONE;
    }
    run->fanout = fanout_new(run->client, &shape, 1);
    struct reply_sink *sink = fanout_add(run->fanout, server);
    extended_close(server, name);
    extended_sync(server, sink);
    return STEP_BUSY;
}

enum run_step run_portal_close(struct run *run, const char *name)
{
    struct portal *portal = portal_find(run->client->portals, name);
    struct server *server = shard_of(run, portal);
    if (portal == NULL && cursor_shard(run->client->cursors, name) >= 0)
        return close_cursor(run, name);
    if (server)
        extended_close(server, name);
    portal_remove(run->client->portals, worker_state(run->client->stream.worker)->statements, name);
    answer_close(run);
    return STEP_DONE;
}

void run_portal_closed(struct run *run)
{
    cursor_closed(&run->client->cursors, run->closing);
    run->closing = NULL;
    answer_close(run);
}
