#include "tests/unit/unit.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/net.h"
#include "daemon/pump.h"

/* A net whose node is this test. Carriers are socket pairs; `end` is the other side's. */
struct rig {
    struct pump pump;
    int end;
    uint64_t carrier;
    struct host_port local;
    size_t address;
    char trace[512]; /* inputs, but for bytes */
    struct bytes got;
    size_t room;
    void (*on_input)(struct rig *rig, const struct input *input); /* what the node does, or NULL */
};

static struct rig rig;

void pump_input(struct pump *pump, const struct input *input)
{
    size_t length = strlen(rig.trace);
    char *at = rig.trace + length;
    size_t size = sizeof(rig.trace) - length;

    assert_ptr_equal(pump, &rig.pump);
    if (input->kind == INPUT_CARRIER_UP) {
        rig.carrier = input->carrier_up.carrier;
        assert_int_equal(input->carrier_up.kind, CARRIER_CLASSIC);
        assert_int_equal(input->carrier_up.dial, 0);
        rig.local = input->carrier_up.local;
        rig.address = input->carrier_up.address;
        snprintf(at, size, "up %s:%u ", input->carrier_up.remote.host,
                 input->carrier_up.remote.port);
    } else if (input->kind == INPUT_BYTES) {
        bytes_append(&rig.got, input->bytes.bytes, input->bytes.length);
        assert_true(input->bytes.length <= CARRIER_READ_MAX);
    } else if (input->kind == INPUT_ROOM) {
        rig.room = input->room.bytes_free;
        snprintf(at, size, "room ");
    } else if (input->kind == INPUT_CARRIER_DOWN) {
        snprintf(at, size, input->carrier_down.is_clean ? "end " : "down ");
    } else {
        fail_msg("input %d", input->kind);
    }
    if (rig.on_input != NULL)
        rig.on_input(&rig, input);
}

static void make_carrier(void)
{
    const struct host_port at = {.host = "192.0.2.1", .port = 7};
    struct arrival arrival = {.kind = CARRIER_CLASSIC};
    int ends[2];

    assert_true(socket_address_parse(&at, &arrival.remote));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    rig.end = ends[1];
    arrival.fd = ends[0];
    net_adopt(rig.pump.net, &arrival);
}

static int setup(void **state)
{
    (void)state;
    memset(&rig, 0, sizeof(rig));
    rig.pump.base = event_base_new();
    rig.pump.net = net_new(&rig.pump);
    make_carrier();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    net_free(rig.pump.net);
    event_base_free(rig.pump.base);
    bytes_done(&rig.got);
    close(rig.end);
    return 0;
}

/* Runs all that can happen now. */
static void turn(void)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(rig.pump.base, EVLOOP_NONBLOCK);
}

static size_t take(size_t length)
{
    static uint8_t buffer[1 << 20];
    ssize_t got = read(rig.end, buffer, length < sizeof(buffer) ? length : sizeof(buffer));

    return got > 0 ? (size_t)got : 0;
}

static void send_bytes(size_t length)
{
    static const uint8_t zeros[CARRIER_OUTPUT_MAX];

    assert_true(length <= sizeof(zeros));
    net_send(rig.pump.net, rig.carrier, zeros, length);
}

static void test_bytes_go_both_ways(void **state)
{
    (void)state;
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
    assert_int_equal(write(rig.end, "hello", 5), 5);
    turn();
    assert_int_equal(bytes_length(&rig.got), 5);
    assert_memory_equal(bytes_data(&rig.got), "hello", 5);
    net_send(rig.pump.net, rig.carrier, (const uint8_t *)"answer", 6);
    assert_int_equal(take(100), 6);
    assert_int_equal(net_count(rig.pump.net), 1);
}

static void test_end_of_the_other_side(void **state)
{
    (void)state;
    assert_int_equal(shutdown(rig.end, SHUT_WR), 0);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 end ");
    assert_int_equal(net_count(rig.pump.net), 0);
    send_bytes(5);
    net_close(rig.pump.net, rig.carrier);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 end ");
}

static void test_failure_to_send_is_told_later(void **state)
{
    (void)state;
    assert_int_equal(shutdown(rig.end, SHUT_RD), 0);
    send_bytes(5);
    send_bytes(5);
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 down ");
    assert_int_equal(net_count(rig.pump.net), 0);
}

