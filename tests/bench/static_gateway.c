/* The gateway with one thing more: below /static it serves the files of the folder BENCH_STATIC, as h2o serves files.
 * So a page of rooms can be held against a file of its size from the same process. Linked with --wrap=api_register. */
#include "gateway/api.h"

#include <stdlib.h>

void __real_api_register(h2o_hostconf_t *host);
void __wrap_api_register(h2o_hostconf_t *host);

void __wrap_api_register(h2o_hostconf_t *host)
{
    const char *folder = getenv("BENCH_STATIC");
    if (folder != NULL)
        h2o_file_register(h2o_config_register_path(host, "/static", 0), folder, NULL, NULL, 0);
    __real_api_register(host);
}
