#include "daemon/net.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/number_map.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/pump.h"
#include "daemon/quiet.h"

/* Output that the socket did not take: only there while there is some. */
struct output {
    struct evbuffer *buffer;
    struct event writable;
};

struct carrier {
    uint64_t number;
    struct net *net;
    int fd;
    uint32_t place;           /* in the net's array */
    bool is_finishing;        /* ACTION_FINISH came: nothing follows what is in `output` */
    bool is_closing;          /* ACTION_CLOSE came: the node is told nothing more */
    bool is_broken;           /* writing failed: the node is to be told that it is down */
    bool has_sent;            /* there is something that the other side may not have read yet */
    bool has_news;            /* stands in the net's list */
    uint32_t believed_free;   /* what the node believes that it may send */
    struct event readable;    /* becomes readable: always waited for */
    struct output *output;    /* NULL: nothing waits */
    struct event *linger_end; /* NULL: not closing */
    LIST_ENTRY(carrier) news; /* see `has_news` */
};

LIST_HEAD(carrier_list, carrier);

struct net {
    struct pump *pump;
    struct carrier **carriers;
    uint32_t count;
    uint32_t size;
    struct number_map places; /* of carriers, by their numbers: ours, so their hash needs no key */
    uint32_t count_max;       /* for those who connect to us */
    struct quiet full;        /* says that these are there */
    uint64_t last_number;
    size_t lingering;
    struct carrier_list news; /* carriers with something to tell, found while the node acted */
    struct event *news_timer;
    uint8_t buffer[CARRIER_READ_MAX]; /* all carriers read into it, one at a time */
};

static const struct timeval at_once = {0};

static struct carrier *find(struct net *net, uint64_t number)
{
    uint32_t place = number_map_get(&net->places, number);

    return place != NUMBER_MAP_NONE ? net->carriers[place] : NULL;
}

static void add(struct net *net, struct carrier *carrier)
{
    if (net->count == net->size) {
        net->size = net->size > 0 ? 2 * net->size : 16;
        net->carriers = xreallocarray(net->carriers, net->size, sizeof(net->carriers[0]));
    }
    carrier->place = net->count++;
    net->carriers[carrier->place] = carrier;
    number_map_set(&net->places, carrier->number, carrier->place);
}

/* The last one takes its place. */
static void take_out(struct net *net, struct carrier *carrier)
{
    struct carrier *last = net->carriers[--net->count];

    last->place = carrier->place;
    net->carriers[last->place] = last;
    number_map_set(&net->places, last->number, last->place);
    number_map_remove(&net->places, carrier->number);
}

static void output_free(struct output *output)
{
    if (output == NULL)
        return;
    event_del(&output->writable);
    evbuffer_free(output->buffer);
    free(output);
}

static void carrier_free(struct carrier *carrier)
{
    struct net *net = carrier->net;

    if (carrier->has_news)
        LIST_REMOVE(carrier, news);
    if (carrier->linger_end != NULL) {
        event_free(carrier->linger_end);
        net->lingering--;
    }
    output_free(carrier->output);
    event_del(&carrier->readable);
    close(carrier->fd);
    take_out(net, carrier);
    free(carrier);
}

static size_t waiting(const struct carrier *carrier)
{
    return carrier->output != NULL ? evbuffer_get_length(carrier->output->buffer) : 0;
}

enum carrier_end { CARRIER_END_OF_STREAM, CARRIER_FAILED };

/* The carrier has come to its end: frees it, and tells the node unless the node ended it. */
static void carrier_ended(struct carrier *carrier, enum carrier_end end)
{
    struct pump *pump = carrier->net->pump;
    const struct input input = {.kind = INPUT_CARRIER_DOWN,
                                .carrier_down = {.carrier = carrier->number,
                                                 .is_clean = end == CARRIER_END_OF_STREAM &&
                                                             !carrier->is_broken &&
                                                             waiting(carrier) == 0}};
    bool is_closing = carrier->is_closing;

    carrier_free(carrier);
    if (!is_closing)
        pump_input(pump, &input);
}

static size_t room(const struct carrier *carrier)
{
    size_t length = waiting(carrier);

    return length < CARRIER_OUTPUT_MAX ? CARRIER_OUTPUT_MAX - length : 0;
}

/* Whether the node can send so much more than it believes that it is worth an input. It happens as
 * the loop goes on, so not for each of many small writes. */
static bool room_is_news(const struct carrier *carrier)
{
    return room(carrier) >= carrier->believed_free + CARRIER_ROOM_NEWS;
}

static void tell_room(struct carrier *carrier)
{
    const struct input input = {.kind = INPUT_ROOM,
                                .room = {.carrier = carrier->number, .bytes_free = room(carrier)}};

    carrier->believed_free = (uint32_t)input.room.bytes_free;
    pump_input(carrier->net->pump, &input);
}

