#include "daemon/service.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "common/format.h"
#include "daemon/libsystemd.h"

static bool take_one(int count, struct refusal *ret_refusal)
{
    __typeof__(&sd_is_socket_unix) is_socket_unix =
        (__typeof__(&sd_is_socket_unix))libsystemd_function("sd_is_socket_unix");

    if (count < 0)
        return refuse(ret_refusal, EX_CONFIG, "the descriptors that were passed cannot be had: %s",
                      strerror(-count));
    if (count > 1)
        return refuse(ret_refusal, EX_CONFIG,
                      "%d sockets were passed; only the control socket may be", count);
    if (count == 1 && (is_socket_unix == NULL ||
                       is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0))
        return refuse(ret_refusal, EX_CONFIG,
                      "the socket that was passed is no listening Unix stream socket");
    return true;
}

bool service_take_sockets(int *ret_control, struct refusal *ret_refusal)
{
    if (getenv("LISTEN_PID") == NULL) {
        *ret_control = -1;
        return true;
    }
    __typeof__(&sd_listen_fds) listen_fds =
        (__typeof__(&sd_listen_fds))libsystemd_function("sd_listen_fds");
    if (listen_fds == NULL)
        return refuse(ret_refusal, EX_CONFIG,
                      "sockets were passed, but libsystemd.so.0 is missing: install libsystemd0");
    int count = listen_fds(1);
    if (!take_one(count, ret_refusal))
        return false;
    *ret_control = count == 1 ? SD_LISTEN_FDS_START : -1;
    return true;
}

static void notify(const char *state)
{
    if (getenv("NOTIFY_SOCKET") == NULL)
        return;
    __typeof__(&sd_notify) say = (__typeof__(&sd_notify))libsystemd_function("sd_notify");
    if (say != NULL)
        say(0, state);
}

void service_checking(void)
{
    notify("STATUS=Checking the database\nEXTEND_TIMEOUT_USEC=3600000000");
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
