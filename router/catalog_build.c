/*
 * catalog_build: the queries over pg_catalog, and the code that understands their rows.
 *
 * Each query reads one kind of thing for all relations at once, so that a database of thousands of tables
 * costs a dozen queries, not thousands.  A row names its relation by OID; rows of relations that the second
 * query left out are passed over, because a table may appear between two readings of what is one snapshot
 * only per shard.
 */
#include "router/catalog.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/array.h"
#include "router/catalog_inside.h"
#include "router/function_class.h"

/* PostgreSQL's own relations are not listed: what reads them goes to the home shard anyway. */
#define USER_SCHEMA                                                                                          \
    "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'"

#define SCHEMAS_QUERY "SELECT n.nspname FROM pg_namespace n WHERE n.nspname !~ '^pg_(toast|temp)'"

/* Which trigger functions a write to a relation may call: `by_key` through foreign keys, `empties` by TRUNCATE. */
#define FIRES                                                                                                \
    "WITH RECURSIVE fires AS (SELECT tgrelid AS oid, tgfoid, false AS by_key, tgtype & 32 <> 0 AS empties FROM pg_trigger"  \
    " WHERE NOT tgisinternal AND tgenabled <> 'D'"                                                           \
    " UNION SELECT e.above, f.tgfoid, f.by_key OR e.by_key, f.empties FROM fires f JOIN"                     \
    " (SELECT inhrelid AS below, inhparent AS above, false AS by_key FROM pg_inherits"                       \
    " UNION ALL SELECT conrelid, confrelid, true FROM pg_constraint WHERE contype = 'f'"                     \
    " AND (confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd'))) e ON e.below = f.oid)"

#define TRIGGERS_QUERY                                                                                       \
    FIRES " SELECT f.oid, string_agg(p.prosrc, ' ; ') FROM (SELECT DISTINCT oid, tgfoid FROM fires) f JOIN pg_proc p ON p.oid = f.tgfoid" \
          " JOIN pg_language l ON l.oid = p.prolang WHERE l.lanname NOT IN ('c', 'internal') GROUP BY f.oid"

/*
 * A write to a table fires its own triggers, those of its partitions and children, and, where it changes or deletes rows that others refer to by
 * foreign keys with an action, those of the referring tables (c).  TRUNCATE fires its own kind (T).
 */
#define RELATIONS_QUERY                                                                                      \
    FIRES ", t AS (SELECT oid, CASE WHEN bool_or(empties AND NOT by_key) THEN 'T' WHEN bool_or(NOT by_key) THEN 't' ELSE 'c' END AS kind"  \
    " FROM fires GROUP BY oid)"                                                                              \
    " SELECT c.oid, n.nspname, c.relname, c.relkind, c.relrowsecurity, coalesce(t.kind, 'f'),"               \
    " r.ev_class IS NOT NULL, CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END"              \
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"                                         \
    " LEFT JOIN t ON t.oid = c.oid"                                                                          \
    " LEFT JOIN (SELECT DISTINCT ev_class FROM pg_rewrite WHERE rulename <> '_RETURN') r ON r.ev_class = "   \
    "c.oid"                                                                                                  \
    " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I') AND " USER_SCHEMA                          \
    " ORDER BY c.relkind IN ('i', 'I'), n.nspname, c.relname"

/* The default collation is the database's; datlocprovider does not exist before PostgreSQL 15.  That of a domain is a column's own.  A domain
 * brings its own default along.  Defaults name no columns, so they are printed without their table, which PostgreSQL would have to open; what a
 * generated column is made of is not asked.  The builder puts the columns into their order: it takes less time for that than a sort. */