/* Remembers that the carrier has something to tell, when the node has finished acting. */
static void note_news(struct carrier *carrier)
{
    if (carrier->has_news)
        return;
    carrier->has_news = true;
    LIST_INSERT_HEAD(&carrier->net->news, carrier, news);
    evtimer_add(carrier->net->news_timer, &at_once);
}

static void on_news(evutil_socket_t fd, short events, void *context)
{
    struct net *net = context;
    struct carrier_list list = LIST_HEAD_INITIALIZER(list);
    struct carrier *carrier;

    (void)fd;
    (void)events;
    /* What becomes news meanwhile comes next time. */
    while ((carrier = LIST_FIRST(&net->news)) != NULL) {
        LIST_REMOVE(carrier, news);
        LIST_INSERT_HEAD(&list, carrier, news);
    }
    while ((carrier = LIST_FIRST(&list)) != NULL) {
        LIST_REMOVE(carrier, news);
        carrier->has_news = false;
        if (carrier->is_broken)
            carrier_ended(carrier, CARRIER_FAILED);
        else if (!carrier->is_closing && room_is_news(carrier))
            tell_room(carrier);
    }
}

/* --- Input --- */

static void on_readable(evutil_socket_t fd, short events, void *context)
{
    struct carrier *carrier = context;
    struct net *net = carrier->net;
    ssize_t got = read(fd, net->buffer, sizeof(net->buffer));
    const struct input input = {.kind = INPUT_BYTES,
                                .bytes = {.carrier = carrier->number,
                                          .bytes = net->buffer,
                                          .length = got > 0 ? (size_t)got : 0}};

    (void)events;
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    net->pump->counters.received_bytes += input.bytes.length;
    if (got <= 0)
        carrier_ended(carrier, got == 0 ? CARRIER_END_OF_STREAM : CARRIER_FAILED);
    else if (!carrier->is_closing)
        pump_input(net->pump, &input); /* the carrier may be gone after this */
}

/* --- Output --- */

static void note_broken(struct carrier *carrier)
{
    carrier->is_broken = true;
    note_news(carrier);
}

/* Everything is out: says so by the end of the stream. */
static void finish(struct carrier *carrier)
{
    if (shutdown(carrier->fd, SHUT_WR) < 0)
        note_broken(carrier);
}

/* The same for a carrier that nobody asks about any more; the other side can wait for it. */
static void finish_closing(struct carrier *carrier)
{
    if (shutdown(carrier->fd, SHUT_WR) < 0)
        carrier_free(carrier);
}

static void on_writable(evutil_socket_t fd, short events, void *context)
{
    struct carrier *carrier = context;
    const int sent = evbuffer_write(carrier->output->buffer, fd);

    (void)events;
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            carrier_ended(carrier, CARRIER_FAILED);
        return;
    }
    carrier->net->pump->counters.sent_bytes += (uint64_t)sent;
    if (waiting(carrier) == 0) {
        output_free(carrier->output);
        carrier->output = NULL;
    }
    if (carrier->is_closing || carrier->is_finishing) {
        if (carrier->output == NULL && carrier->is_closing)
            finish_closing(carrier);
        else if (carrier->output == NULL)
            finish(carrier);
    } else if (room_is_news(carrier)) {
        tell_room(carrier);
    }
}

/* Sends what the socket takes; returns how much that was. */
static size_t send_now(struct carrier *carrier, const uint8_t *bytes, size_t length)
{
    ssize_t sent;

    do
        sent = send(carrier->fd, bytes, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        carrier->net->pump->counters.sent_bytes += (uint64_t)sent;
        return (size_t)sent;
    }
    if (errno != EAGAIN)
        note_broken(carrier);
    return 0;
}

static void keep(struct carrier *carrier, const uint8_t *bytes, size_t length)
{
    if (carrier->output == NULL) {
        carrier->output = xcalloc(1, sizeof(*carrier->output));
        carrier->output->buffer = evbuffer_new();
        must(carrier->output->buffer != NULL);
        event_assign(&carrier->output->writable, carrier->net->pump->base, carrier->fd,
                     EV_WRITE | EV_PERSIST, on_writable, carrier);
        event_add(&carrier->output->writable, NULL);
    }
    must(evbuffer_add(carrier->output->buffer, bytes, length) == 0);
}

void net_send(struct net *net, uint64_t number, const uint8_t *bytes, size_t length)
{
    struct carrier *carrier = find(net, number);
    size_t sent = 0;

    if (carrier == NULL || carrier->is_closing || carrier->is_finishing || carrier->is_broken)
        return;
    carrier->has_sent = true;
    if (carrier->output == NULL)
        sent = send_now(carrier, bytes, length);
    if (sent < length && !carrier->is_broken)
        keep(carrier, bytes + sent, length - sent);
    carrier->believed_free -=
        length < carrier->believed_free ? (uint32_t)length : carrier->believed_free;
    if (room_is_news(carrier))
        note_news(carrier);
}

