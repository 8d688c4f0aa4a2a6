#include "daemon/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/libsystemd.h"

#define OF_LIBSYSTEMD(function) ((__typeof__(&(function)))libsystemd_function(#function))

/* --- Sockets --- */

enum socket_kind { SOCKET_OTHER, SOCKET_CONTROL, SOCKET_PEER };

static int option_of(int fd, int option)
{
    int value = -1;
    socklen_t length = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : -1;
}

static enum socket_kind kind_of(int fd)
{
    const int family = option_of(fd, SO_DOMAIN);

    if (option_of(fd, SO_TYPE) != SOCK_STREAM || option_of(fd, SO_ACCEPTCONN) != 1)
        return SOCKET_OTHER;
    if (family == AF_UNIX)
        return SOCKET_CONTROL;
    return family == AF_INET || family == AF_INET6 ? SOCKET_PEER : SOCKET_OTHER;
}

/* One without is open to every user of the host: its path is what has permissions. */
static bool has_path(int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t length = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
           length > offsetof(struct sockaddr_un, sun_path) && address.sun_path[0] != '\0';
}

static bool take_one(int fd, const char *name, struct service_sockets *sockets,
                     struct refusal *ret_refusal)
{
    const enum socket_kind kind = kind_of(fd);

    if (strcmp(name, "control") == 0 && kind != SOCKET_CONTROL)
        return refuse(ret_refusal, EX_CONFIG,
                      "the socket that was passed as control is no listening Unix stream socket");
    if (strcmp(name, "peer") == 0 && kind != SOCKET_PEER)
        return refuse(ret_refusal, EX_CONFIG,
                      "the socket that was passed as peer is no listening TCP socket");
    switch (kind) {
    case SOCKET_CONTROL:
        if (!has_path(fd))
            return refuse(ret_refusal, EX_CONFIG,
                          "the control socket that was passed has no path, so that every user of "
                          "this host may use it: give it one (ListenStream=/run/…)");
        if (sockets->control >= 0)
            return refuse(ret_refusal, EX_CONFIG,
                          "two control sockets were passed; there can be one");
        sockets->control = fd;
        return true;
    case SOCKET_PEER:
        if (sockets->peer_count == LISTEN_MAX)
            return refuse(ret_refusal, EX_CONFIG, "more than %d sockets to listen on were passed",
                          LISTEN_MAX);
        sockets->peers[sockets->peer_count++] = fd;
        return true;
    case SOCKET_OTHER:
        return refuse(ret_refusal, EX_CONFIG,
                      "%s: what was passed is neither a listening Unix stream socket, for control, "
                      "nor a listening TCP socket, for peers",
                      name);
    }
    return false;
}

bool service_take_sockets(struct service_sockets *ret_sockets, struct refusal *ret_refusal)
{
    struct service_sockets sockets = {.control = -1};
    char **names = NULL;
    bool good = true;

    if (getenv("LISTEN_PID") == NULL) {
        *ret_sockets = sockets;
        return true;
    }
    __typeof__(&sd_listen_fds_with_names) listen_fds = OF_LIBSYSTEMD(sd_listen_fds_with_names);
    if (listen_fds == NULL)
        return refuse(ret_refusal, EX_CONFIG,
                      "sockets were passed, but libsystemd.so.0 is missing: install libsystemd0");
    const int count = listen_fds(1, &names);
    if (count < 0)
        return refuse(ret_refusal, EX_CONFIG, "the descriptors that were passed cannot be had: %s",
                      strerror(-count));
    for (int i = 0; i < count; i++) {
        good = good && take_one(SD_LISTEN_FDS_START + i, names[i], &sockets, ret_refusal);
        free(names[i]);
    }
    free(names);
    if (good)
        *ret_sockets = sockets;
    return good;
}

bool service_is_to_have_a_port(char ret_name[PROCESS_UNIT_MAX])
{
    char unit[PROCESS_UNIT_MAX], *link;
    struct stat st;
    bool is_there;

    if (!process_unit(unit))
        return false;
    /* So `systemctl enable` has it started with the service. */
    link = xasprintf("/etc/systemd/system/%s.service.wants/%s-peer.socket", unit, unit);
    is_there = lstat(link, &st) == 0;
    free(link);
    if (is_there)
        memcpy(ret_name, unit, sizeof(unit));
    return is_there;
}

/* --- Notifications --- */

bool service_is_heard(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

/* A path, or with @ in front a name in the abstract name space (sd_notify(3), Notes). False: it is
 * neither, so there is nobody. */
static bool notify_address(struct sockaddr_un *ret_address, socklen_t *ret_length)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t length = path != NULL ? strlen(path) : 0;

    if (length < 2 || length > sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return false;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    *ret_address = address;
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

/* Not by sd_notify, which waits for as long as nobody reads. */
static bool notify(const char *state)
{
    struct sockaddr_un address;
    socklen_t length;
    bool is_taken;
    int fd;

    if (!notify_address(&address, &length))
        return true;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    is_taken = sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
                      (const struct sockaddr *)&address, length) >= 0 ||
               (errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM);
    close(fd);
    return is_taken;
}

static bool notify_with(char *state)
{
    const bool is_taken = notify(state);

    free(state);
    return is_taken;
}

bool service_status(const char *status)
{
    return notify_with(xasprintf("STATUS=%s", status));
}

bool service_ready(const char *status)
{
    return notify_with(xasprintf("READY=1\nSTATUS=%s", status));
}

/* The time lets systemd tell this from what was said before it asked (sd_notify(3)). */
bool service_reloading(void)
{
    struct timespec now;

    must(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return notify_with(xasprintf("RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
                                 (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000));
}

bool service_stopping(void)
{
    return notify("STOPPING=1\nSTATUS=Closing links");
}

bool service_extend(uint64_t by_ms)
{
    return notify_with(xasprintf("EXTEND_TIMEOUT_USEC=%" PRIu64, by_ms * 1000));
}

/* --- The watchdog --- */

uint64_t service_watchdog_ms(void)
{
    uint64_t usec;

    if (getenv("WATCHDOG_USEC") == NULL || !service_is_heard())
        return 0;
    __typeof__(&sd_watchdog_enabled) is_enabled = OF_LIBSYSTEMD(sd_watchdog_enabled);
    return is_enabled != NULL && is_enabled(0, &usec) > 0 ? usec / 1000 + (usec % 1000 != 0) : 0;
}

bool service_feed(void)
{
    return notify("WATCHDOG=1");
}
