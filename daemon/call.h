/* A call: one request of a client, from its line to its answer.
 *
 * A handler returns `struct answered`, which only the functions below can give: whoever forgets to
 * answer does not compile. What is not answered at once is answered later, by the number of the
 * call. */
#ifndef P2PCHAT_DAEMON_CALL_H
#define P2PCHAT_DAEMON_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "common/api.h"
#include "daemon/client.h"
#include "daemon/consumers.h"
#include "daemon/feed.h"
#include "daemon/store/store.h"

/* A call about a consumer, which is answered when a change of it is durable. */
struct consumer_call {
    struct consumer *of; /* while the call waits; else NULL */
    uint64_t change;
    uint64_t seq;              /* ack: what is answered */
    struct feed_filter filter; /* subscribe */
};

/* A call of doctor. */
struct doctor_call {
    bool waits;
    uint32_t peer; /* that is asked about, too; or 0 */
};

struct call {
    uint64_t number; /* from 1, never reused */
    struct client *client;
    enum api_method method;
    struct rpc_id id;
    struct history_query history; /* of API_HISTORY */
    char *search;                 /* the words that it borrows, or NULL */
    struct consumer_call consumer;
    struct doctor_call doctor;
    TAILQ_ENTRY(call) in_client, in_histories, in_consumer, in_doctor;
    UT_hash_handle hh;
};

/* Says that a call was answered or will be. Never defined, never looked into. */
struct answered;

/* Adds a call of a client. */
struct call *call_new(struct client *client, enum api_method method, const struct rpc_id *id);

/* The call with this number, or NULL: it was answered, or its client went away. */
struct call *call_find(const struct control *control, uint64_t number);

/* Begins a result: write one object, then call_succeed. One at a time. */
struct json_writer *call_result(struct call *call);

/* Answer, and free the call. `message` may be NULL: then it is the error's own text. */
const struct answered *call_succeed(struct call *call);
const struct answered *call_succeed_with(struct call *call, const char *json, size_t length);
const struct answered *call_fail(struct call *call, enum error error, const char *message);

/* The same, with further members for the error's data. */
const struct answered *call_fail_with(struct call *call, enum error error, const char *message,
                                      const char *members, size_t length);

/* Tells the daemon's log of a call that was refused; `method` is NULL when it was no call. */
void call_tell_refused(const struct client *client, const char *method, enum error error);

/* The answer comes later, or has come in the meantime. */
const struct answered *call_waits(void);

/* Frees a call that nobody waits for any more. */
void call_forget(struct call *call);

#endif
