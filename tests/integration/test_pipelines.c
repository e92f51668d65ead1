/*
 * Batches of messages as no libpq sends them: Flush in places of its own, a Query in the middle, portals
 * executed again, COPY.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/fixture.h"
#include "tests/integration/raw.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *other;
static int fd;

static void start(void)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
    other = connect_keyway(&keyway, NULL);
    EXPECT(other, "INSERT INTO users (username, age) VALUES ('anna', 1), ('zoe', 3)", "INSERT 0 2");
    fd = raw_login(&keyway);
}

static void stop(void)
{
    close(fd);
    PQfinish(other);
    keyway_stop(&keyway);
}

TestSuite(pipelines, .init = start, .fini = stop, .timeout = 60);

/* ---- messages ---- */

static void parse(const char *name, const char *sql)
{
    char body[500];
    int length = snprintf(body, sizeof body - 2, "%s%c%s", name, 0, sql);
    memset(body + length, 0, 3);
    raw_message(fd, 'P', body, (size_t) length + 3);
}

static void bind(const char *name, const char *portal)
{
    char body[100] = {0};
    size_t portal_length = (size_t) snprintf(body, 40, "%s", portal) + 1;
    size_t name_length = (size_t) snprintf(body + portal_length, 40, "%s", name) + 1;
    raw_message(fd, 'B', body, portal_length + name_length + 6);
}

static void describe_statement(const char *name)
{
    char body[50];
    raw_message(fd, 'D', body, (size_t) snprintf(body, sizeof body, "S%s", name) + 1);
}

static void execute_some(const char *portal, char limit)
{
    char body[50] = {0};
    size_t length = (size_t) snprintf(body, sizeof body - 5, "%s", portal) + 5;
    body[length - 1] = limit;
    raw_message(fd, 'E', body, length);
}

static void execute(const char *portal)
{
    execute_some(portal, 0);
}

static void about_portal(char type, const char *portal)
{
    char body[50];
    raw_message(fd, type, body, (size_t) snprintf(body, sizeof body, "P%s", portal) + 1);
}

static void sync_now(void)
{
    raw_message(fd, 'S', "", 0);
}

static void flush_now(void)
{
    raw_message(fd, 'H', "", 0);
}

static void read_fully(void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t part = read(fd, (char *) bytes + done, length - done);
        cr_assert(part > 0, "the connection was closed");
        done += (size_t) part;
    }
}

static bool show_values;

/* One message as a word: its type, and what matters of it. */
static void read_reply(char *word, size_t size)
{
    unsigned char head[5];
    char body[2000] = "";
    read_fully(head, sizeof head);
    size_t length = ((size_t) head[3] << 8 | head[4]) - 4;
    cr_assert(head[1] == 0 && head[2] == 0 && length < sizeof body);
    read_fully(body, length);
    const char *state = head[0] == 'E' ? memmem(body, length, "\0C", 2) : NULL;
    if (state)
        snprintf(word, size, "E:%s", state + 2);
    else if (head[0] == 'D' && show_values) /* the first of the row */
        snprintf(word, size, "D:%.*s", body[5], body + 6);
    else if (strchr("CZ", head[0]))
        snprintf(word, size, "%c:%.*s", head[0], (int) length, body);
    else
        snprintf(word, size, "%c", head[0]);
}

/* The next replies are these. */
static void expect_replies(const char *expected)
{
    char replies[1000] = "";
    while (strlen(replies) < strlen(expected)) {
        size_t used = strlen(replies);
        char word[300];
        read_reply(word, sizeof word);
        snprintf(replies + used, sizeof replies - used, "%s%s", used ? " " : "", word);
    }
    cr_expect_str_eq(replies, expected);
}

static const char *const write_two = "INSERT INTO users (username, age) VALUES ('anew', 5), ('znew', 5)";

/* ---- transactions ---- */

Test(pipelines, a_sync_of_its_own_commits_what_a_flush_left_open)
{
    parse("", write_two);
    bind("", "");
    execute("");
    flush_now();
    expect_replies("1 2 C:INSERT 0 2");
    sync_now();
    expect_replies("Z:I");
    EXPECT(other, "SELECT count(*) FROM users WHERE age = 5", "2");
}

