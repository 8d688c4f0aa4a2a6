/* Neighbours of a house who speak the classic dialect: they hear objects where they listen, and
 * come by with bytes of any kind. */
#ifndef P2PCHAT_TESTS_UNIT_STREET_H
#define P2PCHAT_TESTS_UNIT_STREET_H

#include "tests/unit/house.h"

enum { STREET_NEIGHBOURS_MAX = 160, STREET_CARRIERS_MAX = 4096, STREET_QUESTIONS_MAX = 128 };

/* What a neighbour does with a connection. */
enum manner {
    READS,  /* reads, and ends it when we have */
    STALLS, /* accepts, and that is all */
    RINGS,  /* neither accepts nor refuses, until it has another manner */
    RESETS, /* breaks it when we have said something */
    ABSENT  /* nobody is there */
};

struct neighbour {
    const char *host;
    const char *reached; /* the literal that the host stands for, or NULL: it is one */
    uint16_t port;
    enum manner manner;
    struct bytes heard;     /* objects, each with a newline after it */
    size_t dials, answered; /* how often it was dialled, and accepted */
};

struct street {
    struct neighbour neighbours[STREET_NEIGHBOURS_MAX];
    size_t neighbour_count;
    struct neighbour nobody; /* who is dialled where no neighbour is */
    struct {
        uint64_t carrier, dial;
        struct neighbour *neighbour; /* NULL: one of ours, who came by */
        enum { CALLED, OPEN, SAID, OVER } state;
        bool closed; /* by the node */
    } carriers[STREET_CARRIERS_MAX];
    size_t carrier_count;
    uint64_t questions[STREET_QUESTIONS_MAX]; /* host names to be looked up */
    size_t question_count;
};

/* Where the node listens for the dialect. */
extern const struct host_port street_home;

/* A house that speaks the dialect; and one that is a tracker's. */
int street_setup(void **state);
int street_setup_tracker(void **state);
int street_teardown(void **state);

/* For house.c: takes an action that is about the street; does what is to be done. */
bool street_act(struct house *house, const struct action *action);
bool street_serve(struct house *house);

/* Somebody who listens there from now on. */
struct neighbour *street_neighbour(struct house *house, const char *host, uint16_t port);

/* All that a neighbour heard since this was asked last. */
#define street_assert_heard(neighbour, expected) \
    street_check_heard(neighbour, expected, __FILE__, __LINE__)
void street_check_heard(struct neighbour *neighbour, const char *expected, const char *file,
                        int line);

/* Opens a connection from a host; says something on it; ends it. */
uint64_t street_open(struct house *house, const char *host);
uint64_t street_open_link(struct house *house, const char *host); /* where links come in */
void street_bytes(struct house *house, uint64_t carrier, const void *bytes, size_t length);
void street_shut(struct house *house, uint64_t carrier);
bool street_is_closed(const struct house *house, uint64_t carrier); /* by the node */
size_t street_count_open(const struct house *house);                /* that came by */

/* A connection with that text, printf's. Whether the node closed it by itself. */
bool street_say(struct house *house, const char *host, const char *text, ...)
    __attribute__((format(printf, 3, 4)));

/* The oldest open question is answered so; NULL: nobody knows. */
void street_answer(struct house *house, const char *literal);

/* A neighbour with mutual consent, who asked. */
struct neighbour *street_befriend(struct house *house, const char *host, uint16_t port,
                                  const char *name);

/* What a call was answered holds that, or does not; of a method without parameters, when it is
 * called now. */
void street_assert_result(const struct house *house, const char *part);
void street_assert_no_result(const struct house *house, const char *part);
void street_look(struct house *house, enum api_method method, const char *part);

/* Seconds pass, one by one. */
void street_pass_s(struct house *house, unsigned seconds);

#define STREET_TEST(name) cmocka_unit_test_setup_teardown(name, street_setup, street_teardown)

#define STREET_REQUEST(name, host, port)                                                          \
    "{\"msgtype\": \"CHAT_REQUEST\", \"msgdata\": {\"peername\": \"" name "\", \"host\": \"" host \
    "\", \"port\": " port "}}"
#define STREET_ACCEPT(name, host, port)                                                          \
    "{\"msgtype\": \"CHAT_ACCEPT\", \"msgdata\": {\"peername\": \"" name "\", \"host\": \"" host \
    "\", \"port\": " port "}}"
#define STREET_MESSAGE(name, text)                                        \
    "{\"msgtype\": \"CHAT_MESSAGE\", \"msgdata\": {\"peername\": \"" name \
    "\", \"message\": \"" text "\"}}"
#define STREET_DISCONNECT(name) \
    "{\"msgtype\": \"DISCONNECT\", \"msgdata\": {\"peername\": \"" name "\"}}"
#define STREET_REFUSE "{\"msgtype\": \"CHAT_REFUSE\", \"msgdata\": {}}"

/* What the node says, with its own host on the street. */
#define HOUSE_SAYS(type)                                                                    \
    "{\"msgtype\":\"" type "\",\"msgdata\":{\"peername\":\"house\",\"host\":\"192.0.2.1\"," \
    "\"port\":40000}}\n"
#define HOUSE_MESSAGE(text)                                                                        \
    "{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":{\"peername\":\"house\",\"message\":\"" text "\"}}" \
    "\n"
#define HOUSE_DISCONNECT "{\"msgtype\":\"DISCONNECT\",\"msgdata\":{\"peername\":\"house\"}}\n"
#define HOUSE_REFUSE     "{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":{}}\n"

#endif
