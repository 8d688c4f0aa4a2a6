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

/* --- Which daemon --- */

/* Whose socket it is by its path: the unit that has it, and how systemd is asked for that. */
struct whose {
    const char *systemctl, *unit; /* NULL: nobody's that we know */
};

static bool is_in(const char *path, const char *directory)
{
    const size_t length = strlen(directory);

    return length > 0 && strncmp(path, directory, length) == 0 && path[length] == '/';
}

static struct whose whose_is(const char *path)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (is_in(path, "/run/p2pchat"))
        return (struct whose){"systemctl", "p2pchatd"};
    if (is_in(path, "/run/p2pchat-tracker"))
        return (struct whose){"systemctl", "p2pchat-tracker"};
    if (runtime != NULL && is_in(path, runtime) &&
        is_in(path + strlen(runtime), "/p2pchat")) /* a user's */
        return (struct whose){"systemctl --user", "p2pchatd"};
    return (struct whose){NULL, NULL};
}

static void say_start(struct bytes *message, const char *path)
{
    const struct whose whose = whose_is(path);

    if (whose.unit != NULL)
        say(message, "; '%s start %s.socket' starts the service, or", whose.systemctl, whose.unit);
    else
        say(message, ";");
    say(message, " start one with 'p2pchatd', or say --socket=PATH");
}

/* How to learn more of one that was started. */
static void say_look(struct bytes *message, const char *path)
{
    const struct whose whose = whose_is(path);

    if (whose.unit != NULL)
        say(message, "; '%s status %s' tells what it does", whose.systemctl, whose.unit);
    else
        say(message, "; look at its log");
}

/* --- Who may --- */

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

void nobody_listens(const char *path, int error, struct bytes *message)
{
    struct stat st;

    say(message, "no daemon answers on %s: ", path);
    if (error == EACCES || error == EPERM) {
        say_closed(message, path);
        return;
    }
    if (stat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        say(message, "that is no socket, but a %s",
            S_ISDIR(st.st_mode) ? "directory" : "file of another kind");
    else if (error == ECONNREFUSED)
        say(message, "nobody listens there any more: the daemon ended without removing it");
    else if (error == ENOENT)
        say(message, "there is no such socket");
    else
        say(message, "%s", strerror(error));
    say_start(message, path);
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

/* The process that listens; of a socket that systemd passed on, systemd. */
static void say_process(struct bytes *message, int socket)
{
    struct ucred who = {.pid = 0};
    socklen_t length = sizeof(who);

    if (socket < 0 || getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0 ||
        who.pid <= 1) {
        say(message, "what listens there does not answer in time: the daemon hangs, or systemd "
                     "cannot start it");
        return;
    }
    switch (state_of(who.pid)) {
    case 'T':
    case 't':
        say(message,
            "process %ld does not answer, because it is stopped; 'kill -CONT %ld' lets it "
            "go on",
            (long)who.pid, (long)who.pid);
        break;
    case 'D':
        say(message, "process %ld does not answer, because it waits for a disk", (long)who.pid);
        break;
    default:
        say(message, "process %ld does not answer in time: it hangs, or has too much to do",
            (long)who.pid);
        break;
    }
}

void nobody_answers(const char *path, int socket, struct bytes *message)
{
    say(message, "no daemon answers on %s: ", path);
    say_process(message, socket);
    say_look(message, path);
}
