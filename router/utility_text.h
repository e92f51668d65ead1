/*
 * utility_text: where the parts of a utility statement's text begin, for which the tree has no place.
 *
 * The text has been parsed without an error, and ends with a NUL; each function gives a place at or behind `at`, which may be that NUL.
 */
#ifndef KEYWAY_UTILITY_TEXT_H
#define KEYWAY_UTILITY_TEXT_H

#include <stdbool.h>

const char *text_skip_blanks(const char *at);      /* white space and comments */
const char *text_skip_word(const char *at);        /* a keyword */
const char *text_skip_name(const char *at);        /* a name, with or without quotes */
const char *text_skip_parentheses(const char *at); /* from a parenthesis to behind the one that closes it */
bool text_is_word(const char *at, const char *word);

#endif
