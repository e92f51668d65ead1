/*
 * What router/function_class.c says of a name, for calls: of all functions that an unqualified name may mean
 * the worst counts.
 */
#include "router/functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool starts(const char *name, const char *start)
{
    return !strncmp(name, start, strlen(start));
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
    facts->any_order = function->any_order && (facts->any_order || facts->class == FUNCTION_UNKNOWN);
    facts->users = true;
    facts->shadowed |= function->takes_builtin;
    facts->aggregate |= function->aggregate;
    facts->returns_set |= function->returns_set;
    if (facts->class == FUNCTION_UNKNOWN || function->class > facts->class)
        facts->class = function->class;
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
        facts.class = function->class;
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
