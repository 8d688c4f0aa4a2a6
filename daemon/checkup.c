#include "daemon/checkup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "daemon/control_socket.h"
#include "daemon/core/node.h"
#include "daemon/diagnosis.h"
#include "daemon/disk_state.h"
#include "daemon/entropy.h"
#include "daemon/identity_file.h"
#include "daemon/metrics_http.h"
#include "daemon/probe.h"
#include "daemon/pump.h"
#include "daemon/reload.h"
#include "daemon/service.h"
#include "daemon/state_dir.h"
#include "daemon/vitals.h"

/* --- Configuration --- */

/* What would be read now: a restart with mistakes would end the daemon. */
static void say_configuration(struct json_writer *w, const struct pump *pump)
{
    struct bytes text = BYTES_EMPTY;
    struct reload_found found;
    char *file;

    if (!reload_look(pump->reload, &found, &file, &text)) {
        bytes_text(&text, "what was read before is in force: correct this before the next start, "
                          "which would fail, then 'p2pchatctl reload'");
        bytes_u8(&text, '\0');
        diagnosis_say(w, "configuration", PROBLEM, "%s", (const char *)bytes_data(&text));
        bytes_done(&text);
        return;
    }
    setting_add_names(&text, "; 'p2pchatctl reload' would change ", found.at_once,
                      found.at_once_count);
    setting_add_names(&text, "; a restart would change ", found.at_restart, found.at_restart_count);
    bytes_u8(&text, '\0');
    diagnosis_say(w, "configuration", WELL, "%s%s%s",
                  file != NULL ? file : "there is no file, which means the defaults",
                  file != NULL ? " has no mistakes" : "", (const char *)bytes_data(&text));
    free(file);
    bytes_done(&text);
}

/* --- systemd --- */

static void say_systemd(struct json_writer *w)
{
    const uint64_t watchdog_ms = service_watchdog_ms();

    if (!service_is_heard())
        return;
    if (watchdog_ms > 0)
        diagnosis_say(
            w, "systemd", WELL,
            "it hears how the daemon is doing, and restarts it when that hangs for %" PRIu64 " s",
            watchdog_ms / 1000);
    else
        diagnosis_say(w, "systemd", WELL,
                      "it hears how the daemon is doing; with WatchdogSec= in the unit it would "
                      "also restart one that hangs");
}

/* --- Permissions --- */

/* What a message, or who talks to whom, can be read from. */
static const char *const private_files[] = {"p2pchat.db", "p2pchat.db-wal", "search.db"};

