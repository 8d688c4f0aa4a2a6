#include "tests/unit/street.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

const struct host_port street_home = {.host = "192.0.2.1", .port = 40000};

static int set_up(struct house *house)
{
    house->street = xcalloc(1, sizeof *house->street);
    house->street->nobody.manner = ABSENT;
    house_restart(house);
    return 0;
}

int street_setup(void **state)
{
    house_setup(state);
    return set_up(*state);
}

int street_setup_tracker(void **state)
{
    house_setup_tracker(state);
    return set_up(*state);
}

int street_teardown(void **state)
{
    struct house *house = *state;
    struct street *street = house->street;

    for (size_t i = 0; i < street->neighbour_count; i++)
        bytes_done(&street->neighbours[i].heard);
    house_teardown(state);
    free(street);
    return 0;
}

struct neighbour *street_neighbour(struct house *house, const char *host, uint16_t port)
{
    struct street *street = house->street;
    struct neighbour *neighbour = &street->neighbours[street->neighbour_count++];

    assert_true(street->neighbour_count <= STREET_NEIGHBOURS_MAX);
    *neighbour = (struct neighbour){.host = host, .port = port};
    return neighbour;
}

/* --- What the node wants done --- */

static size_t place_of(const struct street *street, uint64_t carrier)
{
    size_t place = 0;

    while (place < street->carrier_count && street->carriers[place].carrier != carrier)
        place++;
    return place;
}

static void call(struct house *house, const struct action *action)
{
    struct street *street = house->street;
    const struct host_port *to = &action->dial.addresses[0].at;
    struct neighbour *neighbour = &street->nobody;

    assert_int_equal(action->dial.count, 1);
    for (size_t i = 0; i < street->neighbour_count; i++)
        if (street->neighbours[i].port == to->port &&
            strcmp(street->neighbours[i].host, to->host) == 0)
            neighbour = &street->neighbours[i];
    neighbour->dials++;
    assert_true(street->carrier_count < STREET_CARRIERS_MAX);
    street->carriers[street->carrier_count].dial = action->dial.dial;
    street->carriers[street->carrier_count++].neighbour = neighbour;
}

bool street_act(struct house *house, const struct action *action)
{
    struct street *street = house->street;
    size_t place;

    switch (action->kind) {
    case ACTION_DIAL:
        if (action->dial.kind != CARRIER_CLASSIC)
            return false;
        call(house, action);
        return true;
    case ACTION_SEND:
        if ((place = place_of(street, action->send.carrier)) == street->carrier_count)
            return false;
        assert_non_null(street->carriers[place].neighbour);
        bytes_append(&street->carriers[place].neighbour->heard, action->send.bytes,
                     action->send.length);
        bytes_u8(&street->carriers[place].neighbour->heard, '\n');
        return true;
    case ACTION_FINISH:
        street->carriers[place_of(street, action->finish.carrier)].state = SAID;
        return true;
    case ACTION_CLOSE:
        if ((place = place_of(street, action->close.carrier)) == street->carrier_count)
            return false;
        street->carriers[place].state = OVER;
        street->carriers[place].closed = true;
        return true;
    case ACTION_RESOLVE:
        assert_true(street->question_count < STREET_QUESTIONS_MAX);
        street->questions[street->question_count++] = action->resolve.resolve;
        return true;
    case ACTION_DIAL_CANCEL:
        for (size_t i = 0; i < street->carrier_count; i++)
            if (street->carriers[i].dial == action->dial_cancel.dial)
                street->carriers[i].state = OVER;
        return false;
    case ACTION_DIAL_GO_ON:
    case ACTION_APPEND:
    case ACTION_READ:
    case ACTION_REPLY:
    case ACTION_EVENT:
    case ACTION_NOTE:
        return false;
    }
    return false;
}

static void pick_up(struct house *house, size_t place)
{
    struct street *street = house->street;
    struct neighbour *neighbour = street->carriers[place].neighbour;
    const uint64_t dial = street->carriers[place].dial;
    struct input up = {.kind = INPUT_CARRIER_UP,
                       .carrier_up = {.dial = dial, .kind = CARRIER_CLASSIC, .local = street_home}};
    const struct input failed = {
        .kind = INPUT_DIAL_FAILED,
        .dial_failed = {.dial = dial, .error = ERR_UNREACHABLE, .why = "nobody is there"}};

    if (neighbour->manner == ABSENT) {
        street->carriers[place].state = OVER;
        house_give(house, &failed);
        return;
    }
    neighbour->answered++;
    street->carriers[place].state = OPEN;
    street->carriers[place].carrier = up.carrier_up.carrier = ++house->last_carrier;
    up.carrier_up.local.port = 50000;
    up.carrier_up.remote.port = neighbour->port;
    snprintf(up.carrier_up.remote.host, sizeof up.carrier_up.remote.host, "%s",
             neighbour->reached != NULL ? neighbour->reached : neighbour->host);
    house_give(house, &up);
}

static void hang_up(struct house *house, size_t place, bool is_clean)
{
    const struct input down = {
        .kind = INPUT_CARRIER_DOWN,
        .carrier_down = {.carrier = house->street->carriers[place].carrier, .is_clean = is_clean}};

    house->street->carriers[place].state = OVER;
    house_give(house, &down);
}

