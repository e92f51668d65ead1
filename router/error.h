/*
 * error: a failure as a value, in PostgreSQL's own form.
 *
 * Whoever can fail takes a `struct error *` and fills it exactly once before returning false or NULL.  The
 * texts belong to the error; error_clear() releases them.  A zeroed struct is "no error".
 */
#ifndef KEYWAY_ERROR_H
#define KEYWAY_ERROR_H

#include <stdbool.h>

/* SQLSTATEs that Keyway raises itself (PostgreSQL 15, appendix A). */
#define SQLSTATE_FEATURE_NOT_SUPPORTED      "0A000"
#define SQLSTATE_PROTOCOL_VIOLATION         "08P01"
#define SQLSTATE_CONNECTION_FAILURE         "08006"
#define SQLSTATE_CANNOT_CONNECT             "08001"
#define SQLSTATE_TRANSACTION_UNKNOWN        "08007"
#define SQLSTATE_INVALID_PASSWORD           "28P01"
#define SQLSTATE_INVALID_AUTHORIZATION      "28000"
#define SQLSTATE_INVALID_CATALOG_NAME       "3D000"
#define SQLSTATE_UNDEFINED_PARAMETER "42P02"
#define SQLSTATE_SYNTAX_ERROR               "42601"
#define SQLSTATE_UNDEFINED_PREPARED         "26000"
#define SQLSTATE_DUPLICATE_CURSOR           "42P03"
#define SQLSTATE_DUPLICATE_PREPARED         "42P05"
#define SQLSTATE_DUPLICATE_TABLE            "42P07"
#define SQLSTATE_UNDEFINED_CURSOR           "34000"
#define SQLSTATE_IN_FAILED_TRANSACTION      "25P02"
#define SQLSTATE_READ_ONLY_TRANSACTION      "25006"
#define SQLSTATE_NO_ACTIVE_TRANSACTION      "25P01"
#define SQLSTATE_ACTIVE_TRANSACTION         "25001"
#define SQLSTATE_READ_ONLY                  "25006"
#define SQLSTATE_INVALID_SAVEPOINT          "3B001"
#define SQLSTATE_NOT_NULL_VIOLATION         "23502"
#define SQLSTATE_CHECK_VIOLATION            "23514"
#define SQLSTATE_SERIALIZATION_FAILURE      "40001"
#define SQLSTATE_TOO_MANY_CONNECTIONS       "53300"
#define SQLSTATE_PROGRAM_LIMIT              "54000"
#define SQLSTATE_INSUFFICIENT_PRIVILEGE     "42501"
#define SQLSTATE_INVALID_PARAMETER_VALUE    "22023"
#define SQLSTATE_NUMERIC_OUT_OF_RANGE       "22003"
#define SQLSTATE_BAD_COPY_FILE_FORMAT       "22P04"
#define SQLSTATE_QUERY_CANCELED             "57014"
#define SQLSTATE_ADMIN_SHUTDOWN             "57P01"
#define SQLSTATE_NOT_IN_PREREQUISITE_STATE  "55000"
#define SQLSTATE_CANNOT_CONNECT_NOW         "57P03"
#define SQLSTATE_DEADLOCK                   "40P01"
#define SQLSTATE_IDLE_SESSION_TIMEOUT       "57P05"
#define SQLSTATE_IDLE_TRANSACTION_TIMEOUT   "25P03"
#define SQLSTATE_INTERNAL_ERROR             "XX000"

struct error {
    char sqlstate[6];
    char *message; /* NULL: no error */
    char *detail;  /* NULL if none */
    char *hint;    /* NULL if none */
    int position;  /* 1-based character in the statement, 0 if none */
};

void error_set(struct error *error, const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void error_detail(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_hint(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline bool error_is_set(const struct error *error)
{
    return error->message != 0;
}
void error_copy(struct error *to, const struct error *from); /* `to` must be clear */
void error_clear(struct error *error);

#endif
