/* The control socket with everything around it replaced: a node that answers as a test tells it to,
 * a log that is a list, and clients that are plain sockets. All in one thread: while a test waits
 * for something, the loop runs. */
#ifndef P2PCHAT_TESTS_UNIT_CONTROL_RIG_H
#define P2PCHAT_TESTS_UNIT_CONTROL_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "daemon/control.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

enum { RIG_CALLS_MAX = 4096, RIG_QUESTIONS_MAX = 64, RIG_WRITES_MAX = 64, RIG_LINE_MAX = 2 << 20 };

/* A call that reached the node. */
struct rig_call {
    uint64_t call, client;
    enum api_method method;
    char peer[64]; /* of chat.message, or "" */
};

/* A question that reached the store. */
struct rig_question {
    uint64_t id;
    bool is_history;
    enum history_order order;
    const char *search; /* the call's */
    uint32_t peer;
    uint64_t seq; /* after, or before */
    uint64_t types;
    size_t rows_max, bytes_max;
};

/* A consumer that the store was given to keep, or to remove. */
struct rig_write {
    uint64_t id;
    bool is_removal, is_lazy;
    struct consumer_row row;
};

struct rig {
    struct pump pump;
    char directory[40], path[60];
    struct rig_call calls[RIG_CALLS_MAX];
    size_t call_count;
    size_t replied; /* chat.message to anybody but "later" is answered at once, with this number */
    uint64_t gone;  /* client of the last INPUT_CALL_GONE */
    bool is_stopped;
    uint64_t passed_ms;               /* of pump_now, since the start */
    uint64_t clock_us, clock_step_us; /* the clock goes on by so much when it is looked at */
    const char *mistakes;             /* of the configuration, when it is read again; NULL: none */
    struct host_port public_address;  /* at which a tracker has reached the node; port 0: none */
    uint64_t last_seq, floor, age_ms;
    size_t queued_bytes; /* of the store */
    uint64_t silence_ms; /* of its disk */
    struct rig_question questions[RIG_QUESTIONS_MAX];
    size_t question_count;
    struct rig_write writes[RIG_WRITES_MAX];
    size_t write_count;
};

/* The one rig: the replaced functions use it. */
extern struct rig rig;

/* For cmocka: a rig for each test. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* Gives the loop a turn, or a few. */
void rig_turn(void);
void rig_run(void);

/* --- Clients --- */

int rig_connect(void);
int rig_connect_with(int descriptor); /* a socket that was made before */
void rig_send(int client, const char *text);
void rig_send_bytes(int client, const void *bytes, size_t length);

/* The next line without its newline, or NULL at the end of the stream; fails the test when neither
 * comes. Valid until the next call. */
const char *rig_line(int client);

/* Fails the test unless this is the next line. */
void rig_expect(int client, const char *line);

/* Fails the test unless the next line holds this. */
void rig_expect_part(int client, const char *part);

/* Fails the test unless nothing comes. */
void rig_expect_silence(int client);

/* Fails the test unless the stream ends. */
void rig_expect_end(int client);

/* --- Node and log --- */

/* Answers the call that reached the node as the i-th. */
void rig_reply(size_t i, enum error error, const char *message_or_json);

/* A row becomes durable. `fields` is the text of a message. */
void rig_commit(int type, uint32_t peer, const char *fields);

/* Something that is not kept happens. */
void rig_tell(int type, uint32_t peer, const char *fields);

/* Answers the oldest question with `count` messages of `length` bytes each, the last of them with
 * `last_seq`. */
void rig_answer_messages(size_t count, uint64_t last_seq, size_t length, bool end);
void rig_answer_error(enum error error);

/* What became of the oldest write. */
void rig_kept(enum error error);

#endif
