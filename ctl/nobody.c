#include "ctl/nobody.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/format.h"
#include "common/text.h"
#include "ctl/unit.h"

enum { EXIT_CONFIGURATION = 78 }; /* p2pchatd(8), Exit status */

static void say(struct bytes *message, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* What is named comes from the system, and may hold anything. */
static void say(struct bytes *message, const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    text_append_safe(message, text, strlen(text));
    free(text);
}

/* --- Services --- */

/* Whether systemd knows it. */
static bool is_known(enum unit_phase phase)
{
    return phase != UNIT_UNKNOWN && phase != UNIT_MISSING;
}

/* Whether the service does anything: who listens is of it then. */
static bool is_at_work(enum unit_phase phase)
{
    return is_known(phase) && phase != UNIT_MASKED && phase != UNIT_STOPPED;
}

/* How to learn why it is as it is. */
static void say_where(struct bytes *message, const struct unit *unit)
{
    say(message, "; 'systemctl%s status %s' and 'journalctl%s -u %s -e' tell why", unit->of_users,
        unit->name, unit->of_users, unit->name);
}

/* How it ended, and where that is told. */
static void say_end(struct bytes *message, const struct unit *unit, const struct unit_state *state)
{
    switch (state->end) {
    case UNIT_NEVER_RAN:
        break;
    case UNIT_EXITED:
        say(message, " (exit status %d)", state->status);
        break;
    case UNIT_KILLED:
        say(message, " (killed by signal %d)", state->status);
        break;
    }
    if (state->restarts > 0)
        say(message, ", and was started again %u time%s", state->restarts,
            state->restarts == 1 ? "" : "s");
    say_where(message, unit);
    if (state->end == UNIT_EXITED && state->status == EXIT_CONFIGURATION)
        say(message, ", 'p2pchatd%s --check-config'%s whether its configuration has mistakes",
            unit->role, unit->is_of_user ? "" : " by root");
}

/* A service that is neither running nor meant to be at rest. False when it is. */
static bool say_service(struct bytes *message, const struct unit *unit,
                        const struct unit_state *state)
{
    switch (state->phase) {
    case UNIT_MASKED:
        say(message, "the service %s is masked; 'systemctl%s unmask %s' lets it be started",
            unit->name, unit->of_users, unit->name);
        return true;
    case UNIT_FAILED:
        say(message, "the service %s failed", unit->name);
        say_end(message, unit, state);
        say(message, "; then 'systemctl%s restart %s'", unit->of_users, unit->name);
        return true;
    case UNIT_PAUSING:
        say(message, "the service %s does not come up: it ended", unit->name);
        say_end(message, unit, state);
        return true;
    case UNIT_STARTING:
        say(message, "the service %s is starting", unit->name);
        break;
    case UNIT_STOPPING:
        say(message, "the service %s is stopping", unit->name);
        break;
    case UNIT_UNKNOWN:
    case UNIT_MISSING:
    case UNIT_STOPPED:
    case UNIT_RUNNING:
        return false;
    }
    if (state->says[0] != '\0')
        say(message, " (%s)", state->says);
    say(message, "; 'systemctl%s status %s' shows how far it is", unit->of_users, unit->name);
    return true;
}

/* --- Who may --- */

/* A group that a name space of users does not have is shown as this one (user_namespaces(7)). */
enum { OVERFLOW_GROUP = 65534 };

/* What a user or a group with its members takes at most; of a larger one nothing is known. */
enum { ENTRY_MAX = 64 << 10 };

/* The user's name; NULL when it has none. Borrows from `room`. */
static const char *name_of(uid_t user, char room[ENTRY_MAX])
{
    struct passwd entry, *found = NULL;

    return getpwuid_r(user, &entry, room, ENTRY_MAX, &found) == 0 && found != NULL ? found->pw_name
                                                                                   : NULL;
}

static bool is_member(const struct group *group)
{
    char room[ENTRY_MAX];
    const char *user = name_of(geteuid(), room);

    for (char **name = group->gr_mem; user != NULL && *name != NULL; name++)
        if (strcmp(*name, user) == 0)
            return true;
    return false;
}

/* It is for a group; false when that is not known. */
static bool say_group(struct bytes *message, gid_t id)
{
    struct group entry, *group = NULL;
    char room[ENTRY_MAX];

    if (getgrgid_r(id, &entry, room, sizeof(room), &group) != 0 || group == NULL)
        return false;
    if (id == OVERFLOW_GROUP) {
        say(message, "it is for a group that is not known where this runs; a service is in it with "
                     "SupplementaryGroups= in its unit");
        return true;
    }
    if (is_member(group))
        say(message,
            "you are in the group %s, but were not yet when you logged in; log in again, or "
            "'newgrp "
            "%s'",
            group->gr_name, group->gr_name);
    else
        say(message,
            "it is for the group %s only; 'adduser YOU %s' by root lets you in, when you have "
            "logged in again",
            group->gr_name, group->gr_name);
    return true;
}

static void say_closed(struct bytes *message, const char *path)
{
    char room[ENTRY_MAX];
    const char *owner;
    struct stat st;

    if (stat(path, &st) < 0) {
        say(message, "a directory on the way to it is closed to you; a daemon serves the user who "
                     "runs it");
        return;
    }
    if ((st.st_mode & S_IWGRP) != 0 && say_group(message, st.st_gid))
        return;
    owner = name_of(st.st_uid, room);
    if (owner != NULL)
        say(message, "it is for the user %s only; a daemon serves the user who runs it", owner);
    else
        say(message, "it is for the user %u only; a daemon serves the user who runs it",
            (unsigned)st.st_uid);
}

/* --- Nobody listens --- */

/* Whoever listened does so no more. */
static void say_gone(struct bytes *message, const struct unit *unit, const struct unit_state *state,
                     int error)
{
    if (state->phase == UNIT_RUNNING) {
        say(message,
            "the service %s runs, but its socket is gone: 'systemctl%s restart %s.socket' makes "
            "it again",
            unit->name, unit->of_users, unit->name);
        return;
    }
    if (error == ENOENT)
        say(message, "there is no such socket;");
    else
        say(message, "nobody listens there any more%s;",
            is_known(state->phase) ? "" : ": the daemon ended without removing it");
    if (state->phase != UNIT_MISSING)
        say(message, " 'systemctl%s start %s.socket' starts the service, or", unit->of_users,
            unit->name);
    say(message, " start one with 'p2pchatd', or say --socket=PATH");
}

void nobody_listens(const char *path, int error, struct bytes *message)
{
    struct unit_state state;
    struct unit unit;
    struct stat st;

    say(message, "no daemon answers on %s: ", path);
    if (error == EACCES || error == EPERM) {
        say_closed(message, path);
    } else if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        say(message, "that is no socket, but a %s; start one with 'p2pchatd', or say --socket=PATH",
            S_ISDIR(st.st_mode) ? "directory" : "file of another kind");
    } else if (error != ENOENT && error != ECONNREFUSED) {
        say(message, "%s", strerror(error));
    } else {
        unit = unit_of(path);
        state = unit_ask(&unit);
        if (!say_service(message, &unit, &state))
            say_gone(message, &unit, &state, error);
    }
}

