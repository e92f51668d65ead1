/*
 * How a body is read: as words, not as a tree, so that SQL and PL/pgSQL are read alike.  A body is trusted if
 *
 *   it has no word that begins a statement other than SELECT, VALUES, WITH or one of PL/pgSQL's own (and
 * those that begin and end transactions, which PostgreSQL does not let functions do), each FROM and JOIN, and
 * each comma behind them, is followed by a function's call or a subquery, never by a name, each call,
 * operator and cast in it is PostgreSQL's own and may run anywhere, or is trusted in turn.
 *
 * Names of variables may look like such words; then the function is not trusted, which is no more than a
 * refusal.
 */
#include "router/function_class.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "router/catalog_names.h"
#include "router/normalise.h"
#include "router/parse.h"

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

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (!strcmp(word, *words))
            return true;
    return false;
}

/* Of the family pg_…: those that depend on nothing but their arguments (pg_sleep*() not even on these). */
static bool is_of_no_server(const char *name)
{
    static const char *const names[] = {"pg_char_to_encoding",
                                        "pg_column_size",
                                        "pg_encoding_max_length",
                                        "pg_encoding_to_char",
                                        "pg_size_bytes",
                                        "pg_size_pretty",
                                        "pg_sleep",
                                        "pg_sleep_for",
                                        "pg_sleep_until",
                                        "pg_typeof",
                                        NULL};
    return is_one_of(name, names);
}

/* Families whose members all depend on the server that runs them. */
static bool is_server_function(const char *name)
{
    return (starts(name, "pg_") && !is_of_no_server(name)) || starts(name, "lo_") ||
           starts(name, "binary_upgrade_") || !strcmp(name, "lowrite") || !strcmp(name, "loread");
}

static enum function_class class_of_builtin(const char *name, char volatility)
{
    const struct known *known =
        bsearch(name, knowns, sizeof knowns / sizeof *knowns, sizeof *knowns, compare_known);
    if (known)
        return known->class;
    if (starts(name, "pg_advisory_") || starts(name, "pg_try_advisory_"))
        return FUNCTION_LOCK;
    if (is_server_function(name))
        return FUNCTION_HOME;
    return volatility == 'v' ? FUNCTION_VOLATILE : FUNCTION_SAFE;
}

/* ---- bodies ---- */

enum { DEEPEST_CALL = 50, DEEPEST_NESTING = 200, LONGEST_WORD = NAMEDATALEN };

struct finding {
    struct names by_name; /* struct function_source, of any schema */
    int depth;
};

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_OPERATOR, TOKEN_LITERAL, TOKEN_OTHER };

struct token {
    enum token_kind kind;
    char text[LONGEST_WORD * 2]; /* of a word: the name; else the first byte, or an operator's */
};

/* One nesting level of parentheses. */
struct level {
    bool from;       /* a list of FROM: a comma in it leads to the next item */
    bool takes_from; /* extract(… FROM …) and its like */
};

struct body {
    struct finding *finding;
    const struct function_source *of; /* it may call itself */
    const char *at, *end;
    struct token token, before, before_that, long_before;
    struct level levels[DEEPEST_NESTING];
    int level;
    bool item; /* an item of FROM is expected */
    enum function_class worst;
};

static void find_class(struct finding *finding, struct function_source *source);

static void count_in(struct body *body, enum function_class class)
{
    if (class > body->worst)
        body->worst = class;
}

/* Whatever has that name; `users`: only of those that are not PostgreSQL's. */
static void count_in_name(struct body *body, const char *name, bool users)
{
    uint64_t hash = names_hash("", name);
    size_t probe = 0;
    struct function_source *source = names_first(&body->finding->by_name, hash, &probe);
    for (; source; source = names_next(&body->finding->by_name, hash, &probe)) {
        if (strcmp(source->function->name, name) || (users && source->builtin) || source == body->of)
            continue;
        find_class(body->finding, source);
        count_in(body, source->function->class);
    }
}

static bool is_word_byte(char c)
{
    return isalnum((unsigned char) c) || c == '_' || c == '$' || (unsigned char) c >= 0x80;
}

static void read_quoted(struct body *body, struct token *token)
{
    size_t length = 0;
    for (body->at++; body->at < body->end; body->at++) {
        if (*body->at == '"' && (++body->at == body->end || *body->at != '"'))
            break;
        if (length + 1 < sizeof token->text)
            token->text[length++] = *body->at;
    }
    token->kind = TOKEN_QUOTED;
}

static void read_run(struct body *body, struct token *token, bool (*belongs)(char c))
{
    const char *from = body->at;
    while (body->at < body->end && belongs(*body->at))
        body->at++;
    size_t length = (size_t) (body->at - from), room = sizeof token->text - 1;
    memcpy(token->text, from, length < room ? length : room);
}

static bool is_operator_byte(char c)
{
    return c && strchr("+-*/<>=~!@#%^&|`", c);
}

