#include "daemon/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"

#define COUNTER     METRIC_COUNTER
#define GAUGE       METRIC_GAUGE
#define HISTOGRAM   METRIC_HISTOGRAM
#define ANY         METRIC_FOR_ANY
#define NODE        METRIC_FOR_NODE
#define TRACKER     METRIC_FOR_TRACKER
#define LABEL(name) name

static const struct metric_row rows[METRIC_COUNT] = {
#define METRIC(ID, name, kind, role, label, help) [METRIC_##ID] = {name, kind, role, label, help},
#include "daemon/metrics.def"
};

const struct metric_row *metric_row(enum metric metric)
{
    must(metric < METRIC_COUNT);
    return &rows[metric];
}

void exposition_init(struct exposition *e, enum node_role role, struct bytes *out)
{
    *e = (struct exposition){.out = out, .role = role_name(role), .at = METRIC_COUNT};
}

static const char *kind_name(enum metric_kind kind)
{
    switch (kind) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
        return "gauge";
    case METRIC_HISTOGRAM:
        return "histogram";
    }
    must(!"a kind");
}

/* What stands above the numbers of a metric, once. */
static const struct metric_row *begin(struct exposition *e, enum metric metric)
{
    const struct metric_row *row = metric_row(metric);

    if (metric == e->at)
        return row;
    must(e->at == METRIC_COUNT || metric > e->at);
    e->at = metric;
    bytes_text(e->out, "# HELP ");
    bytes_text(e->out, row->name);
    bytes_text(e->out, " ");
    bytes_text(e->out, row->help);
    bytes_text(e->out, "\n# TYPE ");
    bytes_text(e->out, row->name);
    bytes_text(e->out, " ");
    bytes_text(e->out, kind_name(row->kind));
    bytes_text(e->out, "\n");
    return row;
}

static void put_integer(struct bytes *out, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    bytes_text(out, text);
}

/* "0.0005", "10" */
static void put_seconds(struct bytes *out, uint64_t us)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);

    while (text[length - 1] == '0')
        length--;
    if (text[length - 1] == '.')
        length--;
    bytes_append(out, text, (size_t)length);
}

/* What a terminal could take for a command is none of it, nor is a newline; the other two
 * characters that mean something there are escaped. */
static void put_label(struct bytes *out, const char *name, const char *value)
{
    struct bytes safe = BYTES_EMPTY;

    text_append_safe(&safe, value, strlen(value));
    bytes_text(out, name);
    bytes_text(out, "=\"");
    for (size_t i = 0; i < bytes_length(&safe); i++) {
        const uint8_t c = bytes_data(&safe)[i];

        if (c == '"' || c == '\\')
            bytes_u8(out, '\\');
        bytes_u8(out, c);
    }
    bytes_text(out, "\"");
    bytes_done(&safe);
}

/* The name of a metric, or of a part of it, and the label that all have; others may follow. */
static void begin_sample(struct exposition *e, const char *name, const char *part)
{
    bytes_text(e->out, name);
    bytes_text(e->out, part);
    bytes_text(e->out, "{");
    put_label(e->out, "role", e->role);
}

static void begin_number(struct exposition *e, enum metric metric, const char *label)
{
    const struct metric_row *row = begin(e, metric);

    must(row->kind != METRIC_HISTOGRAM && (row->label != NULL) == (label != NULL));
    begin_sample(e, row->name, "");
    if (label != NULL) {
        bytes_text(e->out, ",");
        put_label(e->out, row->label, label);
    }
    bytes_text(e->out, "} ");
}

void exposition_put(struct exposition *e, enum metric metric, const char *label, uint64_t value)
{
    begin_number(e, metric, label);
    put_integer(e->out, value);
    bytes_text(e->out, "\n");
}

void exposition_put_us(struct exposition *e, enum metric metric, uint64_t us)
{
    begin_number(e, metric, NULL);
    put_seconds(e->out, us);
    bytes_text(e->out, "\n");
}

static void put_bucket(struct exposition *e, const char *name, uint64_t bound_us, uint64_t count)
{
    begin_sample(e, name, "_bucket");
    bytes_text(e->out, ",le=\"");
    if (bound_us < UINT64_MAX)
        put_seconds(e->out, bound_us);
    else
        bytes_text(e->out, "+Inf");
    bytes_text(e->out, "\"} ");
    put_integer(e->out, count);
    bytes_text(e->out, "\n");
}

void exposition_put_histogram(struct exposition *e, enum metric metric,
                              const struct histogram *histogram)
{
    const struct metric_row *row = begin(e, metric);
    uint64_t count = 0;

    must(row->kind == METRIC_HISTOGRAM && row->label == NULL);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        count += histogram->counts[i];
        put_bucket(e, row->name, histogram_bounds_us[i], count);
    }
    count += histogram->counts[HISTOGRAM_BOUNDS];
    put_bucket(e, row->name, UINT64_MAX, count);
    begin_sample(e, row->name, "_sum");
    bytes_text(e->out, "} ");
    put_seconds(e->out, histogram->sum_us);
    bytes_text(e->out, "\n");
    begin_sample(e, row->name, "_count");
    bytes_text(e->out, "} ");
    put_integer(e->out, count);
    bytes_text(e->out, "\n");
}
