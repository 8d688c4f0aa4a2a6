#include "daemon/store/load.h"

#include <string.h>

#include "common/address.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/core/limits.h"
#include "daemon/store/statement.h"
#include "daemon/store/store.h"

/* Numbers of rows are 32 bits wide. Half of them will never be used up, so what is beyond was not
 * written by us; and after each that is taken there is a next. */
#define ROW_NUMBER_TOP (UINT32_MAX / 2)

/* The longest text of these tables is a greeting (p2pchat-protocol(7), Consent). */
enum { GREETING_MAX = 1024 };

/* A value from disk that is not what its column allows was damaged there. The text and bytes of a
 * row are SQLite's until its statement goes on; the rows we fill only lend them. */
struct cursor {
    sqlite3_stmt *statement;
    int column;
    bool wrong;
    uint64_t queued, queued_bytes; /* of all streams so far: their sums are told to clients */
};

static uint64_t next_u64(struct cursor *c)
{
    return column_u64(c->statement, c->column++);
}

/* A number from `min` to `max`. */
static uint64_t next_number(struct cursor *c, uint64_t min, uint64_t max)
{
    const uint64_t value = next_u64(c);

    if (value < min || value > max)
        c->wrong = true;
    return value;
}

static uint32_t next_row_number(struct cursor *c)
{
    return (uint32_t)next_number(c, 1, ROW_NUMBER_TOP);
}

/* A number that clients are told, and that grows. */
static uint64_t next_counter(struct cursor *c)
{
    return next_number(c, 0, STORE_SEQ_TOP);
}

/* NULL, or at most `max` bytes. */
static char *next_text(struct cursor *c, size_t max)
{
    size_t length;
    const char *text = column_text(c->statement, c->column++, &length);

    if (text != NULL && (length > max || strlen(text) != length || !text_is_utf8(text, length)))
        c->wrong = true;
    return (char *)(uintptr_t)text;
}

static void next_bytes(struct cursor *c, uint8_t *out, size_t length)
{
    const void *bytes = sqlite3_column_blob(c->statement, c->column);

    if (bytes != NULL && (size_t)sqlite3_column_bytes(c->statement, c->column) == length)
        memcpy(out, bytes, length);
    else
        c->wrong = true;
    c->column++;
}

static void read_meta(struct cursor *c, struct change *row)
{
    row->meta.name = (enum meta_name)next_number(c, META_RECORD_SEQUENCE, META_LAST_SEQ);
    switch (row->meta.name) {
    case META_RECORD_SEQUENCE: /* wider on the wire, and with room for the next ones */
        row->meta.value = next_number(c, 0, INT64_MAX / 2);
        break;
    case META_LAST_SEQ:
        row->meta.value = next_counter(c);
        break;
    case META_LAST_PEER:
    case META_LAST_STREAM:
    case META_LAST_REQUEST:
        row->meta.value = next_number(c, 0, ROW_NUMBER_TOP);
        break;
    }
}

static void read_peer(struct cursor *c, struct change *row)
{
    struct peer_row *peer = &row->peer;

    peer->peer = next_row_number(c);
    next_bytes(c, peer->key, sizeof(peer->key));
    peer->alias = next_text(c, ADDRESS_NAME_MAX);
    peer->name = next_text(c, ADDRESS_NAME_MAX);
    peer->address = next_text(c, ADDRESS_TEXT_MAX);
    peer->record = (uint8_t *)(uintptr_t)sqlite3_column_blob(c->statement, c->column);
    peer->record_length = (size_t)sqlite3_column_bytes(c->statement, c->column++);
    if (peer->record_length > PEER_RECORD_BYTES_MAX)
        c->wrong = true;
    peer->consent = (enum consent)next_number(c, CONSENT_NONE, CONSENT_ENDING);
    next_bytes(c, peer->consent_id, sizeof(peer->consent_id));
    peer->verified = next_number(c, 0, 1) != 0;
    peer->blocked = next_number(c, 0, 1) != 0;
    peer->last_seen_ms = (int64_t)next_counter(c);
    peer->is_local = next_number(c, 0, 1) != 0;
    peer->is_classic = next_number(c, 0, 1) != 0;
}

static void read_stream(struct cursor *c, struct change *row)
{
    struct stream_row *stream = &row->stream;

    stream->stream = next_row_number(c);
    stream->peer = next_row_number(c);
    stream->direction = (enum direction)next_number(c, DIRECTION_IN, DIRECTION_OUT);
    stream->epoch = next_u64(c);
    /* Theirs may be as high as can be said; ours must have room. */
    stream->last =
        next_number(c, 0, stream->direction == DIRECTION_IN ? JSON_INTEGER_MAX : STORE_SEQ_TOP);
    stream->acked = next_number(c, 0, JSON_INTEGER_MAX);
    stream->acked_seq = next_counter(c);
    stream->queued = next_counter(c);
    stream->queued_bytes = next_counter(c);
    row->kind = stream->direction == DIRECTION_IN ? CHANGE_STREAM_IN : CHANGE_STREAM_OUT;
    row->kind = next_number(c, 0, 1) != 0 ? CHANGE_STREAM_GONE : row->kind;
    next_number(c, 1, 1); /* its peer is there */
    c->queued += stream->queued;
    c->queued_bytes += stream->queued_bytes;
    if (c->queued > STORE_SEQ_TOP || c->queued_bytes > STORE_SEQ_TOP)
        c->wrong = true;
}

