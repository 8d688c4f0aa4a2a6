#include "tests/bench/floor_delivery.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "tests/bench/bench.h"

enum {
    ID = 16, /* of a message: the number, in growing order */
    TEXT = 100,
    PLAIN = ID + 12 + TEXT,
    LENGTH = 2,
    TAG = crypto_aead_chacha20poly1305_ietf_ABYTES,
    RECORD = LENGTH + PLAIN + TAG,
    ACK = LENGTH + 8 + TAG,
    RECORDS_MAX = 4096 /* in one piece */
};

/* Sealing has a key and a nonce that counts. */
struct seal {
    uint8_t key[crypto_aead_chacha20poly1305_ietf_KEYBYTES];
    uint64_t count;
};

static const uint8_t *next_nonce(struct seal *seal)
{
    static uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    memcpy(nonce + 4, &seal->count, sizeof seal->count);
    seal->count++;
    return nonce;
}

static void seal_record(struct seal *seal, const void *plain, size_t length, uint8_t *record)
{
    record[0] = (uint8_t)(length + TAG);
    record[1] = (uint8_t)((length + TAG) >> 8);
    crypto_aead_chacha20poly1305_ietf_encrypt(record + LENGTH, NULL, plain, length, record, LENGTH,
                                              NULL, next_nonce(seal), seal->key);
}

static void open_record(struct seal *seal, const uint8_t *record, size_t size, void *plain)
{
    if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, record + LENGTH, size - LENGTH,
                                                  record, LENGTH, next_nonce(seal), seal->key) != 0)
        bench_die("decryption");
}

/* --- The database of a side --- */

struct log {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *insert, *mark;
    uint64_t last; /* row */
};

static const char setup[] =
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "CREATE TABLE message(id INTEGER PRIMARY KEY, peer INTEGER NOT NULL, name BLOB NOT NULL UNIQUE,"
    " time INTEGER NOT NULL, state INTEGER NOT NULL, body BLOB NOT NULL)";

static sqlite3_stmt *prepare(struct log *log, const char *sql)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(log->db, sql, -1, &statement, NULL) != SQLITE_OK)
        bench_die(sqlite3_errmsg(log->db));
    return statement;
}

static void log_open(struct log *log, const char *directory, const char *name)
{
    char *path = xasprintf("%s/%s.db", directory, name);

    *log = (struct log){0};
    if (sqlite3_open(path, &log->db) != SQLITE_OK ||
        sqlite3_exec(log->db, setup, NULL, NULL, NULL) != SQLITE_OK)
        bench_die(path);
    free(path);
    log->begin = prepare(log, "BEGIN IMMEDIATE");
    log->commit = prepare(log, "COMMIT");
    log->insert = prepare(log, "INSERT INTO message VALUES(?1, 1, ?2, ?3, 0, ?4)");
    log->mark = prepare(log, "UPDATE message SET state = 2 WHERE id > ?1 AND id <= ?2");
}

static void log_close(struct log *log, const char *directory, const char *name)
{
    char *path = xasprintf("%s/%s.db", directory, name);

    sqlite3_finalize(log->begin);
    sqlite3_finalize(log->commit);
    sqlite3_finalize(log->insert);
    sqlite3_finalize(log->mark);
    sqlite3_close(log->db); /* which removes the WAL */
    unlink(path);
    free(path);
}

static void run(sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        bench_die("SQLite");
    sqlite3_reset(statement);
}

static void log_insert(struct log *log, const uint8_t plain[PLAIN])
{
    sqlite3_bind_int64(log->insert, 1, (sqlite3_int64)++log->last);
    sqlite3_bind_blob(log->insert, 2, plain, ID, SQLITE_STATIC);
    sqlite3_bind_int64(log->insert, 3, 1700000000000 + (sqlite3_int64)log->last);
    sqlite3_bind_blob(log->insert, 4, plain + PLAIN - TEXT, TEXT, SQLITE_STATIC);
    run(log->insert);
}

static void log_mark(struct log *log, uint64_t after, uint64_t through)
{
    sqlite3_bind_int64(log->mark, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(log->mark, 2, (sqlite3_int64)through);
    run(log->mark);
}

/* --- The connection --- */

static void send_all(int fd, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = write(fd, bytes, length);
        if (sent <= 0)
            bench_die("write");
        bytes += sent;
        length -= (size_t)sent;
    }
}

/* What came in and is not taken yet. */
struct input {
    uint8_t bytes[1 << 18];
    size_t length;
};

static bool receive(struct input *input, int fd)
{
    ssize_t got = read(fd, input->bytes + input->length, sizeof input->bytes - input->length);

    if (got < 0)
        bench_die("read");
    input->length += (size_t)got;
    return got > 0;
}

static void drop(struct input *input, size_t length)
{
    memmove(input->bytes, input->bytes + length, input->length - length);
    input->length -= length;
}

static void no_delay(int fd)
{
    int on = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        bench_die("TCP_NODELAY");
}

static int listen_on(struct sockaddr_in *ret_address)
{
    socklen_t length = sizeof *ret_address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret_address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (listener < 0 || bind(listener, (struct sockaddr *)ret_address, length) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)ret_address, &length) < 0)
        bench_die("listen");
    return listener;
}

/* --- The receiver --- */

/* Takes up to a batch out of what came in, and acknowledges it. */
static size_t take_batch(const struct floor_settings *settings, struct log *log,
                         struct seal seals[2], const struct input *input, size_t at, int fd)
{
    uint8_t plain[PLAIN], ack[ACK];