Test(pipelines, an_error_takes_back_what_a_flush_left_open)
{
    parse("", write_two);
    bind("", "");
    execute("");
    flush_now();
    expect_replies("1 2 C:INSERT 0 2");
    parse("", "SELECT 1 / 0");
    bind("", "");
    execute("");
    sync_now();
    expect_replies("1 2 E:22012 Z:I");
    EXPECT(other, "SELECT count(*) FROM users WHERE age = 5", "0");
}

Test(pipelines, a_query_ends_the_transaction_that_a_flush_left_open)
{
    parse("", write_two);
    bind("", "");
    execute("");
    flush_now();
    expect_replies("1 2 C:INSERT 0 2");
    raw_query(fd, "UPDATE users SET age = 6 WHERE username = 'anew'");
    expect_replies("C:UPDATE 1 Z:I");
    EXPECT(other, "SELECT sum(age) FROM users WHERE age >= 5", "11");
}

/* ---- Flush ---- */

Test(pipelines, a_statement_described_before_a_flush_is_bound_on_any_shard)
{
    parse("s", "SELECT age FROM users WHERE username = 'zoe'");
    describe_statement("s");
    flush_now();
    expect_replies("1 t T");
    bind("s", "");
    execute("");
    sync_now();
    expect_replies("2 D C:SELECT 1 Z:I");
}

static void run_now(const char *sql)
{
    parse("", sql);
    bind("", "");
    execute("");
    flush_now();
}

/* As psycopg's pipelines do where a result is asked for. */
Test(pipelines, behind_a_flush_other_shards_go_on)
{
    show_values = true;
    run_now("SELECT username FROM users WHERE username = 'zoe'");
    expect_replies("1 2 D:zoe C:SELECT 1");
    run_now("SELECT username FROM users WHERE username = 'anna'");
    expect_replies("1 2 D:anna C:SELECT 1");
    run_now("INSERT INTO users (username, age) VALUES ('zorro', 5)");
    run_now("INSERT INTO users (username, age) VALUES ('ajax', 5)");
    run_now("SELECT count(*) FROM users");
    run_now("SELECT username FROM users WHERE username = 'ajax'");
    expect_replies("1 2 C:INSERT 0 1 1 2 C:INSERT 0 1 1 2 D:4 C:SELECT 1 1 2 D:ajax C:SELECT 1");
    EXPECT(other, "SELECT count(*) FROM users", "2");
    sync_now();
    expect_replies("Z:I");
    EXPECT(other, "SELECT count(*) FROM users", "4");
}

/* What one shard has been asked is not answered yet. */
Test(pipelines, replies_keep_their_order_where_no_flush_waits_for_them)
{
    show_values = true;
    run_now("SELECT username FROM users WHERE username = 'zoe' AND pg_sleep(0.3) IS NOT NULL");
    run_now("SELECT username FROM users WHERE username = 'anna'");
    run_now("SELECT username FROM users WHERE username = 'zoe'");
    sync_now();
    expect_replies("1 2 D:zoe C:SELECT 1 1 2 D:anna C:SELECT 1 1 2 D:zoe C:SELECT 1 Z:I");
}

Test(pipelines, behind_a_flush_a_transaction_goes_on_where_it_was)
{
    raw_query(fd, "BEGIN");
    expect_replies("C:BEGIN Z:T");
    raw_query(fd, "UPDATE users SET age = 8");
    expect_replies("C:UPDATE 2 Z:T");
    show_values = true;
    run_now("SELECT age FROM users WHERE username = 'zoe'");
    run_now("SELECT age FROM users WHERE username = 'anna'");
    sync_now();
    expect_replies("1 2 D:8 C:SELECT 1 1 2 D:8 C:SELECT 1 Z:T");
    run_now("SELECT age / 0 FROM users WHERE username = 'zoe'");
    run_now("SELECT age FROM users WHERE username = 'anna'");
    sync_now();
    expect_replies("1 2 E:22012 Z:E");
    raw_query(fd, "ROLLBACK");
    expect_replies("C:ROLLBACK Z:I");
    EXPECT(other, "SELECT sum(age) FROM users", "4");
}