#define COLUMNS_QUERY                                                                                        \
    "WITH standard AS MATERIALIZED (SELECT datcollate IN ('C', 'POSIX')"                                     \
    " AND coalesce(to_jsonb(b) ->> 'datlocprovider', 'c') = 'c' AS bytes"                                    \
    " FROM pg_database b WHERE datname = current_database())"                                                \
    " SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, format_type(a.atttypid, NULL), a.attnotnull,"   \
    " CASE a.attcollation WHEN 0 THEN 'f' WHEN CASE t.typtype WHEN 'd' THEN 100 ELSE t.typcollation END THEN 't' ELSE 'o' END," \
    " CASE l.collprovider WHEN 'd' THEN s.bytes"                                                             \
    " WHEN 'c' THEN l.collcollate IN ('C', 'POSIX') ELSE false END, coalesce(l.collisdeterministic, true),"  \
    " CASE a.attidentity WHEN '' THEN 'f' WHEN 'a' THEN 'a' ELSE 't' END, a.attgenerated <> '',"             \
    " CASE WHEN a.attidentity <> '' THEN format('pg_catalog.nextval(%L::pg_catalog.regclass)',"              \
    " pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname))"                             \
    " WHEN a.attgenerated = '' THEN coalesce(pg_get_expr(d.adbin, 0), t.typdefault) END,"                    \
    " a.attnum, a.attcollation, CASE WHEN a.atttypmod >= 0 THEN format_type(a.atttypid, a.atttypmod) END"    \
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "             \
    "c.relnamespace"                                                                                         \
    " JOIN pg_type t ON t.oid = a.atttypid CROSS JOIN standard s"                                            \
    " LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"                               \
    " LEFT JOIN pg_collation l ON l.oid = a.attcollation"                                                    \
    " WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND " USER_SCHEMA

/*
 * The database's own collation (schema pg_catalog, name default; its OID is 100 everywhere), those that columns
 * have, and those that a name in COLLATE can mean, but for ICU's hundreds that initdb made.  Columns that came after PostgreSQL 10
 * are asked for through to_jsonb().
 *
 * C.UTF-8 and its like are not versioned, and are in the order of code points, which is that of the bytes:
 * each character is asked whether it is less than the next one even before what sorts the other way.  All of
 * the first 2047 are, and of the others one in 97.
 */
#define COLLATIONS_QUERY                                                                                     \
    "WITH own AS MATERIALIZED (SELECT b.*, to_jsonb(b) AS j FROM pg_database b"                              \
    " WHERE datname = current_database()),"                                                                  \
    " used AS (SELECT DISTINCT attcollation AS oid FROM pg_attribute WHERE attcollation NOT IN (0, 100)"     \
    "), points AS (SELECT i, lead(i) OVER (ORDER BY i) AS next FROM (SELECT generate_series(1, 2047) AS i"   \
    " UNION ALL SELECT generate_series(2048, 1114111, 97)) p WHERE i NOT BETWEEN 55296 AND 57343)"           \
    " SELECT n.nspname, l.collname,"                                                                         \
    " CASE l.collprovider WHEN 'd' THEN coalesce(b.j ->> 'datlocprovider', 'c') ELSE l.collprovider::text "  \
    "END,"                                                                                                   \
    " CASE WHEN l.collprovider <> 'd' THEN coalesce(v.j ->> 'colliculocale', v.j ->> 'colllocale', "         \
    "l.collcollate)"                                                                                         \
    " ELSE coalesce(b.j ->> 'daticulocale', b.j ->> 'datlocale', b.datcollate) END,"                         \
    " CASE l.collprovider WHEN 'd' THEN b.datctype ELSE l.collctype END, l.collisdeterministic,"             \
    " CASE l.collprovider WHEN 'd' THEN b.j ->> 'datcollversion' ELSE l.collversion END,"                    \
    " CASE WHEN l.collprovider <> 'd' THEN pg_collation_actual_version(l.oid) END,"                          \
    " coalesce(v.j ->> 'collicurules', CASE l.collprovider WHEN 'd' THEN b.j ->> 'daticurules' END) IS NOT " \
    "NULL,"                                                                                                  \
    " CASE WHEN l.collprovider = 'd' AND coalesce(b.j ->> 'datlocprovider', 'c') = 'c'"                      \
    " AND b.datcollate LIKE 'C.%' AND getdatabaseencoding() = 'UTF8'"                                        \
    " THEN (SELECT bool_and(chr(i) || 'b' < chr(next) || 'a') FROM points) ELSE false END,"                  \
    " getdatabaseencoding(), l.oid"                                                                          \
    " FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace CROSS JOIN own b"                   \
    " CROSS JOIN LATERAL (SELECT to_jsonb(l) AS j) v"                                                        \
    " WHERE l.collencoding IN (-1, b.encoding) AND (n.nspname <> 'pg_catalog' OR l.collprovider IN ('c', "   \
    "'d')"                                                                                                   \
    " OR l.oid IN (SELECT oid FROM used) OR l.collname IN (SELECT collname FROM pg_collation"                \
    " WHERE collnamespace <> 'pg_catalog'::regnamespace))"                                                   \
    " ORDER BY n.nspname, l.collname, l.collencoding DESC"

