#include "daemon/call.h"

#include <stdlib.h>

#include "daemon/control_state.h"
#include "daemon/doctor.h"
#include "daemon/pump.h"

static const struct answered *done(void)
{
    static const char proof;

    return (const struct answered *)&proof;
}

struct call *call_new(struct client *client, enum api_method method, const struct rpc_id *id)
{
    struct control *control = client->control;
    struct call *call = xcalloc(1, sizeof(*call));

    call->number = ++control->call_numbers;
    call->client = client;
    call->method = method;
    call->id = *id;
    HASH_ADD(hh, control->calls, number, sizeof(call->number), call);
    TAILQ_INSERT_TAIL(&client->calls, call, in_client);
    users_call_begins(&control->users, client);
    return call;
}

void call_forget(struct call *call)
{
    struct control *control = call->client->control;

    HASH_DELETE(hh, control->calls, call);
    if (call->consumer.of != NULL)
        TAILQ_REMOVE(&call->consumer.of->calls, call, in_consumer);
    doctor_leave(control->doctor, call);
    TAILQ_REMOVE(&call->client->calls, call, in_client);
    users_call_ends(&control->users, call->client);
    free(call->search);
    free(call);
}

struct call *call_find(const struct control *control, uint64_t number)
{
    struct call *call;

    HASH_FIND(hh, control->calls, &number, sizeof(number), call);
    return call;
}

struct json_writer *call_result(struct call *call)
{
    struct control *control = call->client->control;

    bytes_clear(&control->result);
    json_write_init(&control->writer, &control->result);
    return &control->writer;
}

/* The answer is written: the client has a place for another call. */
static const struct answered *finish(struct call *call)
{
    users_count(&call->client->control->users, call->client);
    control_wake(call->client);
    call_forget(call);
    return done();
}

const struct answered *call_succeed(struct call *call)
{
    const struct bytes *result = &call->client->control->result;

    return call_succeed_with(call, (const char *)bytes_data(result), bytes_length(result));
}

const struct answered *call_succeed_with(struct call *call, const char *json, size_t length)
{
    rpc_write_result(&call->client->out, &call->id, json, length);
    return finish(call);
}

/* A mistake of ours, or of the disk. Programs may call as often as they like. */
static void tell_failed(struct control *control, const struct call *call, enum error error)
{
    const struct log_fields fields = {.method = api_method(call->method)->name,
                                      .error = error_name(error),
                                      .count = control->failures_untold,
                                      .caller = &call->client->caller};

    if (!quiet_may_speak(&control->failures)) {
        control->failures_untold++;
        return;
    }
    control->failures_untold = 0;
    log_coded(LOG_CALL_FAILED, &fields, "%s failed: %s", fields.method, fields.error);
}

void call_tell_refused(const struct client *client, const char *method, enum error error)
{
    const struct log_fields fields = {
        .method = method, .error = error_name(error), .caller = &client->caller};

    log_coded(LOG_CALL_REFUSED, &fields, "%s was refused: %s",
              method != NULL ? method : "a line of a client", fields.error);
}

static void tell(const struct call *call, enum error error)
{
    if (error_rpc_code(error) == error_rpc_code(ERR_INTERNAL_ERROR) || error == ERR_STORAGE_FULL ||
        error == ERR_STORAGE_FAILED)
        tell_failed(call->client->control, call, error);
    else
        call_tell_refused(call->client, api_method(call->method)->name, error);
}

const struct answered *call_fail(struct call *call, enum error error, const char *message)
{
    return call_fail_with(call, error, message, NULL, 0);
}

const struct answered *call_fail_with(struct call *call, enum error error, const char *message,
                                      const char *members, size_t length)
{
    call->client->control->pump->counters.call_errors[error]++;
    tell(call, error);
    rpc_write_error_with(&call->client->out, &call->id, error, message, members, length);
    return finish(call);
}

const struct answered *call_waits(void)
{
    return done();
}
