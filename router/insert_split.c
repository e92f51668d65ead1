/*
 * The rows of an INSERT, cut out of its text.
 *
 * The rows of VALUES have no place in the tree, so a small lexer, which knows only what can hide a
 * parenthesis or a comma (strings, quoted names, comments), cuts the text; each piece is then parsed and
 * compared with the tree.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "router/insert_inside.h"

/* Behind a comment at `at`, or `at` itself. */
static size_t skip_comment(const char *sql, size_t at, size_t end)
{
    if (at + 1 < end && sql[at] == '-' && sql[at + 1] == '-') {
        while (at < end && sql[at] != '\n' && sql[at] != '\r')
            at++;
        return at;
    }
    if (at + 1 >= end || sql[at] != '/' || sql[at + 1] != '*')
        return at;
    int depth = 0;
    while (at < end) {
        if (at + 1 < end && sql[at] == '/' && sql[at + 1] == '*') {
            depth++;
            at += 2;
        } else if (at + 1 < end && sql[at] == '*' && sql[at + 1] == '/') {
            at += 2;
            if (!--depth)
                break;
        } else {
            at++;
        }
    }
    return at;
}

static size_t skip_blanks(const char *sql, size_t at, size_t end)
{
    for (;;) {
        size_t before = at;
        while (at < end && strchr(" \t\r\n\f\v", sql[at]) && sql[at])
            at++;
        at = skip_comment(sql, at, end);
        if (at == before)
            return at;
    }
}

struct lexer {
    const char *sql;
    size_t at, end;
    int depth;
};

static void skip_string(struct lexer *lexer, char quote, bool escapes)
{
    for (lexer->at++; lexer->at < lexer->end; lexer->at++) {
        if (escapes && lexer->sql[lexer->at] == '\\')
            lexer->at++;
        else if (lexer->sql[lexer->at] == quote) {
            lexer->at++;
            return; /* a doubled quote goes on as the next string: it comes to the same */
        }
    }
}

/* $tag$ … $tag$; $1 is none. */
static bool skip_dollar(struct lexer *lexer)
{
    const char *from = lexer->sql + lexer->at, *tag = from + 1;
    while (isalnum((unsigned char) *tag) || *tag == '_' || (unsigned char) *tag >= 128)
        tag++;
    if (*tag != '$' || isdigit((unsigned char) from[1]))
        return false;
    size_t length = (size_t) (tag + 1 - from);
    const char *end = memmem(tag + 1, (size_t) (lexer->sql + lexer->end - tag - 1), from, length);
    lexer->at = end ? (size_t) (end - lexer->sql) + length : lexer->end;
    return true;
}

static bool is_word(char byte)
{
    return isalnum((unsigned char) byte) || byte == '_' || byte == '$' || (unsigned char) byte >= 128;
}

/* Move behind one token; its first byte is at *from.  False at the end. */
static bool next_token(struct lexer *lexer, size_t *from)
{
    lexer->at = skip_blanks(lexer->sql, lexer->at, lexer->end);
    *from = lexer->at;
    if (lexer->at >= lexer->end)
        return false;
    char byte = lexer->sql[lexer->at];
    if (byte == '\'' || byte == '"') {
        skip_string(lexer, byte, false);
    } else if (byte == '$' && skip_dollar(lexer)) {
        return true;
    } else if (is_word(byte)) {
        while (lexer->at < lexer->end && is_word(lexer->sql[lexer->at]))
            lexer->at++;
        if (lexer->at - *from == 1 && strchr("eE", byte) && lexer->sql[lexer->at] == '\'')
            skip_string(lexer, '\'', true);
    } else {
        lexer->depth += byte == '(' || byte == '[';
        lexer->depth -= byte == ')' || byte == ']';
        lexer->at++;
    }
    return true;
}

static bool is_keyword(const struct lexer *lexer, size_t from, const char *word)
{
    size_t length = lexer->at - from;
    return length == strlen(word) && !strncasecmp(lexer->sql + from, word, length);
}

/* Behind the next such word outside parentheses; *from is where it starts. */
static bool find_word(struct lexer *lexer, const char *word, const char *or_word, size_t *from)
{
    while (next_token(lexer, from))
        if (!lexer->depth &&
            (is_keyword(lexer, *from, word) || (or_word && is_keyword(lexer, *from, or_word))))
            return true;
    return false;
}

/* The parenthesized row at the lexer, to its closing parenthesis. */
static bool read_row(struct lexer *lexer, size_t *from)
{
    size_t token;
    if (!next_token(lexer, from) || lexer->sql[*from] != '(' || lexer->depth != 1)
        return false;
    while (lexer->depth > 0)
        if (!next_token(lexer, &token))
            return false;
    return true;
}

/* Does the text mean this row? */
static bool means_row(const char *text, const List *row, struct arena *arena)
{
    struct error error = {0};
    List *parsed = parse_more(arena_printf(arena, "VALUES %s", text), &error);
    error_clear(&error);
    if (list_length(parsed) != 1 || !IsA(linitial_node(RawStmt, parsed)->stmt, SelectStmt))
        return false;
    const SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt);
    return list_length(select->valuesLists) == 1 && equal(linitial(select->valuesLists), row);
}

