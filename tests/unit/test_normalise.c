/*
 * normalise, judged by PostgreSQL's own scanner and parser (through libpg_query): the same tokens, the same
 * constants at the same places.
 */
#include <criterion/criterion.h>
#include <pg_query.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/normalise.h"

static struct normalised result;

static const char *normal(const char *sql)
{
    static char text[4096];
    normalise(sql, strlen(sql), &result);
    if (result.unsure)
        return "unsure";
    snprintf(text, sizeof(text), "%.*s", (int) result.length, result.text);
    return text;
}

#define IS(sql, expected)    cr_assert_str_eq(normal(sql), expected, "%s gave %s", sql, normal(sql))
#define IS_UNSURE(sql)       IS(sql, "unsure")
#define VALUE(i, kind_, val) value_is(i, kind_, val, sizeof(val) - 1)

static void value_is(size_t i, enum literal_kind kind, const char *value, size_t length)
{
    cr_assert_lt(i, result.literal_count);
    const struct literal *literal = &result.literals[i];
    cr_assert_eq(literal->kind, kind);
    cr_assert_eq(literal->value_length, length, "value is %.*s", (int) literal->value_length, literal->value);
    cr_assert_eq(memcmp(literal->value, value, length), 0);
}

Test(normalise, literals_become_question_marks_and_words_are_folded)
{
    IS("SELECT abalance FROM pgbench_accounts WHERE aid = 12345;",
       "select abalance from pgbench_accounts where aid = ?");
    VALUE(0, LITERAL_INTEGER, "12345");
    IS("  SELECT\t*\n FROM T.\"Mixed \"\"Case\" -- remark\n WHERE a='x''y' /* b /* c */ d */ AND f( 1,2.50 "
       ") ",
       "select * from t.\"Mixed \"\"Case\" where a = ? and f (?, ?)");
    VALUE(0, LITERAL_STRING, "x'y");
    VALUE(2, LITERAL_DECIMAL, "2.50");
}

Test(normalise, every_form_of_a_string_is_decoded_as_postgres_decodes_it)
{
    IS("select 'a' \n  'b'\r'c'", "select ?");
    VALUE(0, LITERAL_STRING, "abc");
    IS("select 'a' 'b'", "select ? ?");
    IS("select e'\\n\\t\\\\\\'\\101\\x41\\x4\\u0041\\U0001F600\\uD83D\\uDE00\\q'", "select ?");
    VALUE(0, LITERAL_STRING,
          "\n\t\\'AA\x04"
          "A\xF0\x9F\x98\x80\xF0\x9F\x98\x80q");
    IS("select E'a'\n'\\x42'", "select ?");
    VALUE(0, LITERAL_STRING, "aB");
    IS("select $$it's$$, $a1$ $$ $a$ $a1$", "select ?, ?");
    VALUE(0, LITERAL_STRING, "it's");
    VALUE(1, LITERAL_STRING, " $$ $a$ ");
    IS("select '\\n'", "select ?");
    VALUE(0, LITERAL_STRING, "\\n");
    IS("select n'x'", "select nchar ?");
    IS("select b'01', X'1F'", "select b ?, x ?");
    VALUE(1, LITERAL_BITS, "1F");
    IS("select ''", "select ?");
    VALUE(0, LITERAL_STRING, "");
}

Test(normalise, whole_numbers_beyond_int4_are_decimals_as_for_the_parser)
{
    IS("select 2147483647, 2147483648, 1e3, .5, 1., 007, 99999999999999999999999",
       "select ?, ?, ?, ?, ?, ?, ?");
    VALUE(0, LITERAL_INTEGER, "2147483647");
    VALUE(1, LITERAL_DECIMAL, "2147483648");
    VALUE(2, LITERAL_DECIMAL, "1e3");
    VALUE(3, LITERAL_DECIMAL, ".5");
    VALUE(4, LITERAL_DECIMAL, "1.");
    VALUE(5, LITERAL_INTEGER, "007");
    VALUE(6, LITERAL_DECIMAL, "99999999999999999999999");
}

