#include "daemon/dial_why.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char more[] = "; and more";

void dial_why_init(char why[DIAL_WHY_MAX + 1])
{
    why[0] = '\0';
}

static void add(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a piece if there is room for it, and for saying that there is more. */
static void add(char *why, const char *format, ...)
{
    const size_t length = strlen(why);
    char piece[DIAL_WHY_MAX + 1];
    va_list args;

    va_start(args, format);
    vsnprintf(piece, sizeof(piece), format, args);
    va_end(args);
    if (length >= sizeof(more) && strcmp(why + length + 1 - sizeof(more), more) == 0)
        return;
    if (length + strlen("; ") + strlen(piece) + sizeof(more) <= DIAL_WHY_MAX + 1)
        snprintf(why + length, DIAL_WHY_MAX + 1 - length, "%s%s", length > 0 ? "; " : "", piece);
    else
        memcpy(why + length, more, sizeof(more));
}

static const char *words_for(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return "refuses the connection";
    case ETIMEDOUT:
        return "does not answer";
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return "cannot be reached from here";
    default:
        return strerror(error);
    }
}

void dial_why_add(char why[DIAL_WHY_MAX + 1], const char *host,
                  const struct socket_address *address, int error)
{
    dial_why_add_found(why, host, address, words_for(error));
}

void dial_why_add_found(char why[DIAL_WHY_MAX + 1], const char *host,
                        const struct socket_address *address, const char *found)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];
    struct host_port at;

    socket_address_format(address, &at);
    host_port_format(&at, text);
    if (host_is_literal(host))
        add(why, "%s %s", text, found);
    else
        add(why, "%s (%s) %s", text, host, found);
}

void dial_why_add_unknown(char why[DIAL_WHY_MAX + 1], const char *host, enum error error)
{
    if (error == ERR_NOT_FOUND)
        add(why, "%s: no such host", host);
    else
        add(why, "%s: no name server says where it is", host);
}

void dial_why_add_home(char why[DIAL_WHY_MAX + 1], const char *host)
{
    add(why, "%s leads to this machine or its link: what others say of these does not count", host);
}
