/* JSON in, JSON out: a file to node's standard input, its output back. */
#include "tests/support/node.h"

#include "tests/support/scratch.h"

static void release(void *value)
{
    json_decref(value);
}

json_t *node_run(const struct stack *stack, const char *script, json_t *input)
{
    char *path = text("%s/%s.json", stack->folder, script);
    assert_int_equal(json_dump_file(input, path, 0), 0);
    json_decref(input);
    char *printed = shell("NODE_PATH=%s/node_modules node %s/tests/node/%s.js <%s", NODE_DIR, SOURCE_DIR, script, path);
    json_t *output = json_loads(printed, 0, NULL);
    if (output == NULL)
        fail_msg("%s.js printed %s", script, printed);
    scratch_defer(release, output);
    return output;
}
