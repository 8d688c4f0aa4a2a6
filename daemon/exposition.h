/* Numbers as text, for Prometheus and all that reads its text format, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 * What a number is called and labelled comes from daemon/metrics.def; values of labels are escaped;
 * metrics come in the order of the table. So whatever is put, the text is well formed. */
#ifndef P2PCHAT_DAEMON_EXPOSITION_H
#define P2PCHAT_DAEMON_EXPOSITION_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/histogram.h"
#include "common/role.h"

enum metric {
#define METRIC(ID, name, kind, role, label, help) METRIC_##ID,
#include "daemon/metrics.def"
    METRIC_COUNT
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_role { METRIC_FOR_ANY, METRIC_FOR_NODE, METRIC_FOR_TRACKER };

struct metric_row {
    const char *name;
    enum metric_kind kind;
    enum metric_role role;
    const char *label; /* what tells its numbers apart; NULL: there is one */
    const char *help;
};

const struct metric_row *metric_row(enum metric metric);

/* A text that is being written; `out` is borrowed. */
struct exposition {
    struct bytes *out;
    const char *role;
    enum metric at; /* METRIC_COUNT: before the first */
};

void exposition_init(struct exposition *e, enum node_role role, struct bytes *out);

/* One number. `label` is the value for the label of the row; NULL when it has none. All of one
 * metric one after the other, each with another value, and metrics in the order of the table. */
void exposition_put(struct exposition *e, enum metric metric, const char *label, uint64_t value);

/* The same of a time, which is written in seconds. */
void exposition_put_us(struct exposition *e, enum metric metric, uint64_t us);

/* A row of the kind HISTOGRAM. */
void exposition_put_histogram(struct exposition *e, enum metric metric,
                              const struct histogram *histogram);

#endif