#define DEFAULT_VERSION_QUERY                                                                                \
    "SELECT pg_database_collation_actual_version(oid) FROM pg_database WHERE datname = current_database()"

#define PARENTS_QUERY "SELECT inhrelid, inhparent FROM pg_inherits ORDER BY inhrelid, inhseqno"

/* Under the names and kinds of a table's policies, as a literal, what they ask of a row. */
#define POLICIES_QUERY                                                                                       \
    "SELECT p.polrelid, string_agg(quote_literal(concat_ws(' ', p.polname, p.polcmd, p.polpermissive,"       \
    " (SELECT string_agg(coalesce(r.rolname::text, 'public'), ',' ORDER BY r.rolname)"                       \
    " FROM unnest(p.polroles) o LEFT JOIN pg_roles r ON r.oid = o)))"                                        \
    " || concat(' ; ', pg_get_expr(p.polqual, p.polrelid), ' ; ', pg_get_expr(p.polwithcheck, p.polrelid)), ' ; '" \
    " ORDER BY p.polname) FROM pg_policy p GROUP BY p.polrelid"

/* Tables with a foreign key to themselves.  Those of partitions and children are taken for such, and are also the parents'. */
#define REFERENCES_QUERY                                                                                     \
    "WITH RECURSIVE up (rel) AS (SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND (conrelid = confrelid" \
    " OR EXISTS (SELECT 1 FROM pg_inherits WHERE conrelid IN (inhrelid, inhparent)))"                        \
    " UNION SELECT inhparent FROM up JOIN pg_inherits ON inhrelid = rel) SELECT rel FROM up"

/* Indexes and sequences that belong to a table. */
#define PARTS_QUERY                                                                                          \
    "SELECT indexrelid, indrelid FROM pg_index UNION ALL"                                                    \
    " SELECT d.objid, d.refobjid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'"    \
    " WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0"  \
    " AND d.deptype IN ('a', 'i')"

/* Their columns by number, the first of them the key.  Left out is an index whose idea of equality may be finer than the column's own =. */
#define UNIQUES_QUERY                                                                                        \
    "SELECT i.indrelid, x.relname, i.indisprimary, i.indkey, i.indnkeyatts"                                  \
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace n ON n.oid = x.relnamespace" \
    " WHERE i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL"  \
    " AND " USER_SCHEMA                                                                                      \
    " AND NOT coalesce(i.indclass::oid[] && (SELECT array_agg(oid) FROM pg_opclass"                          \
    " WHERE NOT opcdefault AND opcname NOT LIKE '%pattern_ops'), false)"                                     \
    " ORDER BY i.indrelid, i.indexrelid"

/* Keys, foreign keys, constraint triggers. */
#define DEFERRABLE_QUERY "SELECT true FROM pg_constraint WHERE condeferrable LIMIT 1"

/* Domains (a column tells its collation apart), enums (made of themselves), and types in C that are no arrays (no base). */
#define DOMAINS_QUERY                                                                                        \
    ABOVE "SELECT a.oid, a.base FROM above a JOIN pg_type t ON t.oid = a.base WHERE t.typtype <> 'd'"        \
          " UNION ALL SELECT oid, oid FROM pg_type WHERE typtype = 'e'"                                      \
          " UNION ALL SELECT oid, 0::oid FROM pg_type WHERE typtype = 'b' AND typelem = 0 AND oid >= 16384"

