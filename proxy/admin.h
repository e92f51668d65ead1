/*
 * admin: the console, database "keyway".
 *
 * PgBouncer's command and column names where it has the same thing.  Commands are one table; SHOW HELP is made from it.  What belongs to
 * workers is collected by a survey that visits each of them in turn.
 */
#ifndef KEYWAY_ADMIN_H
#define KEYWAY_ADMIN_H

#include "proxy/client.h"

/* An authenticated client asked for the console: greet it, or turn it away. */
void admin_enter(struct client *client);
size_t admin_input(struct client *client, const uint8_t *bytes, size_t length);

/* --- between admin.c and its tables ---------------------------------------------------------------------------- */

struct admin_sum;
struct admin_table { /* a result being built */
    struct buffer rows; /* DataRow messages */
    int count;
    struct admin_sum *sums; /* rows that several workers add to; they follow the others */
};
void admin_row(struct admin_table *table, const char *const *values, int count);
/* Add to the row that begins with these labels. */
void admin_add(struct admin_table *table, const char *const *labels, int label_count, const uint64_t *numbers, int number_count);
/* The sums become rows. */
void admin_put_sums(struct admin_table *table);

/* Visit every worker, then answer the client with the rows (if it is still there) and `tag`. */
void admin_survey(struct client *client, const char *const *columns, const char *tag,
                  void (*visit)(struct worker *worker, struct admin_table *table, const char *argument), const char *argument);

/* The visits. */
void admin_visit_pools(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_clients(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_servers(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_stats(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_workers(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_plans(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_nothing(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_resume(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_kill(struct worker *worker, struct admin_table *table, const char *argument);
void admin_visit_reconnect(struct worker *worker, struct admin_table *table, const char *argument);

#endif
