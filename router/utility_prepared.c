/*
 * utility_prepared: PREPARE, EXECUTE and DEALLOCATE.
 *
 * SQL's prepared statements and the protocol's share their names (PostgreSQL 15, commands/prepare.c).  With several shards PREPARE is a Parse of the
 * statement's text, which is planned when it is executed, and EXECUTE a Bind of its arguments (proxy/run_prepared).  With one shard both are that
 * server's own.
 *
 * An argument is converted as if it were assigned to a column of the parameter's type (EvaluateParams() there).  Of constants it is known what
 * comes of it; anything else is computed by the home shard, once for all.
 */
#include <string.h>

#include "router/rewrite.h"
#include "router/splice.h"
#include "router/utility_inside.h"
#include "router/utility_text.h"

/* "PREPARE name (types) AS": what stands behind it; NULL: it is written in a way that is not looked through (U&"name"). */
static const char *find_prepared(const char *sql)
{
    const char *at = text_skip_blanks(text_skip_word(text_skip_blanks(sql)));
    at = text_skip_blanks(text_skip_name(at));
    if (*at == '(')
        at = text_skip_blanks(text_skip_parentheses(at));
    return text_is_word(at, "as") ? text_skip_blanks(text_skip_word(at)) : NULL;
}

void describe_prepare(struct plan *plan, const struct planning *planning, Node *statement)
{
    plan->name = arena_strdup(&plan->arena, ((const PrepareStmt *) statement)->name);
    if (planning_one_shard(planning))
        plan->pin = PIN_PREPARE;
}

void route_prepare(struct plan *plan, const struct planning *planning, Node *statement)
{
    const PrepareStmt *prepare = (const PrepareStmt *) statement;
    const char *text = find_prepared(arena_strndup(&plan->arena, planning->sql, planning->length));
    plan->declared_types = list_length(prepare->argtypes);
    if (text) {
        size_t length = strlen(text);
        while (length > 0 && strchr("; \t\r\n\f\v", text[length - 1]))
            length--;
        plan->prepared = arena_strndup(&plan->arena, text, length);
        plan_on_home(plan, "the statement is planned when it is executed");
    } else {
        plan_refuse(plan, "PREPARE with a name in Unicode escapes is not supported with several shards", "Write the name in quotes.",
                    "The statement behind it is not found.");
    }
}

/* ---- types of the database's own ---- */

/* "schema"."type"[]; modifiers mean nothing to a parameter. */
static const char *write_type(const TypeName *type, struct arena *arena)
{
    const char *text = "";
    ListCell *cell;
    foreach (cell, type->names)
        text = arena_printf(arena, "%s%s%s", text, *text ? "." : "", rewrite_quote_name(strVal(lfirst(cell)), arena));
    return arena_printf(arena, "%s%s", text, type->arrayBounds ? "[]" : "");
}

struct casting {
    const char *sql;
    const List *types;
    const bool *own;
    const Node *naming; /* what would name the select list's item that is being looked at, if it had a name */
    struct splices *casts;
    struct arena *arena;
};

/* A cast names the column; a parameter does not, nor what is taken of it, or said of it (FigureColname() in parse_target.c). */
static const Node *naming_part(const Node *value)
{
    while (value && (IsA(value, CollateClause) || IsA(value, A_Indirection)))
        value = IsA(value, CollateClause) ? ((const CollateClause *) value)->arg : ((const A_Indirection *) value)->arg;
    return value;
}

static void cast_parameter(struct casting *casting, const ParamRef *parameter)
{
    struct arena *arena = casting->arena;
    size_t from = (size_t) parameter->location, digits = strspn(casting->sql + from + 1, "0123456789");
    if (parameter->number > list_length(casting->types) || !casting->own[parameter->number - 1])
        return;
    const char *type = write_type(list_nth_node(TypeName, casting->types, parameter->number - 1), arena);
    const char *form = (const Node *) parameter == casting->naming ? "(SELECT $%d::%s AS \"?column?\")" : "($%d::%s)";
    char *text = arena_printf(arena, form, parameter->number, type);
    splices_add(casting->casts, (struct splice){from, from + 1 + digits, text}, arena);
}

static bool find_parameters(Node *node, void *context)
{
    struct casting *casting = context;
    if (!node)
        return false;
    if (IsA(node, ResTarget) && !castNode(ResTarget, node)->name)
        casting->naming = naming_part(castNode(ResTarget, node)->val);
    if (IsA(node, ParamRef))
        cast_parameter(casting, castNode(ParamRef, node));
    return parse_walk(node, find_parameters, context);
}

