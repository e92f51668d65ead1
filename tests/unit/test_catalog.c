/*
 * The catalog: rows become relations that are found by name, and what two shards disagree on is told.  The
 * routing: settings and catalogs are joined, or the configuration's mistake is named.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/town.h"

static struct catalog_builder *builder;
static struct catalog *catalog;

static void begin(void)
{
    builder = catalog_builder_new();
}

static void build(void)
{
    begin();
    town_shared_rows(builder);
    town_home_rows(builder);
    catalog = catalog_finish(builder);
}

static void end(void)
{
    catalog_free(catalog);
    catalog = NULL;
}

TestSuite(catalog, .init = build, .fini = end);

Test(catalog, has_one_query_per_kind_of_row)
{
    int count = 0;
    while (catalog_queries[count])
        count++;
    cr_assert(eq(int, count, TOWN_TRIGGERS + 1));
}

Test(catalog, finds_relations_by_schema_and_name)
{
    const struct catalog_relation *users = catalog_relation(catalog, "public", "users");
    cr_assert(users != NULL);
    cr_assert(eq(u32, users->oid, 100));
    cr_assert(eq(int, users->kind, RELATION_TABLE));
    cr_assert(eq(int, catalog_relation(catalog, "public", "user_names")->kind, RELATION_VIEW));
    cr_assert(catalog_relation(catalog, "other", "users") == NULL);
    cr_assert(catalog_relation(catalog, "public", "user") == NULL);
    cr_assert(catalog_has_schema(catalog, "public"));
    cr_assert(not(catalog_has_schema(catalog, "private")));
}

Test(catalog, knows_columns_in_their_order)
{
    const struct catalog_relation *posts = catalog_relation(catalog, "public", "posts");
    cr_assert(eq(int, posts->column_count, 4));
    cr_assert(eq(int, catalog_column(posts, "username"), 2));
    cr_assert(eq(int, catalog_column(posts, "missing"), -1));
    cr_assert(eq(u32, posts->columns[2].type, 1043));
    cr_assert(eq(int, posts->columns[2].typmod, 24));
    cr_assert(posts->columns[2].not_null);
    cr_assert(not(posts->columns[2].collation_is_bytes));
    cr_assert(posts->columns[2].collation_deterministic);
}

/* Whatever the order of the rows, and though numbers of dropped columns are missing. */
Test(catalog, puts_columns_into_their_order_and_keys_into_theirs)
{
    begin();
    town_row(builder, TOWN_RELATIONS, "1|public|t|r|f|f|f|~");
    town_row(builder, TOWN_COLUMNS, "1|c|23|-1|integer|f|f|f|t|f|f|~|9|0|~");
    town_row(builder, TOWN_COLUMNS, "1|a|23|-1|integer|f|f|f|t|f|f|~|2|0|~");
    town_row(builder, TOWN_COLUMNS, "1|b|25|-1|text|f|o|f|f|f|f|~|4|0|~");
    town_row(builder, TOWN_UNIQUES, "1|keys|f|9 2|2");
    town_row(builder, TOWN_UNIQUES, "1|included|f|2 9|1");
    town_row(builder, TOWN_UNIQUES, "1|folded|f|2 4|2");
    struct catalog *made = catalog_finish(builder);
    const struct catalog_relation *t = catalog_relation(made, "public", "t");
    cr_assert(eq(int, catalog_column(t, "a"), 0));
    cr_assert(eq(int, catalog_column(t, "b"), 1));
    cr_assert(eq(int, catalog_column(t, "c"), 2));
    cr_assert(eq(int, t->unique_count, 2));
    cr_assert(eq(int, t->uniques[0].column_count, 2));
    cr_assert(eq(int, t->uniques[0].columns[0], 2));
    cr_assert(eq(int, t->uniques[0].columns[1], 0));
    cr_assert(eq(int, t->uniques[1].column_count, 1));
    cr_assert(eq(int, t->uniques[1].columns[0], 0));
    catalog_free(made);
}

