/*
 * Each input owns one slot for its next row.  Ordered: the full slots stand in a binary heap, smallest first,
 * and a row leaves when every input that has not ended has a row in it, so that nothing smaller can still
 * come; a step costs O(log inputs). Unordered: the full slots stand in a ring in the order of their arrival.
 *
 * Skipped rows (offset) leave their slots like others, but go nowhere.
 */
#include "router/merge.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "router/data_row.h"
#include "router/row_compare.h"

enum { SLOT_KEPT = 64 * 1024 }; /* a slot that grew beyond this gives memory back for smaller rows */

struct slot {
    uint8_t *row;
    size_t length, capacity;
    bool full, ended;
    struct sort_value *values; /* one per sort key; they borrow from row */
};

struct merge {
    struct merge_shape shape; /* keys and columns point to copies owned here */
    struct sort_key *keys;
    const struct sort_type **types; /* one per sort key */
    struct merge_column *columns;
    struct field *fields; /* of the row being pushed */
    struct slot *slots;
    struct slot held; /* a row that has left, in memory that it has changed for its slot's */
    int *queue; /* heap or ring of full slots */
    int queue_count, ring_start;
    int owing;         /* inputs that have not ended and whose slot is empty */
    int64_t skip;      /* rows still to be dropped for the offset */
    int64_t remaining; /* rows that may still leave; -1: any number */
    int source;        /* of the last row that left */
};

static bool check_column(const struct merge_column *column, struct error *error)
{
    if (column->format == 0 || column->format == 1)
        return true;
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "a shard announced a column of unknown format %d",
              column->format);
    return false;
}

static bool check_key(const struct merge_shape *shape, const struct sort_key *key, struct error *error)
{
    if (key->column < 0 || key->column >= shape->column_count) {
        error_set(error, SQLSTATE_INTERNAL_ERROR, "sort key %d is not among %d columns", key->column,
                  shape->column_count);
        return false;
    }
    uint32_t type = shape->columns[key->column].type;
    if (merge_can_order(type, key->order))
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot order the rows of several shards");
    if (merge_can_order(type, &text_order_bytes))
        error_detail(error,
                     "Sort column %d is of type %s with a collation that is not ordered outside PostgreSQL.",
                     key->column + 1, sort_type_name(sort_type_of(type)));
    else
        error_detail(error, "Sort column %d is of a type (OID %u) that is not ordered outside PostgreSQL.",
                     key->column + 1, type);
    error_hint(error, "Order by a column of another type%s, or select from one shard only.",
               merge_can_order(type, &text_order_bytes) ? ", add COLLATE \"C\"" : "");
    return false;
}

static bool check_shape(const struct merge_shape *shape, struct error *error)
{
    if (shape->hidden < 0 || shape->hidden > shape->column_count || shape->inputs < 0) {
        error_set(error, SQLSTATE_INTERNAL_ERROR, "%d hidden columns of %d", shape->hidden,
                  shape->column_count);
        return false;
    }
    for (int i = 0; i < shape->column_count; i++)
        if (!check_column(&shape->columns[i], error))
            return false;
    for (int i = 0; i < shape->key_count; i++)
        if (!check_key(shape, &shape->keys[i], error))
            return false;
    return true;
}

static void *copy_array(const void *array, int count, size_t size)
{
    void *copy = memory_alloc((size_t) count * size);
    if (count > 0)
        memcpy(copy, array, (size_t) count * size);
    return copy;
}