Test(normalise, what_this_lexer_does_not_read_with_certainty_is_unsure)
{
    IS_UNSURE("select 'open");
    IS_UNSURE("select \"open");
    IS_UNSURE("select \"\"");
    IS_UNSURE("select /* open");
    IS_UNSURE("select $a$ open $b$");
    IS_UNSURE("select U&'\\0041'");
    IS_UNSURE("select u&\"x\"");
    IS_UNSURE("select 123abc");
    IS_UNSURE("select 0x1F");
    IS_UNSURE("select 1_000");
    IS_UNSURE("select 1e+");
    IS_UNSURE("select 1..2");
    IS_UNSURE("select $1a");
    IS_UNSURE("select $99999999");
    IS_UNSURE("select \\");
    IS_UNSURE("select {1}");
    IS_UNSURE("select 'a' -- why\n 'b'");
    IS_UNSURE("select E'\\xff'");
    IS_UNSURE("select E'\\000'");
    IS_UNSURE("select E'\\ud800'");
    IS_UNSURE("select E'\\u12'");
    IS_UNSURE("select b'1''0'");
    normalise("select 1\0 or 2", 14, &result);
    cr_assert(result.unsure);
}

Test(normalise, operators_end_where_postgres_ends_them)
{
    IS("select a--1\n-1", "select a - ?");
    IS("select a- -1", "select a - - ?");
    IS("select a@-1", "select a @- ?");
    IS("select a*-1", "select a * - ?");
    IS("select a<=-1", "select a <= - ?");
    IS("select a+/*c*/-1", "select a + - ?");
    IS("select a=--c\n1", "select a = ?");
    IS("select a::int, b:=1, c : : d", "select a :: int, b := ?, c : : d");
    IS("select a ? 1, a ?| b, 1 ? a", "select a \\? ?, a ?| b, ? \\? a");
}

Test(normalise, parameters_stay_and_the_highest_is_known)
{
    IS("select $2, $10,$1", "select $2, $10, $1");
    cr_assert_eq(result.highest_parameter, 10);
    cr_assert_eq(result.literal_count, 0);
    IS("select a$1, $1.5", "select a$1, $1 ?");
    cr_assert_eq(result.highest_parameter, 1);
}

Test(normalise, several_and_empty_statements_are_told)
{
    IS("select 1; ;-- end", "select ?");
    cr_assert_not(result.several);
    IS("select 1; select 2", "select ?; select ?");
    cr_assert(result.several);
    IS(" ;; /* nothing */ ", "");
    cr_assert(result.empty);
    IS("begin", "begin");
    cr_assert_not(result.empty);
}

Test(normalise, the_first_of_several_statements_ends_with_its_semicolon)
{
    static const char sql[] = "/* ; */ select 'a;b', \"c;d\", $$;$$;select 7 -- ;\n;";
    struct normalised first = {0};
    size_t used = normalise_first(sql, strlen(sql), &first);
    cr_assert_eq(used, strcspn(sql, "7") - strlen("select "));
    cr_assert_eq(first.literal_count, 2);
    cr_assert_not(first.several);
    struct normalised alone = {0};
    normalise(sql, used, &alone);
    cr_assert_eq(first.hash, alone.hash);
    cr_assert_eq(used + normalise_first(sql + used, strlen(sql) - used, &first), strlen(sql));
    cr_assert_eq(first.literals[0].offset, strlen("select "));
    cr_assert_eq(normalise_first(" -- nothing", 11, &first), 11);
    cr_assert(first.empty);
    normalised_free(&first);
    normalised_free(&alone);
}

/* `head`, so many repetitions of `part`, `tail`. */
static char *long_text(const char *head, const char *part, size_t count, const char *tail)
{
    char *text = malloc(strlen(head) + count * strlen(part) + strlen(tail) + 1), *to = stpcpy(text, head);
    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, part);
    stpcpy(to, tail);
    return text;
}