Test(pipelines, an_error_behind_a_flush_is_the_end_of_all_up_to_sync)
{
    run_now("INSERT INTO users (username, age) VALUES ('zorro', 5)");
    run_now("SELECT 1 / (age - 3) FROM users WHERE username = 'zoe'");
    expect_replies("1 2 C:INSERT 0 1 1 2 E:22012");
    run_now("INSERT INTO users (username, age) VALUES ('ajax', 5)");
    raw_query(fd, "INSERT INTO users (username, age) VALUES ('achilles', 5)");
    run_now("INSERT INTO users (username, age) VALUES ('zorba', 5)");
    sync_now();
    expect_replies("Z:I");
    raw_query(fd, "SELECT 1");
    expect_replies("T D C:SELECT 1 Z:I");
    EXPECT(other, "SELECT count(*) FROM users", "2");
}

Test(pipelines, a_query_ends_what_a_flush_left_open_on_another_shard)
{
    run_now("INSERT INTO users (username, age) VALUES ('zorro', 5)");
    expect_replies("1 2 C:INSERT 0 1");
    raw_query(fd, "INSERT INTO users (username, age) VALUES ('ajax', 5)");
    expect_replies("C:INSERT 0 1 Z:I");
    EXPECT(other, "SELECT count(*) FROM users", "4");
    run_now("INSERT INTO users (username, age) VALUES ('zorba', 5)");
    raw_query(fd, "SELECT 1 / (age - 1) FROM users WHERE username = 'anna'");
    expect_replies("1 2 C:INSERT 0 1 T E:22012 Z:I");
    EXPECT(other, "SELECT count(*) FROM users", "4");
}

/* ReadyForQuery has not told of it. */
Test(pipelines, who_leaves_before_sync_takes_all_back)
{
    run_now("INSERT INTO users (username, age) VALUES ('zorro', 5)");
    expect_replies("1 2 C:INSERT 0 1");
    close(fd);
    fd = raw_login(&keyway);
    run_now("SELECT 1 / (age - 3) FROM users WHERE username = 'zoe'");
    expect_replies("1 2 E:22012");
    close(fd);
    EXPECT(other, "UPDATE users SET age = 4 WHERE username = 'zoe'", "UPDATE 1");
    EXPECT(other, "SELECT count(*) FROM users", "2");
    fd = raw_login(&keyway);
    run_now("SELECT username FROM users WHERE username = 'zoe'");
    expect_replies("1 2 D C:SELECT 1");
}

static void start_on_one_server(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = true, .settings = "pool_size = 1\nquery_wait_timeout = 1\n"});
    other = connect_keyway(&keyway, NULL);
    fd = raw_login(&keyway);
}

/* As psycopg sends it behind each pipeline: the error of what comes next has its ReadyForQuery. */
Test(pipelines, a_flush_behind_nothing_leaves_no_trace, .init = start_on_one_server)
{
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT 1", "1");
    flush_now();
    raw_query(fd, "SELECT 2");
    expect_replies("E:08006 Z:I");
    EXPECT(other, "COMMIT", "COMMIT");
    raw_query(fd, "SELECT 3");
    expect_replies("T D C:SELECT 1 Z:I");
}

/* A cursor that DECLARE has made, as psycopg asks for its columns. */
Test(pipelines, cursors_are_portals)
{
    static const char *const queries[] = {
        "SELECT username FROM users WHERE username = 'zoe'",
        "SELECT a.username FROM users a JOIN users b ON b.age = a.age ORDER BY 1 DESC",
    };
    show_values = true;
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "DECLARE c CURSOR FOR %s", queries[i]);
        raw_query(fd, "BEGIN");
        raw_query(fd, sql);
        expect_replies("C:BEGIN Z:T C:DECLARE CURSOR Z:T");
        about_portal('D', "c");
        sync_now();
        expect_replies("T Z:T");
        about_portal('D', "c");
        execute_some("c", 1);
        about_portal('C', "c");
        sync_now();
        expect_replies("T D:zoe s 3 Z:T");
        about_portal('D', "c");
        sync_now();
        expect_replies("E:34000 Z:E");
        raw_query(fd, "ROLLBACK");
        expect_replies("C:ROLLBACK Z:I");
    }
}