static void next_token(struct body *body)
{
    struct token token = {TOKEN_END, ""};
    while (body->at < body->end && *body->at == ' ')
        body->at++;
    if (body->at < body->end) {
        char c = *body->at;
        if (c == '"') {
            read_quoted(body, &token);
        } else if (is_word_byte(c)) {
            token.kind = isdigit((unsigned char) c) || c == '$' ? TOKEN_LITERAL : TOKEN_WORD;
            read_run(body, &token, is_word_byte);
        } else if (is_operator_byte(c)) {
            token.kind = TOKEN_OPERATOR;
            read_run(body, &token, is_operator_byte);
        } else {
            token.kind = c == '?' ? TOKEN_LITERAL : TOKEN_OTHER;
            token.text[0] = *body->at++;
        }
    }
    if (strlen(token.text) >= NAMEDATALEN) /* PostgreSQL cuts it off */
        count_in(body, FUNCTION_READER);
    body->long_before = body->before_that;
    body->before_that = body->before;
    body->before = body->token;
    body->token = token;
}

static bool is_word(const struct token *token, const char *word)
{
    return token->kind == TOKEN_WORD && !strcmp(token->text, word);
}

static bool is_mark(const struct token *token, char mark)
{
    return token->kind == TOKEN_OTHER && token->text[0] == mark;
}

/* x IS [NOT] DISTINCT FROM y */
static bool is_comparing(const struct body *body)
{
    return is_word(&body->before, "distinct") &&
           (is_word(&body->before_that, "is") ||
            (is_word(&body->before_that, "not") && is_word(&body->long_before, "is")));
}

static void read_keyword(struct body *body)
{
    /* They begin statements; ONLY leads to a table. */
    static const char *const acts[] = {
        "alter",    "analyse", "analyze", "call",       "checkpoint", "cluster",  "comment",   "copy",
        "create",   "cursor",  "delete",  "discard",    "do",         "drop",     "execute",   "explain",
        "fetch",    "grant",   "import",  "insert",     "listen",     "load",     "lock",      "merge",
        "move",     "notify",  "only",    "open",       "prepare",    "reassign", "refcursor", "refresh",
        "reindex",  "reset",   "revoke",  "security",   "set",        "show",     "table",     "truncate",
        "unlisten", "update",  "vacuum",  "deallocate", NULL};
    static const char *const clocks[] = {"current_date", "current_time",   "current_timestamp",
                                         "localtime",    "localtimestamp", NULL};
    static const char *const servers[] = {
        "current_catalog", "regclass",     "regcollation", "regnamespace", "regoper", "regoperator",
        "regproc",         "regprocedure", "regrole",      "regtype",      NULL};
    static const char *const enders[] = {"where", "group", "having", "window", "union", "intersect", "except",
                                         "order", "limit", "offset", "for",    "into",  NULL};
    const char *word = body->token.text;
    struct level *level = &body->levels[body->level];
    if (is_one_of(word, acts) || is_one_of(word, servers))
        count_in(body, FUNCTION_READER);
    if (is_one_of(word, clocks))
        count_in(body, FUNCTION_CLOCK);
    if (is_one_of(word, enders))
        level->from = false;
    if (!strcmp(word, "join") || (!strcmp(word, "from") && !level->takes_from && !is_comparing(body)))
        level->from = body->item = true;
}

/* '(' behind a word is a call, if there is a function of that name; else it belongs to a type, IN, VALUES ….
 */
static void open_level(struct body *body)
{
    static const char *const takers[] = {"extract", "overlay", "substring", "trim", NULL};
    bool word = body->before.kind == TOKEN_WORD;
    if (word || body->before.kind == TOKEN_QUOTED)
        count_in_name(body, body->before.text, false);
    if (body->level == DEEPEST_NESTING - 1)
        count_in(body, FUNCTION_READER);
    else
        body->levels[++body->level] =
            (struct level){.takes_from = word && is_one_of(body->before.text, takers)};
}

static void close_level(struct body *body)
{
    if (body->level == 0)
        count_in(body, FUNCTION_READER);
    else
        body->level--;
}

/* Users' operators are listed under their names; which operators a run of such characters is may depend on
 * white space that is gone. */
static void read_operator(struct body *body)
{
    char part[sizeof body->token.text];
    const char *text = body->token.text;
    for (size_t from = 0; text[from]; from++)
        for (size_t length = 1; length <= strlen(text + from); length++) {
            memcpy(part, text + from, length);
            part[length] = '\0';
            count_in_name(body, part, true);
        }
}

/* A name may be a type's, to which a cast leads, or behind a dot a function of the row before it. */
static void read_name(struct body *body)
{
    char cast[sizeof body->token.text + 2] = "::";
    strcat(cast, body->token.text);
    count_in_name(body, cast, true);
    if (is_mark(&body->before, '.'))
        count_in_name(body, body->token.text, true);
}

