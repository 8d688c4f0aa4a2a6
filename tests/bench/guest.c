#include "tests/bench/guest.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/entropy.h"
#include "tests/bench/bench.h"

enum { READ_MAX = 64 << 10, FIRST_ADDRESS = 0x7f010001 /* 127.1.0.1 */ };

struct guest_host guest_host(const char *peer_id, uint16_t port)
{
    struct guest_host host = {.port = port};

    must(peer_id_decode(peer_id, strlen(peer_id), &host.key) == OK);
    return host;
}

uint32_t guest_address(size_t index)
{
    must(index < GUESTS_MAX);
    return FIRST_ADDRESS + (uint32_t)index;
}

void guest_address_format(size_t index, char ret_text[GUEST_ADDRESS_LENGTH])
{
    const struct in_addr address = {htonl(guest_address(index))};

    must(inet_ntop(AF_INET, &address, ret_text, GUEST_ADDRESS_LENGTH) != NULL);
}

void guest_allow_descriptors(size_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        bench_die("RLIMIT_NOFILE");
    if (limit.rlim_cur < count)
        limit.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        bench_die("RLIMIT_NOFILE");
}

static int connect_from(uint32_t address, uint16_t port)
{
    const struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr = {htonl(address)}};
    const struct sockaddr_in host = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof own) < 0 ||
        connect(fd, (const struct sockaddr *)&host, sizeof host) < 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        bench_die("connect");
    return fd;
}

void guest_open(struct guest *guest, size_t index, const struct identity *identity,
                const uint8_t *record, size_t record_length, const struct guest_host *host)
{
    *guest = (struct guest){.fd = connect_from(guest_address(index), host->port),
                            .random = entropy_random()};
    message_hello_encode(&guest->hello, ROLE_NODE, "p2pchat/bench", index + 1, record,
                         record_length);
    guest->settings = (struct link_settings){
        .identity = identity, .random = guest->random, .hello = &guest->hello};
    must(link_new_dialled(&guest->settings, host->key.bytes, bench_now(), &guest->link) == OK);
    guest_send(guest);
}

void guest_close(struct guest *guest)
{
    const struct linger at_once = {.l_onoff = 1};

    if (guest->link == NULL)
        return;
    setsockopt(guest->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(guest->fd);
    link_free(guest->link);
    bytes_done(&guest->hello);
    *guest = (struct guest){.fd = -1};
}

void guest_say(struct guest *guest, enum message_type type, const void *data, size_t length)
{
    link_send(guest->link, type, data, length);
}

static void send_all(int fd, const uint8_t *bytes, size_t length)
{
    if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
        bench_die("send");
}

static void drain(struct guest *guest, guest_hears *hears, void *context)
{
    struct link_output output;

    while (link_next(guest->link, &output)) {
        switch (output.kind) {
        case LINK_SEND:
            send_all(guest->fd, output.send.bytes, output.send.length);
            break;
        case LINK_PROVED:
            break;
        case LINK_HELLO:
            hears(context, guest, MESSAGE_HELLO, output.hello);
            break;
        case LINK_MESSAGE:
            hears(context, guest, output.message.type, output.message.data);
            break;
        case LINK_ENDED:
            fprintf(stderr, "benchmark: a link ended: %s (%s)\n", link_end_name(output.ended),
                    link_end_name(link_reason_told(guest->link)));
            exit(EXIT_FAILURE);
        }
    }
}

static void hear_nothing(void *context, struct guest *guest, enum message_type type,
                         const struct json *data)
{
    (void)context, (void)guest, (void)type, (void)data;
    must(!"nothing was received");
}

void guest_send(struct guest *guest)
{
    drain(guest, hear_nothing, NULL);
}

void guest_receive(struct guest *guest, guest_hears *hears, void *context)
{
    static uint8_t buffer[READ_MAX];
    ssize_t got = recv(guest->fd, buffer, sizeof buffer, 0);

    if (got < 0)
        bench_die("recv");
    if (got > 0)
        link_input(guest->link, buffer, (size_t)got, bench_now());
    else
        link_lost(guest->link);
    drain(guest, hears, context);
}
