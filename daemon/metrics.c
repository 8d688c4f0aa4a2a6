#include "daemon/metrics.h"

#include <config.h>

#include "common/alloc.h"
#include "daemon/control.h"
#include "daemon/core/node.h"
#include "daemon/disk_state.h"
#include "daemon/exposition.h"
#include "daemon/limits.h"
#include "daemon/net.h"
#include "daemon/process.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

static void put(struct exposition *e, enum metric metric, uint64_t value)
{
    exposition_put(e, metric, NULL, value);
}

/* --- The process --- */

static void write_process(struct exposition *e, struct pump *pump)
{
    uint64_t value;

    exposition_put(e, METRIC_BUILD_INFO, PACKAGE_VERSION, 1);
    exposition_put_us(e, METRIC_START_TIME, (uint64_t)pump->facts->started_unix_ms * 1000);
    exposition_put_us(e, METRIC_CPU, process_cpu_us());
    if (process_resident_bytes(&value))
        put(e, METRIC_RESIDENT, value);
    if (process_open_descriptors(&value))
        put(e, METRIC_OPEN_FDS, value);
    if (process_max_descriptors(&value))
        put(e, METRIC_MAX_FDS, value);
    exposition_put_histogram(e, METRIC_LOOP_LAG, &pump->counters.turns);
}

/* --- Others --- */

static void write_connections(struct exposition *e, const struct pump *pump,
                              const struct node_totals *totals)
{
    const struct counters *counters = &pump->counters;

    put(e, METRIC_CONNECTIONS, net_count(pump->net));
    put(e, METRIC_ACCEPTED, counters->accepted);
    exposition_put(e, METRIC_ACCEPTED_REFUSED, "no_descriptor", counters->accepted_full);
    exposition_put(e, METRIC_ACCEPTED_REFUSED, "too_many_from_there", totals->accepted_refused);
    put(e, METRIC_RECEIVED, counters->received_bytes);
    put(e, METRIC_SENT, counters->sent_bytes);
    put(e, METRIC_DIALS, counters->dials);
    put(e, METRIC_DIALS_FAILED, counters->dials_failed);
}

/* Whether a link that ended so was sent away for what the other side did. */
static bool is_refusal(enum link_end end)
{
    switch (end) {
    case LINK_END_BLOCKED:
    case LINK_END_LIMIT:
    case LINK_END_CREDIT:
    case LINK_END_SLOW:
    case LINK_END_MALFORMED:
    case LINK_END_HANDSHAKE:
    case LINK_END_TAMPERED:
    case LINK_END_NOT_RENEWED:
        return true;
    case LINK_END_SHUTDOWN:
    case LINK_END_DUPLICATE:
    case LINK_END_SELF:
    case LINK_END_TIMEOUT: /* a machine that sleeps, or a network that went away */
    case LINK_END_STORAGE:
    case LINK_END_REMOVED:
    case LINK_END_LOST:
    case LINK_END_CLOSED:
        return false;
    }
    must(!"an end");
}

static void put_ends(struct exposition *e, const struct node_totals *totals, enum metric metric)
{
    for (enum link_end end = 0; (unsigned)end < LINK_END_COUNT; end++)
        if (is_refusal(end) == (metric == METRIC_LINKS_REFUSED))
            exposition_put(e, metric, link_end_name(end), totals->link_ends[end]);
}

static void write_links(struct exposition *e, const struct node_counts *counts,
                        const struct node_totals *totals)
{
    put(e, METRIC_LINKS, counts->links);
    put(e, METRIC_LINKS_UNPROVED, counts->unproved);
    exposition_put(e, METRIC_LINKS_PROVED, "them", totals->links_accepted);
    exposition_put(e, METRIC_LINKS_PROVED, "us", totals->links_dialled);
    put_ends(e, totals, METRIC_LINKS_ENDED);
    put_ends(e, totals, METRIC_LINKS_REFUSED);
    put(e, METRIC_CLASSIC_REFUSED, totals->classic_refused);
    put(e, METRIC_WARNINGS, totals->warnings);
}

static void write_chats(struct exposition *e, const struct node *node,
                        const struct node_counts *counts, const struct node_totals *totals)
{
    const char *state;
    size_t count;

    put(e, METRIC_CONTACTS, counts->contacts);
    put(e, METRIC_CONTACTS_ONLINE, counts->online);
    exposition_put(e, METRIC_REQUESTS, "in", counts->requests_in);
    exposition_put(e, METRIC_REQUESTS, "out", counts->requests_out);
    put(e, METRIC_QUEUED, counts->queued);
    put(e, METRIC_MESSAGES_SENT, totals->messages_sent);
    put(e, METRIC_MESSAGES_DELIVERED, totals->messages_delivered);
    put(e, METRIC_MESSAGES_RECEIVED, totals->messages_received);
    for (size_t i = 0; node_trackers_in(node, i, &state, &count); i++)
        exposition_put(e, METRIC_TRACKERS, state, count);
}

