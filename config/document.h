/*
 * document: an INI file as sections, keys and values, each with its line; nothing here knows what they mean.
 *
 * Sections and keys stay in the order of the file, and a key may stand in a section more than once: who reads
 * the document decides whether that is a mistake.
 */
#ifndef KEYWAY_DOCUMENT_H
#define KEYWAY_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/diagnostics.h"

struct document_entry {
    const char *key;
    const char *value; /* trimmed, without comment; "" when nothing stands there */
    int line;
};

struct document_section {
    const char *header; /* what stands between [ and ], trimmed */
    struct document_entry *entries;
    size_t entry_count;
    int line;
};

struct document {
    struct document_section *sections;
    size_t section_count;
};

/*
 * Read FILE into `arena`.  Lines that are neither a section, a key, a comment nor blank are reported and left
 * out.  False when the file cannot be read at all, which is reported too.
 */
bool document_read(const char *file, struct arena *arena, struct diagnostics *diagnostics,
                   struct document *document);

#endif
