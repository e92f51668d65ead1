/*
 * gather_early: which groups the shards make of tables that are joined to others, and where rows move.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "router/plan.h"
#include "tests/unit/plan_town.h"

TestSuite(gather_early, .init = plan_town_set_up, .fini = plan_town_tear_down);

/* The part that is groups: what the shards compute of it, and with keys, or NULL; NULL: there is none. */
static void expect_early(const char *sql, const char *groups, const char *keyed)
{
    struct plan *plan = make(sql);
    const struct gather_part *part = NULL;
    cr_assert_eq(plan->many, PLAN_GATHER, "%s", sql);
    for (int i = 0; i < plan->gather_count; i++) {
        if (plan->gather[i].what == GATHER_GROUPS || plan->gather[i].what == GATHER_RESULT)
            part = &plan->gather[i];
        for (int k = 0; k < plan->gather[i].key_count; k++)
            cr_expect(plan->gather[i].keys[k].of_home || plan->gather[i].keys[k].part < i, "%s: its source comes later", sql);
    }
    cr_expect(groups ? part && !strcmp(part->select, groups) : !part, "%s\n  %s", sql, part ? part->select : "no groups");
    if (part && groups)
        cr_expect(keyed ? part->keyed && !strcmp(part->keyed, keyed) : !part->keyed, "%s\n  %s", sql, part->keyed ? part->keyed : "no keys");
    plan_release(plan);
}

#define LIKES "SELECT p.likes AS c1, pg_catalog.count(*) AS c2 FROM public.posts p GROUP BY p.likes"
#define KEYED(groups, columns) "SELECT * FROM (" groups ") \"keyway: rows\"(" columns ") WHERE c1 OPERATOR(pg_catalog.=) ANY($1)"

Test(gather_early, groups_are_made_by_what_joins_and_groups)
{
    expect_early("SELECT u.country, count(*) FROM posts p JOIN users u ON u.age = p.likes GROUP BY u.country", LIKES, NULL);
    expect_early("SELECT count(*) FROM posts p, notes n WHERE n.id = p.likes", LIKES, KEYED(LIKES, "c1, c2"));
    expect_early("SELECT p.body, sum(p.id), avg(p.likes) FROM posts p, users u WHERE u.name = p.body AND p.likes > 3 GROUP BY 1",
                 "SELECT p.body AS c1, pg_catalog.sum(p.id) AS c2, pg_catalog.sum(p.likes) AS c3, pg_catalog.count(p.likes) AS c4 "
                 "FROM public.posts p WHERE p.likes > 3 GROUP BY p.body", NULL);
    expect_early("SELECT coalesce(p.likes, 0), count(*) FROM posts p JOIN users u ON u.name = p.body GROUP BY 1",
                 "SELECT COALESCE(p.likes, 0) AS c1, p.body AS c2, pg_catalog.count(*) AS c3 FROM public.posts p "
                 "GROUP BY COALESCE(p.likes, 0), p.body", NULL);
    expect_early("SELECT max(u.age), count(*) FROM posts p, users u WHERE u.name = p.body AND (p.likes = 1 OR u.age = 2)",
                 "SELECT p.body AS c1, p.likes AS c2, pg_catalog.count(*) AS c3 FROM public.posts p GROUP BY p.body, p.likes", NULL);
}

/* Of the other tables each row counts as often as the groups beside it have rows; what all rows of a group are multiplied by is asked once. */
Test(gather_early, rows_of_others_are_weighed)
{
#define BODIES(partials) "SELECT p.body AS c1, " partials " FROM public.posts p GROUP BY p.body"
    expect_early("SELECT sum(p.likes), sum(u.age), avg(u.age), count(u.name) FROM posts p, users u WHERE u.name = p.body",
                 BODIES("pg_catalog.sum(p.likes) AS c2, pg_catalog.count(*) AS c3"), NULL);
    expect_early("SELECT sum(p.likes * 2.5 * u.age * (1 - p.likes / 3.0)) FROM posts p, users u WHERE u.name = p.body",
                 NULL, NULL); /* a quotient by 3.0 */
    expect_early("SELECT sum(p.likes * 2.5 * u.age * (1.5 - p.likes)) FROM posts p, users u WHERE u.name = p.body",
                 BODIES("pg_catalog.sum((p.likes::numeric OPERATOR(pg_catalog.*) 2.5) OPERATOR(pg_catalog.*) (1.5 - p.likes)) AS c2"), NULL);
    /* which could be infinite */
    expect_early("SELECT sum(p.likes * 2.5 * (u.age / 2.0)) FROM posts p, users u WHERE u.name = p.body", NULL, NULL);
}

Test(gather_early, a_left_join_keeps_what_is_on_its_left)
{
    expect_early("SELECT u.country, count(*) FROM posts p LEFT JOIN users u ON u.age = p.likes GROUP BY u.country", LIKES, NULL);
    expect_early("SELECT u.country, count(*) FROM posts p JOIN notes n ON n.id = p.likes LEFT JOIN users u ON u.name = p.body GROUP BY u.country",
                 "SELECT p.likes AS c1, p.body AS c2, pg_catalog.count(*) AS c3 FROM public.posts p GROUP BY p.likes, p.body",
                 KEYED("SELECT p.likes AS c1, p.body AS c2, pg_catalog.count(*) AS c3 FROM public.posts p GROUP BY p.likes, p.body", "c1, c2, c3"));
}

