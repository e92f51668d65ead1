#include "proxy/run_explain.h"

#include "proxy/keyway.h"

/* What locks in steps cannot be run by each shard for itself. */
bool run_can_explain(const struct plan *plan, const struct route *route, struct error *error)
{
    if (plan->inner && plan->inner->locking && plan->explain_analyzes && route->kind != PLAN_SINGLE) {
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "EXPLAIN ANALYZE of FOR UPDATE with LIMIT over several shards is not supported");
        error_detail(error, "Each shard would lock as many rows as LIMIT counts of all.");
        error_hint(error, "Use EXPLAIN without ANALYZE.");
        return false;
    }
    return true;
}

static const char *describe(struct run *run, const struct execution *execution, const struct route *route)
{
    const struct plan *plan = execution->plan->inner;
    const struct routing *routing = run->client->view->state->routing;
    if (plan->evaluation)
        return plan_describe_evaluation(plan, routing, &run->arena);
    return plan_describe(plan, routing, execution->normalised->unsure ? NULL : execution->normalised,
                         execution->statement ? &execution->bind.values : NULL, route, &run->arena);
}

/* Do the shards' plans end in rows that the proxy is sent?  Of a gathered query these are measured. */
static bool counts_rows(const struct plan *plan, const struct route *route)
{
    return plan->explain_analyzes && route && route->kind != PLAN_GATHER && (plan->inner->statement == STATEMENT_SELECT || plan->inner->returning);
}

struct explanation *run_explanation(struct run *run, const struct execution *execution, const struct route *route)
{
    const struct plan *plan = execution->plan;
    if (plan->inner == NULL)
        return NULL;
    struct explanation *explanation = explanation_new(&run->arena, plan->explain_format, describe(run, execution, route));
    if (counts_rows(plan, route))
        explanation_count(explanation, plan->inner->statement == STATEMENT_SELECT);
    return explanation;
}

const char *run_explained_text(struct run *run, const struct execution *execution, const struct route *route, int shard)
{
    const struct plan *plan = execution->plan, *inner = plan->inner;
    const char *text = inner->shard_text ? inner->shard_text : plan->explained;
    for (int i = 0; i < route->part_count; i++)
        if (route->parts[i].shard == shard)
            text = route->parts[i].text;
    return arena_printf(&run->arena, "%s%s", plan->explain_prefix, text);
}

int run_explain_shard(struct run *run, struct explanation *explanation, int shard)
{
    return explanation_expect(explanation, &(struct explained){.shard = shard, .name = run_shard_name(run, shard)});
}

const char *run_shard_name(struct run *run, int shard)
{
    const struct routing *routing = run->client->view->state->routing;
    return arena_strdup(&run->arena, routing->snapshot->shards[routing->settings->shards[shard]].name);
}
