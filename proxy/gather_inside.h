/*
 * gather_inside: what the rooms of gather share: the flow (gather.c), the questions to the shards (gather_ask.c), the temporary tables
 * (gather_tables.c), EXPLAIN (gather_explain.c).
 */
#ifndef KEYWAY_GATHER_INSIDE_H
#define KEYWAY_GATHER_INSIDE_H

#include "proxy/explain.h"
#include "proxy/gather.h"
#include "proxy/gather_rows.h"

enum gather_step {
    STEP_EXAMINE, /* the home shard looks at the statement, and whether there can be tables; nothing else is under way */
    STEP_COLLECT, /* all shards run the parts; the home shard has been asked about the statement before */
    STEP_OPEN,    /* the home shard makes the temporary tables, and opens one for COPY */
    STEP_COPY,    /* rows are passed on to it */
    STEP_FINISH,  /* primary keys and statistics of the temporary tables */
    STEP_READY,   /* the query can be asked */
};


/* Where a shard's answers are: these, then the parts. */
enum {
    AT_EXAMINATION = -3,
    AT_COLUMNS = -2, /* the query in DECLARE CURSOR or COPY is described */
    AT_MODE = -1,    /* whether the transaction is READ ONLY */
};

/* The array of a column, as a parameter. */
struct gather_array {
    const uint8_t *value; /* of a Bind message, with its length before it; NULL: it is not known */
    size_t length;
    uint32_t type; /* 0: not known */
};

/* What a part is asked for with: an array from each of its sources; or none at all, and all rows are asked for. */
struct gather_keyed {
    struct gather_array *arrays;
    int count;
};

/* A part, or a question to the home shard, that others have their keys from. */
enum source_state { SOURCE_OF_NOTHING, SOURCE_AWAITED, SOURCE_KNOWN, SOURCE_TOO_LARGE };
struct gather_source {
    enum source_state state;
    int answers; /* of shards, awaited */
};

/* What a shard brings to a part. */
struct gather_share {
    size_t rows, bytes; /* that have moved; the home shard's need not */
    int answer;         /* of EXPLAIN: the number of its own plan */
};

struct gather_shard {
    struct reply_sink sink; /* first: the sink is the shard */
    struct gather *gather;
    struct server *server; /* NULL: lost */
    int number;
    int part;     /* whose answer comes next: its plan, if that is asked for, and then its rows … */
    int rows_end; /* … of parts before this one; of the others no rows are asked for */
    int explained; /* parts whose plan has come */
    struct gather_share *shares; /* by part */
    int awaited;  /* ReadyForQuery */
    bool done;    /* nothing is awaited from it */
    bool waiting; /* a row is left unread */
};

struct gather {
    struct reply_sink table_sink; /* first: of the home shard, while it fills temporary tables */
    struct run *run;
    struct plan *plan;       /* held; of EXPLAIN, that of the explained statement */
    const char *prefix;      /* of EXPLAIN: what stands before that; else empty */
    struct explanation *explanation; /* of EXPLAIN: the shards' plans of the parts are asked for, each before its rows; else NULL */
    bool explains_only;      /* … without ANALYZE: no rows are */
    bool wraps;              /* the query stands in DECLARE CURSOR or COPY */
    bool declares;           /* … in the former */
    bool keeps;              /* … or is read in steps, or writes: temporary tables must stay */
    bool refuses;            /* nothing is gathered: the statement is refused */
    struct error refusal;
    struct statement *learns; /* … unless it has another plan when the types of its parameters are known; NULL: it has none */
    struct route route; /* its arrays are the run's */
    const struct bind_message *bind; /* NULL in a Query */
    uint32_t *types;    /* of the statement's parameters; 0: not known yet */
    int type_count;
    bool plans;         /* the statement is planned, too, when it is examined; its second description is the one */
    bool analysed;      /* the first has come */
    enum gather_step step;
    struct gather_shard *shards;
    int shard_count;
    struct gather_shard *home;
    struct gather_rows *rows;      /* by part, and behind these by question for keys */
    struct gather_source *sources; /* likewise */
    int asked;                     /* parts so far: those behind wait for keys */
    struct gather_keyed *keyed;    /* by part */
    size_t held, bound;       /* bytes of rows that are held, and how many may be */
    bool asks_mode;           /* whether the transaction is READ ONLY is asked, and decides what the bound is */
    bool read_only;           /* there can be no tables */
    bool guards;              /* the transaction is READ ONLY, but tables can be made; the query itself may not write */
    bool tables;              /* rows go to temporary tables; those that are held, too */
    int part;                 /* the one being filled */
    int created;              /* parts whose table has been made */
    int table_answers;        /* ReadyForQuery awaited by table_sink */
    int64_t bytes;            /* that were moved */
    const uint8_t *description;
    size_t description_length;
    struct error error;
    bool told; /* the client has been sent the error */
};

