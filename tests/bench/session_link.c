#include <sys/socket.h>

#include "common/alloc.h"
#include "daemon/core/link/link.h"
#include "daemon/entropy.h"
#include "tests/bench/bench.h"
#include "tests/bench/session.h"

static struct identity identities[2];
static struct bytes hello;

void session_link_init(void)
{
    struct random random = entropy_random();

    crypto_init();
    identity_create(&random, &identities[SESSION_DIALLER]);
    identity_create(&random, &identities[SESSION_LISTENER]);
    message_hello_encode(&hello, ROLE_NODE, "p2pchat/bench", 1, NULL, 0);
}

/* Sends everything that the link has to say, in one piece; returns whether HELLO has come. */
static bool drain(struct link *link, int fd)
{
    struct bytes out = BYTES_EMPTY;
    struct link_output output;
    bool greeted = false;

    while (link_next(link, &output)) {
        if (output.kind == LINK_SEND)
            bytes_append(&out, output.send.bytes, output.send.length);
        must(output.kind != LINK_ENDED);
        greeted |= output.kind == LINK_HELLO;
    }
    if (bytes_length(&out) > 0 &&
        send(fd, bytes_data(&out), bytes_length(&out), MSG_NOSIGNAL) != (ssize_t)bytes_length(&out))
        bench_die("send");
    bytes_done(&out);
    return greeted;
}

void session_link(int fd, enum session_side side)
{
    struct link_settings settings = {
        .identity = &identities[side],
        .random = entropy_random(),
        .hello = &hello,
    };
    struct link *link;
    uint8_t buffer[1024];

    if (side == SESSION_LISTENER)
        link = link_new_accepted(&settings, bench_now());
    else
        must(link_new_dialled(&settings, NULL, bench_now(), &link) == OK);
    while (!drain(link, fd)) {
        ssize_t got = recv(fd, buffer, sizeof buffer, 0);
        if (got <= 0)
            bench_die("recv");
        link_input(link, buffer, (size_t)got, bench_now());
    }
    link_free(link);
}

void session_convert(enum session_side side)
{
    struct peer_key key;

    must(peer_key_init(&key, identities[1 - side].key.bytes) == OK);
}
