/*
 * plan_town: the shards and tables that plans are made for in tests.
 */
#ifndef KEYWAY_TEST_PLAN_TOWN_H
#define KEYWAY_TEST_PLAN_TOWN_H

#include "router/plan.h"

extern struct routing *routing;
extern const struct session_facts facts;

void plan_town_set_up(void);
void plan_town_tear_down(void);

/* "concat abc", "single b", "gather abc, checked" (its sums), or the SQLSTATE of the error. */
const char *outcome(const char *sql, const struct bind_values *binds, char *text, size_t size);
/* The plan of a statement that parses. */
struct plan *make(const char *sql);

struct expectation {
    const char *sql, *outcome;
};
void expect_all(const struct expectation *expectations, size_t count);

#define EXPECT(...)                                                                                          \
    do {                                                                                                     \
        static const struct expectation expectations[] = {__VA_ARGS__};                                      \
        expect_all(expectations, sizeof expectations / sizeof *expectations);                                \
    } while (0)

#endif
