/* What a suite saw: each kind of reply, once, as a JSON line of RECORDS_DIR/SUITE.jsonl. The test contract_coverage
 * reads the files of all suites (tests/support/coverage/). */
#ifndef TESTS_SUPPORT_RECORD_H
#define TESTS_SUPPORT_RECORD_H

struct reply;
struct stack;

/* Begins the suite's file anew. */
void record_open(const char *suite);
void record_close(void);

/* Any thread. Does nothing where no file is open or no reply came. */
void record_reply(const struct reply *reply);

/* What the stack's services kept of what they told, as it is now. */
void record_events(const struct stack *stack);

#endif