static void test_room_is_told_when_it_matters(void **state)
{
    (void)state;
    /* Little was sent: the node can count that itself. */
    send_bytes(1000);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");

    /* The socket took it all: so the node may send on. */
    send_bytes(CARRIER_OUTPUT_MAX / 4);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 room ");
    assert_int_equal(rig.room, CARRIER_OUTPUT_MAX);
}

static void test_blocked_output_drains(void **state)
{
    (void)state;
    size_t taken = 0, sent = 0;

    /* More than the socket takes. */
    for (int i = 0; i < 4; i++, sent += CARRIER_OUTPUT_MAX)
        send_bytes(CARRIER_OUTPUT_MAX);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
    while (taken < sent) {
        size_t got = take(sent);

        turn();
        taken += got;
        assert_true(got > 0);
    }
    assert_int_equal(taken, sent);
    assert_int_equal(rig.room, CARRIER_OUTPUT_MAX);
}

static void test_close_of_one_that_said_nothing(void **state)
{
    (void)state;
    char byte;

    net_close(rig.pump.net, rig.carrier);
    assert_int_equal(net_count(rig.pump.net), 0);
    assert_int_equal(read(rig.end, &byte, 1), 0);
}

static void test_close_waits_for_the_other_side(void **state)
{
    (void)state;
    char bytes[8];

    send_bytes(5);
    net_close(rig.pump.net, rig.carrier);
    send_bytes(5); /* too late */
    turn();
    assert_int_equal(net_count(rig.pump.net), 1);
    assert_int_equal(read(rig.end, bytes, sizeof(bytes)), 5);
    assert_int_equal(read(rig.end, bytes, sizeof(bytes)), 0);
    assert_int_equal(write(rig.end, "unread", 6), 6);
    turn();
    assert_int_equal(bytes_length(&rig.got), 0);
    assert_int_equal(shutdown(rig.end, SHUT_WR), 0);
    turn();
    assert_int_equal(net_count(rig.pump.net), 0);
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
}

static void test_close_sends_what_waits(void **state)
{
    (void)state;
    size_t taken = 0;

    for (int i = 0; i < 4; i++)
        send_bytes(CARRIER_OUTPUT_MAX);
    net_close(rig.pump.net, rig.carrier);
    for (size_t got = 1; got > 0; taken += got) {
        turn();
        got = take(CARRIER_OUTPUT_MAX);
    }
    assert_int_equal(taken, 4 * CARRIER_OUTPUT_MAX);
}

static void test_finish_waits_for_the_other_side(void **state)
{
    (void)state;
    char bytes[8];

    send_bytes(5);
    net_finish(rig.pump.net, rig.carrier);
    send_bytes(5); /* too late */
    turn();
    assert_int_equal(read(rig.end, bytes, sizeof(bytes)), 5);
    assert_int_equal(read(rig.end, bytes, sizeof(bytes)), 0);
    assert_int_equal(write(rig.end, "answer", 6), 6);
    turn();
    assert_memory_equal(bytes_data(&rig.got), "answer", 6);
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
    assert_int_equal(shutdown(rig.end, SHUT_WR), 0);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 end ");
    assert_int_equal(net_count(rig.pump.net), 0);
}

static void test_finish_sends_what_waits(void **state)
{
    (void)state;
    size_t taken = 0;

    for (int i = 0; i < 4; i++)
        send_bytes(CARRIER_OUTPUT_MAX);
    net_finish(rig.pump.net, rig.carrier);
    for (size_t got = 1; got > 0; taken += got) {
        turn();
        got = take(CARRIER_OUTPUT_MAX);
    }
    assert_int_equal(taken, 4 * CARRIER_OUTPUT_MAX);
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
    net_close(rig.pump.net, rig.carrier);
    assert_int_equal(shutdown(rig.end, SHUT_WR), 0);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 ");
    assert_int_equal(net_count(rig.pump.net), 0);
}

/* It did not take all. */
static void test_end_before_all_was_sent(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        send_bytes(CARRIER_OUTPUT_MAX);
    net_finish(rig.pump.net, rig.carrier);
    assert_int_equal(shutdown(rig.end, SHUT_WR), 0);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 down ");
}