Test(normalise, a_long_literal_is_one_like_others)
{
    enum { BYTES = 2000000 };
    static const char *const heads[] = {"UPDATE t SET data = '\\x", "UPDATE t SET data = E'it''s\\n", "UPDATE t SET data = $$"};
    static const char *const tails[] = {"' WHERE id = 7", "' WHERE id = 7", "$$ WHERE id = 7"};
    for (int i = 0; i < 3; i++) {
        char *sql = long_text(heads[i], "a5", BYTES / 2, tails[i]);
        normalise(sql, strlen(sql), &result);
        cr_assert_not(result.unsure);
        cr_expect_eq(result.length, strlen("update t set data = ? where id = ?"));
        cr_assert_eq(result.literal_count, 2);
        cr_expect_eq(result.literals[0].value_length, (uint32_t) (BYTES + (i == 0 ? 2 : i == 1 ? 5 : 0)));
        cr_expect_eq(result.literals[1].offset, strlen(sql) - 1);
        free(sql);
    }
    IS("select 'it''s'", "select ?");
    cr_expect(result.scratch_capacity < BYTES, "it is not kept");
}

Test(normalise, what_is_long_without_its_literals_is_left_to_the_parser)
{
    static const char *const parts[] = {", 1", ",a", "a", "+a"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char *sql = long_text("SELECT 1", parts[i], 200000, "");
        normalise(sql, strlen(sql), &result);
        cr_expect(result.unsure, "%s", parts[i]);
        cr_expect(result.capacity <= 128 * 1024);
        free(sql);
    }
    IS("select 1", "select ?");
}

Test(normalise, literal_kinds_are_part_of_the_hash_and_values_are_not)
{
    normal("select 1, 'a'");
    uint64_t hash = result.hash;
    normal("SELECT 2 ,'b' ;");
    cr_assert_eq(result.hash, hash);
    normal("select 'a', 1");
    cr_assert_neq(result.hash, hash);
}

Test(normalise, a_statement_beyond_the_limit_is_left_to_the_parser)
{
    size_t length = 16 * 1024 * 1024 + 1;
    char *sql = malloc(length);
    memset(sql, ' ', length);
    normalise(sql, length, &result);
    cr_assert(result.unsure);
    free(sql);
}

Test(normalise, the_first_keyword_is_found_behind_comments_and_parentheses)
{
    char word[16];
    const char *sql = " /* a /* b */ */ -- c\n ((SELECT 1))";
    first_keyword(sql, strlen(sql), word, sizeof(word));
    cr_assert_str_eq(word, "select");
    first_keyword("Deallocate", 10, word, 5);
    cr_assert_str_eq(word, "deal");
    first_keyword("/* open", 7, word, sizeof(word));
    cr_assert_str_eq(word, "");
    first_keyword("'x'", 3, word, sizeof(word));
    cr_assert_str_eq(word, "");
}

/* The value that libpg_query's JSON gives to an A_Const, as text. */
static void json_text(const char *at, const char *field, char *value, size_t size)
{
    char name[16];
    snprintf(name, sizeof(name), "\"%s\":", field);
    const char *found = strstr(at, name);
    size_t used = 0;
    if (found) {
        found = strstr(found + 1, name) ? strstr(found + 1, name) + strlen(name) : found + strlen(name);
        if (*found == '"')
            for (found++; *found != '"' && used + 1 < size; found++) {
                if (*found == '\\')
                    found++;
                value[used++] = *found;
            }
        else
            while (strchr("-0123456789", *found) && used + 1 < size)
                value[used++] = *found++;
    }
    value[used] = '\0';
}