bool street_serve(struct house *house)
{
    struct street *street = house->street;
    bool were_any = false;

    for (size_t i = 0; i < street->carrier_count; i++) {
        const struct neighbour *neighbour = street->carriers[i].neighbour;

        if (neighbour == NULL)
            continue;
        if (street->carriers[i].state == CALLED && neighbour->manner != RINGS) {
            pick_up(house, i);
            were_any = true;
        } else if (street->carriers[i].state == SAID && neighbour->manner != STALLS) {
            hang_up(house, i, neighbour->manner == READS);
            were_any = true;
        }
    }
    return were_any;
}

void street_check_heard(struct neighbour *neighbour, const char *expected, const char *file,
                        int line)
{
    bytes_u8(&neighbour->heard, '\0');
    _assert_string_equal((const char *)bytes_data(&neighbour->heard), expected, file, line);
    bytes_clear(&neighbour->heard);
}

/* --- Who comes by --- */

static uint64_t come_by(struct house *house, const char *host, enum carrier_kind kind)
{
    struct street *street = house->street;
    struct input up = {.kind = INPUT_CARRIER_UP,
                       .carrier_up = {.carrier = ++house->last_carrier,
                                      .kind = kind,
                                      .remote.port = 6000,
                                      .local = street_home}};

    assert_true(street->carrier_count < STREET_CARRIERS_MAX);
    street->carriers[street->carrier_count].state = OPEN;
    street->carriers[street->carrier_count++].carrier = up.carrier_up.carrier;
    snprintf(up.carrier_up.remote.host, sizeof up.carrier_up.remote.host, "%s", host);
    house_give(house, &up);
    house_run(house);
    return up.carrier_up.carrier;
}

uint64_t street_open(struct house *house, const char *host)
{
    return come_by(house, host, CARRIER_CLASSIC);
}

uint64_t street_open_link(struct house *house, const char *host)
{
    return come_by(house, host, CARRIER_LINK);
}

size_t street_count_open(const struct house *house)
{
    const struct street *street = house->street;
    size_t open = 0;

    for (size_t i = 0; i < street->carrier_count; i++)
        open += street->carriers[i].neighbour == NULL && street->carriers[i].state != OVER;
    return open;
}

void street_bytes(struct house *house, uint64_t carrier, const void *bytes, size_t length)
{
    const struct input input = {
        .kind = INPUT_BYTES,
        .bytes = {.carrier = carrier, .bytes = (const uint8_t *)bytes, .length = length}};

    if (street_is_closed(house, carrier))
        return;
    house_give(house, &input);
    house_run(house);
}

void street_shut(struct house *house, uint64_t carrier)
{
    if (street_is_closed(house, carrier))
        return;
    hang_up(house, place_of(house->street, carrier), true);
    house_run(house);
}

bool street_is_closed(const struct house *house, uint64_t carrier)
{
    return house->street->carriers[place_of(house->street, carrier)].closed;
}

bool street_say(struct house *house, const char *host, const char *text, ...)
{
    char object[4096];
    uint64_t carrier;
    bool is_closed;
    va_list list;

    va_start(list, text);
    const int length = vsnprintf(object, sizeof object, text, list);
    va_end(list);
    assert_true(length >= 0 && (size_t)length < sizeof object);
    carrier = street_open(house, host);
    street_bytes(house, carrier, object, (size_t)length);
    is_closed = street_is_closed(house, carrier);
    street_shut(house, carrier);
    return is_closed;
}

void street_answer(struct house *house, const char *literal)
{
    struct street *street = house->street;
    const struct input resolved = {.kind = INPUT_RESOLVED,
                                   .resolved = {.resolve = street->questions[0],
                                                .literals = &literal,
                                                .count = literal != NULL}};

    assert_true(street->question_count > 0);
    memmove(street->questions, street->questions + 1,
            --street->question_count * sizeof street->questions[0]);
    house_give(house, &resolved);
    house_run(house);
}

struct neighbour *street_befriend(struct house *house, const char *host, uint16_t port,
                                  const char *name)
{
    struct neighbour *neighbour = street_neighbour(house, host, port);
    char params[128];

    street_say(house, host,
               "{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{\"peername\":\"%s\",\"host\":\"%s\","
               "\"port\":%u}}",
               name, host, port);
    snprintf(params, sizeof params, "{\"request\":\"%s\"}", name);
    house_call(house, API_CHAT_ACCEPT, params);
    assert_int_equal(house->replied, OK);
    house_run(house);
    street_assert_heard(neighbour, HOUSE_SAYS("CHAT_ACCEPT"));
    return neighbour;
}

/* --- Looking --- */

void street_assert_result(const struct house *house, const char *part)
{
    assert_int_equal(house->replied, OK);
    if (strstr(house->result, part) == NULL)
        fail_msg("%s is not in %s", part, house->result);
}

void street_assert_no_result(const struct house *house, const char *part)
{
    assert_int_equal(house->replied, OK);
    if (strstr(house->result, part) != NULL)
        fail_msg("%s is in %s", part, house->result);
}

void street_look(struct house *house, enum api_method method, const char *part)
{
    house_call(house, method, "{}");
    street_assert_result(house, part);
}

void street_pass_s(struct house *house, unsigned seconds)
{
    while (seconds-- > 0)
        house_pass(house, 1000);
}