static bool cut_rows(struct lexer *lexer, struct insert_rows *rows, const List *values, struct arena *arena)
{
    struct arena scratch = {0};
    bool cut = true;
    rows->rows = arena_alloc_array(arena, (size_t) rows->count, sizeof *rows->rows);
    rows->starts = arena_alloc_array(arena, (size_t) rows->count, sizeof *rows->starts);
    for (int i = 0; i < rows->count && cut; i++) {
        size_t from, comma;
        cut = (i == 0 || (next_token(lexer, &comma) && lexer->sql[comma] == ',')) && read_row(lexer, &from);
        if (!cut)
            break;
        rows->rows[i] = arena_strndup(arena, lexer->sql + from, lexer->at - from);
        rows->starts[i] = from;
        cut = means_row(rows->rows[i], list_nth(values, i), &scratch);
    }
    arena_free(&scratch);
    return cut;
}

/* Where columns can be added: at the closing parenthesis of the list, or, without a list, behind the name. */
static bool find_list(struct lexer lexer, size_t *place, bool *listed)
{
    *listed = false;
    while (next_token(&lexer, place)) {
        *listed |= lexer.sql[*place] == '(' && lexer.depth == 1;
        if (lexer.depth == 0 && *listed)
            return lexer.sql[*place] == ')';
        if (lexer.depth == 0 &&
            (is_keyword(&lexer, *place, "values") || is_keyword(&lexer, *place, "overriding")))
            return true;
    }
    return false;
}

/* The text from the statement's first word to VALUES, with what is added. */
static const char *text_before(const struct lexer *from, size_t start, size_t values,
                               const struct insert_addition *addition, struct arena *arena)
{
    const char *sql = from->sql;
    size_t place = values;
    bool listed = true;
    if ((addition->more && !find_list(*from, &place, &listed)) || place > values)
        return NULL;
    const char *columns = !addition->more ? "" : listed ? addition->more : addition->whole;
    return arena_printf(arena, "%.*s%s%.*s%s%.*s ", (int) (place - start), sql + start, columns,
                        (int) (values - place), sql + place,
                        addition->overriding ? " OVERRIDING SYSTEM VALUE " : "", (int) strlen("values"),
                        sql + values);
}

bool insert_split(struct insert_rows *rows, const char *sql, size_t length, const List *values,
                  const struct insert_addition *addition, struct arena *arena)
{
    struct lexer lexer = {.sql = sql, .end = strnlen(sql, length)};
    size_t start, word;
    if (!find_word(&lexer, "insert", "with", &start))
        return false;
    lexer.at = start;
    if (!find_word(&lexer, "insert", NULL, &word))
        return false;
    const struct lexer behind_insert = lexer;
    if (!find_word(&lexer, "values", NULL, &word))
        return false;
    const char *before = text_before(&behind_insert, start, word, addition, arena);
    if (!before || !cut_rows(&lexer, rows, values, arena))
        return false;
    size_t behind = lexer.at;
    size_t next;
    if (next_token(&lexer, &next) && sql[next] == ',')
        return false;
    rows->after = arena_strndup(arena, sql + behind, lexer.end - behind);
    rows->before = before;
    return true;
}

/*
 * A statement with the same normalised text and the same kinds of literals has the same tokens, but for what its literals say: so with its literals
 * in their places a row's text is that statement's row.  That is so only if no literal can grow together with what stands right before it here, and may
 * stand apart from it there: N'a' and date'2020-01-01' are that, and two literals side by side.
 */
static bool stands_apart(const char *text, size_t at, size_t behind_last)
{
    return at > behind_last && !is_word(text[at - 1]);
}

bool insert_note_literals(struct insert_rows *rows, struct plan *plan, const struct normalised *normalised)
{
    struct row_literal *literals = arena_alloc_array(&plan->arena, normalised->literal_count, sizeof *literals);
    size_t next = 0, found = 0;
    rows->literal_ends = arena_alloc_array(&plan->arena, (size_t) rows->count, sizeof *rows->literal_ends);
    for (int i = 0; i < rows->count; i++) {
        size_t start = rows->starts[i], end = start + strlen(rows->rows[i]), behind_last = 0;
        for (; next < normalised->literal_count && normalised->literals[next].offset < end; next++) {
            const struct literal *literal = &normalised->literals[next];
            if (literal->offset < start) {
                plan_pin_literal(plan, normalised, next);
                continue;
            }
            size_t at = literal->offset - start;
            if (literal->offset + literal->length > end || !stands_apart(rows->rows[i], at, behind_last))
                return false;
            behind_last = at + literal->length;
            literals[found++] = (struct row_literal){next, at, literal->length};
        }
        rows->literal_ends[i] = found;
    }
    for (; next < normalised->literal_count; next++)
        plan_pin_literal(plan, normalised, next);
    rows->literals = literals;
    return true;
}

bool insert_split_row(const char *text, const List *row, const char **values, struct arena *arena)
{
    struct lexer lexer = {.sql = text, .end = strlen(text)};
    struct arena scratch = {0};
    size_t from, start = 1;
    int count = 0;
    bool good = true;
    while (good && next_token(&lexer, &from)) {
        bool end = lexer.depth == 0 && text[from] == ')';
        if (!end && (lexer.depth != 1 || text[from] != ','))
            continue;
        good = count < list_length(row);
        if (!good)
            break;
        start += strspn(text + start, " \t\r\n");
        values[count] = arena_printf(arena, "%.*s", (int) (from - start), text + start);
        good = means_row(arena_printf(&scratch, "(%s)", values[count]), list_make1(list_nth(row, count)),
                         &scratch);
        count++;
        start = lexer.at;
    }
    arena_free(&scratch);
    return good && count == list_length(row);
}
