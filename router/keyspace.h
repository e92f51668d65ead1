/*
 * keyspace: how a key value finds its shard.
 *
 * A keyspace maps every tuple of key values to at most one shard of its database: by half-open ranges, by
 * PostgreSQL's extended hash functions modulo a number of slots, or by lists.  It answers two questions: which
 * shard holds this value, and which shards may hold values of this interval.  It is immutable and knows
 * nothing of SQL; whatever it cannot decide it calls unknown, never a guess.
 */
#ifndef KEYWAY_KEYSPACE_H
#define KEYWAY_KEYSPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/diagnostics.h"
#include "config/settings.h"
#include "router/shard_set.h"

enum key_type {
    KEY_SMALLINT,
    KEY_INTEGER,
    KEY_BIGINT,
    KEY_TEXT,    /* also varchar: the length limit does not change which rows are equal */
    KEY_BPCHAR,  /* trailing blanks do not count */
    KEY_UUID,
    KEY_DATE,    /* days since 2000-01-01 */
    KEY_TIMESTAMP,   /* microseconds since 2000-01-01 */
    KEY_TIMESTAMPTZ, /* the same, UTC */
};

struct key_value {
    enum key_type type;
    union {
        int64_t integer; /* integers, date, timestamps; infinities as PostgreSQL stores them */
        uint8_t uuid[16];
        struct {
            const char *bytes; /* borrowed */
            size_t length;
        } text;
    };
};

/* What became of a piece of text or binary that stands where a key is expected. */
enum key_reading {
    KEY_READ,    /* the value is known */
    KEY_NULL,    /* it is NULL: equal to nothing */
    KEY_UNKNOWN, /* not decided here (depends on a session setting, or PostgreSQL will raise an error) */
    KEY_NEVER,   /* a valid value that no value of the key type can equal (7.5 for an integer key) */
};

struct keyspace; /* immutable */

/*
 * Build and check one keyspace: types, bounds, order, overlaps, gaps, list values.  Mistakes are reported with the line
 * of the setting; the result is NULL if there was any.  Free with keyspace_free().
 */
struct keyspace *keyspace_build(const struct settings *settings, const struct database_settings *database,
                                const struct keyspace_settings *keyspace, struct diagnostics *diagnostics);
void keyspace_free(struct keyspace *keyspace);

int keyspace_columns(const struct keyspace *keyspace);
enum key_type keyspace_type(const struct keyspace *keyspace, int column);
enum keyspace_method keyspace_method(const struct keyspace *keyspace);
const char *keyspace_name(const struct keyspace *keyspace);

/* The pg_type OID of a key type's own SQL type (KEY_TEXT: 25), and the key type of an OID (varchar: KEY_TEXT). */
uint32_t key_type_oid(enum key_type type);
bool key_type_of_oid(uint32_t oid, enum key_type *type);
const char *key_type_name(enum key_type type);

/*
 * Read a value of key type `type` from text in PostgreSQL's input syntax, as an untyped literal or a text-format
 * parameter would be read for a column of that type.  Dates and times are read only in unambiguous ISO form (and
 * timestamptz only with an explicit offset); everything else is KEY_UNKNOWN.  A text value borrows `text`.
 */
enum key_reading key_read_text(enum key_type type, const char *text, size_t length, struct key_value *value);

/*
 * Read a value for a key of type `type` from something of SQL type `oid` (a typed literal, or a parameter whose type was
 * declared), in text or binary format.  Crosses types only where PostgreSQL's own = operator does and would find
 * the same rows (int2/int4/int8 among each other, text/varchar/unknown; numeric and float literals against integer
 * keys only if integral, else KEY_NEVER or KEY_UNKNOWN); any other pair is KEY_UNKNOWN.  Lengths are checked;
 * malformed binary is KEY_UNKNOWN.  length -1 is NULL.
 */
enum key_reading key_read(enum key_type type, uint32_t oid, bool binary, const char *bytes, int32_t length,
                          struct key_value *value);

/* What a column with this type modifier stores of the value; false: it is rounded there, which is not followed here.  (What is cut off a text is
 * blanks, or PostgreSQL raises an error.) */
bool key_as_stored(struct key_value *value, int32_t typmod);

/* < 0, 0, > 0 in the order of ranges: integers by value, text by bytes (collation C), uuid by bytes. */
int key_compare(const struct key_value *left, const struct key_value *right);

/* The shard (number in its database) of one full key; -1 if no range or list holds it. */
int keyspace_shard(const struct keyspace *keyspace, const struct key_value *values);

/*
 * Which shards may hold keys whose FIRST column lies between the ends (NULL: open end).  Exact for ranges, all shards
 * of the keyspace for hashes, a scan for lists.  For text the caller has proved that the column's order is bytes.
 */
struct shard_set keyspace_interval(const struct keyspace *keyspace, const struct key_value *lower,
                                   bool lower_inclusive, const struct key_value *upper, bool upper_inclusive);

/* Every shard that may hold any key. */
const struct shard_set *keyspace_shards(const struct keyspace *keyspace);

/* SHOW RANGES: the i-th piece, its shard and its bounds or values as text in `arena`; false past the end. */
struct keyspace_piece {
    int shard;
    const char *lower, *upper; /* of a list: lower is the value list, upper is NULL */
};
bool keyspace_piece(const struct keyspace *keyspace, size_t i, struct arena *arena, struct keyspace_piece *piece);

/* Two keyspaces place equal keys on the same shard (one keyspace, or same types, method and pieces). */
bool keyspace_same(const struct keyspace *left, const struct keyspace *right);

#endif
