/* The last test: what all suites recorded, against the contract's tables. Fails for a route's success, a declared error
 * or an event that no suite met, for a suite that left no record, and for a reply or an event that breaks the tables.
 * Arguments: the suites' names. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract.h"
#include "tests/support/scratch.h"

enum { MAX_ROUTES = 256, MAX_VARIANTS = 16, MAX_EVENTS = 64 };

struct coverage {
    bool succeeded[MAX_ROUTES];
    bool varied[MAX_VARIANTS];
    bool told[MAX_EVENTS];
    uint64_t met[MAX_ROUTES]; /* bit n: enum error n */
    size_t records, breaches, missing;
};

static void count_success(struct coverage *coverage, const struct route *route, json_int_t status)
{
    if (status == route->status)
        coverage->succeeded[route - proto_routes] = true;
    for (size_t i = 0; i < proto_variant_count; i++)
        if (proto_variants[i].method == route->method && proto_variants[i].status == status)
            coverage->varied[i] = true;
}

static void count_record(struct coverage *coverage, const json_t *record)
{
    const char *name = json_string_value(json_object_get(record, "route"));
    const struct route *route = name != NULL ? contract_route_named(name) : NULL;
    const struct kept_event *event = contract_event(record);
    coverage->records++;
    if (event != NULL)
        coverage->told[event - proto_kept_events] = true;
    if (route == NULL)
        return;
    enum error error = contract_error(record);
    size_t index = (size_t)(route - proto_routes);
    if (error != OK)
        coverage->met[index] |= UINT64_C(1) << error;
    else
        count_success(coverage, route, json_integer_value(json_object_get(record, "status")));
}

static void read_suite(struct coverage *coverage, const char *suite)
{
    FILE *file = fopen(text("%s/%s.jsonl", RECORDS_DIR, suite), "re");
    if (file == NULL) {
        printf("no record of the suite %s: run it first\n", suite);
        coverage->missing++;
        return;
    }
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, file) > 0) {
        json_t *record = json_loads(line, 0, NULL);
        assert(record != NULL);
        char *breach = contract_breach(record);
        if (breach != NULL) {
            printf("broken in %s: %s\n  %s", suite, breach, line);
            coverage->breaches++;
        }
        count_record(coverage, record);
        json_decref(record);
    }
    free(line);
    fclose(file);
}

static void list_missing(struct coverage *coverage)
{
    for (size_t i = 0; i < proto_route_count; i++) {
        char *name = contract_route_name(&proto_routes[i]);
        uint64_t unmet = proto_route_errors(&proto_routes[i]) & ~coverage->met[i];
        if (!coverage->succeeded[i]) {
            printf("never hit: %s → %d\n", name, proto_routes[i].status);
            coverage->missing++;
        }
        for (int error = 1; error < ERROR_COUNT; error++) {
            if ((unmet & (UINT64_C(1) << error)) == 0)
                continue;
            printf("never hit: %s → %s\n", name, error_code((enum error)error));
            coverage->missing++;
        }
    }
}

static void list_missing_variants(struct coverage *coverage)
{
    for (size_t i = 0; i < proto_variant_count; i++) {
        if (coverage->varied[i])
            continue;
        printf("never hit: %s → %d %s\n", proto_variants[i].method->name, proto_variants[i].status,
               proto_variants[i].message->name);
        coverage->missing++;
    }
}

static void list_missing_events(struct coverage *coverage)
{
    for (size_t i = 0; i < proto_kept_event_count; i++) {
        if (coverage->told[i])
            continue;
        printf("never told: %s\n", proto_kept_events[i].name);
        coverage->missing++;
    }
}

int main(int argc, char **argv)
{
    struct coverage coverage = {0};
    assert(proto_route_count <= MAX_ROUTES && proto_variant_count <= MAX_VARIANTS &&
           proto_kept_event_count <= MAX_EVENTS);
    for (int i = 1; i < argc; i++)
        read_suite(&coverage, argv[i]);
    list_missing(&coverage);
    list_missing_variants(&coverage);
    list_missing_events(&coverage);
    printf("%zu routes, %zu events, %zu kinds seen, %zu broken, %zu missing\n", proto_route_count,
           proto_kept_event_count, coverage.records, coverage.breaches, coverage.missing);
    scratch_free();
    return coverage.breaches + coverage.missing > 0;
}