/* What router/results.c chooses from.  A function that has defaults, or VARIADIC, or that takes a domain, is not chosen by the plain
 * rules. */
#define RESULTS_QUERY                                                                                        \
    BASES "SELECT 'f', n.nspname, p.proname, string_agg(CASE WHEN p.provariadic <> 0 OR p.pronargdefaults > 0"           \
          " OR p.proargtypes::oid[] && ARRAY (SELECT oid FROM above) THEN '?'"                               \
          " ELSE replace(p.proargtypes::text, ' ', ',') END || '>' || coalesce(b.base, p.prorettype), ' ')"  \
          " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace LEFT JOIN bases b ON b.oid = p.prorettype"      \
          " WHERE p.prokind <> 'p' AND n.nspname !~ '^pg_(toast|temp)' GROUP BY n.nspname, p.proname"        \
          " UNION ALL SELECT 'o', n.nspname, o.oprname,"                                                     \
          " string_agg(o.oprleft::text || ',' || o.oprright || '>' || o.oprresult, ' ')"                     \
          " FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace"                                \
          " WHERE n.nspname !~ '^pg_(toast|temp)' AND o.oprresult <> 0 GROUP BY n.nspname, o.oprname"        \
          " UNION ALL SELECT 't', n.nspname, t.typname, coalesce(b.base, t.oid)::text"                       \
          " FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN bases b ON b.oid = t.oid" \
          " WHERE t.typtype IN ('b', 'd', 'e') AND t.typcategory <> 'A' AND n.nspname !~ '^pg_(toast|temp)'" \
          " UNION ALL SELECT 'c', '', '', string_agg(' ' || castsource || '>' || casttarget || ' ', '')"     \
          " FROM pg_cast WHERE castcontext = 'i'"                                                            \
          " UNION ALL SELECT 'c', '', 'text', coalesce(string_agg(' ' || casttarget || ' ', ''), '')"        \
          " FROM pg_cast WHERE castsource = 'text'::regtype AND castfunc <> 0 AND oid >= 16384"

struct catalog_builder {
    struct catalog *catalog;
};

struct catalog_builder *catalog_builder_new(void)
{
    struct catalog_builder *builder = memory_alloc(sizeof *builder);
    builder->catalog = memory_alloc(sizeof *builder->catalog);
    return builder;
}

void catalog_builder_abandon(struct catalog_builder *builder)
{
    if (!builder)
        return;
    catalog_free(builder->catalog);
    free(builder);
}

struct catalog *catalog_finish(struct catalog_builder *builder)
{
    struct catalog *catalog = builder->catalog;
    names_free(&catalog->by_oid);
    names_free(&catalog->domains);
    catalog_order_collations(catalog);
    function_classes_find(catalog->sources, catalog->policies);
    names_free(&catalog->sources_by_name);
    arena_free(&catalog->building);
    catalog->sources = NULL;
    catalog->policies = NULL;
    free(builder);
    return catalog;
}

bool catalog_is_true(const char *value)
{
    return value && *value == 't';
}

bool catalog_read_number(const char *value, long long lowest, long long highest, long long *number)
{
    char *end;
    if (!value || !*value)
        return false;
    errno = 0;
    *number = strtoll(value, &end, 10);
    return !*end && !errno && *number >= lowest && *number <= highest;
}

bool catalog_read_oid(const char *value, uint32_t *oid)
{
    long long number;
    bool read = catalog_read_number(value, 0, UINT32_MAX, &number);
    if (read)
        *oid = (uint32_t) number;
    return read;
}

/* *relation is NULL when the snapshot does not list it: that is no mistake. */
static bool read_relation(const struct catalog *catalog, const char *value,
                          struct catalog_relation **relation)
{
    uint32_t oid;
    if (!catalog_read_oid(value, &oid))
        return false;
    uint64_t hash = names_hash_number(oid);
    size_t probe = 0;
    *relation = names_first(&catalog->by_oid, hash, &probe);
    while (*relation && (*relation)->oid != oid)
        *relation = names_next(&catalog->by_oid, hash, &probe);
    return true;
}

