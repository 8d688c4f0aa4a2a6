#include "daemon/event.h"

#include "common/alloc.h"
#include "common/api.h"
#include "common/digits.h"
#include "common/json.h"

void event_put_peer(struct json_writer *w, const struct node_peer *peer)
{
    const bool is_classic = peer != NULL && peer->is_classic;

    json_put_string(w, "peer", peer != NULL ? peer->alias : NULL);
    json_put_string(w, "peer_id", peer != NULL && !is_classic ? peer->peer_id : NULL);
    if (is_classic)
        json_put_bool(w, "classic", true);
}

/* Opens the object and writes the members that all events have; a seq of 0 is null. */
static void open_event(struct json_writer *w, struct bytes *out, uint64_t seq, int type,
                       int64_t time_ms, const struct node_peer *peer)
{
    const struct api_event_row *event = api_event(type);

    must(event != NULL);
    json_write_init(w, out);
    json_write_open(w, '{');
    if (seq != 0)
        json_put_integer(w, "seq", (int64_t)seq);
    else
        json_put_null(w, "seq");
    json_put_time(w, "time", time_ms);
    json_put_string(w, "type", event->name);
    event_put_peer(w, peer);
}

/* Members that are JSON already, with nothing for the writer to do but the comma. */
static void splice_members(struct bytes *out, const char *members, size_t length)
{
    if (length == 0)
        return;
    bytes_u8(out, ',');
    bytes_append(out, members, length);
}

void event_write_row(struct bytes *out, const struct log_row *row, const struct node_peer *peer)
{
    struct json_writer w;

    open_event(&w, out, row->seq, row->type, row->time_ms, peer);
    if (row->stream != 0) {
        char id[DIGITS_MESSAGE_ID_MAX + 1];

        digits_message_id(row->epoch, row->number, id);
        json_put_string(&w, "id", id);
        json_write_name(&w, "text");
        json_write_string_n(&w, row->body, row->body_length);
    } else {
        if (row->type == EVENT_MESSAGE_FAILED) /* all that were not delivered before it */
            json_put_integer(&w, "through", (int64_t)row->seq - 1);
        splice_members(out, row->body, row->body_length);
    }
    json_write_close(&w, '}');
}

void event_write_unkept(struct bytes *out, const struct action *action,
                        const struct node_peer *peer)
{
    struct json_writer w;

    must(action->kind == ACTION_EVENT);
    open_event(&w, out, 0, action->event.type, action->event.time_ms, peer);
    splice_members(out, action->event.fields, action->event.length);
    json_write_close(&w, '}');
}
