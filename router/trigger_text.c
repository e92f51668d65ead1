/*
 * The text is in any procedural language, so it is read word by word, without its grammar: an identifier behind one of the keywords, ONLY and a schema
 * aside, is taken for a table.  A name that is put together when the function runs is not seen.
 */
#include "router/trigger_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { LONGEST = 128 };

struct words {
    const char *at;
    char word[LONGEST];         /* in lower case, unless it was quoted; longer ones are cut, and are no table's name then */
    char before[LONGEST];       /* the word before it, a schema and ONLY left out … */
    char before_that[LONGEST];  /* … and the one before that */
};

static void skip_comment(struct words *words)
{
    bool line = words->at[0] == '-';
    const char *end = strstr(words->at + 2, line ? "\n" : "*/");
    words->at = end ? end + (line ? 1 : 2) : words->at + strlen(words->at);
}

static bool is_word_byte(char c)
{
    return isalnum((unsigned char) c) || c == '_' || c == '$' || (unsigned char) c >= 0x80;
}

static void read_word(struct words *words)
{
    bool quoted = *words->at == '"';
    size_t length = 0;
    words->at += quoted;
    for (; *words->at && (quoted ? *words->at != '"' : is_word_byte(*words->at)); words->at++)
        if (length < LONGEST - 1)
            words->word[length++] = quoted ? *words->at : (char) tolower((unsigned char) *words->at);
    words->word[length] = '\0';
    words->at += quoted && *words->at;
}

/* False at the end of the text. */
static bool next_word(struct words *words)
{
    for (;;) {
        if (!strncmp(words->at, "--", 2) || !strncmp(words->at, "/*", 2))
            skip_comment(words);
        else if (*words->at && *words->at != '"' && !is_word_byte(*words->at))
            words->at++;
        else
            break;
    }
    if (*words->at)
        read_word(words);
    return words->word[0] != '\0';
}

static bool is_one_of(const char *word, const char *const *list)
{
    while (*list && strcmp(word, *list))
        list++;
    return *list != NULL;
}

static bool stands_for_table(const struct words *words, bool writes)
{
    static const char *const writing[] = {"into", "update", "table", "truncate", "copy", NULL};
    static const char *const reading[] = {"from", "join", "using", NULL};
    return is_one_of(words->before, writing) ||
           (writes ? !strcmp(words->before, "from") && !strcmp(words->before_that, "delete") : is_one_of(words->before, reading));
}

bool trigger_text_names(const char *text, const char *table, bool writes)
{
    struct words words = {.at = text};
    while (words.word[0] = '\0', next_word(&words)) {
        if (!strcmp(words.word, table) && stands_for_table(&words, writes) && *words.at != '.')
            return true;
        if (*words.at == '.' || !strcmp(words.word, "only"))
            continue;
        memcpy(words.before_that, words.before, sizeof words.before);
        memcpy(words.before, words.word, sizeof words.word);
    }
    return false;
}
