#include "daemon/methods.h"

#include <config.h>

#include <stdlib.h>

#include "common/address.h"
#include "common/alloc.h"
#include "common/format.h"
#include "daemon/control_state.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/node.h"
#include "daemon/disk_state.h"
#include "daemon/metrics.h"
#include "daemon/metrics_http.h"
#include "daemon/pump.h"
#include "daemon/reload.h"
#include "daemon/store/store.h"

const struct method methods[API_METHOD_COUNT] = {
    [API_IDENTITY] = {method_identity},
    [API_STATUS] = {method_status},
    [API_HISTORY] = {method_history},
    [API_EVENTS_SUBSCRIBE] = {method_events_subscribe},
    [API_EVENTS_ACK] = {method_events_ack},
    [API_EVENTS_CONSUMERS] = {method_events_consumers},
    [API_EVENTS_FORGET] = {method_events_forget},
    [API_METRICS] = {method_metrics},
    [API_DOCTOR] = {method_doctor},
    [API_RELOAD] = {method_reload},
    [API_SHUTDOWN] = {method_shutdown},
    [API_RPC_DISCOVER] = {method_rpc_discover},
};

/* --- identity --- */

/* What others are told to reach us by; without a host while nobody could use one. */
static void write_address(struct json_writer *w, const struct pump *pump, const char *name)
{
    const struct facts *facts = pump->facts;
    struct address address = {.has_host = true};
    char text[ADDRESS_TEXT_MAX + 1];

    if (facts->advertise_count > 0)
        address.at = facts->advertise[0];
    else if (!node_public_address(pump->node, &address.at)) {
        address.has_host = facts->address_count > 0;
        if (address.has_host)
            address.at = facts->addresses[0];
    }
    must(strlen(name) <= ADDRESS_NAME_MAX);
    memcpy(address.peer_id, facts->identity->id, PEER_ID_LENGTH);
    memcpy(address.name, name, strlen(name));
    address_format(&address, text);
    json_put_string(w, "address", text);
}

const struct answered *method_identity(struct call *call, const struct api_args *args)
{
    const struct pump *pump = call->client->control->pump;
    const char *name = node_name(pump->node);
    struct json_writer *w = call_result(call);

    (void)args;
    json_write_open(w, '{');
    json_put_string(w, "peer_id", pump->facts->identity->id);
    json_put_string(w, "name", name);
    write_address(w, pump, name);
    json_write_close(w, '}');
    return call_succeed(call);
}

/* --- status --- */

static void write_hosts(struct json_writer *w, const char *name, const struct host_port *at,
                        size_t count)
{
    json_write_name(w, name);
    json_write_open(w, '[');
    for (size_t i = 0; i < count; i++) {
        char text[ADDRESS_HOST_PORT_MAX + 1];

        host_port_format(&at[i], text);
        json_write_string(w, text);
    }
    json_write_close(w, ']');
}

static void write_log(struct json_writer *w, struct pump *pump)
{
    const struct store *store = pump->store;
    struct disk_state disk;
    uint64_t free_bytes;

    disk_state_look(pump, &disk);
    json_write_name(w, "log");
    json_write_open(w, '{');
    json_put_integer(w, "last_seq", (int64_t)store_last_seq(store));
    json_put_integer(w, "size_bytes", (int64_t)store_size_bytes(store));
    json_put_integer(w, "wal_bytes", (int64_t)store_wal_bytes(store));
    if (disk.silence[0] == '\0' && store_free_bytes(store, &free_bytes) &&
        free_bytes <= JSON_INTEGER_MAX)
        json_put_integer(w, "free_bytes", (int64_t)free_bytes);
    else
        json_put_null(w, "free_bytes");
    json_put_integer(w, "first_seq", (int64_t)store_floor(store) + 1);
    json_put_string(w, "state", store_state_name(disk.state));
    if (disk.reason != NULL)
        json_put_string(w, "reason", disk.reason);
    json_write_close(w, '}');
}