    run(log->begin);
    for (size_t i = 0; i < settings->batch && input->length - at >= RECORD; i++) {
        open_record(&seals[0], input->bytes + at, RECORD, plain);
        log_insert(log, plain);
        at += RECORD;
    }
    run(log->commit);
    seal_record(&seals[1], &log->last, sizeof log->last, ack);
    send_all(fd, ack, sizeof ack);
    return at;
}

static void receive_all(const struct floor_settings *settings, struct seal seals[2], int listener)
{
    static struct input input;
    struct log log;
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        bench_die("accept");
    no_delay(fd);
    log_open(&log, settings->directory, "receiver");
    send_all(fd, (const uint8_t *)"", 1); /* ready */
    while (log.last < settings->count && receive(&input, fd)) {
        size_t at = 0;
        while (input.length - at >= RECORD)
            at = take_batch(settings, &log, seals, &input, at, fd);
        drop(&input, at);
    }
    log_close(&log, settings->directory, "receiver");
    close(fd);
}

/* --- The sender --- */

struct sender {
    const struct floor_settings *settings;
    struct seal *seals;
    struct log log; /* its `last` is what was sent */
    struct input input;
    int fd;
    uint64_t acked, marked;
    double *began, *took; /* of each message, in seconds */
    uint8_t out[RECORDS_MAX * RECORD];
};

static size_t may_send(const struct sender *s)
{
    size_t left = s->settings->count - s->log.last;
    size_t open = s->settings->window - (s->log.last - s->acked);

    left = left < open ? left : open;
    return left < s->settings->batch ? left : s->settings->batch;
}

static void send_batch(struct sender *s, size_t count)
{
    double now = bench_seconds();
    uint8_t plain[PLAIN];

    must(count <= RECORDS_MAX);
    memset(plain, 'x', sizeof plain);
    run(s->log.begin);
    if (s->acked > s->marked)
        log_mark(&s->log, s->marked, s->acked);
    s->marked = s->acked;
    for (size_t i = 0; i < count; i++) {
        s->began[s->log.last] = now;
        for (unsigned j = 0; j < 8; j++)
            plain[j] = (uint8_t)(s->log.last >> (56 - 8 * j));
        log_insert(&s->log, plain);
        seal_record(&s->seals[0], plain, sizeof plain, s->out + i * RECORD);
    }
    run(s->log.commit);
    send_all(s->fd, s->out, count * RECORD);
}

static void take_acks(struct sender *s)
{
    size_t at = 0;

    if (!receive(&s->input, s->fd))
        bench_die("the receiver");
    double now = bench_seconds();
    for (; s->input.length - at >= ACK; at += ACK) {
        uint64_t through;
        open_record(&s->seals[1], s->input.bytes + at, ACK, &through);
        for (; s->acked < through; s->acked++)
            s->took[s->acked] = now - s->began[s->acked];
    }
    drop(&s->input, at);
}

/* Fills the window by half a batch or more, so that transactions stay large. */
static bool is_worth_it(const struct sender *s, size_t count)
{
    return count > 0 && (count >= s->settings->batch / 2 || s->log.last == s->acked ||
                         count == s->settings->count - s->log.last);
}

static void send_messages(struct sender *s)
{
    while (s->acked < s->settings->count) {
        struct pollfd readable = {.fd = s->fd, .events = POLLIN};
        size_t count = may_send(s);
        if (is_worth_it(s, count)) {
            send_batch(s, count);
            if (may_send(s) > 0 && poll(&readable, 1, 0) <= 0)
                continue;
        }
        take_acks(s);
    }
    run(s->log.begin);
    log_mark(&s->log, s->marked, s->acked);
    run(s->log.commit);
}

static int connect_to(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char ready;

    if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof *address) < 0)
        bench_die("connect");
    no_delay(fd);
    if (read(fd, &ready, 1) != 1)
        bench_die("the receiver");
    return fd;
}

static struct floor_result send_all_messages(const struct floor_settings *settings,
                                             struct seal seals[2],
                                             const struct sockaddr_in *address)
{
    struct sender *s = xcalloc(1, sizeof *s);
    struct floor_result result;

    s->settings = settings;
    s->seals = seals;
    s->began = xcalloc(settings->count, sizeof *s->began);
    s->took = xcalloc(settings->count, sizeof *s->took);
    s->fd = connect_to(address);
    log_open(&s->log, settings->directory, "sender");
    double processor = bench_own_seconds(), start = bench_seconds();
    send_messages(s);
    result.wall_s = bench_seconds() - start;
    result.processor_s = bench_own_seconds() - processor;
    result.median_s = bench_median(s->took, settings->count);
    log_close(&s->log, settings->directory, "sender");
    close(s->fd);
    free(s->began);
    free(s->took);
    free(s);
    return result;
}

struct floor_result floor_delivery(const struct floor_settings *settings)
{
    struct seal seals[2] = {0};
    struct sockaddr_in address;
    struct floor_result result;
    int status, listener = listen_on(&address);

    if (sodium_init() < 0)
        bench_die("libsodium");
    randombytes_buf(seals[0].key, sizeof seals[0].key);
    randombytes_buf(seals[1].key, sizeof seals[1].key);
    double children = bench_children_seconds();
    pid_t receiver = fork();
    if (receiver < 0)
        bench_die("fork");
    if (receiver == 0) {
        receive_all(settings, seals, listener);
        _exit(EXIT_SUCCESS);
    }
    result = send_all_messages(settings, seals, &address);
    if (waitpid(receiver, &status, 0) < 0 || status != 0)
        bench_die("the receiver");
    close(listener);
    result.processor_s += bench_children_seconds() - children;
    return result;
}
