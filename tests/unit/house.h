/* A node with a disk of its own, and visitors: people with keys who reach it over links and say
 * whatever the test has them say. Time stands still until it is moved. */
#ifndef P2PCHAT_TESTS_UNIT_HOUSE_H
#define P2PCHAT_TESTS_UNIT_HOUSE_H

#include "common/bytes.h"
#include "daemon/core/link/link.h"
#include "daemon/core/node.h"
#include "daemon/core/overlay/peer_record.h"
#include "tests/support/model_store.h"

enum { HOUSE_VISITORS_MAX = 300, HOUSE_TEXT_MAX = 1024 };

/* Somebody with a key of its own, and one link to the node. */
struct visitor {
    struct identity identity;
    struct link_settings settings;
    struct link *link; /* NULL: the node closed it */
    uint64_t carrier;
    struct bytes heard;        /* the types of messages that came, one word each */
    char said[HOUSE_TEXT_MAX]; /* msgdata of the last one, or its beginning */
    char epoch[17];            /* of the last CHAT_MESSAGE among them */
};

struct street;

struct house {
    uint64_t seed;
    struct now now;
    struct identity identity;
    enum node_role role;
    uint64_t outbox_messages_max, outbox_bytes_max; /* from the next restart on */
    const struct host_port *advertise;              /* likewise */
    size_t advertise_count;
    struct node *node;
    struct model_store *store;
    bool disk_waits; /* nothing becomes durable */
    struct bytes hello;
    struct visitor visitors[HOUSE_VISITORS_MAX];
    size_t visitor_count;
    uint64_t last_carrier, last_call;
    enum error replied;            /* to the last call that was answered */
    uint64_t replied_call;         /* its number */
    char refused[256];             /* what was said with an error, if anything */
    char result[HOUSE_TEXT_MAX];   /* what it was answered, when it was no error */
    struct bytes *whole;           /* where results go that are longer than that, or NULL */
    char greeting[HOUSE_TEXT_MAX]; /* the node's last HELLO */
    char ended[32];                /* why the node ended the last link that it ended */
    char noted[64];                /* the last line for the daemon's own log: code and count */
    size_t notes;                  /* how many such lines came, but those of level debug */
    size_t rows, messages;         /* of the log */
    size_t appends;                /* transactions */
    char logged[HOUSE_TEXT_MAX];   /* the last row that is no message: type and body */
    size_t dials;                  /* how often the node dialled */
    struct {
        uint64_t dial;
        enum carrier_kind kind;
        struct dial_address addresses[DIAL_ADDRESSES_MAX];
        size_t count;
    } dialled;                   /* the last time */
    uint64_t gone_on, forgotten; /* the last dial that it wants to go on, and that it forgets */
    char found[256];             /* where that one did not get on */
    struct {
        uint64_t resolve;
        char host[ADDRESS_HOST_MAX + 1];
    } asked;                 /* the last name that it wanted to be looked up */
    uint64_t finished;       /* the last carrier that it sends nothing more to */
    size_t reads, reads_max; /* not answered; the most at one time */
    struct street *street;   /* who speaks the classic dialect (street.h); NULL: it is off */
    bool refuses_long_text;  /* from the next restart on */
};

int house_setup(void **state);
int house_setup_tracker(void **state); /* it is a tracker's */
int house_teardown(void **state);

/* Stops the node as a crash does, and makes it anew from its disk. All links are gone. */
void house_restart(struct house *house);

/* Lets everything happen that does not take time. */
void house_run(struct house *house);

/* Tells the node something, and does what it wants done at once. */
void house_give(struct house *house, const struct input *input);
void house_pass(struct house *house, uint64_t ms);

/* A client asks; its number. What it is answered stands in house->replied and house->result. */
uint64_t house_call(struct house *house, enum api_method method, const char *params);

/* Somebody with a new key, and somebody who has opened a link from `host`. */
struct visitor *house_come(struct house *house);
struct visitor *house_stranger(struct house *house, const char *host);

/* The visitor, who has no link, is who answers the last dial; what was heard before is forgotten.
 */
void house_answer(struct house *house, struct visitor *visitor);

/* Opens a link; what was heard before is forgotten. */
void house_enter(struct house *house, struct visitor *visitor, const char *host);

#define HOUSE_ID      "00112233445566778899aabbccddeeff" /* of the request, and so of the consent */
#define HOUSE_OTHER   "ffeeddccbbaa99887766554433221100"
#define HOUSE_EPOCH   "1111111111111111" /* in which a visitor speaks */
#define HOUSE_ANOTHER "2222222222222222"

/* HAVE of a visitor: it has an epoch of its own, and nothing of ours. */
#define HOUSE_HAVE_NOTHING \
    "{\"consent\":\"" HOUSE_ID "\",\"live\":[\"" HOUSE_EPOCH "\"],\"have\":[]}"

/* A visitor with mutual consent, whose HAVE came. */
struct visitor *house_befriend(struct house *house);

void house_say(struct house *house, struct visitor *visitor, enum message_type type,
               const char *data);
void house_ask(struct house *house, struct visitor *visitor, unsigned number);
void house_say_text(struct house *house, struct visitor *visitor, unsigned number,
                    const char *text);

/* The node's own record, as a stranger is shown it who comes for that. */
void house_record(struct house *house, struct peer_record *ret_record);

/* So many letters x; the caller frees them. */
char *house_text(size_t length);

/* What the visitor heard since this was asked last: types, each with a blank after it. */
#define house_assert_heard(visitor, expected) \
    house_check_heard(visitor, expected, __FILE__, __LINE__)
void house_check_heard(struct visitor *visitor, const char *expected, const char *file, int line);

#endif