/* What stands for the next item of FROM: a call, or a subquery; all else names a table. */
static void read_item(struct body *body)
{
    const struct token *token = &body->token, *before = &body->before;
    if (is_word(token, "lateral"))
        return;
    bool inside = is_mark(before, '(') &&
                  (is_word(token, "select") || is_word(token, "values") || is_word(token, "with"));
    bool call = is_mark(token, '(') && (before->kind == TOKEN_WORD || before->kind == TOKEN_QUOTED) &&
                !is_word(before, "from") && !is_word(before, "join") && !is_word(before, "lateral");
    bool goes_on = !inside && !call &&
                   (is_mark(token, '(') || is_mark(token, '.') || token->kind == TOKEN_WORD ||
                    token->kind == TOKEN_QUOTED) &&
                   !is_mark(before, '(') &&
                   (is_mark(token, '.') || is_mark(before, '.') || is_mark(before, ',') ||
                    is_word(before, "from") || is_word(before, "join") || is_word(before, "lateral"));
    if (!inside && !call && !goes_on)
        count_in(body, FUNCTION_READER);
    body->item = goes_on;
}

static void read_token(struct body *body)
{
    if (body->item)
        read_item(body);
    switch (body->token.kind) {
    case TOKEN_WORD:
        read_keyword(body);
        read_name(body);
        return;
    case TOKEN_QUOTED:
        read_name(body);
        return;
    case TOKEN_OPERATOR:
        read_operator(body);
        return;
    case TOKEN_OTHER:
        if (is_mark(&body->token, '('))
            open_level(body);
        else if (is_mark(&body->token, ')'))
            close_level(body);
        else if (is_mark(&body->token, ';'))
            body->levels[body->level].from = false;
        else if (is_mark(&body->token, ','))
            body->item = body->levels[body->level].from;
        return;
    case TOKEN_LITERAL:
    case TOKEN_END:
        return;
    }
}

/* Texts that become another time each day, when they are read as one. */
static bool is_clock_word(const struct literal *literal)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday", NULL};
    for (const char *const *word = words; *word; word++)
        for (size_t at = 0; at + strlen(*word) <= literal->value_length; at++)
            if (!strncasecmp(literal->value + at, *word, strlen(*word)))
                return true;
    return false;
}

/* PL/pgSQL's 1..10 is no number of SQL's, whose lexer reads the copy.  Owned by the caller. */
static char *without_ranges(const char *body)
{
    size_t size = strlen(body) + 1;
    char *copy = memory_alloc(size);
    memcpy(copy, body, size);
    for (char *at = copy; (at = strstr(at, "..")); at += 2)
        memset(at, ' ', 2);
    return copy;
}

/* A backslash before a quote is another text under standard_conforming_strings = off, which the session may
 * set. */
static enum function_class class_of_body(struct finding *finding, const struct function_source *source)
{
    struct normalised text = {0};
    char *plain = without_ranges(source->body);
    normalise(plain, strlen(plain), &text);
    struct body body = {.finding = finding, .of = source, .at = text.text, .worst = FUNCTION_SAFE};
    body.end = text.length > 0 ? text.text + text.length : text.text; /* an empty text may have no place */
    if ((text.unsure && !text.empty) || strstr(source->body, "\\'"))
        body.worst = FUNCTION_READER;
    for (size_t i = 0; i < text.literal_count && body.worst == FUNCTION_SAFE; i++)
        if (text.literals[i].kind == LITERAL_STRING && is_clock_word(&text.literals[i]))
            body.worst = FUNCTION_CLOCK;
    while (body.worst <= FUNCTION_VOLATILE && (next_token(&body), body.token.kind != TOKEN_END))
        read_token(&body);
    normalised_free(&text);
    free(plain);
    return body.worst > FUNCTION_VOLATILE || body.item ? FUNCTION_READER : body.worst;
}

static enum function_class class_of(struct finding *finding, struct function_source *source)
{
    if (source->builtin)
        return class_of_builtin(source->function->name, source->volatility);
    if (source->volatility == 'i' && strcmp(source->function->schema, "pg_catalog"))
        return FUNCTION_SAFE;
    if (!source->body || finding->depth == DEEPEST_CALL)
        return FUNCTION_READER;
    finding->depth++;
    enum function_class class = class_of_body(finding, source);
    finding->depth--;
    return class;
}

/* Of functions that call each other the one that is asked for while it is read is not trusted, nor is its
 * caller. */
static void find_class(struct finding *finding, struct function_source *source)
{
    if (source->read)
        return;
    source->read = true;
    source->function->class = FUNCTION_READER;
    source->function->class = class_of(finding, source);
}

/* By a clock, which each shard has, the copies of a reference table could be written differently. */
static bool is_local(struct finding *finding, const char *text)
{
    struct catalog_function none = {.schema = "", .name = ""};
    const struct function_source source = {.function = &none, .body = text};
    return class_of_body(finding, &source) == FUNCTION_SAFE;
}

void function_classes_find(struct function_source *sources, struct policy_source *policies)
{
    struct finding finding = {0};
    for (struct function_source *source = sources; source; source = source->next)
        names_add(&finding.by_name, names_hash("", source->function->name), source);
    for (struct function_source *source = sources; source; source = source->next)
        find_class(&finding, source);
    for (struct policy_source *policy = policies; policy; policy = policy->next)
        policy->relation->policies_are_local = is_local(&finding, policy->text);
    names_free(&finding.by_name);
}
