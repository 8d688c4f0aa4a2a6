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
#define LABEL(name) name,

static const struct metric_row rows[METRIC_COUNT] = {
#define METRIC(ID, name, kind, role, labels, help) \
    [METRIC_##ID] = {name, kind, role, {labels NULL}, help},
#include "daemon/metrics.def"
};

const struct metric_row *metric_row(enum metric metric)
{
    must(metric < METRIC_COUNT);
    return &rows[metric];
}

void exposition_init(struct exposition *e, struct bytes *out)
{
    *e = (struct exposition){.out = out, .at = METRIC_COUNT};
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

static void put_labels(struct bytes *out, const struct metric_row *row, const char *const values[])
{
    must((row->labels[0] != NULL) == (values != NULL));
    for (size_t i = 0; row->labels[i] != NULL; i++) {
        bytes_text(out, i == 0 ? "{" : ",");
        put_label(out, row->labels[i], values[i]);
    }
    if (values != NULL)
        bytes_text(out, "}");
}

static void begin_sample(struct exposition *e, enum metric metric, const char *const labels[])
{
    const struct metric_row *row = begin(e, metric);

    must(row->kind != METRIC_HISTOGRAM);
    bytes_text(e->out, row->name);
    put_labels(e->out, row, labels);
    bytes_text(e->out, " ");
}

void exposition_put(struct exposition *e, enum metric metric, const char *const labels[],
                    uint64_t value)
{
    begin_sample(e, metric, labels);
    put_integer(e->out, value);
    bytes_text(e->out, "\n");
}

void exposition_put_us(struct exposition *e, enum metric metric, uint64_t us)
{
    begin_sample(e, metric, NULL);
    put_seconds(e->out, us);
    bytes_text(e->out, "\n");
}

static void put_bucket(struct bytes *out, const char *name, uint64_t count)
{
    bytes_text(out, "\"} ");
    put_integer(out, count);
    bytes_text(out, "\n");
    bytes_text(out, name);
}

void exposition_put_histogram(struct exposition *e, enum metric metric,
                              const struct histogram *histogram)
{
    const struct metric_row *row = begin(e, metric);
    uint64_t count = 0;

    must(row->kind == METRIC_HISTOGRAM && row->labels[0] == NULL);
    bytes_text(e->out, row->name);
    for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
        count += histogram->counts[i];
        bytes_text(e->out, "_bucket{le=\"");
        put_seconds(e->out, histogram_bounds_us[i]);
        put_bucket(e->out, row->name, count);
    }
    count += histogram->counts[HISTOGRAM_BOUNDS];
    bytes_text(e->out, "_bucket{le=\"+Inf");
    put_bucket(e->out, row->name, count);
    bytes_text(e->out, "_sum ");
    put_seconds(e->out, histogram->sum_us);
    bytes_text(e->out, "\n");
    bytes_text(e->out, row->name);
    bytes_text(e->out, "_count ");
    put_integer(e->out, count);
    bytes_text(e->out, "\n");
}
