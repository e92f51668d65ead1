/*
 * execution: a statement that a run carries out, in either protocol, and how a server is asked to run it.
 */
#ifndef KEYWAY_EXECUTION_H
#define KEYWAY_EXECUTION_H

#include "proxy/query.h"
#include "proxy/run.h"

struct execution {
    struct plan *plan;
    const struct normalised *normalised;
    struct statement *statement; /* extended protocol; NULL in a Query */
    struct bind_message bind;
    bool described; /* Describe was asked for */
    bool once;      /* the statement will not come again: it is prepared without a name */
    int32_t limit;  /* of rows; 0: none */
};

/* Where it is bound: one that is read in steps is found there again, under the client's own name. */
const char *execution_portal(const struct execution *execution);

/*
 * Send it: `text` in place of the client's own, or NULL; `hidden` columns behind those that the client knows; without the values of
 * parameters that the text `lacks` (NULL: of none).  The reply, of one ReadyForQuery, goes to the sink.
 */
void execution_send(const struct execution *execution, const struct run *run, struct server *server, const char *text,
                    int hidden, const bool *lacks, struct reply_sink *sink);

#endif
