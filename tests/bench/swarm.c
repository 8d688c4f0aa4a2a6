#include "tests/bench/swarm.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/message_tracker.h"
#include "daemon/entropy.h"
#include "tests/bench/bench.h"

enum {
    JOINING_MAX = 64, /* at once: far below what a tracker lets in unproved */
    WAIT_MS = 10000,  /* for anything to happen */
    DESCRIPTORS_SPARE = 64,
    PORT = 9, /* in records: whoever dials it back finds nobody */
};

struct peer {
    struct identity identity;
    char name[SWARM_NAME_LENGTH + 1];
    uint8_t record[PEER_RECORD_BYTES_MAX];
};

struct swarm {
    size_t count;
    size_t record_length;
    uint64_t sequence;
    int64_t issued_ms;
    struct peer *peers;
};

/* One that is being registered. */
struct joining {
    size_t index;
    struct guest guest;
    bool is_registered;
};

/* --- Who they are --- */

static size_t sign(const struct swarm *swarm, size_t index, uint64_t newer,
                   uint8_t ret_record[PEER_RECORD_BYTES_MAX])
{
    const struct peer *peer = &swarm->peers[index];
    struct peer_record record = {
        .sequence = swarm->sequence + newer,
        .issued_ms = swarm->issued_ms,
        .lifetime_s = PEER_RECORD_LIFETIME_S,
        .address_count = 1,
        .addresses = {{.port = PORT}},
    };
    size_t length;

    guest_address_format(index, record.addresses[0].host);
    memcpy(record.key, peer->identity.key.bytes, sizeof record.key);
    memcpy(record.name, peer->name, sizeof peer->name);
    must(peer_record_encode(&record, &peer->identity, ret_record, &length) == OK);
    return length;
}

void swarm_sign(const struct swarm *swarm, size_t index, uint64_t newer,
                uint8_t ret_record[PEER_RECORD_BYTES_MAX])
{
    must(sign(swarm, index, newer, ret_record) == swarm->record_length);
}

struct swarm *swarm_new(size_t count)
{
    struct swarm *swarm = xcalloc(1, sizeof *swarm);
    struct random random = entropy_random();
    struct now now = bench_now();

    crypto_init();
    guest_allow_descriptors(JOINING_MAX + DESCRIPTORS_SPARE);
    swarm->count = count;
    swarm->peers = xcalloc(count, sizeof *swarm->peers);
    swarm->sequence = (uint64_t)now.unix_ms;
    swarm->issued_ms = now.unix_ms;
    for (size_t i = 0; i < count; i++) {
        struct peer *peer = &swarm->peers[i];
        identity_create(&random, &peer->identity);
        must(snprintf(peer->name, sizeof peer->name, "peer-%07zu", i) == SWARM_NAME_LENGTH);
        swarm->record_length = sign(swarm, i, 0, peer->record);
    }
    return swarm;
}

void swarm_free(struct swarm *swarm)
{
    free(swarm->peers);
    free(swarm);
}

const char *swarm_name(const struct swarm *swarm, size_t index)
{
    return swarm->peers[index].name;
}

const struct identity *swarm_identity(const struct swarm *swarm, size_t index)
{
    return &swarm->peers[index].identity;
}

size_t swarm_record_length(const struct swarm *swarm)
{
    return swarm->record_length;
}

const uint8_t *swarm_record(const struct swarm *swarm, size_t index)
{
    return swarm->peers[index].record;
}

/* --- How they register --- */

void swarm_visit(const struct swarm *swarm, size_t index, struct guest *guest,
                 const struct guest_host *host)
{
    const struct peer *peer = &swarm->peers[index];

    guest_open(guest, index, &peer->identity, peer->record, swarm->record_length, host);
}

struct registering {
    const struct swarm *swarm;
    struct joining *joining;
};

static void hear(void *context, struct guest *guest, enum message_type type,
                 const struct json *data)
{
    const struct registering *registering = context;
    const struct swarm *swarm = registering->swarm;
    struct joining *joining = registering->joining;
    struct message_registered registered;
    struct bytes own = BYTES_EMPTY;

    if (type == MESSAGE_HELLO) {
        message_register_encode(&own, swarm->peers[joining->index].record, swarm->record_length);
        guest_say(guest, MESSAGE_REGISTER, bytes_data(&own), bytes_length(&own));
        bytes_done(&own);
    } else if (type == MESSAGE_REGISTER_SUCCESS) {
        joining->is_registered = message_registered_decode(data, &registered) == OK &&
                                 strcmp(registered.name, swarm_name(swarm, joining->index)) == 0;
    }
    if (type == MESSAGE_REGISTER_ERROR ||
        (type == MESSAGE_REGISTER_SUCCESS && !joining->is_registered)) {
        fprintf(stderr, "benchmark: %s is not registered\n", swarm_name(swarm, joining->index));
        exit(EXIT_FAILURE);
    }
}

void swarm_register(struct swarm *swarm, size_t first, size_t end, const struct guest_host *host)
{
    struct joining *all = xcalloc(JOINING_MAX, sizeof *all);
    struct pollfd fds[JOINING_MAX];
    size_t next = first, done = first;

    for (size_t i = 0; i < JOINING_MAX; i++)
        fds[i].fd = -1;
    while (done < end) {
        for (size_t i = 0; i < JOINING_MAX && next < end; i++) {
            if (fds[i].fd >= 0)
                continue;
            all[i] = (struct joining){.index = next};
            swarm_visit(swarm, next++, &all[i].guest, host);
            fds[i] = (struct pollfd){.fd = all[i].guest.fd, .events = POLLIN};
        }
        if (poll(fds, JOINING_MAX, WAIT_MS) <= 0) {
            fprintf(stderr, "benchmark: %zu of %zu peers are registered\n", done, end);
            exit(EXIT_FAILURE);
        }
        for (size_t i = 0; i < JOINING_MAX; i++) {
            if (fds[i].fd < 0 || fds[i].revents == 0)
                continue;
            guest_receive(&all[i].guest, hear, &(struct registering){swarm, &all[i]});
            if (!all[i].is_registered)
                continue;
            guest_close(&all[i].guest);
            fds[i].fd = -1;
            done++;
        }
    }
    free(all);
}
