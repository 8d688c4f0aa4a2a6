#include "tests/bench/crowd.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/overlay/peer_record.h"
#include "daemon/entropy.h"
#include "tests/bench/bench.h"
#include "tests/bench/guest.h"

enum {
    JOINING_MAX = 64, /* at once: far below what the daemon lets in unproved */
    WAIT_MS = 10000,  /* for anything to happen */
    DESCRIPTORS_SPARE = 64,
    PORT = 28470, /* in records: nobody is dialled */
};

struct person {
    struct identity identity;
    struct guest guest;
    char name[16];
    uint8_t request[MESSAGE_ID_LENGTH];
    bool consented;
};

struct crowd {
    size_t count, started, consented;
    struct person *people;
    struct pollfd *fds; /* of those who have started, in order */
};

/* Its own, as every node has one. */
static size_t sign_record(const struct person *person, uint8_t ret_record[PEER_RECORD_BYTES_MAX])
{
    struct peer_record record = {
        .sequence = 1,
        .issued_ms = bench_now().unix_ms,
        .lifetime_s = PEER_RECORD_LIFETIME_S,
        .address_count = 1,
        .addresses = {{.host = "192.0.2.1", .port = PORT}},
    };
    size_t length;

    memcpy(record.key, person->identity.key.bytes, sizeof record.key);
    memcpy(record.name, person->name, sizeof person->name);
    must(peer_record_encode(&record, &person->identity, ret_record, &length) == OK);
    return length;
}

struct crowd *crowd_new(size_t count)
{
    struct crowd *crowd = xcalloc(1, sizeof *crowd);
    struct random random = entropy_random();

    crypto_init();
    guest_allow_descriptors(count + DESCRIPTORS_SPARE);
    crowd->count = count;
    crowd->people = xcalloc(count, sizeof *crowd->people);
    crowd->fds = xcalloc(count, sizeof *crowd->fds);
    for (size_t i = 0; i < count; i++) {
        struct person *person = &crowd->people[i];
        identity_create(&random, &person->identity);
        random_fill(&random, person->request, sizeof person->request);
        snprintf(person->name, sizeof person->name, "person-%zu", i);
    }
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        guest_close(&crowd->people[i].guest);
    }
    free(crowd->people);
    free(crowd->fds);
    free(crowd);
}

const char *crowd_peer_id(const struct crowd *crowd, size_t index)
{
    return crowd->people[index].identity.id;
}

/* --- One person --- */

static void ask(struct person *person)
{
    struct message_request request = {.name = person->name};
    struct bytes data = BYTES_EMPTY;

    memcpy(request.request, person->request, sizeof request.request);
    message_request_encode(&data, &request);
    guest_say(&person->guest, MESSAGE_CHAT_REQUEST, bytes_data(&data), bytes_length(&data));
    bytes_done(&data);
}

static void confirm(struct person *person)
{
    struct message_have have = {.live_count = 0};
    struct bytes data = BYTES_EMPTY;

    memcpy(have.consent, person->request, sizeof have.consent);
    message_have_encode(&data, &have);
    guest_say(&person->guest, MESSAGE_HAVE, bytes_data(&data), bytes_length(&data));
    bytes_done(&data);
}

static void hear(void *context, struct guest *guest, enum message_type type,
                 const struct json *data)
{
    struct crowd *crowd = context;
    struct person *person = (struct person *)((char *)guest - offsetof(struct person, guest));

    (void)data;
    if (type == MESSAGE_HELLO)
        ask(person);
    if (type != MESSAGE_CHAT_ACCEPT || person->consented)
        return;
    confirm(person);
    person->consented = true;
    crowd->consented++;
}

static void start(struct crowd *crowd, const struct guest_host *host)
{
    uint8_t record[PEER_RECORD_BYTES_MAX];
    size_t index = crowd->started++;
    struct person *person = &crowd->people[index];

    guest_open(&person->guest, index, &person->identity, record, sign_record(person, record), host);
    crowd->fds[index] = (struct pollfd){.fd = person->guest.fd, .events = POLLIN};
}

/* --- All --- */

void crowd_join(struct crowd *crowd, const char *peer_id, uint16_t port)
{
    const struct guest_host host = guest_host(peer_id, port);

    while (crowd->consented < crowd->count) {
        while (crowd->started < crowd->count && crowd->started - crowd->consented < JOINING_MAX)
            start(crowd, &host);
        int ready = poll(crowd->fds, crowd->started, WAIT_MS);
        if (ready <= 0) {
            fprintf(stderr, "benchmark: %zu of %zu contacts came through\n", crowd->consented,
                    crowd->count);
            exit(EXIT_FAILURE);
        }
        for (size_t i = 0; i < crowd->started; i++) {
            if (crowd->fds[i].revents != 0)
                guest_receive(&crowd->people[i].guest, hear, crowd);
        }
    }
}