static bool add_schema(struct catalog *catalog, const char *const *row)
{
    if (!row[0])
        return false;
    names_add(&catalog->schemas, names_hash(row[0], ""), arena_strdup(&catalog->arena, row[0]));
    return true;
}

static enum relation_kind kind_of(char relkind)
{
    static const struct {
        char relkind;
        enum relation_kind kind;
    } kinds[] = {
        {'r', RELATION_TABLE},   {'p', RELATION_TABLE},
        {'v', RELATION_VIEW},    {'m', RELATION_MATERIALIZED_VIEW},
        {'f', RELATION_FOREIGN}, {'S', RELATION_SEQUENCE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].relkind == relkind)
            return kinds[i].kind;
    return RELATION_OTHER;
}

static bool add_relation(struct catalog *catalog, const char *const *row)
{
    uint32_t oid;
    if (!catalog_read_oid(row[0], &oid) || !row[1] || !row[2] || !row[3])
        return false;
    struct catalog_relation *relation = arena_alloc(&catalog->arena, sizeof *relation);
    relation->oid = oid;
    relation->schema = arena_strdup(&catalog->arena, row[1]);
    relation->name = arena_strdup(&catalog->arena, row[2]);
    relation->kind = kind_of(*row[3]);
    relation->has_children = *row[3] == 'p';
    relation->row_security = catalog_is_true(row[4]);
    relation->policies_are_local = true;
    relation->has_triggers = row[5] && (*row[5] == 't' || *row[5] == 'T');
    relation->has_truncate_triggers = row[5] && *row[5] == 'T';
    relation->referring_triggers = row[5] && *row[5] == 'c';
    relation->has_rules = catalog_is_true(row[6]);
    relation->definition = arena_strdup(&catalog->arena, row[7]);
    catalog->relations =
        array_room(&catalog->arena, catalog->relations, catalog->relation_count, sizeof relation);
    catalog->relations[catalog->relation_count++] = relation;
    catalog->index_count += relation->kind == RELATION_OTHER;
    names_add(&catalog->by_name, names_hash(relation->schema, relation->name), relation);
    names_add(&catalog->by_oid, names_hash_number(oid), relation);
    return true;
}

/* What may stand between a literal and the end of a default that is nothing but this literal:
 * ::type(modifier). */
static bool is_cast(const char *text)
{
    if (!*text)
        return true;
    if (strncmp(text, "::", 2))
        return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ .,:\"()[]")] ==
           '\0';
}

static bool is_constant(const char *text)
{
    static const char *const words[] = {"true", "false", "NULL"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strncmp(text, words[i], strlen(words[i])))
            return is_cast(text + strlen(words[i]));
    if (isdigit((unsigned char) *text))
        return is_cast(text + strspn(text, "0123456789.eE"));
    if (*text != '\'')
        return false;
    for (text++; *text && (*text != '\'' || text[1] == '\''); text++)
        text += *text == '\'';
    return *text && is_cast(text + 1);
}

static enum column_default default_of(bool identity, bool generated, const char *expression)
{
    if (identity)
        return DEFAULT_SEQUENCE;
    if (generated)
        return DEFAULT_GENERATED;
    if (!expression)
        return DEFAULT_NONE;
    if (strstr(expression, "nextval("))
        return DEFAULT_SEQUENCE;
    return is_constant(expression) ? DEFAULT_CONSTANT : DEFAULT_EXPRESSION;
}

struct domain {
    uint32_t oid, base;
};

static bool add_domain(struct catalog *catalog, const char *const *row)
{
    uint32_t oid, base;
    if (!catalog_read_oid(row[0], &oid) || !catalog_read_oid(row[1], &base))
        return false;
    struct domain *domain = arena_alloc(&catalog->arena, sizeof *domain);
    *domain = (struct domain){oid, base};
    names_add(&catalog->domains, names_hash_number(oid), domain);
    return true;
}