Test(catalog, takes_a_domain_for_what_it_is_made_of)
{
    begin();
    town_row(builder, TOWN_RELATIONS, "1|public|t|r|f|f|f|~");
    town_row(builder, TOWN_DOMAINS, "20000|1700");
    town_row(builder, TOWN_COLUMNS, "1|a|20000|-1|price|f|f|f|t|f|f|~|1|0|~");
    town_row(builder, TOWN_COLUMNS, "1|b|23|-1|integer|f|f|f|t|f|f|~|2|0|~");
    struct catalog *made = catalog_finish(builder);
    const struct catalog_relation *t = catalog_relation(made, "public", "t");
    cr_assert(eq(u32, t->columns[0].type, 20000));
    cr_assert(eq(u32, t->columns[0].base, 1700));
    cr_assert(eq(u32, t->columns[1].base, 23));
    catalog_free(made);
}

Test(catalog, knows_enums_and_types_in_c)
{
    begin();
    town_row(builder, TOWN_RELATIONS, "1|public|t|r|f|f|f|~");
    town_row(builder, TOWN_DOMAINS, "20000|0");
    town_row(builder, TOWN_DOMAINS, "20001|20001");
    town_row(builder, TOWN_DOMAINS, "20002|20000");
    town_row(builder, TOWN_COLUMNS, "1|a|20000|-1|vector|f|f|f|t|f|f|~|1|0|~");
    town_row(builder, TOWN_COLUMNS, "1|b|20001|-1|mood|f|f|f|t|f|f|~|2|0|~");
    town_row(builder, TOWN_COLUMNS, "1|c|20002|-1|direction|f|f|f|t|f|f|~|3|0|~");
    town_row(builder, TOWN_COLUMNS, "1|d|23|-1|integer|f|f|f|t|f|f|~|4|0|~");
    struct catalog *made = catalog_finish(builder);
    const struct catalog_column *columns = catalog_relation(made, "public", "t")->columns;
    cr_assert(eq(u32, columns[0].base, 20000));
    cr_assert(columns[0].in_c && !columns[0].enumeration);
    cr_assert(columns[1].enumeration && !columns[1].in_c);
    cr_assert(eq(u32, columns[2].base, 20000));
    cr_assert(columns[2].in_c && !columns[2].enumeration);
    cr_assert_not(columns[3].in_c || columns[3].enumeration);
    catalog_free(made);
}

Test(catalog, knows_unique_keys_and_belongings)
{
    const struct catalog_relation *users = catalog_relation(catalog, "public", "users");
    cr_assert(eq(int, users->unique_count, 1));
    cr_assert(users->uniques[0].primary);
    cr_assert(eq(int, users->uniques[0].column_count, 1));
    cr_assert(eq(int, users->uniques[0].columns[0], 0));
    cr_assert(users->has_children);
    cr_assert(catalog_relation(catalog, "public", "users_old")->has_parents);
    cr_assert(catalog_relation(catalog, "public", "users_old")->parents[0] == users);
    cr_assert(catalog_relation(catalog, "public", "users_pkey")->table == users);
}

Test(catalog, lists_everything_but_indexes)
{
    size_t count = 0;
    const struct catalog_relation *relation;
    for (; (relation = catalog_relation_at(catalog, count)); count++)
        cr_assert(relation->kind != RELATION_OTHER || count >= 7);
    cr_assert(count > 0);
}

Test(catalog, knows_functions)
{
    const struct catalog_function *count = catalog_function(catalog, "pg_catalog", "count");
    cr_assert(count && count->aggregate && count->class == FUNCTION_SAFE);
    cr_assert(catalog_function(catalog, "public", "count") == NULL);
}

static enum column_default default_of(const char *identity, const char *generated, const char *expression)
{
    char row[256];
    begin();
    town_row(builder, TOWN_RELATIONS, "1|public|t|r|f|f|f|~");
    snprintf(row, sizeof row, "1|c|25|-1|text|f|t|f|t|%s|%s|%s|1|0|~", identity, generated, expression);
    town_row(builder, TOWN_COLUMNS, row);
    struct catalog *made = catalog_finish(builder);
    enum column_default result = catalog_relation(made, "public", "t")->columns[0].standard;
    catalog_free(made);
    return result;
}