static void read_request(struct cursor *c, struct change *row)
{
    struct request_row *request = &row->request;

    request->request = next_row_number(c);
    next_bytes(c, request->id, sizeof(request->id));
    request->peer = next_row_number(c);
    request->direction = (enum direction)next_number(c, DIRECTION_IN, DIRECTION_OUT);
    request->greeting = next_text(c, GREETING_MAX);
    request->address = next_text(c, ADDRESS_TEXT_MAX);
    request->left_ms = (int64_t)next_u64(c); /* that of one that expired may be below 0 */
    if (request->left_ms > (int64_t)STORE_SEQ_TOP)
        c->wrong = true;
    request->state = (enum request_state)next_number(c, REQUEST_PENDING, REQUEST_EXPIRED);
}

static void read_tracker(struct cursor *c, struct change *row)
{
    struct tracker_row *tracker = &row->tracker;

    tracker->address = next_text(c, ADDRESS_TEXT_MAX);
    tracker->has_key = sqlite3_column_type(c->statement, c->column) != SQLITE_NULL;
    if (tracker->has_key)
        next_bytes(c, tracker->key, sizeof(tracker->key));
    else
        c->column++;
    tracker->wish = (enum tracker_wish)next_number(c, TRACKER_AS_CONFIGURED, TRACKER_UNWANTED);
}

static void read_own_name(struct cursor *c, struct change *row)
{
    row->own_name = next_text(c, ADDRESS_NAME_MAX);
    if (row->own_name == NULL)
        c->wrong = true;
}

struct table {
    const char *sql;
    enum change_kind kind;
    void (*read)(struct cursor *c, struct change *row);
};

static const struct table tables[] = {
    /* The first column is enum meta_name. No log begins below 1. */
    {"SELECT 1, value FROM meta WHERE name = 'record_sequence'"
     " UNION ALL SELECT 2, seq FROM sqlite_sequence WHERE name = 'peer'"
     " UNION ALL SELECT 3, seq FROM sqlite_sequence WHERE name = 'stream'"
     " UNION ALL SELECT 4, seq FROM sqlite_sequence WHERE name = 'request'"
     " UNION ALL SELECT 5, CASE WHEN (SELECT min(seq) FROM log) < 1 THEN -1"
     " ELSE ifnull((SELECT max(seq) FROM log), 0) END ORDER BY 1",
     CHANGE_META, read_meta},
    {"SELECT peer, key, alias, name, address, record, consent, consent_id, verified, blocked,"
     " last_seen, local, classic FROM peer ORDER BY peer",
     CHANGE_PEER, read_peer},
    /* Closed ones are looked at too, as one may come to live again. */
    {"SELECT stream, peer, direction, epoch, last, acked, acked_seq, queued, queued_bytes, closed,"
     " closed = 1 OR peer IN (SELECT peer FROM peer) FROM stream ORDER BY stream",
     CHANGE_STREAM_IN, read_stream},
    {"SELECT request, id, peer, direction, greeting, address, left_ms, state"
     " FROM request ORDER BY request",
     CHANGE_REQUEST, read_request},
    {"SELECT address, key, wish FROM tracker ORDER BY address", CHANGE_TRACKER, read_tracker},
    {"SELECT value FROM meta WHERE name = 'own_name'", CHANGE_OWN_NAME, read_own_name},
};

static int load_table(sqlite3 *db, const struct table *table,
                      void (*row)(void *context, const struct change *row), void *context)
{
    struct cursor c = {0};
    int rc = sqlite3_prepare_v2(db, table->sql, -1, &c.statement, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(c.statement)) == SQLITE_ROW) {
        struct change change;

        memset(&change, 0, sizeof(change));
        change.kind = table->kind;
        c.column = 0;
        table->read(&c, &change);
        if (c.wrong) {
            rc = SQLITE_CORRUPT;
        } else {
            if (change.kind != CHANGE_STREAM_GONE)
                row(context, &change);
            rc = SQLITE_OK;
        }
    }
    sqlite3_finalize(c.statement);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int load_rows(sqlite3 *db, void (*row)(void *context, const struct change *row), void *context)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(tables) / sizeof(tables[0]); i++)
        rc = load_table(db, &tables[i], row, context);
    sqlite3_db_release_memory(db); /* none of these pages is read again */
    return rc;
}