static const struct domain *find_domain(const struct catalog *catalog, uint32_t type)
{
    uint64_t hash = names_hash_number(type);
    size_t probe = 0;
    const struct domain *domain = names_first(&catalog->domains, hash, &probe);
    while (domain && domain->oid != type)
        domain = names_next(&catalog->domains, hash, &probe);
    return domain;
}

static uint32_t base_of(const struct catalog *catalog, uint32_t type)
{
    const struct domain *domain = find_domain(catalog, type);
    return domain && domain->base ? domain->base : type;
}

static bool is_enumeration(const struct catalog *catalog, uint32_t base)
{
    const struct domain *domain = find_domain(catalog, base);
    return domain && domain->base == base;
}

static bool is_in_c(const struct catalog *catalog, uint32_t base)
{
    const struct domain *domain = find_domain(catalog, base);
    return domain && domain->base == 0;
}

/* Most columns have the same as the one before. */
static const struct catalog_collation *collation_of(struct catalog *catalog, uint32_t oid)
{
    if (oid == 0)
        return NULL;
    for (size_t i = 0; i < catalog->collation_count; i++) {
        size_t at = (catalog->found_collation + i) % catalog->collation_count;
        if (catalog->collations[at].oid == oid) {
            catalog->found_collation = at;
            return &catalog->collations[at];
        }
    }
    return NULL;
}

/* Its place among the columns that have come: behind those of lower numbers. */
static struct catalog_column *place_for_column(struct catalog *catalog, struct catalog_relation *relation, int number)
{
    relation->columns = array_room(&catalog->arena, relation->columns, (size_t) relation->column_count,
                                   sizeof *relation->columns);
    struct catalog_column *place = &relation->columns[relation->column_count++];
    for (; place > relation->columns && place[-1].number > number; place--)
        *place = place[-1];
    return place;
}

static bool add_column(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *relation;
    uint32_t type, collation;
    long long typmod, number;
    if (!read_relation(catalog, row[0], &relation) || !row[1] || !catalog_read_oid(row[2], &type) ||
        !catalog_read_number(row[3], INT32_MIN, INT32_MAX, &typmod) || !row[4] || !catalog_read_number(row[12], 1, INT16_MAX, &number) ||
        !catalog_read_oid(row[13], &collation))
        return false;
    if (!relation)
        return true;
    *place_for_column(catalog, relation, (int) number) = (struct catalog_column){
        .name = arena_strdup(&catalog->arena, row[1]),
        .number = (int) number,
        .type = type,
        .base = base_of(catalog, type),
        .enumeration = is_enumeration(catalog, base_of(catalog, type)),
        .in_c = is_in_c(catalog, base_of(catalog, type)),
        .typmod = (int32_t) typmod,
        .type_name = arena_strdup(&catalog->arena, row[4]),
        .modified_name = row[14] ? arena_strdup(&catalog->arena, row[14]) : NULL,
        .not_null = catalog_is_true(row[5]),
        .collatable = row[6] && *row[6] != 'f',
        .collation_is_own = row[6] && *row[6] == 'o',
        .collation_is_bytes = catalog_is_true(row[7]),
        .collation_deterministic = catalog_is_true(row[8]),
        .collation = collation_of(catalog, collation),
        .standard = default_of(!row[9] || strcmp(row[9], "f") != 0, catalog_is_true(row[10]), row[11]),
        .always_identity = row[9] && !strcmp(row[9], "a"),
        .default_text = row[11] && !catalog_is_true(row[10]) ? arena_strdup(&catalog->arena, row[11]) : NULL,
    };
    return true;
}

static bool add_parent(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *child, *parent;
    if (!read_relation(catalog, row[0], &child) || !read_relation(catalog, row[1], &parent))
        return false;
    if (parent)
        parent->has_children = true;
    if (!child)
        return true;
    child->has_parents = true;
    if (!parent)
        return true;
    child->parents =
        array_room(&catalog->arena, child->parents, (size_t) child->parent_count, sizeof *child->parents);
    child->parents[child->parent_count++] = parent;
    return true;
}