/* Close works in an aborted transaction, too, and no rollback undoes it; but not behind an error before the Sync. */
Test(pipelines, close_ends_a_cursor_with_hold_and_frees_its_server)
{
    static const char *const queries[] = {"SELECT username FROM users WHERE username = 'zoe'",
                                          "SELECT username FROM users ORDER BY username DESC"};
    PGconn *console = connect_console(&keyway);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        char sql[200];
        snprintf(sql, sizeof sql, "DECLARE c CURSOR WITH HOLD FOR %s", queries[i]);
        raw_query(fd, sql);
        expect_replies("C:DECLARE CURSOR Z:I");
        expect_servers(console, "active", 1);
        about_portal('C', "c");
        sync_now();
        expect_replies("3 Z:I");
        expect_servers(console, "active", 0);
        raw_query(fd, "FETCH c");
        expect_replies("E:34000 Z:I");

        raw_query(fd, sql);
        expect_replies("C:DECLARE CURSOR Z:I");
        parse("", "SELECT 1 / 0");
        bind("", "");
        execute("");
        about_portal('C', "c");
        sync_now();
        expect_replies("1 2 E:22012 Z:I");
        expect_servers(console, "active", 1);

        raw_query(fd, "BEGIN");
        raw_query(fd, "FETCH c");
        expect_replies("C:BEGIN Z:T T D C:FETCH 1 Z:T");
        raw_query(fd, "SELECT nothing");
        expect_replies("E:42703 Z:E");
        about_portal('C', "c");
        sync_now();
        expect_replies("3 Z:E");
        raw_query(fd, "ROLLBACK");
        expect_replies("C:ROLLBACK Z:I");
        expect_servers(console, "active", 0);

        raw_query(fd, "BEGIN");
        raw_query(fd, sql);
        expect_replies("C:BEGIN Z:T C:DECLARE CURSOR Z:T");
        about_portal('C', "c");
        parse("", sql);
        bind("", "");
        execute("");
        about_portal('C', "c");
        sync_now();
        expect_replies("3 1 2 C:DECLARE CURSOR 3 Z:T");
        raw_query(fd, "COMMIT");
        expect_replies("C:COMMIT Z:I");
        expect_servers(console, "active", 0);
    }
    PQfinish(console);
}

Test(pipelines, a_query_behind_an_error_is_skipped_up_to_sync)
{
    parse("", "SELEKT");
    flush_now();
    expect_replies("E:42601");
    raw_query(fd, "INSERT INTO users (username) VALUES ('never')");
    sync_now();
    expect_replies("Z:I");
    EXPECT(other, "SELECT count(*) FROM users", "2");
}

/* ---- names and portals ---- */

Test(pipelines, a_name_is_given_once)
{
    parse("s", "SELECT 1");
    parse("s", "SELECT 2");
    sync_now();
    expect_replies("1 E:42P05 Z:I");
}

Test(pipelines, a_portal_over_several_shards_writes_once)
{
    parse("", "UPDATE users SET age = age + 1");
    bind("", "");
    execute("");
    execute("");
    sync_now();
    expect_replies("1 2 C:UPDATE 2 E:55000 Z:I");
    EXPECT(other, "SELECT sum(age) FROM users", "4");
}

Test(pipelines, a_portal_over_several_shards_gives_its_rows_once)
{
    parse("", "SELECT age FROM users ORDER BY age");
    bind("", "");
    execute("");
    execute("");
    sync_now();
    expect_replies("1 2 D D C:SELECT 2 C:SELECT 0 Z:I");
}

/* ---- portals that are executed in steps ---- */

static void begin_with_five_users(const char *large)
{
    char sql[200];
    show_values = true;
    snprintf(sql, sizeof sql, "INSERT INTO users (username, age, full_name) VALUES ('bob', 7, %s), ('henry', 5, 'x'), ('yan', 9, 'y')", large);
    EXPECT(other, sql, "INSERT 0 3");
    raw_query(fd, "BEGIN");
    expect_replies("C:BEGIN Z:T");
}