/* Tables that are together on each shard, and reference tables joined to these, are grouped together. */
Test(gather_early, tied_tables_are_joined_before)
{
    expect_early("SELECT v.name, count(*) FROM users u JOIN posts p ON p.username = u.username, users v WHERE v.age = p.likes GROUP BY v.name",
                 "SELECT p.likes AS c1, pg_catalog.count(*) AS c2 FROM public.users u, public.posts p WHERE p.username = u.username GROUP BY p.likes",
                 NULL);
    expect_early("SELECT c.title, v.name, count(*) FROM users u, countries c, users v WHERE c.code = u.country AND v.age = u.age GROUP BY 1, 2",
                 "SELECT c.title AS c1, u.age AS c2, pg_catalog.count(*) AS c3 FROM public.users u, public.countries c WHERE c.code = u.country "
                 "GROUP BY c.title, u.age", NULL);
    /* not by a third table that is not grouped with them */
    expect_early("SELECT n.id, count(*) FROM users u, posts p, notes n WHERE u.username = n.username AND p.username = n.username GROUP BY n.id",
                 "SELECT * FROM (SELECT p.username AS \"keyway: 1\", pg_catalog.count(*) AS \"keyway: 2\" FROM public.posts p GROUP BY p.username) \"keyway: rows\"(c1, c2)",
                 "SELECT * FROM (SELECT p.username AS \"keyway: 1\", pg_catalog.count(*) AS \"keyway: 2\" FROM public.posts p GROUP BY p.username) \"keyway: rows\"(c1, c2)"
                 " WHERE c1 OPERATOR(pg_catalog.=) ANY($1)");
    expect_early("SELECT c.title, count(*) FROM posts p, countries c, users v WHERE c.code = v.country AND v.age = p.likes GROUP BY 1", LIKES, NULL);
}

/* Groups whose keys are not among those of a table that is restricted are not made. */
Test(gather_early, groups_wait_for_keys)
{
    expect_early("SELECT count(*) FROM posts p, users u WHERE u.age = p.likes AND u.country = 'de'", LIKES, KEYED(LIKES, "c1, c2"));
    expect_early("SELECT u.name, l.n FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) l, users u WHERE u.age = l.likes AND u.country = 'de'",
                 "SELECT likes AS c1, pg_catalog.count(*) AS c2 FROM public.posts GROUP BY likes",
                 KEYED("SELECT likes AS c1, pg_catalog.count(*) AS c2 FROM public.posts GROUP BY likes", "c1, c2"));
    /* others than those of one group show in what is computed of all */
    expect_early("SELECT u.name, l.n FROM (SELECT likes, sum(count(*)) OVER (ORDER BY likes) AS n FROM posts GROUP BY likes) l, users u "
                 "WHERE u.age = l.likes AND u.country = 'de'",
                 "SELECT likes AS c1, pg_catalog.count(*) AS c2 FROM public.posts GROUP BY likes", NULL);
    expect_early("SELECT u.name, l.n FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) l LEFT JOIN users u ON u.age = l.likes AND u.country = 'de'",
                 "SELECT likes AS c1, pg_catalog.count(*) AS c2 FROM public.posts GROUP BY likes", NULL);
    /* read twice, of which the one reading needs all */
    expect_early("WITH l AS (SELECT likes, count(*) AS n FROM posts GROUP BY likes) "
                 "SELECT u.name, l.n FROM l, users u, l m WHERE u.age = l.likes AND u.country = 'de' AND m.n = 1",
                 "SELECT likes AS c1, pg_catalog.count(*) AS c2 FROM public.posts GROUP BY likes", NULL);
}

Test(gather_early, rows_move_where_groups_would_be_others_or_as_many)
{
    static const char *const cases[] = {
        "SELECT count(*) FROM numbers a, numbers b WHERE a.n = b.x AND a.x = b.n",                    /* each row is a group */
        "SELECT v.created, count(*) FROM users v, users u WHERE u.age = v.age AND u.created = v.created GROUP BY 1", /* nearly so */
        "SELECT sum(p.likes * u.age) FROM posts p, users u WHERE u.name = p.body",                    /* an argument of both */
        "SELECT sum(100 / p.likes), sum(100 / u.age) FROM posts p, users u WHERE u.name = p.body",    /* fails for a row without partner */
        "SELECT sum(p.likes), array_agg(u.age ORDER BY u.age) FROM posts p, users u WHERE u.name = p.body", /* not known for rows that are there several times */
        "SELECT count(*), array_agg(p.likes ORDER BY p.likes) FROM posts p, users u WHERE u.name = p.body", /* does not split */
        "SELECT sum(p.likes) FROM posts p, users u WHERE u.name = p.body AND random() > 0.5",         /* called for each row */
        "SELECT sum(p.likes) FROM posts p RIGHT JOIN users u ON u.name = p.body",                     /* NULLs in its place */
        "SELECT count(*) FROM posts p, users u",                                                      /* no groups of no rows */
        "SELECT count(*) FROM posts p, users u WHERE u.name = p.body AND EXISTS (SELECT 1 FROM notes n WHERE n.id = p.likes)",
        "SELECT n.id, (SELECT count(*) FROM posts p, users u WHERE u.name = p.body AND p.likes = n.id) FROM notes n",
        "SELECT u.age, count(*) FROM posts p, users u WHERE u.name = p.body GROUP BY ROLLUP (1)",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_early(cases[i], NULL, NULL);
}
