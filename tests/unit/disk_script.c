#include "tests/unit/disk_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/api.h"
#include "tests/support/model_store.h"
#include "tests/unit/unit.h"

enum { STREAMS_MAX = 64, PEERS = 3, NUMBERS_MAX = 512, KEYS_MAX = 256 };

struct stream_plan {
    bool is_live;
    uint32_t peer;
    enum direction direction;
    uint64_t last, acked;
    uint64_t seqs[NUMBERS_MAX];
    size_t lengths[NUMBERS_MAX];
};

struct key_plan {
    uint32_t stream, peer;
    char key[16];
    char text[64];
};

/* What the transactions made so far will have led to. */
struct planner {
    uint64_t seed;
    uint64_t seq;
    uint32_t streams, peers, requests;
    struct stream_plan stream[STREAMS_MAX];
    struct key_plan keys[KEYS_MAX];
    size_t key_count;
};

static uint64_t draw(struct planner *p, uint64_t bound)
{
    uint64_t z = p->seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % bound;
}

/* --- Transactions --- */

static void open_stream(struct planner *p, struct transaction *t, uint32_t peer,
                        enum direction direction)
{
    must(++p->streams < STREAMS_MAX);
    p->stream[p->streams] =
        (struct stream_plan){.is_live = true, .peer = peer, .direction = direction};
    add_stream(t, p->streams, peer, direction);
}

/* A live one of this direction; there is always one. */
static uint32_t draw_stream(struct planner *p, enum direction direction)
{
    uint32_t number;

    do
        number = 1 + (uint32_t)draw(p, p->streams);
    while (!p->stream[number].is_live || p->stream[number].direction != direction);
    return number;
}

/* Mostly short; some fill a page, some several. */
static size_t draw_length(struct planner *p)
{
    const uint64_t what = draw(p, 20);

    return 1 + draw(p, what == 0 ? 9000 : what < 4 ? 1000 : 60);
}

static void send_message(struct planner *p, struct transaction *t)
{
    const uint32_t number = draw_stream(p, DIRECTION_OUT);
    struct stream_plan *stream = &p->stream[number];
    const size_t length = draw_length(p);
    char *text = xcalloc(1, length + 1);
    struct key_plan *key = NULL;

    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + (i + p->seq) % 26);
    if (length < sizeof(key->text) && draw(p, 2) == 0 && p->key_count < KEYS_MAX) {
        key = &p->keys[p->key_count++];
        *key = (struct key_plan){.stream = number, .peer = stream->peer};
        snprintf(key->key, sizeof(key->key), "k%zu", p->key_count);
        strcpy(key->text, text);
    }
    add_sent(t, number, stream->peer, key != NULL ? key->key : NULL, text);
    free(text);
    must(++stream->last < NUMBERS_MAX);
    stream->seqs[stream->last] = ++p->seq;
    stream->lengths[stream->last] = length;
}

/* The same key again: adds nothing. */
static void repeat_message(struct planner *p, struct transaction *t)
{
    const struct key_plan *key = &p->keys[p->key_count > 0 ? draw(p, p->key_count) : 0];
    uint32_t stream;

    if (p->key_count == 0)
        return;
    do
        stream = draw_stream(p, DIRECTION_OUT);
    while (p->stream[stream].peer != key->peer);
    add_sent(t, stream, key->peer, key->key, draw(p, 2) == 0 ? key->text : "something else");
}

static void receive_message(struct planner *p, struct transaction *t)
{
    const uint32_t number = draw_stream(p, DIRECTION_IN);
    struct stream_plan *stream = &p->stream[number];

    stream->last++;
    p->seq++;
    add_received(t, number, stream->peer, stream->last, "what they said");
}

static void deliver(struct planner *p, struct transaction *t)
{
    const uint32_t number = draw_stream(p, DIRECTION_OUT);
    struct stream_plan *stream = &p->stream[number];
    const uint64_t before = stream->acked;
    uint64_t bytes = 0;

    if (stream->last == before)
        return;
    stream->acked += 1 + draw(p, stream->last - before);
    for (uint64_t i = before + 1; i <= stream->acked; i++)
        bytes += stream->lengths[i];
    add_acked(t, number, stream->peer, stream->acked, stream->seqs[stream->acked],
              stream->acked - before, bytes);
    add_event(t, EVENT_MESSAGE_DELIVERED, stream->peer, "\"count\":1");
    p->seq++;
}

static void replace_stream(struct planner *p, struct transaction *t)
{
    const enum direction direction = draw(p, 2) == 0 ? DIRECTION_IN : DIRECTION_OUT;
    const uint32_t number = draw_stream(p, direction);

    p->stream[number].is_live = false;
    add_gone(t, number);
    open_stream(p, t, p->stream[number].peer, direction);
}