Test(catalog, tells_constant_defaults_from_others)
{
    static const struct {
        const char *expression;
        enum column_default expected;
    } defaults[] = {
        {"~", DEFAULT_NONE},
        {"0", DEFAULT_CONSTANT},
        {"1.5", DEFAULT_CONSTANT},
        {"'-1'::integer", DEFAULT_CONSTANT},
        {"'it''s'::text", DEFAULT_CONSTANT},
        {"'a'::character varying(10)", DEFAULT_CONSTANT},
        {"NULL::text", DEFAULT_CONSTANT},
        {"true", DEFAULT_CONSTANT},
        {"now()", DEFAULT_EXPRESSION},
        {"trunc(1)", DEFAULT_EXPRESSION},
        {"true_name()", DEFAULT_EXPRESSION},
        {"('a'::text + 'b'::text)", DEFAULT_EXPRESSION},
        {"'a'::text + 'b'::text", DEFAULT_EXPRESSION},
        {"CURRENT_USER", DEFAULT_EXPRESSION},
        {"nextval('s'::regclass)", DEFAULT_SEQUENCE},
        {"('u'::text + nextval('s'::regclass))", DEFAULT_SEQUENCE},
    };
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        cr_expect(default_of("f", "f", defaults[i].expression) == defaults[i].expected, "%s",
                  defaults[i].expression);
    cr_assert(eq(int, default_of("t", "f", "~"), DEFAULT_SEQUENCE));
    cr_assert(eq(int, default_of("f", "t", "lower(a)"), DEFAULT_GENERATED));
}

Test(catalog, refuses_rows_it_does_not_understand)
{
    struct error error = {0};
    const char *few[] = {"1"}, *nonsense[] = {"x", "y"}, *unknown[] = {"77", "78"};
    begin();
    cr_assert(not(catalog_add_row(builder, TOWN_RELATIONS, few, 1, &error)));
    error_clear(&error);
    cr_assert(not(catalog_add_row(builder, TOWN_PARTS, nonsense, 2, &error)));
    error_clear(&error);
    cr_assert(not(catalog_add_row(builder, 99, few, 1, &error)));
    error_clear(&error);
    cr_assert(catalog_add_row(builder, TOWN_PARTS, unknown, 2, &error),
              "rows of unlisted relations are passed over");
    catalog_builder_abandon(builder);
}

Test(catalog, holds_thousands_of_tables)
{
    char row[128];
    begin();
    for (int i = 0; i < 5000; i++) {
        snprintf(row, sizeof row, "%d|public|t%d|r|f|f|f|~", i + 1, i);
        town_row(builder, TOWN_RELATIONS, row);
        snprintf(row, sizeof row, "%d|c|23|-1|integer|f|f|f|t|f|f|~|1|0|~", i + 1);
        town_row(builder, TOWN_COLUMNS, row);
    }
    struct catalog *large = catalog_finish(builder);
    for (int i = 0; i < 5000; i++) {
        snprintf(row, sizeof row, "t%d", i);
        const struct catalog_relation *relation = catalog_relation(large, "public", row);
        cr_assert(relation && relation->oid == (uint32_t) i + 1 && relation->column_count == 1);
    }
    catalog_free(large);
}

/* ---- differences ---- */

static struct catalog *with_users(const char *relation, const char *column, const char *unique)
{
    begin();
    town_row(builder, TOWN_RELATIONS, relation);
    town_row(builder, TOWN_COLUMNS, column);
    if (unique)
        town_row(builder, TOWN_UNIQUES, unique);
    return catalog_finish(builder);
}

#define SAME_RELATION "5|public|u|r|f|f|f|~"
#define SAME_COLUMN   "5|a|25|-1|text|t|t|t|t|f|f|~|1|0|~"
#define SAME_UNIQUE   "5|u_pkey|t|1|1"

