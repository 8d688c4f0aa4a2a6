/* A node among trackers that say what the test has them say: each waits at an address, answers or
 * refuses links there, and keeps what it heard. Time stands still until it is moved; the disk is
 * a model that commits at once, unless it is told to wait. */
#ifndef P2PCHAT_TESTS_UNIT_MEMBER_RIG_H
#define P2PCHAT_TESTS_UNIT_MEMBER_RIG_H

#include "common/bytes.h"
#include "daemon/core/link/link.h"
#include "daemon/core/node.h"
#include "daemon/core/overlay/peer_record.h"
#include "tests/support/model_store.h"

enum {
    RIG_TRACKERS_MAX = 4,
    RIG_CALLS_MAX = 128,
    RIG_SHOWN_MAX = 16,
    RIG_TEXT_MAX = 16384,
    RIG_LOG_MAX = 8192
};

/* Somebody whose signed records trackers may show. */
struct rig_peer {
    struct identity identity;
    char id[PEER_ID_LENGTH + 1];
};

struct rig_record {
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;
};

/* What is behind an address. */
struct rig_tracker {
    struct identity identity;
    enum node_role role; /* what its HELLO says */
    struct host_port at;
    bool is_up;          /* answers dials */
    bool is_silent;      /* hears, and answers nothing */
    const char *refusal; /* msgdata of REGISTER_ERROR, instead of REGISTER_SUCCESS; or NULL */
    bool refuses_once;
    const char *seen;                       /* where it says that it sees the node */
    struct rig_record shown[RIG_SHOWN_MAX]; /* what RECORDS holds, whatever is asked */
    size_t shown_count;
    const char *classic; /* members of RECORDS' classic, JSON; or NULL: none */
    const char *next;    /* of RECORDS; or NULL */

    struct link_settings settings;
    struct bytes hello;
    struct link *link; /* NULL: there is none */
    uint64_t carrier;
    struct bytes heard;           /* types of messages, each with a blank after it */
    char said[RIG_TEXT_MAX];      /* msgdata of the last one */
    struct rig_record registered; /* the last record that REGISTER brought */
    size_t registers;             /* how many came */
    uint64_t query;               /* of the last LISTPEER */
    enum link_end ended;          /* why the node closed the last link */
};

struct member_rig {
    uint64_t seed;
    struct now now;
    struct identity identity;
    const char *name; /* as configured, with all that follows */
    const struct host_port *advertise;
    size_t advertise_count;
    struct tracker_setting settings[RIG_TRACKERS_MAX];
    size_t setting_count;
    struct node *node;
    struct model_store *store;
    bool disk_waits;
    struct rig_tracker trackers[RIG_TRACKERS_MAX];
    size_t tracker_count;
    uint64_t last_carrier, last_call;
    bool answered[RIG_CALLS_MAX];
    enum error errors[RIG_CALLS_MAX];
    char result[RIG_TEXT_MAX];  /* of the last call that was answered; or the members of its data */
    char message[RIG_TEXT_MAX]; /* of its error */
    char dialled[RIG_TEXT_MAX]; /* addresses of the last dial to no tracker, with blanks */
    bool not_local;             /* the first of them is not to lead to this machine */
    uint64_t dial;              /* its number */
    size_t dials;               /* to trackers */
    char log[RIG_LOG_MAX];      /* rows that are no message: type and body, a line each */
    char noted[RIG_TEXT_MAX];   /* codes of warnings, each with a blank */
};

/* A rig with so many trackers at 192.0.2.1:28471, 192.0.2.2:28471 …, all up and configured. */
void member_rig_init(struct member_rig *rig, size_t trackers);
void member_rig_done(struct member_rig *rig);

/* The configuration has this one, too; before the start. */
void member_rig_configure(struct member_rig *rig, const char *text);

/* The node is told the configuration as it is in the rig now. */
void member_rig_reconfigure(struct member_rig *rig);

/* One more that is up, at the next address, and not configured. */
struct rig_tracker *member_rig_open(struct member_rig *rig);

void member_rig_start(struct member_rig *rig);
void member_rig_restart(struct member_rig *rig); /* as after a crash */
void member_rig_stop(struct member_rig *rig);

/* Everything happens that takes no time; and, with time, what is due meanwhile. */
void member_rig_run(struct member_rig *rig);
void member_rig_wait(struct member_rig *rig, uint64_t ms);
void member_rig_fail_disk(struct member_rig *rig);

/* Its link is lost, or it says something. */
void member_rig_cut(struct member_rig *rig, struct rig_tracker *tracker);
void member_rig_say(struct member_rig *rig, struct rig_tracker *tracker, enum message_type type,
                    const char *data);

/* It opens a link to the node with its own key, and closes it when that is proved. */
void member_rig_dial_back(struct member_rig *rig, struct rig_tracker *tracker);

/* A client asks; its number, which is also the client's. `params` is printf's. */
uint64_t member_rig_call(struct member_rig *rig, enum api_method method, const char *params, ...)
    __attribute__((format(printf, 3, 4)));
void member_rig_gone(struct member_rig *rig, uint64_t client);
void member_rig_expect(struct member_rig *rig, uint64_t call, enum error error);
void member_rig_expect_open(struct member_rig *rig, uint64_t call);

/* The trackers as status shows them. Borrowed until the next call. */
const char *member_rig_status(struct member_rig *rig);

/* Fails unless this stands somewhere in that; or does. */
void rig_assert_has(const char *text, const char *part);
void rig_assert_has_not(const char *text, const char *part);

/* What it heard since this was asked last. */
void rig_assert_heard(struct rig_tracker *tracker, const char *expected);

/* The rows of the log since this was asked last. */
void rig_assert_log(struct member_rig *rig, const char *expected);

void rig_peer_init(struct member_rig *rig, struct rig_peer *peer);

/* A record of that peer, at host:port (or NULL: withdrawn), issued now. */
struct rig_record rig_record(const struct member_rig *rig, const struct rig_peer *peer,
                             const char *name, uint64_t sequence, const char *at);
void rig_show(struct rig_tracker *tracker, const struct rig_record *record);

#endif
