#include "daemon/ports.h"

#include <string.h>

#include "common/bytes.h"

void ports_load(const struct state_dir *dir, const char *file, struct ports *ret_ports)
{
    char text[LISTEN_MAX * (ADDRESS_HOST_PORT_MAX + 1) + 1];
    struct ports ports = {.count = 0};
    struct refusal refusal;
    size_t length;

    if (state_dir_read(dir, file, STATE_PUBLIC, text, sizeof(text), &length, &refusal) ==
        STATE_FILE_READ) {
        char *rest = text, *line;

        while (ports.count < LISTEN_MAX && (line = strsep(&rest, "\n")) != NULL) {
            if (host_port_parse(line, PORT_ZERO_REFUSED, &ports.at[ports.count]) == OK)
                ports.count++;
        }
    }
    *ret_ports = ports;
}

uint16_t ports_find(const struct ports *ports, const char *host, size_t nth)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (strcmp(ports->at[i].host, host) == 0 && nth-- == 0)
            return ports->at[i].port;
    }
    return 0;
}

bool ports_equal(const struct ports *a, const struct ports *b)
{
    bool equal = a->count == b->count;

    for (size_t i = 0; equal && i < a->count; i++)
        equal = a->at[i].port == b->at[i].port && strcmp(a->at[i].host, b->at[i].host) == 0;
    return equal;
}

bool ports_save(const struct state_dir *dir, const char *file, const struct ports *ports,
                struct refusal *ret_refusal)
{
    struct bytes text = BYTES_EMPTY;
    char line[ADDRESS_HOST_PORT_MAX + 1];
    bool good;

    for (size_t i = 0; i < ports->count; i++) {
        host_port_format(&ports->at[i], line);
        bytes_text(&text, line);
        bytes_u8(&text, '\n');
    }
    good = state_dir_write(dir, file, bytes_data(&text), bytes_length(&text), ret_refusal);
    bytes_done(&text);
    return good;
}
