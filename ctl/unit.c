#include "ctl/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "ctl/clock.h"
#include "ctl/signals.h"

enum {
    /* It takes milliseconds, unless the machine has more to do than it can. */
    UNIT_ASK_MS = 5000,
    ANSWER_MAX = 4096 /* more than a few properties need */
};

/* --- Whose a socket is --- */

static bool is_in(const char *path, const char *directory)
{
    const size_t length = strlen(directory);

    return length > 0 && strncmp(path, directory, length) == 0 && path[length] == '/';
}

struct unit unit_of(const char *path)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (is_in(path, "/run/p2pchat"))
        return (struct unit){"p2pchatd", "", false, ""};
    if (is_in(path, "/run/p2pchat-tracker"))
        return (struct unit){"p2pchat-tracker", " --role=tracker", false, ""};
    if (runtime != NULL && is_in(path, runtime) && is_in(path + strlen(runtime), "/p2pchat"))
        return (struct unit){"p2pchatd", "", true, " --user"};
    return (struct unit){.name = NULL};
}

/* --- systemctl --- */

static bool spawn(const char *const *argv, int output, pid_t *ret_child)
{
    posix_spawn_file_actions_t actions;
    int error;

    must(posix_spawn_file_actions_init(&actions) == 0);
    must(posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0);
    must(posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) == 0);
    error = posix_spawnp(ret_child, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0;
}

/* All that it prints. False when it does not end in time. */
static bool read_all(int input, struct bytes *out)
{
    const struct mono deadline = mono_after(clock_now(), UNIT_ASK_MS);
    struct pollfd ready = {.fd = input, .events = POLLIN};
    ssize_t got = 1;

    while (got > 0 && bytes_length(out) < ANSWER_MAX) {
        if (!signals_poll(&ready, 1, deadline)) {
            if (signals_stop() || mono_due(deadline, clock_now()))
                return false;
            continue;
        }
        got = read(input, bytes_reserve(out, ANSWER_MAX), ANSWER_MAX);
        if (got > 0)
            bytes_commit(out, (size_t)got);
    }
    return got == 0;
}

/* Runs a program for what it prints; false when it cannot be run, takes too long or fails. */
static bool run(const char *const *argv, struct bytes *out)
{
    int ends[2], status = 0;
    bool is_read;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    if (!spawn(argv, ends[1], &child)) {
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    close(ends[1]);
    is_read = read_all(ends[0], out);
    close(ends[0]);
    if (!is_read)
        kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return is_read && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* --- What it prints --- */

/* The value of a property, a line of its own; "" when it is not there. */
static void value_of(const char *printed, const char *name, char *out, size_t size)
{
    const size_t length = strlen(name);

    out[0] = '\0';
    for (const char *line = printed; *line != '\0';) {
        const char *end = strchrnul(line, '\n');

        if (strncmp(line, name, length) == 0 && line[length] == '=')
            snprintf(out, size, "%.*s", (int)(end - line - (ptrdiff_t)length - 1),
                     line + length + 1);
        line = *end == '\n' ? end + 1 : end;
    }
}

static long number_of(const char *printed, const char *name)
{
    char value[32];

    value_of(printed, name, value, sizeof(value));
    return strtol(value, NULL, 10);
}

/* ActiveState= and SubState= of systemd's D-Bus interface, org.freedesktop.systemd1(5). */
static enum unit_phase phase_of(const char *printed)
{
    static const struct {
        const char *active;
        enum unit_phase phase;
    } phases[] = {
        {"inactive", UNIT_STOPPED},  {"activating", UNIT_STARTING},   {"active", UNIT_RUNNING},
        {"reloading", UNIT_RUNNING}, {"deactivating", UNIT_STOPPING}, {"failed", UNIT_FAILED},
    };
    char load[32], active[32], sub[32];

    value_of(printed, "LoadState", load, sizeof(load));
    value_of(printed, "ActiveState", active, sizeof(active));
    value_of(printed, "SubState", sub, sizeof(sub));
    if (strcmp(load, "not-found") == 0)
        return UNIT_MISSING;
    if (strcmp(load, "masked") == 0 && strcmp(active, "inactive") == 0)
        return UNIT_MASKED;
    if (strncmp(sub, "auto-restart", strlen("auto-restart")) == 0)
        return UNIT_PAUSING;
    for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
        if (strcmp(active, phases[i].active) == 0)
            return phases[i].phase;
    return UNIT_UNKNOWN;
}

static struct unit_state state_of(const char *printed)
{
    const long code = number_of(printed, "ExecMainCode"); /* as si_code of sigaction(2) */
    struct unit_state state = {.phase = phase_of(printed),
                               .process = (pid_t)number_of(printed, "MainPID"),
                               .end = code == 0            ? UNIT_NEVER_RAN
                                      : code == CLD_EXITED ? UNIT_EXITED
                                                           : UNIT_KILLED,
                               .status = (int)number_of(printed, "ExecMainStatus"),
                               .restarts = (unsigned)number_of(printed, "NRestarts")};

    value_of(printed, "StatusText", state.says, sizeof(state.says));
    return state;
}

/* Properties of the unit, or of its socket, a line each, ended by a NUL. */
static bool show(const struct unit *unit, const char *type, const char *properties,
                 struct bytes *printed)
{
    char name[64];
    const char *const argv[] = {
        "systemctl", unit->is_of_user ? "--user" : "--system", properties, "show", name, NULL};

    snprintf(name, sizeof(name), "%s%s", unit->name, type);
    if (!run(argv, printed))
        return false;
    bytes_u8(printed, '\0');
    return true;
}

struct unit_state unit_ask(const struct unit *unit)
{
    static const char properties[] = "--property=LoadState,ActiveState,SubState,MainPID,"
                                     "ExecMainCode,ExecMainStatus,NRestarts,StatusText";
    struct unit_state state = {.phase = UNIT_MISSING};
    struct bytes printed = BYTES_EMPTY;

    if (unit->name == NULL)
        return state;
    if (show(unit, ".service", properties, &printed)) {
        state = state_of((const char *)bytes_data(&printed));
    } else if (access("/run/systemd/system", F_OK) == 0) { /* sd_booted(3) */
        state.phase = UNIT_UNKNOWN;
    }
    bytes_done(&printed);
    return state;
}

bool unit_is_meant(const struct unit *unit)
{
    struct bytes printed = BYTES_EMPTY;
    char file[32], active[32];
    bool is_meant = false;

    if (unit->name != NULL &&
        show(unit, ".socket", "--property=UnitFileState,ActiveState", &printed)) {
        value_of((const char *)bytes_data(&printed), "UnitFileState", file, sizeof(file));
        value_of((const char *)bytes_data(&printed), "ActiveState", active, sizeof(active));
        is_meant = strcmp(file, "enabled") == 0 || strcmp(active, "failed") == 0;
    }
    bytes_done(&printed);
    return is_meant;
}