static void test_finish_of_one_that_is_gone(void **state)
{
    (void)state;
    close(rig.end);
    send_bytes(5);
    net_finish(rig.pump.net, rig.carrier);
    turn();
    assert_string_equal(rig.trace, "up 192.0.2.1:7 down ");
    net_finish(rig.pump.net, rig.carrier);
    assert_int_equal(net_count(rig.pump.net), 0);
    rig.end = open("/dev/null", O_RDONLY);
}

static void close_it(struct rig *r, const struct input *input)
{
    (void)input;
    net_close(r->pump.net, r->carrier);
}

static void test_close_within_an_input(void **state)
{
    (void)state;
    rig.on_input = close_it;
    assert_int_equal(write(rig.end, "x", 1), 1);
    turn();
    assert_int_equal(net_count(rig.pump.net), 0);

    close(rig.end);
    make_carrier(); /* closed while it is told */
    assert_int_equal(net_count(rig.pump.net), 0);
}

static void test_many_carriers(void **state)
{
    (void)state;
    uint64_t numbers[50];
    int ends[50];

    for (int i = 0; i < 50; i++) {
        ends[i] = rig.end;
        numbers[i] = rig.carrier;
        make_carrier();
    }
    assert_int_equal(net_count(rig.pump.net), 51);
    for (int i = 0; i < 50; i += 2)
        net_close(rig.pump.net, numbers[i]);
    assert_int_equal(net_count(rig.pump.net), 26);
    for (int i = 1; i < 50; i += 2) {
        char byte = 0;
        uint8_t sent = (uint8_t)i;

        net_send(rig.pump.net, numbers[i], &sent, 1);
        assert_int_equal(read(ends[i], &byte, 1), 1);
        assert_int_equal(byte, i);
    }
    for (int i = 0; i < 50; i++)
        close(ends[i]);
    turn();
    assert_int_equal(net_count(rig.pump.net), 1);
}

static void test_descriptors_are_kept_for_others(void **state)
{
    (void)state;
    struct rlimit limit, low;
    int ends[20], count = 0;
    char byte;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = DESCRIPTORS_OWN + 16;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    net_free(rig.pump.net);
    rig.pump.net = net_new(&rig.pump);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);

    log_set_level(LEVEL_ERROR); /* it warns once */
    for (; count < 20; count++) {
        ends[count] = rig.end;
        make_carrier();
    }
    assert_int_equal(net_count(rig.pump.net), 12);
    assert_int_equal(read(rig.end, &byte, 1), 0);
    while (count > 0)
        close(ends[--count]);
    turn();
    assert_int_equal(net_count(rig.pump.net), 0);
}

static void test_both_ends_are_told(void **state)
{
    (void)state;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct arrival arrival = {.kind = CARRIER_CLASSIC, .address = 3};
    socklen_t length = sizeof(v4);
    int listening = socket(AF_INET, SOCK_STREAM, 0), end = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listening, (struct sockaddr *)&v4, sizeof(v4)), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&v4, &length), 0);
    assert_int_equal(connect(end, (struct sockaddr *)&v4, sizeof(v4)), 0);
    assert_true(socket_address_from((struct sockaddr *)&v4, &arrival.remote));
    arrival.fd = accept(listening, NULL, NULL);
    net_adopt(rig.pump.net, &arrival);
    assert_string_equal(rig.local.host, "127.0.0.1");
    assert_int_equal(rig.local.port, ntohs(v4.sin_port));
    assert_int_equal(rig.address, 3);
    close(end);
    close(listening);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_bytes_go_both_ways),
        TEST(test_end_of_the_other_side),
        TEST(test_failure_to_send_is_told_later),
        TEST(test_room_is_told_when_it_matters),
        TEST(test_blocked_output_drains),
        TEST(test_close_of_one_that_said_nothing),
        TEST(test_close_waits_for_the_other_side),
        TEST(test_close_sends_what_waits),
        TEST(test_finish_waits_for_the_other_side),
        TEST(test_finish_sends_what_waits),
        TEST(test_end_before_all_was_sent),
        TEST(test_finish_of_one_that_is_gone),
        TEST(test_close_within_an_input),
        TEST(test_many_carriers),
        TEST(test_both_ends_are_told),
        TEST(test_descriptors_are_kept_for_others),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