static void write_registry(struct exposition *e, const struct node_counts *counts,
                           const struct node_totals *totals)
{
    put(e, METRIC_REGISTERED, counts->registered);
    put(e, METRIC_LISTED_CLASSIC, counts->listed);
    put(e, METRIC_REGISTRATIONS, totals->registrations);
    for (enum register_refusal why = 0; why < REGISTER_OTHERWISE; why++)
        exposition_put(e, METRIC_REGISTRATIONS_REFUSED, register_refusal_name(why),
                       totals->registrations_refused[why]);
}

/* --- The log --- */

static void write_log(struct exposition *e, struct pump *pump)
{
    const struct store *store = pump->store;
    const struct store_totals *totals = store_totals(store);
    struct disk_state disk;
    uint64_t bytes;

    disk_state_look(pump, &disk);
    for (enum store_state state = 0; (unsigned)state < STORE_STATES; state++)
        exposition_put(e, METRIC_LOG_STATE, store_state_name(state), state == disk.state);
    put(e, METRIC_LOG_LAST_SEQ, store_last_seq(store));
    put(e, METRIC_LOG_FIRST_SEQ, store_floor(store) + 1);
    put(e, METRIC_LOG_SIZE, store_size_bytes(store));
    put(e, METRIC_LOG_WAL, store_wal_bytes(store));
    if (disk.silence[0] == '\0' && store_free_bytes(store, &bytes))
        put(e, METRIC_LOG_FREE, bytes);
    put(e, METRIC_LOG_WAITING, store_queued_bytes(store));
    exposition_put_histogram(e, METRIC_COMMITS, &totals->commits);
    put(e, METRIC_COMMITS_FAILED, totals->commits_failed);
    put(e, METRIC_TRANSACTIONS, totals->transactions);
}

/* --- Clients --- */

/* Those that clients are told; what else there is reaches none. */
static void put_errors(struct exposition *e, const struct counters *counters)
{
    for (enum error error = ERR_PARSE_ERROR; (unsigned)error < ERROR_KINDS; error++)
        exposition_put(e, METRIC_CALL_ERRORS, error_name(error), counters->call_errors[error]);
}

static void put_lag(void *context, const char *consumer, uint64_t lag)
{
    exposition_put(context, METRIC_CONSUMER_LAG, consumer, lag);
}

static void write_clients(struct exposition *e, const struct pump *pump)
{
    const struct counters *counters = &pump->counters;
    const struct control_counts counts = control_counts(pump->control);

    put(e, METRIC_CLIENTS, counts.clients);
    if (pump->facts->role == ROLE_NODE)
        put(e, METRIC_SUBSCRIBERS, counts.subscribers);
    put(e, METRIC_CLIENTS_TOTAL, counters->clients);
    put(e, METRIC_CLIENTS_REFUSED, counters->clients_refused);
    for (enum api_method method = 0; method < API_METHOD_COUNT; method++)
        if (api_is_for(method, pump->facts->role))
            exposition_put(e, METRIC_CALLS, api_method(method)->name, counters->calls[method]);
    put_errors(e, counters);
    if (pump->facts->role == ROLE_NODE)
        control_tell_lags(pump->control, put_lag, e);
}

static void write_all(struct pump *pump, struct bytes *out)
{
    const struct node_counts counts = node_counts(pump->node);
    const struct node_totals *totals = node_totals(pump->node);
    struct exposition e;

    exposition_init(&e, pump->facts->role, out);
    write_process(&e, pump);
    write_connections(&e, pump, totals);
    write_links(&e, &counts, totals);
    switch (pump->facts->role) {
    case ROLE_NODE:
        write_chats(&e, pump->node, &counts, totals);
        break;
    case ROLE_TRACKER:
        write_registry(&e, &counts, totals);
        break;
    }
    write_log(&e, pump);
    write_clients(&e, pump);
}

const struct bytes *metrics_text(struct pump *pump)
{
    struct metrics *metrics = &pump->metrics;
    const struct mono now = pump_now(pump).mono;

    if (bytes_length(&metrics->text) == 0 ||
        mono_due(mono_after(metrics->made, METRICS_FRESH_MS), now)) {
        bytes_clear(&metrics->text);
        write_all(pump, &metrics->text);
        metrics->made = now;
    }
    return &metrics->text;
}

void metrics_done(struct metrics *metrics)
{
    bytes_done(&metrics->text);
}
