#include "tests/bench/crowd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/core/link/link.h"
#include "daemon/core/overlay/peer_record.h"
#include "daemon/entropy.h"
#include "tests/bench/bench.h"

enum {
    JOINING_MAX = 64, /* at once: far below what the daemon lets in unproved */
    WAIT_MS = 10000,  /* for anything to happen */
    DESCRIPTORS_SPARE = 64,
    PORT = 28470, /* in records: nobody is dialled */
};

struct person {
    struct identity identity;
    struct bytes hello;
    struct link_settings settings;
    char name[16];
    uint8_t request[MESSAGE_ID_LENGTH];
    struct link *link;
    bool consented;
};

struct crowd {
    size_t count, started, consented;
    struct person *people;
    struct pollfd *fds; /* of those who have started, in order */
};

/* HELLO with a signed record, as every node says it. */
static void make_hello(struct person *person, size_t index)
{
    struct peer_record record = {
        .sequence = 1,
        .issued_ms = bench_now().unix_ms,
        .lifetime_s = PEER_RECORD_LIFETIME_S,
        .address_count = 1,
        .addresses = {{.host = "192.0.2.1", .port = PORT}},
    };
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;

    memcpy(record.key, person->identity.key.bytes, sizeof record.key);
    memcpy(record.name, person->name, sizeof person->name);
    must(peer_record_encode(&record, &person->identity, bytes, &length) == OK);
    message_hello_encode(&person->hello, "node", "p2pchat/bench", index + 1, bytes, length);
}

static void allow_descriptors(rlim_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        bench_die("RLIMIT_NOFILE");
    if (limit.rlim_cur < count)
        limit.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        bench_die("RLIMIT_NOFILE");
}

struct crowd *crowd_new(size_t count)
{
    struct crowd *crowd = xcalloc(1, sizeof *crowd);
    struct random random = entropy_random();

    crypto_init();
    allow_descriptors(count + DESCRIPTORS_SPARE);
    crowd->count = count;
    crowd->people = xcalloc(count, sizeof *crowd->people);
    crowd->fds = xcalloc(count, sizeof *crowd->fds);
    for (size_t i = 0; i < count; i++) {
        struct person *person = &crowd->people[i];
        identity_create(&random, &person->identity);
        random_fill(&random, person->request, sizeof person->request);
        snprintf(person->name, sizeof person->name, "person-%zu", i);
        make_hello(person, i);
        person->settings = (struct link_settings){
            .identity = &person->identity, .random = random, .hello = &person->hello};
    }
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        link_free(crowd->people[i].link);
        bytes_done(&crowd->people[i].hello);
        if (i < crowd->started)
            close(crowd->fds[i].fd);
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

/* From a loopback address of its own: of one address, the daemon lets in only so many. */
static int connect_from(size_t index, uint16_t port)
{
    const struct sockaddr_in own = {.sin_family = AF_INET,
                                    .sin_addr = {htonl(0x7f010001 + (uint32_t)index)}};
    const struct sockaddr_in daemon = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof own) < 0 ||
        connect(fd, (const struct sockaddr *)&daemon, sizeof daemon) < 0)
        bench_die("connect");
    return fd;
}

static void ask(struct person *person)
{
    struct message_request request = {.name = person->name};
    struct bytes data = BYTES_EMPTY;

    memcpy(request.request, person->request, sizeof request.request);
    message_request_encode(&data, &request);
    link_send(person->link, MESSAGE_CHAT_REQUEST, bytes_data(&data), bytes_length(&data));
    bytes_done(&data);
}

static void confirm(struct person *person)
{
    struct message_have have = {.live_count = 0};
    struct bytes data = BYTES_EMPTY;

    memcpy(have.consent, person->request, sizeof have.consent);
    message_have_encode(&data, &have);
    link_send(person->link, MESSAGE_HAVE, bytes_data(&data), bytes_length(&data));
    bytes_done(&data);
}

/* Does what the link's output calls for. */
static void take_output(struct crowd *crowd, size_t index, const struct link_output *output)
{
    struct person *person = &crowd->people[index];
    int fd = crowd->fds[index].fd;

    switch (output->kind) {
    case LINK_SEND:
        if (send(fd, output->send.bytes, output->send.length, MSG_NOSIGNAL) !=
            (ssize_t)output->send.length)
            bench_die("send");
        break;
    case LINK_PROVED:
        break;
    case LINK_HELLO:
        ask(person);
        break;
    case LINK_MESSAGE:
        if (output->message.type == MESSAGE_CHAT_ACCEPT && !person->consented) {
            confirm(person);
            person->consented = true;
            crowd->consented++;
        }
        break;
    case LINK_ENDED:
        fprintf(stderr, "benchmark: the link of %s ended: %s\n", person->name,
                link_end_name(output->ended));
        exit(EXIT_FAILURE);
    }
}

static void drain(struct crowd *crowd, size_t index)
{
    struct link_output output;

    while (link_next(crowd->people[index].link, &output))
        take_output(crowd, index, &output);
}

static void start(struct crowd *crowd, const uint8_t *key, uint16_t port)
{
    size_t index = crowd->started++;
    struct person *person = &crowd->people[index];

    crowd->fds[index] = (struct pollfd){.fd = connect_from(index, port), .events = POLLIN};
    must(link_new_dialled(&person->settings, key, bench_now(), &person->link) == OK);
    drain(crowd, index);
}

static void receive(struct crowd *crowd, size_t index)
{
    uint8_t buffer[4096];
    ssize_t got = recv(crowd->fds[index].fd, buffer, sizeof buffer, 0);

    if (got < 0)
        bench_die("recv");
    if (got > 0)
        link_input(crowd->people[index].link, buffer, (size_t)got, bench_now());
    else
        link_lost(crowd->people[index].link);
    drain(crowd, index);
}

/* --- All --- */

void crowd_join(struct crowd *crowd, const char *peer_id, uint16_t port)
{
    struct peer_key key;

    must(peer_id_decode(peer_id, strlen(peer_id), &key) == OK);
    while (crowd->consented < crowd->count) {
        while (crowd->started < crowd->count && crowd->started - crowd->consented < JOINING_MAX)
            start(crowd, key.bytes, port);
        int ready = poll(crowd->fds, crowd->started, WAIT_MS);
        if (ready <= 0) {
            fprintf(stderr, "benchmark: %zu of %zu contacts came through\n", crowd->consented,
                    crowd->count);
            exit(EXIT_FAILURE);
        }
        for (size_t i = 0; i < crowd->started; i++) {
            if (crowd->fds[i].revents != 0)
                receive(crowd, i);
        }
    }
}