struct casting_text {
    struct casting casting;
    const struct parse *parse;
    const char *text;
};

static void cast_parsed(void *context)
{
    struct casting_text *cast = context;
    struct casting *casting = &cast->casting;
    PrepareStmt *prepare = castNode(PrepareStmt, linitial_node(RawStmt, cast->parse->statements)->stmt);
    const char *prepared = find_prepared(casting->sql);
    casting->types = prepare->argtypes;
    find_parameters(prepare->query, casting);
    if (prepared)
        cast->text = splices_apply(casting->casts, casting->sql, (size_t) (prepared - casting->sql), casting->arena);
}

const char *plan_cast_parameters(const char *sql, size_t length, const bool *own, struct arena *arena)
{
    struct parse parse;
    struct error error = {0};
    struct splices casts = {0};
    struct casting_text cast = {.casting = {.sql = arena_strndup(arena, sql, length), .own = own, .casts = &casts, .arena = arena}, .parse = &parse};
    if (parse_begin(&parse, sql, length, &error)) {
        parse_protect(cast_parsed, &cast, &error);
        parse_end(&parse);
    }
    error_clear(&error);
    return cast.text;
}

/* ---- PREPARE ---- */

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text > 127)
            return false;
    return true;
}

/* true and false are written as casts (makeBoolAConst() in gram.y). */
static const Node *without_truth_cast(const Node *node)
{
    const TypeCast *cast = (const TypeCast *) node;
    bool truth = IsA(node, TypeCast) && IsA(cast->arg, A_Const) && !((const A_Const *) cast->arg)->isnull &&
                 IsA(&((const A_Const *) cast->arg)->val, Boolean);
    return truth ? cast->arg : node;
}

static struct plan_argument read_argument(struct plan *plan, const struct planning *planning, const Node *node)
{
    const A_Const *constant = (const A_Const *) without_truth_cast(node);
    if (!IsA(constant, A_Const))
        return (struct plan_argument){ARGUMENT_COMPUTED, NULL};
    if (constant->isnull)
        return (struct plan_argument){ARGUMENT_NULL, NULL};
    switch (nodeTag(&constant->val)) {
    case T_Integer:
        return (struct plan_argument){ARGUMENT_INTEGER, arena_printf(&plan->arena, "%d", intVal(&constant->val))};
    case T_Float:
        return (struct plan_argument){ARGUMENT_NUMERIC, arena_strdup(&plan->arena, constant->val.fval.fval)};
    case T_Boolean:
        return (struct plan_argument){ARGUMENT_TRUTH, boolVal(&constant->val) ? "t" : "f"};
    case T_String:
        if (!planning->facts->server_encoding && !is_ascii(strVal(&constant->val)))
            break; /* an escape in it is a character in one encoding, and its bytes in another */
        return (struct plan_argument){ARGUMENT_STRING, arena_strdup(&plan->arena, strVal(&constant->val))};
    default: /* a string of bits */
        break;
    }
    return (struct plan_argument){ARGUMENT_COMPUTED, NULL};
}

void describe_execute(struct plan *plan, const struct planning *planning, Node *statement)
{
    const ExecuteStmt *execute = (const ExecuteStmt *) statement;
    int count = list_length(execute->params);
    struct plan_argument *arguments = arena_alloc_array(&plan->arena, (size_t) count, sizeof *arguments);
    for (int i = 0; i < count; i++)
        arguments[i] = read_argument(plan, planning, list_nth(execute->params, i));
    plan->name = arena_strdup(&plan->arena, execute->name);
    plan->arguments = arguments;
    plan->argument_count = count;
}

void route_execute(struct plan *plan, const struct planning *planning, Node *statement)
{
    const ExecuteStmt *execute = (const ExecuteStmt *) statement;
    for (int i = 0; i < plan->argument_count; i++)
        if (plan->arguments[i].kind == ARGUMENT_COMPUTED && !planning_computes(planning, list_nth(execute->params, i))) {
            plan_refuse(plan, "this argument of EXECUTE is not supported with several shards", "Write a constant.",
                        "Argument %d calls a function that may read tables, or of which nothing is known.", i + 1);
            return;
        }
    plan_on_home(plan, "the session has the statement, and a plan for it");
}

void describe_deallocate(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->name = arena_strdup(&plan->arena, ((const DeallocateStmt *) statement)->name);
}
