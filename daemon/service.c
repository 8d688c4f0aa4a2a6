#include "daemon/service.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/format.h"

/* Both protocols are a few lines each, and systemd promises to keep them. Its library would bring
 * five others (three that compress, one that encrypts) for which there is no use here; together
 * they would be a sixth of the memory of an idle daemon. */

enum { FIRST_DESCRIPTOR = 3 };

/* --- Descriptors (sd_listen_fds(3)) --- */

/* A decimal number of the environment; false when it is none. */
static bool parse_number(const char *text, long *ret_number)
{
    char *end;

    if (text == NULL || *text < '0' || *text > '9')
        return false;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *ret_number = number;
    return true;
}

/* How many were passed to this process; none when they were meant for another. False: what the
 * environment says of them makes no sense. */
static bool count_passed(long *ret_count)
{
    const char *meant_for = getenv("LISTEN_PID");
    long pid, count;

    if (meant_for == NULL) {
        *ret_count = 0;
        return true;
    }
    if (!parse_number(meant_for, &pid))
        return false;
    if (pid != (long)getpid()) {
        *ret_count = 0;
        return true;
    }
    if (!parse_number(getenv("LISTEN_FDS"), &count) || count > INT_MAX - FIRST_DESCRIPTOR)
        return false;
    *ret_count = count;
    return true;
}

static bool has_option(int fd, int option, int value)
{
    int found;
    socklen_t length = sizeof(found);

    return getsockopt(fd, SOL_SOCKET, option, &found, &length) == 0 && found == value;
}

static bool is_listening_unix_stream(int fd)
{
    return has_option(fd, SO_DOMAIN, AF_UNIX) && has_option(fd, SO_TYPE, SOCK_STREAM) &&
           has_option(fd, SO_ACCEPTCONN, 1);
}

bool service_take_sockets(int *ret_control, struct refusal *ret_refusal)
{
    long count;
    bool makes_sense = count_passed(&count);

    /* They are ours alone, not our children's. */
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    if (!makes_sense)
        return refuse(ret_refusal, EX_CONFIG,
                      "LISTEN_PID and LISTEN_FDS in the environment are no numbers");
    if (count > 1)
        return refuse(ret_refusal, EX_CONFIG,
                      "%ld sockets were passed; only the control socket may be", count);
    if (count == 1 && (fcntl(FIRST_DESCRIPTOR, F_SETFD, FD_CLOEXEC) < 0 ||
                       !is_listening_unix_stream(FIRST_DESCRIPTOR)))
        return refuse(ret_refusal, EX_CONFIG,
                      "the socket that was passed is no listening Unix stream socket");
    *ret_control = count == 1 ? FIRST_DESCRIPTOR : -1;
    return true;
}

/* --- States (sd_notify(3)) --- */

/* One datagram to the service manager, if there is one that wants it. Nothing depends on whether it
 * arrives. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = path != NULL ? strlen(path) : 0;
    int fd;

    if (length < 2 || length >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, length);
    if (path[0] == '@') /* an abstract one */
        address.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}

void service_ready(const char *status)
{
    char *state = xasprintf("READY=1\nSTATUS=%s", status);

    notify(state);
    free(state);
}

void service_stopping(void)
{
    notify("STOPPING=1\nSTATUS=Closing links");
}