static void change_request(struct planner *p, struct transaction *t)
{
    const uint32_t request = 1 + (uint32_t)draw(p, p->requests + 1);

    if (request > p->requests)
        p->requests = request;
    if (draw(p, 3) == 0)
        transaction_add(t, CHANGE_REQUEST_GONE)->request.request = request;
    else
        add_request(t, request, 1 + (uint32_t)draw(p, PEERS));
}

static void change_peer(struct planner *p, struct transaction *t)
{
    const uint32_t peer = 1 + (uint32_t)draw(p, p->peers + 1);
    char alias[16];

    if (peer > p->peers)
        p->peers = peer;
    if (peer > PEERS && draw(p, 2) == 0) {
        transaction_add(t, CHANGE_PEER_GONE)->peer.peer = peer;
        return;
    }
    snprintf(alias, sizeof(alias), "p%u-%u", (unsigned)peer, (unsigned)draw(p, 100));
    add_peer(t, peer, alias);
}

/* In each transaction, so that none leaves everything as it was. */
static void change_meta(struct transaction *t)
{
    struct change *change = transaction_add(t, CHANGE_META);

    change->meta.name = META_RECORD_SEQUENCE;
    change->meta.value = t->ticket;
}

static void happen(struct planner *p, struct transaction *t)
{
    add_event(t, EVENT_SECURITY_WARNING, 0, "\"reason\":\"none\"");
    p->seq++;
}

static struct transaction *first_transaction(struct planner *p)
{
    struct transaction *t = transaction_new(1);

    p->peers = PEERS;
    for (uint32_t peer = 1; peer <= PEERS; peer++) {
        char alias[8];

        snprintf(alias, sizeof(alias), "p%u", (unsigned)peer);
        add_peer(t, peer, alias);
        open_stream(p, t, peer, DIRECTION_OUT);
        open_stream(p, t, peer, DIRECTION_IN);
    }
    return t;
}

static struct transaction *next_transaction(struct planner *p, uint64_t ticket)
{
    static void (*const changes[])(struct planner * p, struct transaction * t) = {
        send_message,   send_message,    send_message,    send_message,    send_message,
        repeat_message, receive_message, receive_message, receive_message, deliver,
        deliver,        replace_stream,  change_request,  change_peer,     happen};
    struct transaction *t = transaction_new(ticket);

    do
        changes[draw(p, sizeof(changes) / sizeof(changes[0]))](p, t);
    while (draw(p, 3) == 0);
    change_meta(t);
    t->lazy = ticket % 50 == 7;
    return t;
}

/* Consumers come, move on, and now and then one goes. */
static void move_consumer(struct disk_step *step, size_t number)
{
    const bool is_gone = number % 27 == 22;

    step->consumer.seq = is_gone ? 0 : number;
    snprintf(step->consumer.name, sizeof(step->consumer.name), "c%zu",
             (is_gone ? number - 9 : number) % 4);
}

static void plan_step(struct planner *p, struct disk_step *step, size_t number)
{
    *step = (struct disk_step){0};
    if (number == 0)
        step->transaction = first_transaction(p);
    else if (number % 9 == 4)
        move_consumer(step, number);
    else
        step->transaction = next_transaction(p, number + 1);
}

/* --- Dumps --- */

static void dump_value(struct bytes *out, sqlite3_stmt *row, int column)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = sqlite3_column_blob(row, column);
    const int length = sqlite3_column_bytes(row, column);

    bytes_text(out, " ");
    if (sqlite3_column_type(row, column) != SQLITE_BLOB) {
        const char *text = (const char *)sqlite3_column_text(row, column);

        bytes_text(out, text != NULL ? text : "-");
        return;
    }
    for (int i = 0; i < length; i++) {
        bytes_u8(out, (uint8_t)digits[bytes[i] >> 4]);
        bytes_u8(out, (uint8_t)digits[bytes[i] & 15]);
    }
}

static void dump_query(struct bytes *out, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *row;
    int rc;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(row); i++)
            dump_value(out, row, i);
        bytes_text(out, "\n");
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(row);
}

/* All but what depends on the time. */
const char *disk_script_dump(struct disk_script *script, const char *directory)
{
    static const char *const queries[] = {
        "PRAGMA quick_check",
        "SELECT 'log', * FROM log ORDER BY seq",
        "SELECT 'peer', * FROM peer ORDER BY peer",
        "SELECT 'stream', * FROM stream ORDER BY stream",
        "SELECT 'request', * FROM request ORDER BY request",
        "SELECT 'meta', * FROM meta WHERE name NOT IN ('age', 'age_wall') ORDER BY name",
        "SELECT 'consumer', name, seq FROM consumer ORDER BY name",
        "SELECT 'number', * FROM sqlite_sequence ORDER BY name",
    };
    char path[128];
    const char *text;
    sqlite3 *db;

    bytes_clear(&script->dump);
    snprintf(path, sizeof(path), "%s/p2pchat.db", directory);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
        dump_query(&script->dump, db, queries[i]);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    bytes_u8(&script->dump, '\0');
    text = (const char *)bytes_data(&script->dump);
    assert_true(strncmp(text, " ok\n", 4) == 0);
    return text;
}

