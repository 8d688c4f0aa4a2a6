#include "daemon/service.h"

#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

bool service_take_sockets(int *ret_control, struct refusal *ret_refusal)
{
    int count = sd_listen_fds(1);

    if (count < 0)
        return refuse(ret_refusal, EX_CONFIG, "the descriptors that were passed cannot be had: %s",
                      strerror(-count));
    if (count > 1)
        return refuse(ret_refusal, EX_CONFIG,
                      "%d sockets were passed; only the control socket may be", count);
    if (count == 1 && sd_is_socket_unix(SD_LISTEN_FDS_START, SOCK_STREAM, 1, NULL, 0) <= 0)
        return refuse(ret_refusal, EX_CONFIG,
                      "the socket that was passed is no listening Unix stream socket");
    *ret_control = count == 1 ? SD_LISTEN_FDS_START : -1;
    return true;
}

void service_ready(const char *status)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Closing links");
}