static void read_in_steps(const char *portal)
{
    parse("", "SELECT username, full_name FROM users ORDER BY username");
    bind("", portal);
    about_portal('D', portal);
    execute_some(portal, 2);
    sync_now();
    expect_replies("1 2 T D:anna D:bob s Z:T");
    execute_some(portal, 1);
    sync_now();
    expect_replies("D:henry s Z:T");
}

Test(pipelines, rows_of_several_shards_are_read_in_steps)
{
    begin_with_five_users("'short'");
    read_in_steps("p");
    execute_some("p", 5);
    sync_now();
    expect_replies("D:yan D:zoe C:SELECT 2 Z:T");
    about_portal('C', "p");
    sync_now();
    expect_replies("3 Z:T");
    read_in_steps("p");
    raw_query(fd, "COMMIT");
    expect_replies("C:COMMIT Z:I");
    execute("p");
    sync_now();
    expect_replies("E:34000 Z:I");
}

Test(pipelines, rows_that_are_many_are_read_in_steps_too)
{
    begin_with_five_users("'short'");
    EXPECT(other, "UPDATE users SET full_name = repeat('x', 200) WHERE username = 'anna'", "UPDATE 1");
    EXPECT(other, "UPDATE users SET score = 1, email = repeat('x', 400000) WHERE username = 'zoe'", "UPDATE 1");
    for (char i = '1'; i < '4'; i++) {
        char portal[3] = {'p', i, 0}, name[3] = {'s', i, 0};
        parse(name, "SELECT username, length(email || full_name) FROM users ORDER BY username");
        bind(name, portal);
        execute_some(portal, 2);
        sync_now();
        expect_replies("1 2 D:anna D:bob s Z:T");
    }
    raw_query(fd, "SELECT username, rank() OVER (ORDER BY username) FROM users WHERE email <> '' OR username > 'b' ORDER BY username LIMIT 1");
    expect_replies("T D:bob C:SELECT 1 Z:T");
    for (char i = '1'; i < '4'; i++) {
        char portal[3] = {'p', i, 0};
        execute_some(portal, 2);
        sync_now();
        expect_replies("D:henry D:yan s Z:T");
    }
    raw_query(fd, "ROLLBACK");
    expect_replies("C:ROLLBACK Z:I");
}

Test(pipelines, steps_of_portals_on_several_shards_go_on_where_they_are)
{
    begin_with_five_users("'short'");
    parse("a", "SELECT username FROM users WHERE username < 'c' ORDER BY 1");
    parse("z", "SELECT username FROM users WHERE username > 'x' ORDER BY 1");
    bind("a", "pa");
    bind("z", "pz");
    execute_some("pa", 1);
    execute_some("pz", 1);
    sync_now();
    expect_replies("1 1 2 2 D:anna s D:yan s Z:T");
    execute_some("pz", 1);
    execute_some("pa", 5);
    sync_now();
    expect_replies("D:zoe s D:bob C:SELECT 1 Z:T");
    execute_some("pz", 5);
    sync_now();
    expect_replies("C:SELECT 0 Z:T");
}

Test(pipelines, a_limit_that_is_not_reached_changes_nothing)
{
    begin_with_five_users("'short'");
    parse("", "SELECT count(*) FROM users");
    bind("", "p");
    execute_some("p", 100);
    parse("", "SELECT username FROM users ORDER BY username DESC LIMIT 2");
    bind("", "q");
    execute_some("q", 100);
    sync_now();
    expect_replies("1 2 D:5 C:SELECT 1 1 2 D:zoe D:yan C:SELECT 2 Z:T");
    raw_query(fd, "COMMIT");
    expect_replies("C:COMMIT Z:I");
    parse("", "SELECT username FROM users ORDER BY username DESC");
    bind("", "");
    execute_some("", 2);
    sync_now();
    expect_replies("1 2 D:zoe D:yan s Z:I");
    raw_query(fd, "SELECT count(*) FROM users");
    expect_replies("T D:5 C:SELECT 1 Z:I");
}