static bool check_private_files(const struct state_dir *dir, struct refusal *ret_refusal)
{
    struct stat st;

    for (size_t i = 0; i < sizeof(private_files) / sizeof(private_files[0]); i++) {
        if (fstatat(dir->descriptor, private_files[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
            return refuse(ret_refusal, EX_CONFIG,
                          "%s/%s: can be read or written by others: chmod 600 it", dir->path,
                          private_files[i]);
    }
    return true;
}

/* Whether a restart would find the key that we run with. */
static bool check_key(const struct facts *facts, struct refusal *ret_refusal)
{
    const struct random random = entropy_random();
    struct identity *there = secret_new(sizeof(*there));
    enum identity_origin origin;
    bool good;

    good = identity_file_load(facts->dir, IDENTITY_MUST_BE_THERE, &random, there, &origin,
                              ret_refusal);
    if (good && memcmp(there->key.bytes, facts->identity->key.bytes, KEY_LENGTH) != 0)
        good = refuse(ret_refusal, EX_CONFIG,
                      "%s/identity.key: holds another identity than the one that the daemon runs "
                      "with: bring the right one back before the next start",
                      facts->dir->path);
    secret_free(there, sizeof(*there));
    return good;
}

static void say_permissions(struct json_writer *w, const struct facts *facts,
                            const struct disk_state *state)
{
    struct refusal refusal;

    if (state->silence[0] != '\0')
        diagnosis_say(w, "permissions", WELL, "not looked at, as the disk of %s does not answer",
                      facts->dir->path);
    else if (state_dir_check(facts->dir, &refusal) && check_key(facts, &refusal) &&
             check_private_files(facts->dir, &refusal))
        diagnosis_say(w, "permissions", WELL,
                      "%s is ours, and nobody else can read the key and the log in it",
                      facts->dir->path);
    else
        diagnosis_say(w, "permissions", PROBLEM, "%s", refusal.why);
}

/* --- The control socket --- */

static void say_socket(struct json_writer *w, const struct control_socket *socket)
{
    static const char check[] = "socket";
    char path[CONTROL_PATH_MAX + 1];
    struct stat st;

    if (!control_socket_where(socket->descriptor, path))
        diagnosis_say(w, check, WELL,
                      "it was handed over, under a path that is not known from here");
    else if (lstat(path, &st) < 0)
        diagnosis_say(w, check, PROBLEM, "%s: %s: no client finds the daemon there; restart %s",
                      path, strerror(errno), socket->path != NULL ? "it" : "its socket unit");
    else if (!S_ISSOCK(st.st_mode) ||
             (socket->path != NULL && (st.st_dev != socket->device || st.st_ino != socket->inode)))
        diagnosis_say(w, check, PROBLEM,
                      "%s: something else stands where the control socket was: remove it, and "
                      "restart",
                      path);
    else if ((st.st_mode & S_IWOTH) != 0)
        diagnosis_say(w, check, PROBLEM,
                      "%s: every user of this host can read and send messages over it: chmod o-rwx "
                      "it",
                      path);
    else
        diagnosis_say(w, check, WELL, "%s, for its owner%s only", path,
                      (st.st_mode & S_IWGRP) != 0 ? " and its group" : "");
}

/* --- Disk --- */

static void say_disk(struct json_writer *w, const struct pump *pump, const struct disk_state *state)
{
    const bool answers = state->silence[0] == '\0';
    const struct diagnosis_log log = {.state = state->state,
                                      .reason = state->reason,
                                      .is_silent = !answers,
                                      .demands_check = answers && store_demands_check(pump->store),
                                      .is_lost = answers && store_is_lost(pump->store),
                                      .can_be_trimmed = pump->facts->role == ROLE_NODE};
    struct vital_disk disk = {.error = 0};

    if (answers)
        vital_disk_read(pump->facts->dir->descriptor, &disk);
    diagnosis_disk(w, pump->facts->dir->path, &log, &disk);
}

/* --- Listening --- */

/* Where a bound address is tried: everywhere is also here. Returns how many. */
static size_t places_of(const struct host_port *bound, struct socket_address ret_places[2])
{
    static const char *const loopbacks[] = {"127.0.0.1", "::1"};
    struct socket_address address;
    size_t count = 0;

    must(socket_address_parse(bound, &address));
    if (!socket_address_is_wildcard(&address)) {
        ret_places[0] = address;
        return 1;
    }
    for (size_t i = 0; i < 2; i++) {
        struct host_port at = {.port = bound->port};

        if (i > 0 && socket_address_family(&address) == AF_INET)
            break;
        memcpy(at.host, loopbacks[i], strlen(loopbacks[i]));
        must(socket_address_parse(&at, &ret_places[count++]));
    }
    return count;
}

static void probe_bound(struct probes *probes, const struct host_port *bound, size_t count)
{
    struct socket_address places[2];

    for (size_t i = 0; i < count; i++) {
        for (size_t left = places_of(&bound[i], places); left > 0; left--)
            probes_add_place(probes, &places[left - 1]);
    }
}

static void say_bound(struct json_writer *w, const struct probes *probes,
                      const struct host_port *bound, size_t count)
{
    struct socket_address places[2];

    for (size_t i = 0; i < count; i++) {
        size_t left = places_of(&bound[i], places);
        int error = ETIMEDOUT;

        for (; left > 0 && error != 0; left--)
            error = probes_at_place(probes, &places[left - 1]);
        diagnosis_listening(w, &bound[i], error);
    }
}

/* A port of systemd's that another program has, or that was changed and not opened anew, does not
 * keep us from starting: we listen elsewhere then. */
static void say_port(struct json_writer *w, const struct facts *facts)
{
    char unit[PROCESS_UNIT_MAX];

    if (!facts->listen_is_passed && service_is_to_have_a_port(unit))
        diagnosis_say(w, "listening", PROBLEM,
                      "%s-peer.socket is enabled, but the daemon was started without its port: "
                      "'systemctl status %s-peer.socket' tells why, if another program has it say; "
                      "then 'systemctl stop %s-peer.socket && systemctl restart %s'",
                      unit, unit, unit, unit);
}

/* The numbers are an extra, without which all else runs. */
static void say_metrics(struct json_writer *w, const struct metrics_http *http)
{
    const char *trouble = metrics_http_trouble(http);

    if (trouble != NULL)
        diagnosis_say(w, "metrics", PROBLEM, "none are served over HTTP: %s", trouble);
}

/* --- The network --- */

static void say_network(struct json_writer *w, const struct facts *facts)
{
    if (facts->has_network_key)
        diagnosis_say(w, "network", WELL,
                      "it is closed: links are made only with those who have the same "
                      "p2pchat.network-key, its trackers too");
}

/* --- Names --- */

static void probe_name(struct probes *probes, const char *host)
{
    if (!host_is_literal(host))
        probes_add_name(probes, host);
}

static size_t say_name(struct json_writer *w, const struct probes *probes, const char *host,
                       const char *whose)
{
    struct host_port found;
    enum error error;

    if (!probes_has_name(probes, host)) /* a literal, or it came up just now */
        return 0;
    error = probes_of_name(probes, host, &found);
    diagnosis_name(w, host, whose, error, error == OK ? found.host : NULL);
    return 1;
}

static void say_names(struct json_writer *w, const struct pump *pump, const struct probes *probes)
{
    const struct facts *facts = pump->facts;
    struct node_tracker tracker;
    size_t count = 0;

    for (size_t i = 0; i < facts->advertise_count; i++)
        count += say_name(w, probes, facts->advertise[i].host, "which we advertise");
    for (size_t i = 0; node_tracker(pump->node, i, &tracker); i++)
        count += say_name(w, probes, tracker.at.host, "the name of a tracker");
    if (count == 0)
        diagnosis_say(w, "dns", WELL, "no names are in use, but addresses: nothing was looked up");
}

/* --- All of it --- */

void checkup_probe(const struct pump *pump, struct probes *probes)
{
    const struct facts *facts = pump->facts;
    struct node_tracker tracker;

    probe_bound(probes, facts->listen, facts->listen_count);
    probe_bound(probes, facts->classic_listen, facts->classic_listen_count);
    for (size_t i = 0; i < facts->advertise_count; i++)
        probe_name(probes, facts->advertise[i].host);
    for (size_t i = 0; node_tracker(pump->node, i, &tracker); i++)
        probe_name(probes, tracker.at.host);
}

void checkup_write(struct json_writer *w, struct pump *pump, const struct control_socket *socket,
                   const struct probes *probes)
{
    const struct facts *facts = pump->facts;
    struct vital_clock clock;
    struct vital_limits limits;
    struct disk_state state;

    say_configuration(w, pump);
    disk_state_look(pump, &state);
    say_permissions(w, facts, &state);
    say_socket(w, socket);
    say_disk(w, pump, &state);
    vital_clock_read(pump_now(pump).unix_ms, &clock);
    diagnosis_clock(w, &clock);
    vital_limits_read(&limits);
    diagnosis_limits(w, &limits);
    say_bound(w, probes, facts->listen, facts->listen_count);
    say_bound(w, probes, facts->classic_listen, facts->classic_listen_count);
    say_port(w, facts);
    say_metrics(w, pump->metrics_http);
    say_network(w, facts);
    say_names(w, pump, probes);
    say_systemd(w);
    if (facts->role == ROLE_TRACKER)
        return;
    diagnosis_reachability(w, pump->node, facts->advertise_count);
    diagnosis_trackers(w, pump->node);
}