const struct answered *method_status(struct call *call, const struct api_args *args)
{
    struct pump *pump = call->client->control->pump;
    const struct facts *facts = pump->facts;
    const struct host_port *metrics = metrics_http_bound(pump->metrics_http);
    const struct node_counts counts = node_counts(pump->node);
    struct json_writer *w = call_result(call);

    (void)args;
    json_write_open(w, '{');
    json_put_string(w, "version", PACKAGE_VERSION);
    json_put_string(w, "role", role_name(facts->role));
    json_put_string(w, "peer_id", facts->identity->id);
    json_put_string(w, "name", node_name(pump->node));
    write_hosts(w, "listen", facts->listen, facts->listen_count);
    write_hosts(w, "classic_listen", facts->classic_listen, facts->classic_listen_count);
    write_hosts(w, "metrics_listen", metrics, metrics != NULL);
    json_put_bool(w, "network_key", facts->has_network_key);
    json_write_name(w, "trackers");
    node_write_trackers(pump->node, w);
    json_put_integer(w, "links", (int64_t)counts.links);
    json_put_integer(w, "contacts", (int64_t)counts.contacts);
    json_put_integer(w, "queued", (int64_t)counts.queued);
    if (facts->role == ROLE_TRACKER)
        json_put_integer(w, "registered", (int64_t)counts.registered);
    write_log(w, pump);
    json_put_integer(w, "uptime_s",
                     (int64_t)(mono_left_ms(facts->started, pump_now(pump).mono) / 1000));
    json_write_close(w, '}');
    return call_succeed(call);
}

/* --- metrics --- */

const struct answered *method_metrics(struct call *call, const struct api_args *args)
{
    const struct bytes *text = metrics_text(call->client->control->pump);
    struct json_writer *w = call_result(call);

    (void)args;
    json_write_open(w, '{');
    json_write_name(w, "text");
    json_write_string_n(w, (const char *)bytes_data(text), bytes_length(text));
    json_write_close(w, '}');
    return call_succeed(call);
}

/* --- reload --- */

static void write_settings(struct json_writer *w, const char *name,
                           const struct setting *const *list, size_t count)
{
    char setting[SETTING_NAME_MAX];

    json_write_name(w, name);
    json_write_open(w, '[');
    for (size_t i = 0; i < count; i++) {
        setting_name(list[i], setting);
        json_write_string(w, setting);
    }
    json_write_close(w, ']');
}

static void write_lines(struct json_writer *w, const struct bytes *lines, size_t *ret_count)
{
    const char *line = (const char *)bytes_data(lines), *next;
    const char *end = line + bytes_length(lines);
    size_t count = 0;

    json_write_open(w, '[');
    for (; line < end; line = next + 1, count++) {
        next = memchr(line, '\n', (size_t)(end - line));
        must(next != NULL);
        json_write_string_n(w, line, (size_t)(next - line));
    }
    json_write_close(w, ']');
    *ret_count = count;
}

/* The first mistake in the message, all of them in the data. */
static const struct answered *fail_with_mistakes(struct call *call, const struct bytes *mistakes)
{
    const char *first = (const char *)bytes_data(mistakes);
    struct bytes object = BYTES_EMPTY;
    const struct answered *answered;
    struct json_writer w;
    size_t count;
    char *message;

    json_write_init(&w, &object);
    json_write_open(&w, '{');
    json_write_name(&w, "mistakes");
    write_lines(&w, mistakes, &count);
    json_write_close(&w, '}');
    message = xasprintf("nothing was changed: %.*s%s", (int)strcspn(first, "\n"), first,
                        count > 1 ? "; and there are more mistakes" : "");
    answered = call_fail_with(call, ERR_BAD_CONFIG, message, (const char *)bytes_data(&object) + 1,
                              bytes_length(&object) - 2);
    free(message);
    bytes_done(&object);
    return answered;
}

const struct answered *method_reload(struct call *call, const struct api_args *args)
{
    struct bytes mistakes = BYTES_EMPTY;
    const struct answered *answered;
    struct reload_found found;

    (void)args;
    if (!reload_run(call->client->control->pump->reload, &call->client->caller, &found,
                    &mistakes)) {
        answered = fail_with_mistakes(call, &mistakes);
    } else {
        struct json_writer *w = call_result(call);
        json_write_open(w, '{');
        write_settings(w, "changed", found.at_once, found.at_once_count);
        write_settings(w, "needs_restart", found.at_restart, found.at_restart_count);
        json_write_close(w, '}');
        answered = call_succeed(call);
    }
    bytes_done(&mistakes);
    return answered;
}

/* --- shutdown, rpc.discover --- */

const struct answered *method_shutdown(struct call *call, const struct api_args *args)
{
    struct json_writer *w = call_result(call);

    (void)args;
    json_write_open(w, '{');
    json_put_bool(w, "socket_stays", call->client->control->socket.path == NULL);
    json_write_close(w, '}');
    log_coded(LOG_STOPPING,
              &(const struct log_fields){.method = "shutdown", .caller = &call->client->caller},
              "shutdown was called by user %u, process %d: closing links",
              (unsigned)call->client->caller.user, (int)call->client->caller.process);
    pump_stop(call->client->control->pump);
    return call_succeed(call);
}

const struct answered *method_rpc_discover(struct call *call, const struct api_args *args)
{
    (void)args;
    api_describe(call_result(call), call->client->control->pump->facts->role);
    return call_succeed(call);
}
