/*
 * trigger_text: does a trigger function's text name a table where statements do?
 */
#ifndef KEYWAY_TRIGGER_TEXT_H
#define KEYWAY_TRIGGER_TEXT_H

#include <stdbool.h>

/* Behind FROM, JOIN, INTO, UPDATE and the like, also in its string literals, under any schema; `writes`: only where it is changed. */
bool trigger_text_names(const char *text, const char *table, bool writes);

#endif