/* One A_Const, its JSON at `at` (cut behind its end): the literal at its place has its value. */
static int check_constant(const char *sql, const char *at)
{
    const char *place = strstr(at, "\"location\":");
    size_t location = place ? (size_t) atol(place + 11) : 0;
    const char *field = strstr(at, "\"ival\":") ? "ival" : strstr(at, "\"fval\":") ? "fval" : "sval";
    if (strstr(at, "\"boolval\"") || strstr(at, "\"isnull\"") || strstr(at, "\"bsval\""))
        return 0;
    char value[256];
    json_text(at, field, value, sizeof(value));
    bool negated = sql[location] == '-';
    size_t i = 0;
    while (i < result.literal_count &&
           (negated ? result.literals[i].offset < location : result.literals[i].offset != location))
        i++;
    cr_assert_lt(i, result.literal_count, "%s: no literal at %zu", sql, location);
    const struct literal *literal = &result.literals[i];
    enum literal_kind kind = *field == 'i'   ? LITERAL_INTEGER
                             : *field == 'f' ? LITERAL_DECIMAL
                                             : LITERAL_STRING;
    cr_assert_eq(literal->kind, kind, "%s: kind at %zu", sql, location);
    if (kind != LITERAL_INTEGER) /* this JSON leaves out the values of Integers */
        cr_assert(strlen(value) == literal->value_length + (negated ? 1 : 0) &&
                      memcmp(value + (negated ? 1 : 0), literal->value, literal->value_length) == 0,
                  "%s: %s against %.*s", sql, value, (int) literal->value_length, literal->value);
    return 1;
}

static int check_constants(const char *sql)
{
    int checked = 0;
    PgQueryParseResult parsed = pg_query_parse(sql);
    cr_assert_null(parsed.error, "%s: %s", sql, parsed.error ? parsed.error->message : "");
    cr_assert_str_neq(normal(sql), "unsure", "%s", sql);
    for (char *at = strstr(parsed.parse_tree, "\"A_Const\":{"); at; at = strstr(at + 1, "\"A_Const\":{")) {
        char *end = at + strlen("\"A_Const\":{");
        for (int depth = 1; depth > 0; end++) { /* no string of the corpus holds a brace */
            depth += *end == '{';
            depth -= *end == '}';
        }
        char kept = *end;
        *end = '\0';
        checked += check_constant(sql, at);
        *end = kept;
    }
    pg_query_free_parse_result(parsed);
    return checked;
}

Test(normalise, literals_stand_where_the_parser_puts_its_constants)
{
    static const char *const corpus[] = {
        "SELECT abalance FROM pgbench_accounts WHERE aid = 12345",
        "UPDATE t SET a = a + -7, b = - 2.5, c = 'x''y' WHERE k IN (1, 22, 333) AND d < '2024-01-01'::date",
        "INSERT INTO t (a, b, c) VALUES (1, 'two', 3.0), (4, E'fi\\'ve', 6e2), ($1, $2, NULL)",
        "DELETE FROM \"T\" WHERE \"k\" = $tag$va'l$tag$ OR k = $$x$$",
        "SELECT 'a'\n'b', n'c', 1.5e-3, .5, 5., 2147483647, 2147483648, -2147483648, 99999999999999999999",
        "SELECT * FROM t WHERE a BETWEEN 1 AND 10 ORDER BY 2 DESC LIMIT 10 OFFSET 20 -- tail 5",
        "SELECT count(*) FILTER (WHERE x > 1), interval '1 day', numeric '1.5', cast('7' AS int) FROM t",
        "WITH c AS (SELECT 1 AS one) SELECT CASE WHEN one = 1 THEN 'y' ELSE 'n' END FROM c /* 2 /* 3 */ 4 */",
        "SELECT a[1], a[2:3], ARRAY[4,5], ROW(6,'7'), x LIKE 'abc%' FROM t WHERE (a, b) = (8, 'nine')",
        "SELECT substring('abc' FROM 2 FOR 1), '7'::int = ANY(ARRAY[NULL, 8]) FROM t",
        "SELECT a->'b'->>'c', a @> '[1]', a #>> '1,2', a ?| '3', -(-5), a--comment 6\n+7 FROM t",
        "VALUES (1, 'caf\xC3\xA9', 'a' /* c */ , b'101', true), (2, '', 'z', x'1F', false)",
    };
    int checked = 0;
    for (size_t i = 0; i < sizeof(corpus) / sizeof(*corpus); i++)
        checked += check_constants(corpus[i]);
    cr_assert_gt(checked, 60, "only %d constants", checked);
}

