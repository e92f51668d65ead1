/*
 * PostgreSQL's own functions are classed by name where their pg_proc entry does not say enough; the rest
 * follows from volatility.  A function of the database's users is trusted only if it is declared IMMUTABLE.
 */
#include "router/functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known {
    const char *name;
    enum function_class class;
};

/* Sorted by name. */
static const struct known knowns[] = {
    {"age", FUNCTION_CLOCK}, /* with one argument: since midnight today */
    {"clock_timestamp", FUNCTION_VOLATILE},
    {"col_description", FUNCTION_HOME},
    {"current_catalog", FUNCTION_HOME},
    {"current_database", FUNCTION_HOME},
    {"current_query", FUNCTION_HOME},
    {"current_schemas", FUNCTION_HOME}, /* with the session's temporary one, if it has made any */
    {"currtid2", FUNCTION_HOME},
    {"currval", FUNCTION_HOME},
    {"format_type", FUNCTION_HOME},
    {"has_any_column_privilege", FUNCTION_HOME},
    {"has_column_privilege", FUNCTION_HOME},
    {"has_database_privilege", FUNCTION_HOME},
    {"has_foreign_data_wrapper_privilege", FUNCTION_HOME},
    {"has_function_privilege", FUNCTION_HOME},
    {"has_language_privilege", FUNCTION_HOME},
    {"has_parameter_privilege", FUNCTION_HOME},
    {"has_schema_privilege", FUNCTION_HOME},
    {"has_sequence_privilege", FUNCTION_HOME},
    {"has_server_privilege", FUNCTION_HOME},
    {"has_table_privilege", FUNCTION_HOME},
    {"has_tablespace_privilege", FUNCTION_HOME},
    {"has_type_privilege", FUNCTION_HOME},
    {"inet_client_addr", FUNCTION_HOME},
    {"inet_client_port", FUNCTION_HOME},
    {"inet_server_addr", FUNCTION_HOME},
    {"inet_server_port", FUNCTION_HOME},
    {"lastval", FUNCTION_HOME},
    {"nextval", FUNCTION_HOME},
    {"now", FUNCTION_CLOCK},
    {"obj_description", FUNCTION_HOME},
    {"row_security_active", FUNCTION_HOME},
    {"set_config", FUNCTION_SETTING},
    {"setseed", FUNCTION_SETTING},
    {"setval", FUNCTION_HOME},
    {"shobj_description", FUNCTION_HOME},
    {"statement_timestamp", FUNCTION_CLOCK},
    {"timeofday", FUNCTION_VOLATILE},
    {"to_regclass", FUNCTION_HOME},
    {"to_regcollation", FUNCTION_HOME},
    {"to_regnamespace", FUNCTION_HOME},
    {"to_regoper", FUNCTION_HOME},
    {"to_regoperator", FUNCTION_HOME},
    {"to_regproc", FUNCTION_HOME},
    {"to_regprocedure", FUNCTION_HOME},
    {"to_regrole", FUNCTION_HOME},
    {"to_regtype", FUNCTION_HOME},
    {"transaction_timestamp", FUNCTION_CLOCK},
    {"txid_current", FUNCTION_HOME},
    {"txid_current_if_assigned", FUNCTION_HOME},
    {"txid_current_snapshot", FUNCTION_HOME},
    {"txid_snapshot_xip", FUNCTION_HOME},
    {"txid_status", FUNCTION_HOME},
    {"txid_visible_in_snapshot", FUNCTION_HOME},
    {"version", FUNCTION_HOME},
};

static int compare_known(const void *name, const void *known)
{
    return strcmp(name, ((const struct known *) known)->name);
}

static bool starts(const char *name, const char *start)
{
    return !strncmp(name, start, strlen(start));
}