/* As node's pg-cursor asks, and postgres.js: nothing before the end is behind a Sync. */
Test(pipelines, portals_are_described_and_read_in_steps_behind_flushes)
{
    show_values = true;
    parse("", "SELECT username, age FROM users ORDER BY username");
    bind("", "");
    about_portal('D', "");
    flush_now();
    expect_replies("1 2 T");
    execute_some("", 1);
    flush_now();
    expect_replies("D:anna s");
    execute_some("", 2);
    flush_now();
    expect_replies("D:zoe C:SELECT 1");
    about_portal('C', "");
    sync_now();
    expect_replies("3 Z:I");
    parse("", "SELECT a.username FROM users a JOIN users b ON a.age = b.age ORDER BY 1");
    describe_statement("");
    flush_now();
    expect_replies("1 t T");
    bind("", "");
    execute_some("", 1);
    flush_now();
    expect_replies("2 D:anna s");
    execute_some("", 1);
    sync_now();
    expect_replies("D:zoe s Z:I");
}

/* pgjdbc gives a limit where it wants no rows. */
Test(pipelines, a_limit_is_none_to_a_statement_without_rows)
{
    parse("", "UPDATE users SET age = age + 1");
    bind("", "");
    about_portal('D', "");
    execute_some("", 1);
    parse("", "CREATE TABLE anew (a int)");
    bind("", "");
    execute_some("", 1);
    sync_now();
    expect_replies("1 2 n C:UPDATE 2 1 2 C:CREATE TABLE Z:I");
    EXPECT(other, "SELECT sum(age) FROM users", "6");
}

Test(pipelines, a_description_comes_once)
{
    begin_with_five_users("'short'");
    read_in_steps("p");
    parse("s", "SELECT count(*) FROM users");
    bind("s", "q");
    execute_some("q", 5);
    sync_now();
    expect_replies("1 2 D:5 C:SELECT 1 Z:T");
    about_portal('C', "q");
    execute_some("p", 1);
    sync_now();
    expect_replies("3 D:yan s Z:T");
}

/* Nor are there no more rows. */
Test(pipelines, an_unnamed_portal_that_others_have_replaced_is_not_there)
{
    begin_with_five_users("'short'");
    read_in_steps("");
    parse("s", "SELECT count(*) FROM users a JOIN users b ON a.age = b.age");
    bind("s", "q");
    execute("q");
    sync_now();
    expect_replies("1 2 D:5 C:SELECT 1 Z:T");
    execute_some("", 1);
    sync_now();
    expect_replies("E:34000 Z:E");
}

Test(pipelines, only_rows_that_are_read_can_come_in_steps)
{
    begin_with_five_users("'short'");
    parse("", "UPDATE users SET age = 1 RETURNING username");
    bind("", "");
    execute_some("", 2);
    sync_now();
    expect_replies("1 2 E:0A000 Z:E");
}

/* ---- COPY ---- */

static void copy_two_rows(void)
{
    raw_message(fd, 'd', "anew\t5\nznew\t5\n", 14);
    raw_message(fd, 'c', "", 0);
}

Test(pipelines, copy_behind_a_flush_ends_with_its_sync)
{
    parse("", "COPY users (username, age) FROM STDIN");
    bind("", "");
    execute("");
    flush_now();
    expect_replies("1 2 G");
    copy_two_rows();
    sync_now();
    expect_replies("C:COPY 2 Z:I");
    EXPECT(other, "SELECT count(*) FROM users WHERE age = 5", "2");
}

Test(pipelines, copy_behind_a_sync_needs_no_other)
{
    parse("", "COPY users (username, age) FROM STDIN");
    bind("", "");
    execute("");
    sync_now();
    expect_replies("1 2 G");
    copy_two_rows();
    sync_now();
    expect_replies("C:COPY 2 Z:I");
    raw_query(fd, "SELECT count(*) FROM users WHERE age = 5");
    expect_replies("T D C:SELECT 1 Z:I");
}

Test(pipelines, the_next_query_may_follow_the_data_at_once)
{
    raw_query(fd, "COPY users (username, age) FROM STDIN");
    expect_replies("G");
    copy_two_rows();
    raw_query(fd, "SELECT count(*) FROM users WHERE age = 5");
    expect_replies("C:COPY 2 Z:I T D C:SELECT 1 Z:I");
}