/* Numbers of enum Token in pg_query.proto. */
enum {
    TOKEN_SEMICOLON = 59,
    TOKEN_FCONST = 260,
    TOKEN_SCONST = 261,
    TOKEN_BCONST = 263,
    TOKEN_XCONST = 264,
    TOKEN_ICONST = 266,
    TOKEN_SQL_COMMENT = 275,
    TOKEN_C_COMMENT = 276,
};

/* The tokens of a text without its comments: the scanner's numbers and where they begin. */
struct tokens {
    int count;
    int number[256], from[256];
};

static uint64_t read_varint(const uint8_t **at)
{
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t) (byte & 0x7F) << shift;
        if (byte < 0x80)
            return value;
    }
}

/* One protobuf message ScanToken: start = 1, end = 2, token = 4, keyword_kind = 5, all varints. */
static void read_scan_token(const uint8_t *at, const uint8_t *end, struct tokens *tokens)
{
    int fields[8] = {0};
    while (at < end) {
        uint64_t tag = read_varint(&at);
        fields[tag >> 3 & 7] = (int) read_varint(&at);
    }
    if (fields[4] == TOKEN_SQL_COMMENT || fields[4] == TOKEN_C_COMMENT)
        return;
    tokens->number[tokens->count] = fields[4];
    tokens->from[tokens->count++] = fields[1];
}

/* The scanner's ScanResult: version = 1 (a varint), tokens = 2 (messages). */
static bool scan(const char *sql, struct tokens *tokens)
{
    PgQueryScanResult scanned = pg_query_scan(sql);
    bool good = scanned.error == NULL;
    tokens->count = 0;
    const uint8_t *at = (const uint8_t *) scanned.pbuf.data;
    const uint8_t *end = good ? at + scanned.pbuf.len : at;
    while (at < end) {
        uint64_t tag = read_varint(&at), value = read_varint(&at);
        if (tag >> 3 == 2) {
            read_scan_token(at, at + value, tokens);
            at += value;
        }
    }
    pg_query_free_scan_result(scanned);
    return good;
}

static bool is_constant(int number)
{
    return number == TOKEN_ICONST || number == TOKEN_FCONST || number == TOKEN_SCONST ||
           number == TOKEN_BCONST || number == TOKEN_XCONST;
}

/* The normalised text with its literals filled in again, each by the simplest constant of its kind. */
static void fill_in(char *sql)
{
    static const char *const fillings[] = {
        [LITERAL_INTEGER] = "1", [LITERAL_DECIMAL] = "1.5", [LITERAL_STRING] = "'s'"};
    size_t literal = 0, used = 0;
    for (size_t i = 0; i < result.length; i++) {
        char c = result.text[i];
        bool alone = c == '?' && (i + 1 == result.length || strchr(" ,)];.", result.text[i + 1])) &&
                     (i == 0 || strchr(" ([.", result.text[i - 1]));
        if (c == '\\')
            continue;
        if (alone && result.literals[literal].kind == LITERAL_BITS) {
            used -= sql[used - 1] == ' ';
            used += (size_t) sprintf(sql + used, "'1' ");
            literal++;
        } else if (alone) {
            used += (size_t) sprintf(sql + used, " %s ", fillings[result.literals[literal++].kind]);
        } else if (c == '"') { /* a name: nothing inside is a token */
            do
                sql[used++] = result.text[i++];
            while (result.text[i] != '"');
            sql[used++] = '"';
        } else {
            sql[used++] = c;
        }
    }
    sql[used] = '\0';
    cr_assert_eq(literal, result.literal_count);
}

