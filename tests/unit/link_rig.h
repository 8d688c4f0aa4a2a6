/* Two links in one process, the wire between them in the test's hands, and a puppet that says on a
 * link what an honest peer never would. */
#ifndef P2PCHAT_TESTS_UNIT_LINK_RIG_H
#define P2PCHAT_TESTS_UNIT_LINK_RIG_H

#include "daemon/core/link/keys.h"
#include "daemon/core/link/link.h"

enum { DIALLER, LISTENER, RIG_SIDES };

enum rig_way { RIG_XK, RIG_XX, RIG_XK_PSK0, RIG_XX_PSK0, RIG_WAYS };

struct rig {
    uint64_t seed;
    struct now now;
    struct identity identities[RIG_SIDES];
    struct bytes hello[RIG_SIDES];
    struct link_settings settings[RIG_SIDES];
    struct link *links[RIG_SIDES]; /* NULL: a puppet's place */
    struct bytes wire[RIG_SIDES];  /* what a side sent and the other has not got */
    size_t sent[RIG_SIDES];        /* bytes in all */
    size_t piece;                  /* what one link_input gets at most; 0: all there is */

    /* What came out of each link but LINK_SEND, one word each: "PROVED", "HELLO",
     * "CHAT_REQUEST{…}", "ENDED(closed)". */
    struct bytes told[RIG_SIDES];
};

/* Identities, settings and hellos; no links yet. */
void link_rig_init(struct rig *rig);
void link_rig_done(struct rig *rig);

/* Makes the listener's link, and the dialler's; nothing is sent yet. */
void link_rig_listen(struct rig *rig, enum rig_way way);
void link_rig_dial(struct rig *rig, enum rig_way way);

/* Listen, dial, and run until both are proved and have said HELLO. */
void link_rig_connect(struct rig *rig, enum rig_way way);

/* Takes all that comes out of one link. */
void link_rig_drain(struct rig *rig, int side);

/* Gives what a side sent to the other; in pieces. */
void link_rig_deliver(struct rig *rig, int from);

/* Drains and delivers until nothing is on its way. */
void link_rig_run(struct rig *rig);

/* Moves the time, waking links at their deadlines, and runs on. */
void link_rig_pass(struct rig *rig, uint64_t ms);

void link_rig_send(struct rig *rig, int side, enum message_type type, const char *data);

/* Checks what was told since the last time, and forgets it. */
#define rig_assert_told(rig, side, expected) \
    link_rig_check_told(rig, side, expected, __FILE__, __LINE__)
void link_rig_check_told(struct rig *rig, int side, const char *expected, const char *file,
                         int line);

/* --- Puppet --- */

/* Knows the dialler's secrets and the rules, and keeps to them only as far as it is told. */
struct puppet {
    struct rig *rig;
    struct handshake_setup setup;
    struct keys keys;
    struct bytes stream; /* frames that it heard and has not told */
};

/* Proves the dialler's key to the rig's listener; says nothing after that. */
void puppet_connect(struct puppet *puppet, struct rig *rig);
void puppet_done(struct puppet *puppet);

/* Sends one record, one frame, one message, at once. */
void puppet_record(struct puppet *puppet, enum record_type type, const void *content,
                   size_t length);
void puppet_frame(struct puppet *puppet, unsigned kind, const void *body, size_t length);
void puppet_say(struct puppet *puppet, const char *json);

/* HELLO, so that other messages may follow. */
void puppet_hello(struct puppet *puppet);

/* Checks the JSON messages that the puppet heard since the last time: "HELLO CLOSE(malformed)",
 * with the reason of CLOSE. */
#define puppet_assert_heard(puppet, expected) \
    puppet_check_heard(puppet, expected, __FILE__, __LINE__)
void puppet_check_heard(struct puppet *puppet, const char *expected, const char *file, int line);

#endif