static bool add_policies(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *relation;
    if (!read_relation(catalog, row[0], &relation) || !row[1])
        return false;
    if (!relation)
        return true;
    struct policy_source *source = arena_alloc(&catalog->building, sizeof *source);
    relation->policies = arena_strdup(&catalog->arena, row[1]);
    *source = (struct policy_source){relation, relation->policies, catalog->policies};
    catalog->policies = source;
    return true;
}

static bool add_reference(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *relation;
    if (!read_relation(catalog, row[0], &relation))
        return false;
    if (relation)
        relation->references_itself = true;
    return true;
}

static bool add_part(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *part, *table;
    if (!read_relation(catalog, row[0], &part) || !read_relation(catalog, row[1], &table))
        return false;
    if (part)
        part->table = table;
    return true;
}

static int column_of_number(const struct catalog_relation *relation, long number)
{
    for (int i = 0; i < relation->column_count; i++)
        if (relation->columns[i].number == number)
            return i;
    return -1;
}

/* Of numbers with spaces between.  False: one is no column of the table, or one whose collation holds different texts for equal. */
static bool read_index_columns(struct catalog *catalog, const struct catalog_relation *relation, const char *numbers,
                               struct catalog_unique *unique)
{
    for (char *end; *numbers; numbers = end) {
        int column = column_of_number(relation, strtol(numbers, &end, 10));
        if (column < 0 || !relation->columns[column].collation_deterministic || end == numbers)
            return false;
        unique->columns = array_room(&catalog->arena, unique->columns, (size_t) unique->column_count, sizeof(int));
        unique->columns[unique->column_count++] = column;
    }
    return true;
}

static bool add_unique(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *relation;
    struct catalog_unique unique = {0};
    long long key_count;
    if (!read_relation(catalog, row[0], &relation) || !row[1] || !row[3] || !catalog_read_number(row[4], 1, INT16_MAX, &key_count))
        return false;
    if (!relation || !read_index_columns(catalog, relation, row[3], &unique) || unique.column_count < key_count)
        return true;
    unique.name = arena_strdup(&catalog->arena, row[1]);
    unique.primary = catalog_is_true(row[2]);
    unique.column_count = (int) key_count;
    relation->uniques = array_room(&catalog->arena, relation->uniques, (size_t) relation->unique_count,
                                   sizeof *relation->uniques);
    relation->uniques[relation->unique_count++] = unique;
    return true;
}

static bool add_collation(struct catalog *catalog, const char *const *row)
{
    uint32_t oid;
    if (!row[0] || !row[1] || !row[2] || !catalog_read_oid(row[11], &oid))
        return false;
    catalog->collations = array_room(&catalog->arena, catalog->collations, catalog->collation_count,
                                     sizeof *catalog->collations);
    catalog->collations[catalog->collation_count++] = (struct catalog_collation){
        .schema = arena_strdup(&catalog->arena, row[0]),
        .name = arena_strdup(&catalog->arena, row[1]),
        .oid = oid,
        .provider = *row[2],
        .locale = arena_strdup(&catalog->arena, row[3]),
        .ctype = arena_strdup(&catalog->arena, row[4]),
        .deterministic = catalog_is_true(row[5]),
        .recorded = arena_strdup(&catalog->arena, row[6]),
        .actual = arena_strdup(&catalog->arena, row[7]),
        .altered = catalog_is_true(row[8]),
        .by_points = catalog_is_true(row[9]),
        .by_bytes =
            *row[2] == TEXT_ORDER_LIBC && row[3] && (!strcmp(row[3], "C") || !strcmp(row[3], "POSIX")),
    };
    catalog->encoding = arena_strdup(&catalog->arena, row[10]);
    return true;
}

static struct catalog_collation *find_collation(struct catalog *catalog, const char *schema, const char *name)
{
    return (struct catalog_collation *) catalog_collation(catalog, schema, name);
}

