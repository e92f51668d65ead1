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

static void execute(const char *portal)
{
    char body[50] = {0};
    raw_message(fd, 'E', body, (size_t) snprintf(body, sizeof body - 5, "%s", portal) + 5);
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
