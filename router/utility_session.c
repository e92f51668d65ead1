/*
 * utility_session: SET, RESET, SHOW and DISCARD.
 *
 * The session keeps what was set and repeats it on each server, so the plan says what was set to what.  A few
 * settings would make PostgreSQL read or write values in ways that the router cannot follow; those are
 * refused with several shards.
 */
#include "router/utility_inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "router/functions.h"
#include "router/limited_settings.h"
#include "router/utility.h"
#include "router/utility_place.h"

static const char *lower(struct arena *arena, const char *name)
{
    char *copy = arena_strdup(arena, name);
    for (char *at = copy; at && *at; at++)
        *at = (char) tolower((unsigned char) *at);
    return copy;
}

/* Settings whose value is a list of identifiers (PostgreSQL's GUC_LIST_QUOTE): SHOW quotes each where it
 * must. */
static bool is_identifier_list(const char *name)
{
    static const char *const names[] = {"search_path", "temp_tablespaces", "local_preload_libraries",
                                        "session_preload_libraries"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static bool is_plain_identifier(const char *at)
{
    if (!islower((unsigned char) *at) && *at != '_')
        return false;
    for (; *at; at++)
        if (!islower((unsigned char) *at) && !isdigit((unsigned char) *at) && *at != '_')
            return false;
    return true;
}

static const char *quote_identifier_in(struct arena *arena, const char *at)
{
    if (is_plain_identifier(at))
        return at;
    char *quoted = arena_alloc(arena, strlen(at) * 2 + 3), *to = quoted;
    *to++ = '"';
    for (; *at; at++) {
        if (*at == '"')
            *to++ = '"';
        *to++ = *at;
    }
    *to = '"';
    return quoted;
}

/* The arguments as SHOW would give them, or NULL if one is more than a constant (SET TIME ZONE INTERVAL '…').
 */
static const char *set_value(struct arena *arena, const char *name, List *args)
{
    const char *value = NULL;
    ListCell *cell;
    foreach (cell, args) {
        const Node *arg = lfirst(cell);
        if (!IsA(arg, A_Const))
            return NULL;
        const char *at = parse_constant_text((const A_Const *) arg, arena);
        if (!at)
            return NULL;
        if (is_identifier_list(name))
            at = quote_identifier_in(arena, at);
        value = value ? arena_printf(arena, "%s, %s", value, at) : arena_strdup(arena, at);
    }
    return value;
}

/* The last one counts. */
enum transaction_access transaction_access_of(const List *modes)
{
    enum transaction_access access = ACCESS_UNSAID;
    ListCell *cell;
    foreach (cell, modes) {
        const DefElem *mode = lfirst(cell);
        if (IsA(mode, DefElem) && !strcmp(mode->defname, "transaction_read_only") && mode->arg && IsA(mode->arg, A_Const))
            access = intVal(&castNode(A_Const, mode->arg)->val) ? ACCESS_READ_ONLY : ACCESS_READ_WRITE;
    }
    return access;
}

/* SET SESSION CHARACTERISTICS sets the defaults of later transactions: one of them is like a SET of it. */
static void describe_characteristics(struct plan *plan, const VariableSetStmt *set)
{
    plan->name = "session characteristics";
    if (list_length(set->args) != 1)
        return;
    const DefElem *option = linitial(set->args);
    plan->name = arena_printf(&plan->arena, "default_%s", option->defname);
    if (!option->arg || !IsA(option->arg, A_Const))
        return;
    plan->value = parse_constant_text((const A_Const *) option->arg, &plan->arena);
    if (plan->value && strcmp(option->defname, "transaction_isolation"))
        plan->value = strcmp(plan->value, "0") ? "on" : "off";
}

void describe_set(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    const VariableSetStmt *set = (const VariableSetStmt *) statement;
    bool transaction = set->kind == VAR_SET_MULTI && strcmp(set->name, "SESSION CHARACTERISTICS");
    plan->statement = set->is_local || transaction ? STATEMENT_SET_LOCAL : STATEMENT_SET;
    plan->name = set->name ? lower(&plan->arena, set->name) : NULL;
    switch (set->kind) {
    case VAR_SET_VALUE:
        plan->value = set_value(&plan->arena, plan->name, set->args);
        break;
    case VAR_SET_MULTI:
        if (transaction)
            plan->access = transaction_access_of(set->args);
        else
            describe_characteristics(plan, set);
        break;
    case VAR_SET_DEFAULT:
    case VAR_RESET:
    case VAR_RESET_ALL:
        plan->reset = true;
        break;
    case VAR_SET_CURRENT: /* only in CREATE FUNCTION … SET x FROM CURRENT */
        break;
    }
}

/* False, and refused, if the setting would mislead the router. */
static bool check_setting(struct plan *plan, const char *name, const char *value, bool by_session)
{
    struct error error = {0};
    bool supported = by_session ? setting_is_supported(name, value, &error) : setting_is_supported_as_default(name, value, &error);
    if (!supported)
        plan_refuse(plan, error.message, error.hint, "%s", error.detail);
    error_clear(&error);
    return supported;
}

void route_set(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    const VariableSetStmt *set = (const VariableSetStmt *) statement;
    if (set->kind == VAR_SET_MULTI && !strcmp(set->name, "TRANSACTION SNAPSHOT"))
        plan_refuse(plan, "SET TRANSACTION SNAPSHOT is not supported with several shards",
                    "Connect to the shard itself.", "A snapshot belongs to one server.");
    else if (set->kind != VAR_SET_VALUE || check_setting(plan, plan->name, plan->value, true))
        plan_on_home(plan, "the session repeats it on every server");
}

/* ---- SELECT set_config(…), current_setting(…) ---- */

static bool is_bare_select(const SelectStmt *select)
{
    return !select->valuesLists && select->op == SETOP_NONE && !select->withClause && !select->fromClause && !select->whereClause &&
           !select->distinctClause && !select->groupClause && !select->havingClause && !select->limitCount && !select->limitOffset &&
           !select->lockingClause && !select->intoClause && !select->sortClause && !select->windowClause;
}

/* The name in FROM pg_settings WHERE name = '…', as pg_dump sets what an older server may lack; NULL: it is something else. */
static const A_Const *named_in_settings(const SelectStmt *select)
{
    SelectStmt bare = *select;
    const RangeVar *from = list_length(select->fromClause) == 1 ? linitial(select->fromClause) : NULL;
    const A_Expr *where = (const A_Expr *) select->whereClause;
    bare.fromClause = NIL;
    bare.whereClause = NULL;
    if (!is_bare_select(&bare) || list_length(select->targetList) != 1 || !from || !IsA(from, RangeVar) || from->alias ||
        strcmp(from->relname, "pg_settings") != 0 || (from->schemaname && strcmp(from->schemaname, "pg_catalog") != 0) || !where ||
        !IsA(where, A_Expr) || where->kind != AEXPR_OP || strcmp(parse_name(where->name), "=") != 0)
        return NULL;
    bool named = IsA(where->lexpr, ColumnRef) && !strcmp(parse_name(((const ColumnRef *) where->lexpr)->fields), "name");
    return named && IsA(where->rexpr, A_Const) ? (const A_Const *) where->rexpr : NULL;
}

static const Node *without_cast_to_text(const Node *node)
{
    if (!IsA(node, TypeCast))
        return node;
    const TypeName *type = ((const TypeCast *) node)->typeName;
    return !strcmp(parse_name(type->names), "text") && !type->arrayBounds ? (const Node *) ((const TypeCast *) node)->arg : node;
}

/* A text, or a parameter's number. */
static bool read_argument(struct plan *plan, const Node *node, const char **text, int *parameter)
{
    bool cast = IsA(node, TypeCast);
    node = without_cast_to_text(node);
    if (IsA(node, ParamRef)) {
        *parameter = ((const ParamRef *) node)->number - 1;
        return true;
    }
    const A_Const *constant = (const A_Const *) node;
    if (!IsA(node, A_Const) || constant->isnull || !(IsA(&constant->val, String) || (cast && IsA(&constant->val, Integer))))
        return false;
    *text = arena_strdup(&plan->arena, parse_constant_text(constant, &plan->arena));
    return true;
}

/* `named`: what the column "name" is. */
static bool read_setting(struct plan *plan, const FuncCall *call, const A_Const *named, struct plan_setting *setting)
{
    *setting = (struct plan_setting){0};
    if (list_length(call->args) != 3 || call->over || call->agg_filter)
        return false;
    const Node *name = linitial(call->args);
    if (named && (!IsA(name, ColumnRef) || strcmp(parse_name(((const ColumnRef *) name)->fields), "name") != 0))
        return false;
    if (!read_argument(plan, named ? (const Node *) named : name, &setting->name, &setting->name_parameter) ||
        !read_argument(plan, lsecond(call->args), &setting->value, &setting->value_parameter))
        return false;
    setting->if_known = named;
    const A_Const *local = lthird(call->args);
    if (!IsA(local, A_Const) || local->isnull || !IsA(&local->val, Boolean))
        return false;
    setting->local = boolVal(&local->val);
    setting->name = setting->name ? lower(&plan->arena, setting->name) : NULL;
    return true;
}

/* What the home shard may tell beside it. */
static bool is_harmless(const struct planning *planning, const Node *node)
{
    ListCell *cell;
    if (IsA(node, TypeCast))
        return is_harmless(planning, (const Node *) ((const TypeCast *) node)->arg);
    if (!IsA(node, FuncCall))
        return IsA(node, A_Const); /* a parameter might be given another type than text here */
    const FuncCall *call = (const FuncCall *) node;
    if (strcmp(parse_name(call->funcname), "current_setting") != 0 || function_facts(planning, call).users)
        return false;
    foreach (cell, call->args)
        if (!is_harmless(planning, lfirst(cell)))
            return false;
    return true;
}

static bool is_set_config(const struct planning *planning, const Node *node)
{
    return IsA(node, FuncCall) && !strcmp(parse_name(((const FuncCall *) node)->funcname), "set_config") &&
           function_facts(planning, (const FuncCall *) node).class == FUNCTION_SETTING;
}

bool plan_set_config(struct plan *plan, const struct planning *planning, const SelectStmt *select)
{
    struct plan_setting *settings = arena_alloc_array(&plan->arena, (size_t) list_length(select->targetList) + 1, sizeof *settings);
    ListCell *cell;
    int count = 0;
    bool all_local = true;
    const A_Const *named = named_in_settings(select);
    foreach (cell, named || is_bare_select(select) ? select->targetList : NIL) {
        const Node *value = lfirst_node(ResTarget, cell)->val;
        bool sets = is_set_config(planning, value);
        if (sets ? !read_setting(plan, (const FuncCall *) value, named, &settings[count]) : !is_harmless(planning, value))
            return false;
        all_local &= !sets || settings[count].local;
        settings[count].limited = !planning_one_shard(planning);
        count += sets;
    }
    if (count == 0)
        return false;
    plan->statement = all_local ? STATEMENT_SET_LOCAL : STATEMENT_SET;
    plan->settings = settings;
    plan->setting_count = count;
    plan_pin_all(plan);
    for (int i = 0; i < count; i++)
        if (settings[i].limited && settings[i].name && settings[i].value && !check_setting(plan, settings[i].name, settings[i].value, true))
            return true;
    plan_on_home(plan, "the session repeats it on every server");
    return true;
}

void route_role_set(struct plan *plan, const struct planning *planning, Node *statement)
{
    const VariableSetStmt *set = ((const AlterRoleSetStmt *) statement)->setstmt;
    if (((const AlterRoleSetStmt *) statement)->database) {
        plan_refuse(plan, "ALTER ROLE … IN DATABASE is not supported with several shards",
                    "Run it on the shards themselves.", "The database may have another name on each shard.");
        return;
    }
    if (set->kind == VAR_SET_VALUE) {
        const char *name = lower(&plan->arena, set->name);
        if (!check_setting(plan, name, set_value(&plan->arena, name, set->args), false))
            return;
    }
    plan_on_all(plan, planning, PLAN_BROADCAST, "every shard has the role");
}

void describe_show(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->name = lower(&plan->arena, ((const VariableShowStmt *) statement)->name);
}

void describe_discard(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    switch (((const DiscardStmt *) statement)->target) {
    case DISCARD_ALL:
        plan->name = "ALL";
        plan->outside_transaction = true;
        break;
    case DISCARD_PLANS:
        plan->name = "PLANS";
        break;
    case DISCARD_SEQUENCES:
        plan->name = "SEQUENCES";
        break;
    case DISCARD_TEMP:
        plan->name = "TEMP";
        break;
    }
}
