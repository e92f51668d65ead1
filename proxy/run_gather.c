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

/* --- gathered queries ---------------------------------------------------------------------------------------- */

/* EXPLAIN without ANALYZE: nothing is left to ask. */
static enum run_step complete_explanation(struct run *run, const struct execution *execution, struct explanation *explanation)
{
    static const char *const columns[] = {"QUERY PLAN"};
    static const uint32_t types[] = {[EXPLAIN_TEXT] = 25, [EXPLAIN_JSON] = 114, [EXPLAIN_XML] = 142, [EXPLAIN_YAML] = 25}; /* pg_type.dat */
    struct buffer *out = client_output(run->client);
    if (execution->statement == NULL || execution->described)
        wire_columns(out, columns, &types[execution->plan->explain_format], 1);
    explanation_send(explanation, out);
    wire_complete(out, "EXPLAIN");
    client_wrote(run->client);
    gather_free(run->gather);
    run->gather = NULL;
    return STEP_DONE;
}

/* Only the home shard is written to. */
static void note_write(struct run *run, struct server *home, const struct plan *plan)
{
    struct transaction *transaction = &run->client->transaction;
    home->wrote |= plan->writes;
    transaction->changes_catalog |= plan->changes_catalog && transaction->kind != TRANSACTION_NONE;
    transaction->redefined |= transaction->changes_catalog && plan->redefines;
    run->load_after = plan->changes_catalog && transaction->kind == TRANSACTION_NONE;
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
        .explanation = gather_explanation(run->gather),
        .verb = plan->creates ? "SELECT" : NULL,
    };
    if (shape.explanation && !plan->explain_analyzes)
        return complete_explanation(run, execution, shape.explanation);
    run->shard = 0;
    note_write(run, home, plan);
    run->description = gather_description(run->gather, &run->description_length);
    if (plan->wrapped_query == NULL) {
        shape.description = run->description;
        shape.description_length = run->description_length;
    }
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