/* In gather.c. */
void gather_fail(struct gather *gather, const struct error *error);
/* Something has ended: go on if nothing else is awaited. */
void gather_go_on(struct gather *gather);
/* Rows that were left unread may be taken now. */
void gather_wake(struct gather *gather);
void gather_refuse_read_only(struct gather *gather);
bool gather_takes_part(const struct gather *gather, int shard, int part);
/* Parts, and questions for keys. */
int gather_total(const struct gather *gather);
/* Is the copy of so many rows worth statistics and indexes? */
bool gather_is_worth_analyzing(const struct gather *gather, size_t rows);
/* Bytes move to the home shard; false: too many, and the gathering fails. */
bool gather_count(struct gather *gather, size_t length);

/* In gather_keys.c: numbers are those of parts, or, behind them, of questions to the home shard for keys alone. */
void gather_keys_begin(struct gather *gather);
/* A shard is asked for it, or has answered. */
void gather_keys_asked(struct gather *gather, int number);
void gather_keys_answered(struct gather *gather, int number);
bool gather_keys_are_awaited(const struct gather *gather, int number);
/* One more row of what is awaited; false: it is too large, and awaited no longer. */
bool gather_keys_have_room(struct gather *gather, int number, size_t length);
/* Parts from one on are no sources any more, if they are awaited. */
void gather_keys_give_up(struct gather *gather, int from);
/* The part needs to wait for keys no longer; with which it is to be asked for. */
bool gather_keys_are_settled(const struct gather *gather, int part);
void gather_keys_take(struct gather *gather, int part);
/* Of questions for keys: lines for EXPLAIN ANALYZE, in the arena. */
const char *gather_keys_describe(const struct gather *gather, struct arena *arena);

/* In gather_ask.c: all of these only write. */
void gather_ask_examination(struct gather *gather, const struct statement *statement);
void gather_ask_mode(struct gather *gather);
/* The part's rows, or from the home shard, if none of its rows matter, their description. */
void gather_ask_part(struct gather *gather, struct gather_shard *shard, int part);
/* How it finds them. */
void gather_ask_plan(struct gather *gather, struct gather_shard *shard, int part);
/* The temporary table of a part, with the home shard's own rows. */
void gather_ask_table(struct gather *gather, int part);

/* In gather_explain.c: the shard's plan of a part, if it is an EXPLAIN; this only writes. */
void gather_explain_part(struct gather_shard *shard, int part);
/* Is that the answer that comes next? */
bool gather_is_explaining(const struct gather_shard *shard);
void gather_explain_row(struct gather_shard *shard, const struct frame *frame);

/* In gather_tables.c: make the tables and fill them; ends with gather_go_on(). */
void gather_tables_open(struct gather *gather);
/* A row of the part being filled. */
void gather_tables_row(struct gather *gather, const struct frame *frame);
/* A shard has gone on to another part: the table may be complete. */
void gather_tables_progress(struct gather *gather);
/* Tell a COPY under way why it ends; NULL: its data are complete. */
void gather_tables_end_copy(struct gather *gather, const char *failure);

#endif