bool nobody_read(const char *path, struct bytes *message)
{
    const struct unit unit = unit_of(path);
    const struct unit_state state = unit_ask(&unit);

    say(message, "no daemon answers on %s, and nothing was done: ", path);
    if (!say_service(message, &unit, &state))
        say(message, "the connection was closed before anybody read what was asked; ask again");
    return state.phase != UNIT_FAILED && state.phase != UNIT_MASKED;
}

/* --- Nobody answers --- */

/* The third field of proc_pid_stat(5); 0: not known. */
static char state_of(pid_t process)
{
    char *path = xasprintf("/proc/%ld/stat", (long)process);
    char line[512] = "", *end;
    FILE *file = fopen(path, "re");

    free(path);
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    fclose(file);
    end = strrchr(line, ')'); /* of its name, which may hold anything */
    return end != NULL && end[1] == ' ' ? end[2] : '\0';
}

static bool is_stopped(pid_t process)
{
    const char state = process > 0 ? state_of(process) : 0;

    return state == 'T' || state == 't';
}

/* Who should answer: the service's process, or who listens, which of a service's socket is systemd.
 * 0: not known. */
static pid_t process_of(const struct unit_state *state, int socket)
{
    struct ucred who = {.pid = 0};
    socklen_t length = sizeof(who);

    if (is_at_work(state->phase))
        return state->process;
    if (socket < 0 || getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
        return 0;
    return who.pid > 1 ? who.pid : 0;
}

static void say_process(struct bytes *message, pid_t process)
{
    const long id = (long)process;

    if (process == 0)
        say(message, "what listens there does not answer in time");
    else if (is_stopped(process))
        say(message,
            "process %ld does not answer, because it is stopped; 'kill -CONT %ld' lets it go on",
            id, id);
    else if (state_of(process) == 'D')
        say(message, "process %ld does not answer, because it waits for a disk", id);
    else
        say(message, "process %ld does not answer in time: it hangs, or has too much to do", id);
}

static void say_silence(struct bytes *message, const char *path, const struct unit *unit,
                        const struct unit_state *state, pid_t process)
{
    say(message, "no daemon answers on %s: ", path);
    if (is_at_work(state->phase) && !is_stopped(process) && say_service(message, unit, state))
        return;
    say_process(message, process);
    if (is_at_work(state->phase) || state->phase == UNIT_UNKNOWN)
        say(message, "; 'systemctl%s status %s' tells what it does", unit->of_users, unit->name);
    else
        say(message, "; look at its log");
}

bool nobody_comes(const char *path, int socket, struct bytes *message)
{
    const struct unit unit = unit_of(path);
    const struct unit_state state = unit_ask(&unit);
    const pid_t process = process_of(&state, socket);

    if (state.phase != UNIT_FAILED && state.phase != UNIT_PAUSING && !is_stopped(process))
        return false;
    say_silence(message, path, &unit, &state, process);
    return true;
}

void nobody_answers(const char *path, int socket, struct bytes *message)
{
    const struct unit unit = unit_of(path);
    const struct unit_state state = unit_ask(&unit);

    say_silence(message, path, &unit, &state, process_of(&state, socket));
}
