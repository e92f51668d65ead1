/*
 * process: a Keyway that runs as a child of the test, from its start to its end.
 */
#ifndef KEYWAY_TEST_PROCESS_H
#define KEYWAY_TEST_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/* Start the program that KEYWAY names (default ./keyway) with this configuration; what it says goes to `log`.
 * It ends with the process that started it.  -1: could not fork. */
pid_t process_start(const char *configuration, const char *log);
/* Wait until it accepts connections; false: it ended, or did not within 20 s. */
bool process_await(pid_t pid, int port);
/* Wait for its end: its exit status, 1000 + the signal that ended it; -1 if it did not end within the time. */
int process_wait(pid_t pid, int timeout_ms);
/* The end of its log, on stderr. */
void process_show_log(const char *log);

#endif
