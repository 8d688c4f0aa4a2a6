#include "ctl/output.h"

void output_json_line(struct bytes *out, const struct json *value)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_value(&w, value);
    bytes_u8(out, '\n');
}

static void result_line(struct bytes *out, enum look look, enum api_method method,
                        const struct json *result)
{
    (void)look;
    (void)method;
    output_json_line(out, result);
}

static void event_line(struct bytes *out, enum look look, const struct json *event)
{
    (void)look;
    output_json_line(out, event);
}

const struct output OUTPUT_JSON = {.result = result_line, .event = event_line};