/* Of the family pg_…: those that depend on nothing but their arguments (pg_sleep*() not even on these). */
static bool is_of_no_server(const char *name)
{
    static const char *const names[] = {"pg_char_to_encoding", "pg_column_size",  "pg_encoding_max_length",
                                        "pg_encoding_to_char", "pg_size_bytes",   "pg_size_pretty",
                                        "pg_sleep",            "pg_sleep_for",    "pg_sleep_until",
                                        "pg_typeof"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* Families whose members all depend on the server that runs them. */
static bool is_server_function(const char *name)
{
    return (starts(name, "pg_") && !is_of_no_server(name)) || starts(name, "lo_") ||
           starts(name, "binary_upgrade_") || !strcmp(name, "lowrite") || !strcmp(name, "loread");
}

static enum function_class class_of_builtin(const struct catalog_function *function)
{
    const char *name = function->name;
    const struct known *known =
        bsearch(name, knowns, sizeof knowns / sizeof *knowns, sizeof *knowns, compare_known);
    if (known)
        return known->class;
    if (starts(name, "pg_advisory_") || starts(name, "pg_try_advisory_"))
        return FUNCTION_LOCK;
    if (is_server_function(name))
        return FUNCTION_HOME;
    return function->volatility == 'v' ? FUNCTION_VOLATILE : FUNCTION_SAFE;
}

static bool changes_something(const char *name)
{
    return !strcmp(name, "nextval") || !strcmp(name, "setval") || starts(name, "lo_") ||
           !strcmp(name, "lowrite") || starts(name, "pg_logical_") || starts(name, "pg_replication_") ||
           starts(name, "pg_create_") || starts(name, "pg_drop_");
}

/* set_config(name, value, true) ends with the transaction; with false, or an expression, it stays. */
static bool is_local_setting(const FuncCall *call)
{
    if (list_length(call->args) != 3 || !IsA(lthird(call->args), TypeCast))
        return list_length(call->args) == 3 && IsA(lthird(call->args), A_Const) &&
               IsA(&castNode(A_Const, lthird(call->args))->val, Boolean) &&
               boolVal(&castNode(A_Const, lthird(call->args))->val);
    return false;
}

static enum pin_reason pin_of(const FuncCall *call, const char *name, enum function_class class)
{
    if (class == FUNCTION_LOCK)
        return strstr(name, "_xact_") ? PIN_NONE : PIN_ADVISORY_LOCK;
    if (!strcmp(name, "set_config") && !is_local_setting(call))
        return PIN_SESSION_STATE;
    return PIN_NONE;
}

/* Unqualified: PostgreSQL looks in pg_catalog and along search_path; here in all of them, and the worst
 * counts. */
static const struct catalog_function *find(const struct planning *planning, const char *schema,
                                           const char *name)
{
    const struct catalog *catalog = planning->routing->catalog;
    if (schema)
        return catalog_function(catalog, schema, name);
    return catalog_function(catalog, "pg_catalog", name);
}

static void add_users(struct function_facts *facts, const struct catalog_function *function)
{
    facts->users = true;
    facts->shadowed |= function->takes_builtin;
    facts->aggregate |= function->aggregate;
    facts->returns_set |= function->returns_set;
    if (function->volatility != 'i')
        facts->class = FUNCTION_READER;
    else if (facts->class == FUNCTION_UNKNOWN)
        facts->class = FUNCTION_SAFE;
}

static void add_users_of_path(struct function_facts *facts, const struct planning *planning, const char *name)
{
    char schema[NAMEDATALEN];
    struct resolve_path path = resolve_path(planning);
    while (resolve_path_next(&path, schema)) {
        const struct catalog_function *function = catalog_function(planning->routing->catalog, schema, name);
        if (function && strcmp(schema, "pg_catalog"))
            add_users(facts, function);
    }
}

struct function_facts function_facts(const struct planning *planning, const FuncCall *call)
{
    const char *name = parse_name(call->funcname), *schema = parse_qualifier(call->funcname);
    struct function_facts facts = {.class = FUNCTION_UNKNOWN, .name = name};
    const struct catalog_function *function = find(planning, schema, name);
    if (function && !strcmp(function->schema, "pg_catalog")) {
        facts.class = function->builtin ? class_of_builtin(function) : FUNCTION_READER;
        facts.aggregate = function->aggregate;
        facts.returns_set = function->returns_set;
        facts.writes = changes_something(name);
        facts.pin = pin_of(call, name, facts.class);
    } else if (function) {
        add_users(&facts, function);
    }
    if (!schema)
        add_users_of_path(&facts, planning, name);
    return facts;
}

struct function_facts function_facts_of_name(const struct planning *planning, List *name)
{
    const FuncCall call = {.type = T_FuncCall, .funcname = name};
    return function_facts(planning, &call);
}

struct function_facts function_facts_of_cast(const struct planning *planning, const TypeName *type)
{
    char name[NAMEDATALEN + 2];
    if (!type->names)
        return (struct function_facts){.class = FUNCTION_UNKNOWN};
    snprintf(name, sizeof name, "::%s", parse_name(type->names));
    List *names = list_copy(type->names);
    llast(names) = makeString(pstrdup(name));
    return function_facts_of_name(planning, names);
}

bool type_is_catalog(const TypeName *type)
{
    static const char *const types[] = {"regclass", "regcollation", "regnamespace", "regoper", "regoperator",
                                        "regproc",  "regprocedure", "regrole",      "regtype"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (type->names && !strcmp(parse_name(type->names), types[i]))
            return true;
    return false;
}
