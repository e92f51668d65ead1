/*
 * Functions, operators and casts: the queries over pg_catalog that tell of them, and the code that understands their rows.
 */
#include <string.h>

#include "config/array.h"
#include "router/catalog_inside.h"
#include "router/function_class.h"

/* 16384 is the first OID that is not PostgreSQL's own.  The functions named run queries that they are given.
 * The users' operators stand beside them under their names, and their casts as "::" and the type's: those
 * that may read tables, and operators that may be taken for PostgreSQL's own.  Operators written in C that are STABLE
 * (pg_trgm's %) depend on settings.  Users' aggregates all pass for IMMUTABLE, whatever functions they are made of. */
const char catalog_functions_query[] =
    "SELECT n.nspname, p.proname, max(CASE WHEN p.prokind = 'a' AND p.oid >= 16384 THEN 'v' ELSE p.provolatile END), bool_and(n.nspname = 'pg_catalog' AND p.oid < 16384"
    " AND l.lanname IN ('c', 'internal', 'sql')"
    " AND p.proname !~ '(query|cursor|table|schema|database)_to_xml|^ts_stat$|^ts_rewrite$'),"
    " bool_or(p.prokind = 'a'), bool_or(p.prokind = 'w'), bool_or(p.proretset),"
    " bool_or(16384 > ALL (p.proargtypes::oid[]))"
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"
    " WHERE n.nspname !~ '^pg_(toast|temp)' GROUP BY n.nspname, p.proname"
    " UNION ALL SELECT n.nspname, o.oprname, max(p.provolatile), false, false, false, false, true"
    " FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace"
    " JOIN (SELECT f.oid, CASE WHEN l.lanname = 'c' AND f.provolatile = 's' THEN 'i' ELSE f.provolatile END"
    " AS provolatile FROM pg_proc f JOIN pg_language l ON l.oid = f.prolang) p ON p.oid = o.oprcode"
    " WHERE o.oid >= 16384 AND (p.provolatile <> 'i' OR o.oprleft < 16384 AND o.oprright < 16384)"
    " GROUP BY n.nspname, o.oprname"
    " UNION ALL SELECT n.nspname, '::' || t.typname, max(p.provolatile), false, false, false, false, true"
    " FROM pg_cast c JOIN pg_type t ON t.oid = c.casttarget JOIN pg_namespace n ON n.oid = t.typnamespace"
    " JOIN pg_proc p ON p.oid = c.castfunc WHERE c.oid >= 16384 AND p.provolatile <> 'i'"
    " GROUP BY n.nspname, t.typname";

/* Of those that do not promise to be IMMUTABLE: router/function_class.c reads them.  Of extensions that read no tables but are written in C, the
 * STABLE functions depend on settings or files, the same everywhere; a VOLATILE one is as good as random().  An aggregate calls the functions that
 * it is made of. */
const char catalog_bodies_query[] =
    "WITH bodies AS (SELECT p.oid, p.pronamespace, p.proname, CASE WHEN l.lanname IN ('sql', 'plpgsql')"
    " THEN coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) || coalesce(' ; ' || pg_get_expr(p.proargdefaults, 0), '')"
    " WHEN l.lanname = 'c' AND p.proname <> 'set_limit' AND EXISTS (SELECT FROM pg_depend d JOIN pg_extension e"
    " ON e.oid = d.refobjid WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'"
    " AND d.refclassid = 'pg_extension'::regclass AND e.extname IN ('btree_gin', 'btree_gist', 'citext', 'cube',"
    " 'fuzzystrmatch', 'hstore', 'intarray', 'isn', 'ltree', 'pg_trgm', 'pgcrypto', 'seg', 'unaccent', 'uuid-ossp'))"
    " THEN CASE p.provolatile WHEN 'v' THEN 'random()' ELSE '' END END AS body"
    " FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.oid >= 16384 AND p.provolatile <> 'i'"
    " AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)),"
    " named AS (SELECT pronamespace AS schema, proname AS name, body FROM bodies"
    " UNION ALL SELECT p.pronamespace, p.proname, string_agg(format('%I.%I()', n.nspname, f.proname), ', ')"
    " FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_proc f ON f.oid IN (a.aggtransfn, a.aggfinalfn,"
    " a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn)"
    " JOIN pg_namespace n ON n.oid = f.pronamespace WHERE p.oid >= 16384 GROUP BY p.oid, p.pronamespace, p.proname"
    " UNION ALL SELECT o.oprnamespace, o.oprname, b.body FROM pg_operator o JOIN bodies b ON b.oid = o.oprcode"
    " UNION ALL SELECT t.typnamespace, '::' || t.typname, b.body FROM pg_cast c JOIN pg_type t ON t.oid = c.casttarget"
    " JOIN bodies b ON b.oid = c.castfunc)"
    " SELECT n.nspname, b.name, string_agg(b.body, ' ; ') FROM named b JOIN pg_namespace n ON n.oid = b.schema"
    " GROUP BY n.nspname, b.name HAVING bool_and(b.body IS NOT NULL)";

