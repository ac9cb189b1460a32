/* What a service tells the others, read over the bus as they read it. */
#include "tests/support/events.h"

#include "tests/support/scratch.h"

json_t *ask_events(struct caller_bus *bus, enum stack_part part, const char *subscriber, json_int_t after)
{
    struct bus_answer answer =
        call_service_method(bus, part, text("%s.events", stack_part_name(part)), 0, "", NULL,
                            text("{\"subscriber\":\"%s\",\"after\":%lld}", subscriber, (long long)after));
    assert_int_equal(answer.error, OK);
    return answer.body;
}

json_int_t read_events(struct caller_bus *bus, enum stack_part part, const char *subscriber, json_int_t after,
                       void on_event(void *context, const char *name, const json_t *body), void *context)
{
    for (;;) {
        json_t *events = ask_events(bus, part, subscriber, after), *event;
        size_t i;
        if (json_array_size(events) == 0)
            return after;
        json_array_foreach(events, i, event)
        {
            json_int_t number = json_integer_value(json_object_get(event, "number"));
            assert_true(number == after + 1 || (after == 0 && number > 0));
            after = number;
            json_t *body = json_loads(json_string_value(json_object_get(event, "body")), 0, NULL);
            if (on_event != NULL)
                on_event(context, json_string_value(json_object_get(event, "name")), body);
            json_decref(body);
        }
    }
}

struct story {
    const char *key;
    json_int_t id;
    char *text;
};

static void add_to_story(void *context, const char *name, const json_t *body)
{
    struct story *story = context;
    const char *reason = json_string_value(json_object_get(body, "reason"));
    if (json_integer_value(json_object_get(body, story->key)) == story->id)
        story->text = text("%s%s%s%s%s", story->text, *story->text != '\0' ? ", " : "", name, reason != NULL ? " " : "",
                           reason != NULL ? reason : "");
}

char *story_of(struct caller_bus *bus, enum stack_part part, const char *key, json_int_t id)
{
    struct story story = {key, id, ""};
    read_events(bus, part, "storyteller", 0, add_to_story, &story);
    return story.text;
}
