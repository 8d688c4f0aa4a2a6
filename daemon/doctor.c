#include "daemon/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/checkup.h"
#include "daemon/control_state.h"
#include "daemon/core/node.h"
#include "daemon/diagnosis.h"
#include "daemon/methods.h"
#include "daemon/probe.h"
#include "daemon/pump.h"

struct doctor {
    struct control *control;
    struct probes *probes; /* NULL: nobody waits */
    TAILQ_HEAD(, call) calls;
    struct bytes findings; /* of this daemon and its host: members of an array */
    struct bytes result;   /* of one call */
};

/* --- Answers --- */

/* What every call is told; written once for all of them. */
static void write_findings(struct doctor *doctor)
{
    struct control *control = doctor->control;
    struct json_writer w;

    bytes_clear(&doctor->findings);
    json_write_init(&w, &doctor->findings);
    json_write_open(&w, '[');
    checkup_write(&w, control->pump, &control->socket, doctor->probes);
    json_write_close(&w, ']');
}

/* [a, b] and [c] become [a, b, c]. */
static void join(struct bytes *result, const struct bytes *more)
{
    const size_t length = bytes_length(result);

    must(length > 2 && bytes_length(more) > 2);
    bytes_data(result)[length - 1] = ',';
    bytes_append(result, bytes_data(more) + 1, bytes_length(more) - 1);
}

/* False when the peer is not known any more. */
static bool add_peer(struct doctor *doctor, uint32_t peer)
{
    const struct now now = pump_now(doctor->control->pump);
    const struct node *node = doctor->control->pump->node;
    struct bytes findings = BYTES_EMPTY;
    struct node_peer_state state;
    struct node_peer known;
    struct json_writer w;

    if (!node_peer(node, peer, &known) || !node_peer_state(node, peer, now, &state))
        return false;
    json_write_init(&w, &findings);
    json_write_open(&w, '[');
    diagnosis_peer(&w, known.alias, &state, now);
    json_write_close(&w, ']');
    join(&doctor->result, &findings);
    bytes_done(&findings);
    return true;
}

static void answer(struct doctor *doctor, struct call *call)
{
    const uint32_t peer = call->doctor.peer;

    TAILQ_REMOVE(&doctor->calls, call, in_doctor);
    call->doctor.waits = false;
    bytes_clear(&doctor->result);
    bytes_text(&doctor->result, "{\"checks\":");
    bytes_append(&doctor->result, bytes_data(&doctor->findings), bytes_length(&doctor->findings));
    if (peer != 0 && !add_peer(doctor, peer)) {
        call_fail(call, ERR_NO_SUCH_PEER, NULL);
        return;
    }
    bytes_text(&doctor->result, "}");
    call_succeed_with(call, (const char *)bytes_data(&doctor->result),
                      bytes_length(&doctor->result));
}

static void end_probes(struct doctor *doctor)
{
    probes_free(doctor->probes);
    doctor->probes = NULL;
}

static void on_probed(void *context)
{
    struct doctor *doctor = context;

    write_findings(doctor);
    end_probes(doctor);
    while (!TAILQ_EMPTY(&doctor->calls))
        answer(doctor, TAILQ_FIRST(&doctor->calls));
    bytes_done(&doctor->findings);
    bytes_done(&doctor->result);
}

/* --- Calls --- */

static bool waits_already(const struct client *client)
{
    const struct call *call;

    TAILQ_FOREACH(call, &client->calls, in_client) {
        if (call->method == API_DOCTOR && call->doctor.waits)
            return true;
    }
    return false;
}

const struct answered *method_doctor(struct call *call, const struct api_args *args)
{
    struct doctor *doctor = call->client->control->doctor;
    const struct pump *pump = call->client->control->pump;
    const char *peer = api_string(args, ARG_DOCTOR_PEER);

    if (peer != NULL) {
        enum error error = node_find_peer(pump->node, peer, &call->doctor.peer);

        if (error != OK)
            return call_fail(call, error, NULL);
    }
    if (waits_already(call->client))
        return call_fail(call, ERR_LIMIT_EXCEEDED,
                         "doctor is under way for this connection: wait for its answer");
    call->doctor.waits = true;
    TAILQ_INSERT_TAIL(&doctor->calls, call, in_doctor);
    if (doctor->probes == NULL) {
        doctor->probes = probes_new(pump->base, pump->resolver);
        checkup_probe(pump, doctor->probes);
        probes_begin(doctor->probes, on_probed, doctor);
    }
    return call_waits();
}

void doctor_leave(struct doctor *doctor, struct call *call)
{
    if (!call->doctor.waits)
        return;
    TAILQ_REMOVE(&doctor->calls, call, in_doctor);
    call->doctor.waits = false;
    if (TAILQ_EMPTY(&doctor->calls))
        end_probes(doctor);
}

bool doctor_meets(struct doctor *doctor, const struct socket_address *remote)
{
    return doctor->probes != NULL && probes_meet(doctor->probes, remote);
}

void doctor_stop(struct doctor *doctor)
{
    while (!TAILQ_EMPTY(&doctor->calls))
        call_fail(TAILQ_FIRST(&doctor->calls), ERR_SHUTTING_DOWN, NULL); /* it leaves */
}

struct doctor *doctor_new(struct control *control)
{
    struct doctor *doctor = xcalloc(1, sizeof(*doctor));

    doctor->control = control;
    TAILQ_INIT(&doctor->calls);
    return doctor;
}

void doctor_free(struct doctor *doctor)
{
    if (doctor == NULL)
        return;
    end_probes(doctor);
    bytes_done(&doctor->findings);
    bytes_done(&doctor->result);
    free(doctor);
}