struct merge *merge_new(const struct merge_shape *shape, struct error *error)
{
    if (!check_shape(shape, error))
        return NULL;
    size_t inputs = (size_t) shape->inputs;
    struct merge *merge = memory_alloc(sizeof(*merge));
    merge->shape = *shape;
    merge->shape.keys = merge->keys = copy_array(shape->keys, shape->key_count, sizeof(*shape->keys));
    merge->shape.columns = merge->columns =
        copy_array(shape->columns, shape->column_count, sizeof(*shape->columns));
    merge->types = memory_alloc((size_t) shape->key_count * sizeof(*merge->types));
    for (int key = 0; key < shape->key_count; key++)
        merge->types[key] = sort_type_of(shape->columns[shape->keys[key].column].type);
    merge->fields = memory_alloc((size_t) shape->column_count * sizeof(*merge->fields));
    merge->slots = memory_alloc(inputs * sizeof(*merge->slots));
    for (size_t i = 0; i < inputs; i++)
        merge->slots[i].values = memory_alloc((size_t) shape->key_count * sizeof(struct sort_value));
    merge->held.values = memory_alloc((size_t) shape->key_count * sizeof(struct sort_value));
    merge->queue = memory_alloc(inputs * sizeof(*merge->queue));
    merge->owing = shape->inputs;
    merge->skip = shape->offset > 0 ? shape->offset : 0;
    merge->remaining = shape->limit >= 0 ? shape->limit : -1;
    return merge;
}

void merge_free(struct merge *merge)
{
    if (merge == NULL)
        return;
    for (int i = 0; i < merge->shape.inputs; i++) {
        free(merge->slots[i].row);
        free(merge->slots[i].values);
    }
    free(merge->held.row);
    free(merge->held.values);
    free(merge->queue);
    free(merge->slots);
    free(merge->fields);
    free(merge->columns);
    free(merge->types);
    free(merge->keys);
    free(merge);
}

static int compare_key(const struct merge *merge, int key, const struct slot *left, const struct slot *right)
{
    const struct sort_key *how = &merge->keys[key];
    const struct sort_value *one = &left->values[key], *other = &right->values[key];
    if (one->null || other->null) {
        int order = (int) one->null - (int) other->null;
        return how->nulls_first ? -order : order;
    }
    int order = sort_value_compare(merge->types[key], how->order, one, other);
    return how->descending ? -order : order;
}

static int compare_keys(const struct merge *merge, const struct slot *left, const struct slot *right)
{
    int order = 0;
    for (int key = 0; key < merge->shape.key_count && order == 0; key++)
        order = compare_key(merge, key, left, right);
    return order;
}

/* Does input `left` come before input `right`?  Equal rows leave in the order of their inputs. */
static bool comes_before(const struct merge *merge, int left, int right)
{
    int order = compare_keys(merge, &merge->slots[left], &merge->slots[right]);
    return order != 0 ? order < 0 : left < right;
}

static void heap_add(struct merge *merge, int input)
{
    int at = merge->queue_count++;
    while (at > 0) {
        int parent = (at - 1) / 2;
        if (!comes_before(merge, input, merge->queue[parent]))
            break;
        merge->queue[at] = merge->queue[parent];
        at = parent;
    }
    merge->queue[at] = input;
}

static int heap_take(struct merge *merge)
{
    int first = merge->queue[0], moved = merge->queue[--merge->queue_count], at = 0;
    for (int child = 1; child < merge->queue_count; child = 2 * at + 1) {
        if (child + 1 < merge->queue_count &&
            comes_before(merge, merge->queue[child + 1], merge->queue[child]))
            child++;
        if (!comes_before(merge, merge->queue[child], moved))
            break;
        merge->queue[at] = merge->queue[child];
        at = child;
    }
    merge->queue[at] = moved;
    return first;
}

static void ring_add(struct merge *merge, int input)
{
    merge->queue[(merge->ring_start + merge->queue_count++) % merge->shape.inputs] = input;
}

static int ring_take(struct merge *merge)
{
    int first = merge->queue[merge->ring_start];
    merge->ring_start = (merge->ring_start + 1) % merge->shape.inputs;
    merge->queue_count--;
    return first;
}

bool merge_wants(const struct merge *merge, int input)
{
    const struct slot *slot = &merge->slots[input];
    return !slot->full && !slot->ended && merge->remaining != 0;
}