void net_finish(struct net *net, uint64_t number)
{
    struct carrier *carrier = find(net, number);

    if (carrier == NULL || carrier->is_closing || carrier->is_finishing || carrier->is_broken)
        return;
    carrier->is_finishing = true;
    if (carrier->output == NULL)
        finish(carrier);
}

/* --- Beginning and end --- */

static void set_socket_options(int fd)
{
    int yes = 1;
    unsigned timeout_ms = CARRIER_USER_TIMEOUT_MS;

    /* Neither is worth a connection when the kernel does not want to. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
}

/* Somebody connects: whether that would take a descriptor that is kept for others. */
static bool is_full(struct net *net)
{
    net->pump->counters.accepted++;
    if (net->count < net->count_max)
        return false;
    net->pump->counters.accepted_full++;
    if (quiet_may_speak(&net->full))
        log_coded(LOG_LINKS_FULL, NULL,
                  "%u carriers are open: more are closed, until some of these end "
                  "(raise the limit of open files)",
                  net->count);
    return true;
}

/* Our end of a connection; "0.0.0.0" with port 0 when it is gone already. */
static void find_local(int fd, struct host_port *ret_local)
{
    struct socket_address local = {.v4.sin_family = AF_INET};
    struct sockaddr_storage from;
    socklen_t length = sizeof(from);

    if (getsockname(fd, (struct sockaddr *)&from, &length) == 0)
        (void)socket_address_from((const struct sockaddr *)&from, &local);
    socket_address_format(&local, ret_local);
}

void net_adopt(struct net *net, const struct arrival *arrival)
{
    const int fd = arrival->fd;
    struct input input = {
        .kind = INPUT_CARRIER_UP,
        .carrier_up = {.dial = arrival->dial, .kind = arrival->kind, .address = arrival->address}};
    struct carrier *carrier;

    if (arrival->dial == 0 && is_full(net)) {
        close(fd);
        return;
    }
    set_socket_options(fd);
    carrier = xcalloc(1, sizeof(*carrier));
    carrier->number = ++net->last_number;
    carrier->net = net;
    carrier->fd = fd;
    carrier->believed_free = CARRIER_OUTPUT_MAX;
    add(net, carrier);
    event_assign(&carrier->readable, net->pump->base, fd, EV_READ | EV_PERSIST, on_readable,
                 carrier);
    event_add(&carrier->readable, NULL);

    input.carrier_up.carrier = carrier->number;
    socket_address_format(&arrival->remote, &input.carrier_up.remote);
    find_local(fd, &input.carrier_up.local);
    pump_input(net->pump, &input);
}

static void on_linger_end(evutil_socket_t fd, short events, void *context)
{
    (void)fd;
    (void)events;
    carrier_free(context);
}

void net_close(struct net *net, uint64_t number)
{
    const struct timeval linger = {.tv_sec = CARRIER_LINGER_MS / 1000,
                                   .tv_usec = CARRIER_LINGER_MS % 1000 * 1000};
    struct carrier *carrier = find(net, number);

    if (carrier == NULL || carrier->is_closing)
        return;
    carrier->is_closing = true;
    if (carrier->is_broken || !carrier->has_sent || net->lingering == CARRIERS_LINGERING_MAX) {
        carrier_free(carrier);
        return;
    }
    carrier->linger_end = evtimer_new(net->pump->base, on_linger_end, carrier);
    must(carrier->linger_end != NULL);
    evtimer_add(carrier->linger_end, &linger);
    net->lingering++;
    if (carrier->output == NULL)
        finish_closing(carrier);
}

size_t net_count(const struct net *net)
{
    return net->count;
}

static uint32_t count_max(void)
{
    struct rlimit limit;
    rlim_t rest, kept;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > UINT32_MAX)
        return UINT32_MAX;
    rest = limit.rlim_cur > DESCRIPTORS_OWN ? limit.rlim_cur - DESCRIPTORS_OWN : 0;
    kept = rest / 4 < DESCRIPTORS_KEPT_MAX ? rest / 4 : DESCRIPTORS_KEPT_MAX;
    return (uint32_t)(rest - kept);
}

struct net *net_new(struct pump *pump)
{
    struct net *net = xcalloc(1, sizeof(*net));

    net->pump = pump;
    net->count_max = count_max();
    quiet_init(&net->full, pump->base);
    LIST_INIT(&net->news);
    number_map_init(&net->places, &(const struct hash_key){0, 0});
    net->news_timer = evtimer_new(pump->base, on_news, net);
    must(net->news_timer != NULL);
    return net;
}

void net_free(struct net *net)
{
    if (net == NULL)
        return;
    while (net->count > 0)
        carrier_free(net->carriers[net->count - 1]);
    quiet_done(&net->full);
    event_free(net->news_timer);
    number_map_done(&net->places);
    free(net->carriers);
    free(net);
}

void net_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* what there is has to do */
}