/* Users' aggregates whose state does not tell in which order rows came, unless it overflows on the way: it is multiplied, added up, … exactly. */
const char catalog_any_order_query[] =
    "SELECT n.nspname, p.proname FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid"
    " JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384 GROUP BY n.nspname, p.proname"
    " HAVING bool_and(a.aggkind = 'n' AND a.aggfinalfn = 0 AND a.aggmfinalfn = 0 AND a.aggtransfn::oid < 16384"
    " AND (SELECT f.proname FROM pg_proc f WHERE f.oid = a.aggtransfn)"
    " ~ '^(numeric_(mul|add)|int[248](mul|pl|larger|smaller|and|or|xor)|bool(and|or)_statefunc|(date|time|timestamp)_(larger|smaller))$')";

/*
 * Functions in SQL whose query may stand in place of their calls (router/function_query.h), if nothing is uncertain about what a call means: each
 * is the only one of its name.  $1 is written "$1", as if it were a column of that name, and ($1).name "$1".name.  What takes a table's row is among them
 * though it may be IMMUTABLE: rows have other types where they are gathered.  The second query tells what they take and give.
 */
#define QUERY_FUNCTIONS                                                                                                \
    "texts AS (SELECT p.oid, n.nspname, p.proname, p.proisstrict, p.proretset, p.proargtypes, p.proargnames,"         \
    " p.proallargtypes, p.proargmodes, p.prorettype, t.typrelid, coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) AS text" \
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"           \
    " JOIN pg_type t ON t.oid = p.prorettype WHERE l.lanname = 'sql' AND p.oid >= 16384 AND p.prokind = 'f'"          \
    " AND (p.provolatile <> 'i' OR EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type y ON y.oid = a WHERE y.typrelid <> 0))" \
    " AND NOT p.prosecdef AND p.proconfig IS NULL"                                                                     \
    " AND coalesce(p.proargmodes <@ ARRAY['i', 't']::\"char\"[], true) AND n.nspname !~ '^pg_(toast|temp)'"           \
    " AND (t.typtype NOT IN ('p', 'c') OR p.proretset AND (t.typtype = 'c' OR p.proargmodes IS NOT NULL))"            \
    " AND NOT EXISTS (SELECT FROM unnest(p.proargtypes) a JOIN pg_type y ON y.oid = a WHERE y.typtype = 'p')"         \
    " AND NOT EXISTS (SELECT FROM pg_proc o WHERE o.proname = p.proname AND o.oid <> p.oid))"

const char catalog_query_functions_query[] =
    "WITH " QUERY_FUNCTIONS " SELECT nspname, proname, proisstrict, proretset,"
    " regexp_replace(regexp_replace(CASE WHEN text ~ '^RETURN ' THEN 'SELECT ' || substr(text, 8)"
    " ELSE coalesce(substring(text FROM '^BEGIN ATOMIC\\s(.*)\\sEND$'), text) END,"
    " '(?<![\\w$\"])\\$(\\d+)(?![\\w$])', '\"$\\1\"', 'g'),"
    " '\\(\\s*(\"\\$\\d+\")\\s*\\)\\s*\\.', '\\1.', 'g') FROM texts";

const char catalog_parameters_query[] =
    BASES ", " QUERY_FUNCTIONS ", parameters AS ("
    "SELECT f.oid, 'a' AS kind, a.i, nullif(f.proargnames[a.i], '') AS name, a.type, -1 AS typmod"
    " FROM texts f, unnest(f.proargtypes) WITH ORDINALITY a (type, i)"
    " UNION ALL SELECT f.oid, 'r', a.i, nullif(f.proargnames[a.i], ''), a.type, -1"
    " FROM texts f, unnest(f.proallargtypes, f.proargmodes) WITH ORDINALITY a (type, mode, i) WHERE a.mode = 't'"
    " UNION ALL SELECT f.oid, 'r', a.attnum, a.attname, a.atttypid, a.atttypmod"
    " FROM texts f JOIN pg_attribute a ON a.attrelid = f.typrelid WHERE a.attnum > 0 AND NOT a.attisdropped"
    " UNION ALL SELECT f.oid, 'r', 1, NULL, f.prorettype, -1 FROM texts f WHERE f.typrelid = 0 AND f.proargmodes IS NULL)"
    " SELECT f.nspname, f.proname, p.kind, p.name, p.type, coalesce(b.base, p.type), p.typmod, format_type(p.type, p.typmod), t.typrelid,"
    " CASE p.kind WHEN 'a' THEN pg_get_function_arg_default(f.oid, p.i::integer) END"
    " FROM parameters p JOIN texts f ON f.oid = p.oid JOIN pg_type t ON t.oid = p.type LEFT JOIN bases b ON b.oid = p.type"
    " ORDER BY p.oid, p.kind, p.i";

bool catalog_add_function(struct catalog *catalog, const char *const *row)
{
    if (!row[0] || !row[1] || !row[2])
        return false;
    struct catalog_function *function = arena_alloc(&catalog->arena, sizeof *function);
    function->schema = arena_strdup(&catalog->arena, row[0]);
    function->name = arena_strdup(&catalog->arena, row[1]);
    function->aggregate = catalog_is_true(row[4]);
    function->window = catalog_is_true(row[5]);
    function->returns_set = catalog_is_true(row[6]);
    function->takes_builtin = catalog_is_true(row[7]);
    uint64_t hash = names_hash(function->schema, function->name);
    names_add(&catalog->functions, hash, function);
    struct function_source *source = arena_alloc(&catalog->building, sizeof *source);
    *source = (struct function_source){
        .function = function, .volatility = *row[2], .builtin = catalog_is_true(row[3]), .next = catalog->sources};
    catalog->sources = source;
    names_add(&catalog->sources_by_name, hash, source);
    return true;
}

static struct function_source *find_source(struct catalog *catalog, const char *schema, const char *name)
{
    uint64_t hash = names_hash(schema, name);
    size_t probe = 0;
    struct function_source *source = names_first(&catalog->sources_by_name, hash, &probe);
    while (source && (strcmp(source->function->name, name) || strcmp(source->function->schema, schema)))
        source = names_next(&catalog->sources_by_name, hash, &probe);
    return source;
}

bool catalog_add_any_order(struct catalog *catalog, const char *const *row)
{
    struct function_source *source = row[0] && row[1] ? find_source(catalog, row[0], row[1]) : NULL;
    if (source)
        source->function->any_order = true;
    return source;
}

bool catalog_add_body(struct catalog *catalog, const char *const *row)
{
    if (!row[0] || !row[1] || !row[2])
        return false;
    struct function_source *source = find_source(catalog, row[0], row[1]);
    if (source)
        source->body = arena_strdup(&catalog->building, row[2]);
    return true;
}

bool catalog_add_query_function(struct catalog *catalog, const char *const *row)
{
    if (!row[0] || !row[1] || !row[2] || !row[3] || !row[4])
        return false;
    struct function_source *source = find_source(catalog, row[0], row[1]);
    if (!source)
        return true;
    struct query_function *query = arena_alloc(&catalog->arena, sizeof *query);
    query->strict = catalog_is_true(row[2]);
    query->returns_set = catalog_is_true(row[3]);
    query->text = arena_strdup(&catalog->arena, row[4]);
    source->function->query = query;
    return true;
}

bool catalog_add_parameter(struct catalog *catalog, const char *const *row)
{
    struct query_parameter parameter = {0};
    long long typmod;
    if (!row[0] || !row[1] || !row[2] || !catalog_read_oid(row[4], &parameter.type) || !catalog_read_oid(row[5], &parameter.base) ||
        !catalog_read_number(row[6], INT32_MIN, INT32_MAX, &typmod) || !row[7] || !catalog_read_oid(row[8], &parameter.relation))
        return false;
    struct function_source *source = find_source(catalog, row[0], row[1]);
    if (!source || !source->function->query)
        return true;
    struct query_function *query = (struct query_function *) source->function->query;
    query->takes_row |= parameter.relation && *row[2] == 'a';
    parameter.name = arena_strdup(&catalog->arena, row[3]);
    parameter.typmod = (int32_t) typmod;
    parameter.type_name = arena_strdup(&catalog->arena, row[7]);
    parameter.standard = arena_strdup(&catalog->arena, row[9]);
    struct query_parameter **list = *row[2] == 'a' ? &query->arguments : &query->results;
    int *count = *row[2] == 'a' ? &query->argument_count : &query->result_count;
    *list = array_room(&catalog->arena, *list, (size_t) *count, sizeof parameter);
    (*list)[(*count)++] = parameter;
    return true;
}