/* --- The script --- */

void disk_script_directory(char *ret_directory, size_t size)
{
    snprintf(ret_directory, size, "%s/p2pchat-disk-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(ret_directory));
}

void disk_script_init(struct disk_script *script)
{
    struct planner *planner = xcalloc(1, sizeof(*planner));
    struct store_rig rig = {.store = NULL};

    script->dump = BYTES_EMPTY;
    planner->seed = 1;
    disk_script_directory(rig.directory, sizeof(rig.directory));
    store_rig_open(&rig);
    script->expected[0] = xstrdup(disk_script_dump(script, rig.directory));
    for (size_t i = 0; i < DISK_SCRIPT_LENGTH; i++) {
        plan_step(planner, &script->steps[i], i);
        disk_script_append(script, rig.store, i, DISK_AT_ONCE);
        assert_int_equal(disk_script_take(&rig), OK);
        script->expected[i + 1] = xstrdup(disk_script_dump(script, rig.directory));
        assert_string_not_equal(script->expected[i], script->expected[i + 1]);
    }
    assert_true(store_last_seq(rig.store) == planner->seq);
    store_rig_done(&rig);
    free(planner);
}

void disk_script_done(struct disk_script *script)
{
    for (size_t i = 0; i < DISK_SCRIPT_LENGTH; i++)
        transaction_free(script->steps[i].transaction);
    for (size_t i = 0; i <= DISK_SCRIPT_LENGTH; i++)
        free(script->expected[i]);
    bytes_done(&script->dump);
}

void disk_script_append(const struct disk_script *script, struct store *store, size_t number,
                        enum disk_haste haste)
{
    const struct disk_step *step = &script->steps[number];

    if (step->transaction != NULL) {
        struct transaction *t = model_store_copy(step->transaction);

        t->lazy &= haste == DISK_AS_SCRIPTED;
        store_append(store, t);
    } else if (step->consumer.seq > 0) {
        store_put_consumer(store, number, &step->consumer, false);
    } else {
        store_drop_consumer(store, number, step->consumer.name);
    }
}

enum error disk_script_take(struct store_rig *rig)
{
    struct store_answer answer;

    do {
        answer = store_rig_take(rig);
        store_answer_done(&answer);
    } while (answer.kind == STORE_ROWS);
    if (answer.kind != STORE_KEPT)
        transaction_free(answer.transaction);
    return answer.error;
}

static void ignore_row(void *context, const struct change *row)
{
    (void)context;
    (void)row;
}

size_t disk_script_open(struct disk_script *script, struct store_rig *rig, size_t from, size_t to)
{
    char message[STORE_MESSAGE_MAX] = "";
    size_t number = from;
    const char *found;

    store_rig_open(rig);
    assert_int_equal(store_load(rig->store, ignore_row, NULL, message), STORE_OPENED);
    found = disk_script_dump(script, rig->directory);
    while (number <= to && strcmp(found, script->expected[number]) != 0)
        number++;
    if (number > to) {
        for (number = 0; number <= DISK_SCRIPT_LENGTH; number++)
            if (strcmp(found, script->expected[number]) == 0)
                print_error("it is as after %zu steps, not %zu to %zu\n", number, from, to);
        assert_string_equal(found, script->expected[from]);
    }
    return number;
}

static size_t line_length(const char *text)
{
    return strcspn(text, "\n") + 1;
}

static bool is_line(const char *line, const char *name)
{
    return strncmp(line, name, strlen(name)) == 0;
}

static void expect_trimmed(const char *found, const char *expected, uint64_t floor)
{
    while (*expected != '\0') {
        const bool is_floor = is_line(expected, " meta floor ") && is_line(found, " meta floor ");
        const size_t length = line_length(expected);

        if (is_floor || strncmp(found, expected, length) == 0)
            found += line_length(found);
        else if (!is_line(expected, " log ") || strtoull(expected + 5, NULL, 10) > floor)
            fail_msg("not as expected: %.100s", expected);
        expected += length;
    }
    assert_string_equal(found, "");
}

uint64_t disk_script_open_trimmed(struct disk_script *script, struct store_rig *rig)
{
    static const char name[] = " meta floor ";
    const char *found, *at;
    uint64_t floor;

    store_rig_open(rig);
    found = disk_script_dump(script, rig->directory);
    at = strstr(found, name);
    assert_non_null(at);
    floor = strtoull(at + strlen(name), NULL, 10);
    expect_trimmed(found, script->expected[DISK_SCRIPT_LENGTH], floor);
    return floor;
}

void disk_script_go_on(struct disk_script *script, struct store_rig *rig, size_t number)
{
    if (number == DISK_SCRIPT_LENGTH)
        return;
    disk_script_append(script, rig->store, number, DISK_AT_ONCE);
    assert_int_equal(disk_script_take(rig), OK);
    assert_string_equal(disk_script_dump(script, rig->directory), script->expected[number + 1]);
}
