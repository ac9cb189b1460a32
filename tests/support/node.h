/* Runs what tests/node/ holds: other people's JavaScript, to check ours with. A suite that uses it requires the fixture
 * node_packages (tests/CMakeLists.txt). */
#ifndef TESTS_SUPPORT_NODE_H
#define TESTS_SUPPORT_NODE_H

#include <jansson.h>

#include "tests/support/stack.h"

/* What tests/node/SCRIPT.js prints, as JSON, when it reads the input, which is taken; lives until the program ends. */
json_t *node_run(const struct stack *stack, const char *script, json_t *input);

#endif