Test(catalog, tells_what_differs_between_shards)
{
    static const struct {
        const char *relation, *column, *unique, *difference;
    } others[] = {
        {"9|public|u|r|f|f|f|~", "9|a|25|-1|text|t|t|t|t|f|f|~|1|0|~", "9|other_name|t|1|1", NULL},
        {SAME_RELATION, "5|b|25|-1|text|t|t|t|t|f|f|~|1|0|~", NULL, "stands where"},
        {SAME_RELATION, "5|a|23|-1|integer|t|f|f|t|f|f|~|1|0|~", SAME_UNIQUE, "of type integer"},
        {SAME_RELATION, "5|a|25|9|text|t|t|t|t|f|f|~|1|0|~", SAME_UNIQUE, "length or precision"},
        {SAME_RELATION, "5|a|25|-1|text|t|t|f|t|f|f|~|1|0|~", SAME_UNIQUE, "another collation"},
        {SAME_RELATION, "5|a|25|-1|text|f|t|t|t|f|f|~|1|0|~", SAME_UNIQUE, "may be NULL"},
        {SAME_RELATION, "5|a|25|-1|text|t|t|t|t|t|f|~|1|0|~", SAME_UNIQUE, "kind of default"},
        {SAME_RELATION, SAME_COLUMN, NULL, "lacks"},
        {SAME_RELATION, SAME_COLUMN, "5|u_key|f|1|1", "lacks"},
        {"5|public|u|v|f|f|f|~", SAME_COLUMN, SAME_UNIQUE, "another kind"},
        {"5|public|u|r|t|f|f|~", SAME_COLUMN, SAME_UNIQUE, "row security"},
        {"5|public|u|r|f|t|f|~", SAME_COLUMN, SAME_UNIQUE, "triggers"},
        {"5|public|u|r|f|f|t|~", SAME_COLUMN, SAME_UNIQUE, "rules"},
    };
    struct arena arena = {0};
    struct catalog *home = with_users(SAME_RELATION, SAME_COLUMN, SAME_UNIQUE);
    const struct catalog_relation *relation = catalog_relation(home, "public", "u");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct catalog *other = with_users(others[i].relation, others[i].column, others[i].unique);
        const char *found = catalog_difference(relation, catalog_relation(other, "public", "u"), &arena);
        bool right = others[i].difference ? found && strstr(found, others[i].difference) : !found;
        cr_expect(right, "%zu: %s", i, found ? found : "no difference");
        catalog_free(other);
    }
    cr_expect(catalog_difference(relation, NULL, &arena) != NULL);
    cr_expect(catalog_difference(NULL, relation, &arena) != NULL);
    cr_expect(catalog_difference(NULL, NULL, &arena) == NULL);
    catalog_free(home);
    arena_free(&arena);
}

/* ---- the order of texts ---- */

/* A table with a column of the default collation; `version` is the library's, as the shard tells it now. */
static struct catalog *with_collation(const char *collation, const char *version)
{
    begin();
    town_row(builder, TOWN_RELATIONS, SAME_RELATION);
    town_row(builder, TOWN_COLLATIONS, collation);
    town_row(builder, TOWN_DEFAULT_VERSION, version);
    town_row(builder, TOWN_COLUMNS, "5|a|25|-1|text|t|t|f|t|f|f|~|1|100|~");
    return catalog_finish(builder);
}

/* schema, name, provider, locale, ctype, deterministic, recorded version, of a column, altered, by points,
 * encoding, OID */
#define ICU_ROW(locale, recorded) "pg_catalog|default|i|" locale "|C.UTF-8|t|" recorded "|~|f|f|UTF8|100"
#define POINTS_ROW(points)        "pg_catalog|default|c|C.UTF-8|C.UTF-8|t|~|~|f|" points "|UTF8|100"

