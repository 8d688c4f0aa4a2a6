/* p2pchatd(8): reads what it is told, starts, runs until it is told to stop. */
#include <config.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/control_socket.h"
#include "daemon/core/link/identity.h"
#include "daemon/log.h"
#include "daemon/metrics_http.h"
#include "daemon/service.h"
#include "daemon/startup.h"
#include "daemon/status_line.h"

enum { GO_ON = -1 };

static bool print(const struct bytes *text, FILE *stream)
{
    fwrite(bytes_data(text), 1, bytes_length(text), stream);
    return fflush(stream) == 0;
}

/* Reads options and file. Returns GO_ON, or the exit code. */
static int configure(const struct config_source *source, struct config *ret_config)
{
    struct bytes text = BYTES_EMPTY;
    int code = GO_ON;

    switch (config_read(source->argc, source->argv, &source->place, ret_config, &text)) {
    case CONFIG_READY:
        break;
    case CONFIG_SHOWN:
        code = print(&text, stdout) ? EX_OK : EX_IOERR;
        break;
    case CONFIG_CHECKED_BAD_OPTION:
        print(&text, stderr);
        code = EX_USAGE;
        break;
    case CONFIG_CHECKED_BAD_FILE:
        print(&text, stderr);
        code = EX_CONFIG;
        break;
    case CONFIG_BAD_OPTION:
        log_coded_lines(LOG_BAD_OPTION, NULL, &text);
        code = EX_USAGE;
        break;
    case CONFIG_BAD_FILE:
        log_coded_lines(LOG_BAD_CONFIG, NULL, &text);
        code = EX_CONFIG;
        break;
    }
    bytes_done(&text);
    return code;
}

static void add_places(struct bytes *text, const struct host_port *at, size_t count)
{
    char one[ADDRESS_HOST_PORT_MAX + 1];

    for (size_t i = 0; i < count; i++) {
        host_port_format(&at[i], one);
        bytes_text(text, i > 0 ? ", " : "");
        bytes_text(text, one);
    }
}

/* Says who we are and where, in our log. */
static void say_ready(const struct daemon *daemon)
{
    const struct facts *facts = &daemon->facts;
    const struct host_port *metrics = metrics_http_bound(daemon->pump.metrics_http);
    struct bytes where = BYTES_EMPTY;

    add_places(&where, facts->listen, facts->listen_count);
    bytes_text(&where, facts->classic_listen_count > 0 ? "; classic, insecure, on " : "");
    add_places(&where, facts->classic_listen, facts->classic_listen_count);
    bytes_text(&where, metrics != NULL ? "; metrics on " : "");
    add_places(&where, metrics, metrics != NULL);
    bytes_text(&where, facts->has_network_key ? "; with a network key" : "");
    bytes_u8(&where, '\0');
    log_coded(LOG_READY, &(struct log_fields){.key = facts->identity->key.bytes},
              "p2pchatd " PACKAGE_VERSION " is ready as a %s: %s, peer id %s, listening on %s",
              role_name(facts->role), facts->name, facts->identity->id,
              (const char *)bytes_data(&where));
    bytes_done(&where);
}

static int run(const struct config_source *source, const struct config *config,
               const struct service_sockets *passed)
{
    struct refusal refusal;
    struct daemon daemon;
    int code = EX_OK;

    daemon_init(&daemon, source, config);
    log_set_level(config->log_level);
    if (daemon_start(&daemon, passed, &refusal)) {
        say_ready(&daemon);
        status_line_ready(daemon.pump.status_line);
        pump_run(&daemon.pump);
        log_coded(LOG_STOPPED, NULL, "stopped");
    } else {
        log_coded(refusal.code, NULL, "%s", refusal.why);
        code = refusal.exit_code;
    }
    daemon_done(&daemon);
    return code;
}

static int serve(int argc, char **argv)
{
    struct config config;
    struct refusal refusal;
    struct service_sockets passed;
    char control[CONTROL_PATH_MAX + 1] = "";
    int code;

    if (!service_take_sockets(&passed, &refusal)) {
        log_coded(refusal.code, NULL, "%s", refusal.why);
        return refusal.exit_code;
    }
    if (passed.control >= 0)
        (void)control_socket_where(passed.control, control);

    const struct config_source source = {
        .argc = argc,
        .argv = argv,
        .place = {.uid = geteuid(),
                  .passed_socket = passed.control >= 0 ? control : NULL,
                  .peers_passed = passed.peer_count > 0},
    };
    code = configure(&source, &config);
    return code == GO_ON ? run(&source, &config, &passed) : code;
}

int main(int argc, char **argv)
{
    int code;

    umask(077);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);  /* until the loop hears it: there is nothing to read again yet */
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is no reason to die */
    crypto_init();
    code = serve(argc, argv);
    log_flush();
    return code;
}
