/* How results and events are printed: one interface, two instances. What is fetched is not known
 * here, and who fetches does not know how it looks. */
#ifndef P2PCHAT_CTL_OUTPUT_H
#define P2PCHAT_CTL_OUTPUT_H

#include "common/api.h"
#include "common/bytes.h"
#include "common/json.h"
#include "ctl/phrase.h"

/* Each appends whole lines to `out`. What the daemon left out or sent as another type is shown as
 * missing. */
struct output {
    void (*result)(struct bytes *out, enum look look, enum api_method method,
                   const struct json *result);
    void (*event)(struct bytes *out, enum look look, const struct json *event);
};

/* For people: local times, tables, nothing that a terminal could take for a command. */
extern const struct output OUTPUT_TEXT;

/* For programs: what the daemon said, one object a line. */
extern const struct output OUTPUT_JSON;

/* Such a line, of any value. */
void output_json_line(struct bytes *out, const struct json *value);

#endif
