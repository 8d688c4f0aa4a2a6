/* How a request is told: in the log, to those who watch, and to whoever called. */
#include "daemon/core/node/tell.h"

#include "common/digits.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/ledger.h"

void tell_request_number(struct json_writer *w, const struct request_row *row)
{
    char text[1 + DIGITS_DECIMAL_MAX + 1] = "r";

    digits_decimal(row->request, text + 1);
    json_put_string(w, "request", text);
}

static const char *direction_name(enum direction direction)
{
    return direction == DIRECTION_IN ? "in" : "out";
}

/* To those who are watching now, when what led to it is durable. Takes `object` over. */
static void tell_live(struct node *node, int type, uint32_t peer, struct bytes object)
{
    struct effect *effect = ledger_effect(node, EFFECT_EVENT);

    effect->event = type;
    effect->peer = peer;
    effect->bytes = object;
}

void tell_request(struct node *node, int type, const struct request_row *row,
                  enum audience audience)
{
    const struct contact *contact = contacts_by_number(&node->contacts, row->peer);
    struct bytes object = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &object);
    json_write_open(&w, '{');
    tell_request_number(&w, row);
    json_put_string(&w, "direction", direction_name(row->direction));
    if (type == EVENT_CHAT_REQUESTED) {
        json_put_string(&w, "name", contact != NULL ? contact->row.name : NULL);
        json_put_string(&w, "address", row->address);
        json_put_string(&w, "greeting", row->greeting);
    }
    json_write_close(&w, '}');
    if (audience == LIVE_ONLY) {
        tell_live(node, type, row->peer, object);
        return;
    }
    ledger_log(node, type, row->peer, &object);
    bytes_done(&object);
}

void tell_timed_out(const struct node *node, struct json_writer *w)
{
    json_put_bool(w, "timed_out", true);
    if (node->stopping)
        json_put_bool(w, "stopping", true);
}

struct bytes tell_request_result(const struct node *node, const struct request_row *row,
                                 const char *source, const char *state, bool timed_out)
{
    const struct contact *contact = contacts_by_number(&node->contacts, row->peer);
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;

    json_write_init(&w, &result);
    json_write_open(&w, '{');
    if (row->request != 0)
        tell_request_number(&w, row);
    else
        json_put_null(&w, "request");
    if (contact != NULL)
        call_put_peer_id(&w, contact);
    json_put_string(&w, "alias", contact != NULL ? contact->row.alias : NULL);
    if (source != NULL)
        json_put_string(&w, "source", source);
    if (state != NULL)
        json_put_string(&w, "state", state);
    if (timed_out)
        tell_timed_out(node, &w);
    json_write_close(&w, '}');
    return result;
}