static void same_literals(const char *sql, const struct tokens *tokens)
{
    size_t literal = 0;
    for (int i = 0; i < tokens->count; i++) {
        if (!is_constant(tokens->number[i]))
            continue;
        cr_assert_lt(literal, result.literal_count, "%s", sql);
        cr_assert_eq((int) result.literals[literal].offset, tokens->from[i], "[%s] literal %zu", sql,
                     literal);
        literal++;
    }
    cr_assert_eq(literal, result.literal_count, "[%s]", sql);
}

static int drop_trailing_semicolons(const struct tokens *tokens)
{
    int count = tokens->count;
    while (count > 0 && tokens->number[count - 1] == TOKEN_SEMICOLON)
        count--;
    return count;
}

static bool check_soup(const char *sql)
{
    static struct tokens before, after;
    static char filled[4096];
    if (strcmp(normal(sql), "unsure") == 0 || !scan(sql, &before))
        return false;
    same_literals(sql, &before);
    if (result.several) /* empty statements between semicolons are dropped from the text */
        return true;
    fill_in(filled);
    cr_assert(scan(filled, &after), "[%s] became [%s]", sql, filled);
    int count = drop_trailing_semicolons(&before);
    cr_assert_eq(count, after.count, "[%s] became [%s]", sql, filled);
    for (int i = 0; i < count; i++)
        cr_assert_eq(before.number[i], after.number[i], "[%s] became [%s] at %d", sql, filled, i);
    return true;
}

Test(normalise, random_bytes_give_the_tokens_that_postgres_scanner_gives)
{
    static const char *const pieces[] = {
        "a",     "E",   "b",  "X",    "n",    "U&",       "_",     "1",   "0",      "29",       ".",   "'",
        "'",     "''",  "\"", "\"",   "$",    "$1",       "$$",    "$a$", ";",      ":",        "::",  ":=",
        "(",     ")",   "[",  "]",    ",",    "+",        "-",     "--",  "*",      "/",        "/*",  "*/",
        "?",     "<",   ">",  "=",    "!",    "@",        "%",     "^",   "~",      "|",        "&",   "#",
        "`",     "\\",  "\n", " ",    " ",    " ",        "\t",    "e5",  "select", "\xC3\xA9", "\\n", "x41",
        "u0041", "1.5", "E'", "B'1'", "x'F'", "'a'\n'b'", "/*c*/",
    };
    srand(15);
    int compared = 0;
    for (int round = 0; round < 60000; round++) {
        char sql[512] = "";
        for (int i = rand() % 14 + 1; i > 0; i--)
            strcat(sql, pieces[(size_t) rand() % (sizeof(pieces) / sizeof(*pieces))]);
        compared += check_soup(sql);
    }
    cr_assert_gt(compared, 10000, "only %d compared", compared);
}

Test(normalise, blanks_and_comments_between_tokens_change_nothing)
{
    static const char *const tokens[] = {"a", "B", "1",     "2.5",    "'s'", "$1", "(",  ")",
                                         ",", ".", "::",    "[",      "]",   "=",  "<=", "-",
                                         "+", "*", "\"q\"", "e'\\n'", "?",   "@-"};
    static const char *const gaps[] = {" ", "\n", "  \t", " /* x */ ", " -- y\n", " /* /* ' */ \" */\r\n"};
    srand(7);
    for (int round = 0; round < 5000; round++) {
        char one[1024] = "", two[1024] = "";
        for (int i = rand() % 12 + 1; i > 0; i--) {
            const char *token = tokens[(size_t) rand() % (sizeof(tokens) / sizeof(*tokens))];
            if (*token == '\'' && strchr("'", one[0] ? one[strlen(one) - 2] : 'x'))
                continue; /* two strings in a row would be one over a line end */
            strcat(strcat(one, token), " ");
            strcat(strcat(two, token), gaps[(size_t) rand() % (sizeof(gaps) / sizeof(*gaps))]);
        }
        char first[2048];
        strcpy(first, normal(one));
        cr_assert_str_eq(first, normal(two), "[%s] [%s]", one, two);
    }
}