static bool add_default_version(struct catalog *catalog, const char *const *row)
{
    struct catalog_collation *collation = find_collation(catalog, "pg_catalog", "default");
    if (collation)
        collation->actual = arena_strdup(&catalog->arena, row[0]);
    return true;
}

static bool add_trigger_text(struct catalog *catalog, const char *const *row)
{
    struct catalog_relation *relation;
    if (!read_relation(catalog, row[0], &relation))
        return false;
    if (relation)
        relation->trigger_text = arena_strdup(&catalog->arena, row[1]);
    return true;
}

static bool add_deferrable(struct catalog *catalog, const char *const *row)
{
    catalog->defers |= row[0] != NULL;
    return true;
}

static bool add_result(struct catalog *catalog, const char *const *row)
{
    if (!row[0] || !row[1] || !row[2] || !row[3])
        return false;
    struct catalog_result *result = arena_alloc(&catalog->arena, sizeof *result);
    *result = (struct catalog_result){*row[0], arena_strdup(&catalog->arena, row[1]),
                                      arena_strdup(&catalog->arena, row[2]), arena_strdup(&catalog->arena, row[3])};
    names_add(&catalog->results, names_hash(result->schema, result->name), result);
    return true;
}

/* X(query, the first PostgreSQL that has it, number of columns, what understands a row).  Columns come behind what they refer to: collations, whose
 * array does not move any more, and domains. */
#define CATALOG_QUERIES(X)                                                                                   \
    X(SCHEMAS_QUERY, 0, 1, add_schema)                                                                       \
    X(RELATIONS_QUERY, 0, 8, add_relation)                                                                   \
    X(COLLATIONS_QUERY, 0, 12, add_collation)                                                                \
    X(DEFAULT_VERSION_QUERY, 150000, 1, add_default_version)                                                 \
    X(DOMAINS_QUERY, 0, 2, add_domain)                                                                       \
    X(COLUMNS_QUERY, 0, 15, add_column)                                                                      \
    X(PARENTS_QUERY, 0, 2, add_parent)                                                                       \
    X(PARTS_QUERY, 0, 2, add_part)                                                                           \
    X(UNIQUES_QUERY, 0, 5, add_unique)                                                                       \
    X(catalog_functions_query, 0, 8, catalog_add_function)                                                                  \
    X(RESULTS_QUERY, 0, 4, add_result)                                                                       \
    X(catalog_bodies_query, 140000, 3, catalog_add_body)                                                                     \
    X(catalog_any_order_query, 0, 2, catalog_add_any_order)   \
    X(catalog_query_functions_query, 140000, 5, catalog_add_query_function)   \
    X(catalog_parameters_query, 140000, 10, catalog_add_parameter)                                           \
    X(POLICIES_QUERY, 0, 2, add_policies)                                                                    \
    X(REFERENCES_QUERY, 0, 1, add_reference)                                                                 \
    X(DEFERRABLE_QUERY, 0, 1, add_deferrable)                                                                \
    X(TRIGGERS_QUERY, 0, 2, add_trigger_text)

#define QUERY_TEXT(query, since, columns, add)   query,
#define QUERY_READER(query, since, columns, add) {since, columns, add},

const char *const catalog_queries[] = {CATALOG_QUERIES(QUERY_TEXT) NULL};

static const struct {
    int since, columns;
    bool (*add)(struct catalog *catalog, const char *const *row);
} readers[] = {CATALOG_QUERIES(QUERY_READER)};

int catalog_query_since(int query)
{
    return readers[query].since;
}

bool catalog_add_row(struct catalog_builder *builder, int query, const char *const *values, int count,
                     struct error *error)
{
    if (query < 0 || (size_t) query >= sizeof readers / sizeof *readers) {
        error_set(error, SQLSTATE_INTERNAL_ERROR, "there is no catalog query number %d", query);
        return false;
    }
    if (count == readers[query].columns && readers[query].add(builder->catalog, values))
        return true;
    error_set(error, SQLSTATE_INTERNAL_ERROR, "unexpected row in a shard's catalog");
    error_detail(error, "It came from: %s", catalog_queries[query]);
    return false;
}
