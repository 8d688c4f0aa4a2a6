#include "daemon/metrics.h"

#include <config.h>

#include "daemon/core/node.h"
#include "daemon/exposition.h"
#include "daemon/pump.h"
#include "daemon/store/store.h"

/* 1 for what it is, and 0 for what it might be. */
static void put_state(struct exposition *e, enum metric metric, const char *name, bool is_now)
{
    exposition_put(e, metric, (const char *[]){name}, is_now);
}

static void write_process(struct exposition *e, struct pump *pump)
{
    const struct now now = pump_now(pump);
    const uint64_t up_ms = mono_left_ms(pump->facts->started, now.mono);
    const char *build[] = {PACKAGE_VERSION, role_name(pump->facts->role)};

    exposition_put(e, METRIC_BUILD_INFO, build, 1);
    exposition_put_us(e, METRIC_START_TIME,
                      now.unix_ms > 0 && (uint64_t)now.unix_ms > up_ms
                          ? ((uint64_t)now.unix_ms - up_ms) * 1000
                          : 0);
}

static void write_node(struct exposition *e, const struct pump *pump)
{
    const struct node_counts counts = node_counts(pump->node);

    exposition_put(e, METRIC_LINKS, NULL, counts.links);
    switch (pump->facts->role) {
    case ROLE_NODE:
        exposition_put(e, METRIC_CONTACTS, NULL, counts.contacts);
        exposition_put(e, METRIC_QUEUED, NULL, counts.queued);
        break;
    case ROLE_TRACKER:
        exposition_put(e, METRIC_REGISTERED, NULL, counts.registered);
        break;
    }
}

static void write_log(struct exposition *e, const struct store *store)
{
    const enum store_state state = store_state(store);

    put_state(e, METRIC_LOG_STATE, "ok", state == STORE_OK);
    put_state(e, METRIC_LOG_STATE, "full", state == STORE_FULL);
    put_state(e, METRIC_LOG_STATE, "failing", state == STORE_FAILING);
    exposition_put(e, METRIC_LOG_LAST_SEQ, NULL, store_last_seq(store));
    exposition_put(e, METRIC_LOG_FIRST_SEQ, NULL, store_floor(store) + 1);
    exposition_put(e, METRIC_LOG_SIZE, NULL, store_size_bytes(store));
}

void metrics_write(struct pump *pump, struct bytes *out)
{
    struct exposition e;

    exposition_init(&e, out);
    write_process(&e, pump);
    write_node(&e, pump);
    write_log(&e, pump->store);
}