Test(catalog, orders_texts_where_the_library_is_the_same)
{
    const struct text_order *english = text_order_find(TEXT_ORDER_ICU, "en-US");
    char ours[80], altered[80], folded[80];
    const char *version = text_order_version(english);
    snprintf(ours, sizeof ours, "pg_catalog|default|i|en-US|C.UTF-8|t|%s|~|f|f|UTF8|100", version);
    snprintf(altered, sizeof altered, "pg_catalog|default|i|en-US|C.UTF-8|t|%s|~|t|f|UTF8|100", version);
    snprintf(folded, sizeof folded, "pg_catalog|default|i|en-US|C.UTF-8|f|%s|~|f|f|UTF8|100", version);
    const struct {
        const char *collation, *version;
        const struct text_order *order;
        const char *obstacle;
    } cases[] = {
        {ours, version, english, NULL},
        {ours, "1.2", NULL, "it was made under version"},
        {ICU_ROW("en-US", "1.2"), "1.2", NULL, "Keyway has version"},
        {ICU_ROW("en-US", "1.2"), version, NULL, "it was made under version 1.2"},
        {ICU_ROW("en-US", "~"), version, NULL, "it was made under version ?"},
        {ours, "~", NULL, "its version is not known"},
        {altered, version, NULL, "rules of its own"},
        {folded, version, NULL, "not deterministic"},
        {"pg_catalog|default|c|xx_YY.UTF-8|C|t|1|~|f|f|UTF8|100", "1", NULL, "no such locale"},
        {"pg_catalog|default|c|en_US|C|t|1|~|f|f|LATIN1|100", "1", NULL, "the encoding is not UTF8"},
        {"pg_catalog|default|b|C.UTF-8|C|t|1|~|f|f|UTF8|100", "1", NULL, "no such locale"},
        {"pg_catalog|default|c|POSIX|C|t|~|~|f|f|LATIN1|100", "~", &text_order_bytes, NULL},
        {POINTS_ROW("t"), "~", &text_order_bytes, NULL},
        {POINTS_ROW("f"), "~", NULL, "its version is not known"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct catalog *made = with_collation(cases[i].collation, cases[i].version);
        const struct catalog_collation *found = catalog_default_collation(made);
        bool told = cases[i].obstacle ? found->obstacle && strstr(found->obstacle, cases[i].obstacle)
                                      : !found->obstacle;
        cr_expect(found->order == cases[i].order && told, "%zu: %s", i, found->obstacle);
        cr_expect(catalog_column_order(&catalog_relation(made, "public", "u")->columns[0]) == cases[i].order);
        catalog_free(made);
    }
}

Test(catalog, orders_texts_only_as_all_shards_do)
{
    const struct text_order *english = text_order_find(TEXT_ORDER_ICU, "en-US");
    char ours[80], german[80];
    const char *version = text_order_version(english);
    snprintf(ours, sizeof ours, "pg_catalog|default|i|en-US|C.UTF-8|t|%s|~|f|f|UTF8|100", version);
    snprintf(german, sizeof german, "pg_catalog|default|i|de|C.UTF-8|t|%s|~|f|f|UTF8|100", version);
    const struct {
        const char *home, *other; /* NULL: not known */
        const char *version;
        const struct text_order *order;
        bool same; /* the databases */
    } cases[] = {
        {ours, ours, version, english, true},
        {ours, ours, "1.2", NULL, true},
        {ours, german, version, NULL, false},
        {ours, NULL, NULL, NULL, true},
        {POINTS_ROW("t"), POINTS_ROW("t"), "~", &text_order_bytes, true},
        {POINTS_ROW("t"), POINTS_ROW("f"), "~", NULL, true},
        {POINTS_ROW("t"), NULL, NULL, NULL, true},
        {"pg_catalog|default|c|C|C|t|~|~|f|f|UTF8|100", NULL, NULL, &text_order_bytes, true},
        {"pg_catalog|default|c|C|C|t|~|~|f|f|UTF8|100", "pg_catalog|default|c|C|C|t|~|~|f|f|LATIN1|100", "~",
         &text_order_bytes, false},
        {"pg_catalog|default|c|en_US.utf8|en_US.UTF-8|t|1|~|f|f|UTF8|100",
         "pg_catalog|default|c|en_US.UTF-8|en_US.utf8|t|1|~|f|f|UTF8|100", "1", NULL, true},
        {"pg_catalog|default|c|C|en_US.UTF-8|t|~|~|f|f|UTF8|100", "pg_catalog|default|c|C|C|t|~|~|f|f|UTF8|100", "~",
         &text_order_bytes, false},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool icu = strstr(cases[i].home, "|i|");
        struct catalog *home = with_collation(cases[i].home, icu ? version : "~");
        struct catalog *other = cases[i].other ? with_collation(cases[i].other, cases[i].version) : NULL;
        catalog_note_others(home, &other, 1);
        cr_expect(catalog_default_collation(home)->order == cases[i].order, "%zu", i);
        bool same = !other || catalog_locale_difference(home, other, &arena) == NULL;
        cr_expect(same == cases[i].same, "%zu", i);
        catalog_free(home);
        catalog_free(other);
    }
    arena_free(&arena);
}

/* ---- routing ---- */

Test(routing, joins_tables_with_their_keyspaces)
{
    struct routing *routing = town_routing(2);
    const struct routed_table *posts = routing_table(routing, "public", "posts");
    cr_assert(posts && posts->keyspace && posts->relation);
    cr_assert(eq(int, posts->key_columns[0], 2));
    cr_assert(posts->problem == NULL, "%s", posts->problem);
    cr_assert(routing_table(routing, "public", "countries")->keyspace == NULL);
    cr_assert(routing_table(routing, "public", "planned")->relation == NULL);
    cr_assert(routing_table(routing, "public", "notes") == NULL);
    cr_assert(routing_table(routing, "other", "users") == NULL);
    cr_assert(routing_is_sharded(routing));
    routing_release(routing);
}

Test(routing, gives_each_snapshot_a_version_of_its_own)
{
    struct routing *first = town_routing(1), *second = town_routing(1);
    cr_assert(first->version != second->version);
    routing_release(first);
    routing_release(routing_hold(second));
    routing_release(second);
}

Test(routing, knows_whose_part_a_relation_is)
{
    struct routing *routing = town_routing(2);
    const struct routed_table *users = routing_table(routing, "public", "users");
    static const char *const parts[] = {"users", "users_old", "users_pkey"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        cr_expect(routing_owner(routing, catalog_relation(routing->catalog, "public", parts[i])) == users,
                  "%s", parts[i]);
    cr_expect(routing_owner(routing, catalog_relation(routing->catalog, "public", "notes_body")) == NULL);
    cr_expect(catalog_relation(routing->catalog, "public", "user_names")->on_every_shard);
    cr_expect(not(catalog_relation(routing->catalog, "public", "note_view")->on_every_shard));
    routing_release(routing);
}

static const char *const frame =
    "[keyway]\nauth_method = trust\n[shard a]\nconninfo = host=127.0.0.1\n"
    "[shard b]\nconninfo = host=127.0.0.1 port=5433\n[database app]\nshards = a, b\n"
    "[keyspace app.k]\ntype = %s\nmethod = hash\nshards = a, b\n%s";

/* The table's obstacle, or its problem, or "". */
static void join(const char *type, const char *tables, const char *home_column, const char *other_column,
                 char *said, size_t size)
{
    char text[1024];
    struct error error = {0};
    snprintf(text, sizeof text, frame, type, tables);
    struct settings *settings = town_settings(text);
    struct catalog *catalogs[] = {with_users(SAME_RELATION, home_column, NULL),
                                  other_column ? with_users(SAME_RELATION, other_column, NULL) : NULL};
    struct routing *routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    cr_assert(routing != NULL, "%s", error.message);
    const struct error *obstacle = routing->tables[0].obstacle;
    cr_expect(obstacle == routing_first_obstacle(routing));
    const char *words = obstacle ? obstacle->message : routing->tables[0].problem;
    snprintf(said, size, "%s", words ? words : "");
    routing_release(routing);
    settings_release(settings);
    error_clear(&error);
}

#define BY_A "[table app.u]\nkeyspace = k\nkey = a\n"

Test(routing, checks_key_columns)
{
    static const struct {
        const char *type, *tables, *home, *other, *said;
    } cases[] = {
        {"text", BY_A, SAME_COLUMN, SAME_COLUMN, ""},
        {"text", BY_A, SAME_COLUMN, NULL, ""},
        {"text", BY_A, "5|a|1043|14|character varying|t|t|t|t|f|f|~|1|0|~", NULL, ""},
        {"text", BY_A, "5|a|1042|14|character|t|t|t|t|f|f|~|1|0|~", NULL, "type"},
        {"bigint", BY_A, "5|a|23|-1|integer|t|f|f|t|f|f|~|1|0|~", NULL, ""},
        {"integer", BY_A, "5|a|20|-1|bigint|t|f|f|t|f|f|~|1|0|~", NULL, ""},
        {"bigint", BY_A, "5|a|1700|-1|numeric|t|f|f|t|f|f|~|1|0|~", NULL, "type"},
        {"text", BY_A, "5|a|25|-1|text|t|t|f|f|f|f|~|1|0|~", NULL, "nondeterministic"},
        {"text", BY_A, "5|b|25|-1|text|t|t|t|t|f|f|~|1|0|~", NULL, "does not exist"},
        {"text", BY_A, SAME_COLUMN, "5|a|1043|-1|character varying|t|t|t|t|f|f|~|1|0|~", "shard \"b\" differs"},
    };
    char said[256];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        join(cases[i].type, cases[i].tables, cases[i].home, cases[i].other, said, sizeof said);
        bool right = *cases[i].said ? strstr(said, cases[i].said) != NULL : !*said;
        cr_expect(right, "%zu: %s", i, said);
    }
}

static bool fits(const char *tables, const char *relation, const char *parent)
{
    char text[1024];
    struct error error = {0};
    snprintf(text, sizeof text, frame, "text", tables);
    struct settings *settings = town_settings(text);
    begin();
    town_row(builder, TOWN_RELATIONS, relation);
    town_row(builder, TOWN_RELATIONS, "6|public|top|r|f|f|f|~");
    town_row(builder, TOWN_COLUMNS, SAME_COLUMN);
    town_row(builder, TOWN_COLUMNS, "6|a|25|-1|text|t|t|t|t|f|f|~|1|0|~");
    if (parent)
        town_row(builder, TOWN_PARENTS, parent);
    struct catalog *catalogs[] = {catalog_finish(builder), NULL};
    struct routing *routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    cr_assert(routing != NULL, "%s", error.message);
    bool fit = !routing_first_obstacle(routing);
    const struct catalog_relation *table = catalog_relation(routing->catalog, "public", "u"), *top = catalog_relation(routing->catalog, "public", "top");
    bool usable = !routing_obstacle(routing, table), top_is_usable = !routing_obstacle(routing, top);
    cr_expect_eq(usable, fit);
    cr_expect_eq(top_is_usable, fit || !parent, "what it inherits from shares its rows");
    routing_release(routing);
    settings_release(settings);
    error_clear(&error);
    return fit;
}

Test(routing, wants_tables_and_whole_families)
{
    cr_expect(fits(BY_A, SAME_RELATION, NULL));
    cr_expect(not(fits(BY_A, "5|public|u|v|f|f|f|SELECT 1", NULL)), "a view is not a table");
    cr_expect(not(fits(BY_A, SAME_RELATION, "5|6")), "the parent is not configured");
    cr_expect(fits(BY_A "[table app.top]\nkeyspace = k\nkey = a\n", SAME_RELATION, "5|6"));
    cr_expect(not(fits(BY_A "[table app.top]\nreference = yes\n", SAME_RELATION, "5|6")));
}

Test(routing, checks_all_keyspaces)
{
    struct diagnostics diagnostics = {0};
    struct settings *settings = town_settings(
        "[keyway]\nauth_method = trust\n[shard a]\nconninfo = host=127.0.0.1\n[database app]\nshards = a\n"
        "[keyspace app.k]\ntype = integer\nmethod = range\nrange = a [-infinity, ten)\nrange = a [ten, "
        "+infinity)\n");
    cr_assert(not(routing_check(settings, &diagnostics)));
    cr_assert(gt(sz, diagnostics.count, 0));
    diagnostics_free(&diagnostics);
    settings_release(settings);
}
