/*
 * Any bytes through the normaliser: it stays inside them, its literals lie in order inside the statement, and
 * a comment behind the statement changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "router/normalise.h"

static void require(bool held)
{
    if (!held)
        abort();
}

static void check_literals(const struct normalised *result, size_t length)
{
    size_t behind = 0;
    for (size_t i = 0; i < result->literal_count; i++) {
        const struct literal *literal = &result->literals[i];
        require(literal->offset >= behind && literal->length > 0);
        behind = (size_t) literal->offset + literal->length;
        require(behind <= length && literal->value_length <= literal->length);
        for (uint32_t byte = 0; byte < literal->value_length; byte++)
            require(literal->value[byte] != '\0');
    }
}

static void check_same(const struct normalised *one, const struct normalised *other)
{
    require(!other->unsure && one->hash == other->hash && one->length == other->length);
    require(one->length == 0 || memcmp(one->text, other->text, one->length) == 0);
    require(one->literal_count == other->literal_count && one->several == other->several);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct normalised plain, commented;
    static const char comment[] = " /* /* ' */ \" */ ;\n-- $$";
    char *sql = malloc(size),
         *longer = malloc(size + sizeof(comment)); /* exact sizes: the sanitizer sees overreads */
    if (size > 0) {
        memcpy(sql, data, size);
        memcpy(longer, data, size);
    }
    memcpy(longer + size, comment, sizeof(comment));
    normalise(sql, size, &plain);
    char word[16];
    first_keyword(sql, size, word, sizeof(word));
    require(strlen(word) < sizeof(word));
    /* Behind a -- comment, or an operator byte, what is appended would be read otherwise. */
    bool apart = memchr(sql, '-', size) == NULL;
    if (!plain.unsure) {
        check_literals(&plain, size);
        normalise(longer, size + sizeof(comment) - 1, &commented);
        if (apart)
            check_same(&plain, &commented);
    }
    free(sql);
    free(longer);
    return 0;
}