static void store_row(struct slot *slot, const uint8_t *row, size_t length)
{
    bool wasteful = slot->capacity > SLOT_KEPT && length < slot->capacity / 4;
    if (slot->capacity < length || wasteful) {
        free(slot->row);
        slot->capacity = length + length / 4;
        slot->row = memory_alloc(slot->capacity);
    }
    memcpy(slot->row, row, length);
    slot->length = length;
}

/* The row in the slot loses its hidden columns at the end; they stay in memory for its sort keys. */
static void hide_columns(const struct merge *merge, struct slot *slot, const uint8_t *row)
{
    int visible = merge->shape.column_count - merge->shape.hidden;
    if (merge->shape.hidden == 0)
        return;
    slot->length =
        (size_t) (merge->fields[visible].bytes - 4 - row); /* before the first hidden one's length */
    slot->row[0] = (uint8_t) (visible >> 8);
    slot->row[1] = (uint8_t) visible;
}

bool merge_push(struct merge *merge, int input, const uint8_t *row, size_t length, struct error *error)
{
    struct slot *slot = &merge->slots[input];
    if (merge->remaining == 0) /* still on its way when the limit was reached */
        return true;
    assert(!slot->full && !slot->ended);
    if (!data_row_read(row, length, merge->fields, merge->shape.column_count, error))
        return false;
    store_row(slot, row, length);
    for (int key = 0; key < merge->shape.key_count; key++) {
        int column = merge->keys[key].column;
        struct field field = merge->fields[column];
        field.bytes = slot->row + (field.bytes - row);
        if (!sort_value_read(merge->types[key], merge->columns[column].format, &field, &slot->values[key],
                             error))
            return false;
    }
    hide_columns(merge, slot, row);
    slot->full = true;
    merge->owing--;
    if (merge->shape.key_count > 0)
        heap_add(merge, input);
    else
        ring_add(merge, input);
    return true;
}

void merge_end_input(struct merge *merge, int input)
{
    struct slot *slot = &merge->slots[input];
    if (slot->ended)
        return;
    slot->ended = true;
    if (!slot->full)
        merge->owing--;
}

/* The input whose row is next, out of the queue; -1 if none may leave yet. */
static int take_next(struct merge *merge)
{
    bool ordered = merge->shape.key_count > 0;
    if (merge->queue_count == 0 || (ordered && merge->owing > 0))
        return -1;
    int input = ordered ? heap_take(merge) : ring_take(merge);
    struct slot *slot = &merge->slots[input];
    slot->full = false;
    if (!slot->ended)
        merge->owing++;
    return input;
}

enum merge_step merge_next(struct merge *merge, const uint8_t **row, size_t *length)
{
    while (merge->remaining != 0) {
        int input = take_next(merge);
        if (input < 0)
            return merge->owing > 0 ? MERGE_WAIT : MERGE_DONE;
        if (merge->skip > 0) {
            merge->skip--;
            continue;
        }
        if (merge->remaining > 0)
            merge->remaining--;
        merge->source = input;
        *row = merge->slots[input].row;
        *length = merge->slots[input].length;
        return MERGE_ROW;
    }
    return MERGE_DONE;
}

int merge_source(const struct merge *merge)
{
    return merge->source;
}

void merge_hold(struct merge *merge)
{
    struct slot *slot = &merge->slots[merge->source], held = *slot;
    slot->row = merge->held.row;
    slot->capacity = merge->held.capacity;
    slot->values = merge->held.values;
    merge->held = held;
}

bool merge_equals_held(const struct merge *merge)
{
    return compare_keys(merge, &merge->slots[merge->source], &merge->held) == 0;
}

bool merge_tag_count(const char *tag, uint64_t *rows)
{
    const char *digits = strrchr(tag, ' ');
    if (digits == NULL || digits[1] == '\0')
        return false;
    uint64_t count = 0;
    for (digits++; *digits; digits++)
        if (*digits < '0' || *digits > '9' || __builtin_mul_overflow(count, 10, &count) ||
            __builtin_add_overflow(count, (uint64_t) (*digits - '0'), &count))
            return false;
    if (__builtin_add_overflow(*rows, count, &count))
        return false;
    *rows = count;
    return true;
}
