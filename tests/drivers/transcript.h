/*
 * transcript: what a driver saw, flow by flow.
 *
 * A script prints "== name" where a flow begins, and then what it sees, as lines of text of its own choice.
 * A line that begins with "!!" is an error that the flow did not expect.  The last flow is "end": a
 * transcript without it was cut short, which is a failure of that flow.
 */
#ifndef KEYWAY_DRIVERS_TRANSCRIPT_H
#define KEYWAY_DRIVERS_TRANSCRIPT_H

struct flow {
    const char *name;
    const char *text;
};

struct transcript {
    char *bytes; /* what names and texts point into */
    struct flow *flows;
    int count; /* one at least: "end" */
};

/* A file that cannot be read is an empty transcript. */
struct transcript transcript_read(const char *path);
void transcript_free(struct transcript *transcript);

/* Why a flow of the reference is not a passed test; NULL: it is one. */
const char *transcript_difference(const struct transcript *reference, const struct transcript *keyway,
                                  int flow);

#endif
