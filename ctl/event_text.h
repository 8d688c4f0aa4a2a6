/* Events as lines for people. */
#ifndef P2PCHAT_CTL_EVENT_TEXT_H
#define P2PCHAT_CTL_EVENT_TEXT_H

#include "common/bytes.h"
#include "common/json.h"
#include "ctl/phrase.h"

/* Appends one event: a line that begins with its local time; further lines of a text are indented.
 * An event of a type that this program does not know is shown as JSON. */
void event_text(struct bytes *out, enum look look, const struct json *event);

/* Width of the time and the gap behind it: where further lines of a text begin. */
enum { EVENT_INDENT = 21 };

#endif
