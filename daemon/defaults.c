#include "daemon/defaults.h"

#include <ctype.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/core/name.h"

static const struct {
    const char *folder; /* below all the places of the system and of the user */
    const char *file;
    uint16_t port;
} by_role[] = {
    [ROLE_NODE] = {"p2pchat", "p2pchatd.conf", 28470},
    [ROLE_TRACKER] = {"p2pchat-tracker", "tracker.conf", 28471},
};

/* "a/b"; the caller frees it. */
static char *join(const char *a, const char *b)
{
    size_t length = strlen(a) + 1 + strlen(b) + 1;
    char *path = xmalloc(length);

    snprintf(path, length, "%s/%s", a, b);
    return path;
}

/* The same with the role's folder in between; frees the directory. NULL when that is NULL. */
static char *in_folder(char *directory, enum node_role role, const char *name)
{
    char *folder, *path;

    if (directory == NULL)
        return NULL;
    folder = join(directory, by_role[role].folder);
    path = name != NULL ? join(folder, name) : xstrdup(folder);
    free(folder);
    free(directory);
    return path;
}

/* A directory from the environment; NULL unless it is absolute (XDG Base Directory Specification:
 * others are ignored). */
static const char *directory_from(const char *variable)
{
    const char *value = getenv(variable);

    return value != NULL && value[0] == '/' ? value : NULL;
}

/* What the user database says of somebody; empty strings when it does not know them. */
struct user {
    char name[ADDRESS_NAME_MAX + 1];
    char home[PATH_MAX];
};

static void look_up_user(uid_t uid, struct user *ret_user)
{
    char memory[4096];
    struct passwd entry, *found;

    *ret_user = (struct user){0};
    if (getpwuid_r(uid, &entry, memory, sizeof(memory), &found) != 0 || found == NULL)
        return;
    snprintf(ret_user->name, sizeof(ret_user->name), "%s", entry.pw_name);
    if (entry.pw_dir[0] == '/')
        snprintf(ret_user->home, sizeof(ret_user->home), "%s", entry.pw_dir);
}

/* $XDG_…, else its place below the home directory, else NULL. The caller frees it. */
static char *user_directory(uid_t uid, const char *variable, const char *below_home)
{
    const char *directory = directory_from(variable), *home = directory_from("HOME");
    struct user user;

    if (directory != NULL)
        return xstrdup(directory);
    if (home != NULL)
        return join(home, below_home);
    look_up_user(uid, &user);
    return user.home[0] != '\0' ? join(user.home, below_home) : NULL;
}

/* A directory that systemd made for us, or NULL; the caller frees it. */
static char *service_directory(const char *variable)
{
    const char *given = directory_from(variable);
    char *path = given != NULL ? xstrdup(given) : NULL;

    if (path != NULL)
        path[strcspn(path, ":")] = '\0'; /* systemd.exec(5): several are separated by colons */
    return path;
}

char *defaults_file(uid_t uid, enum node_role role)
{
    char *given = service_directory("CONFIGURATION_DIRECTORY"), *path;

    if (given != NULL) {
        path = join(given, by_role[role].file);
        free(given);
        return path;
    }
    return in_folder(uid == 0 ? xstrdup("/etc") : user_directory(uid, "XDG_CONFIG_HOME", ".config"),
                     role, by_role[role].file);
}

const char *defaults_file_variable(uid_t uid)
{
    if (uid == 0 || directory_from("CONFIGURATION_DIRECTORY") != NULL)
        return NULL;
    if (directory_from("XDG_CONFIG_HOME") != NULL)
        return "XDG_CONFIG_HOME";
    return directory_from("HOME") != NULL ? "HOME" : NULL;
}

char *defaults_state_dir(uid_t uid, enum node_role role)
{
    char *given = service_directory("STATE_DIRECTORY");

    if (given != NULL)
        return given;
    return in_folder(uid == 0 ? xstrdup("/var/lib")
                              : user_directory(uid, "XDG_STATE_HOME", ".local/state"),
                     role, NULL);
}

char *defaults_socket(uid_t uid, enum node_role role)
{
    const char *directory = directory_from("XDG_RUNTIME_DIR");

    if (directory == NULL && uid == 0)
        directory = "/run";
    return in_folder(directory != NULL ? xstrdup(directory) : NULL, role, "control.sock");
}

struct host_port defaults_listen(enum node_role role)
{
    return (struct host_port){.host = "::", .port = by_role[role].port};
}

void defaults_compose_name(const char *user, const char *host, char *out)
{
    char whole[2 * ADDRESS_NAME_MAX];
    size_t length = 0;

    snprintf(whole, sizeof(whole), "%s@%s", user, host);
    for (const char *c = whole; *c != '\0' && length < ADDRESS_NAME_MAX; c++) {
        bool first = length == 0;

        if (isascii(*c) && (isalnum((unsigned char)*c) || (!first && strchr("-._@", *c) != NULL)))
            out[length++] = *c;
    }
    out[length] = '\0';
    if (name_check(out) != OK)
        memcpy(out, "node", sizeof("node"));
}

char *defaults_name(uid_t uid)
{
    char host[256] = "", name[ADDRESS_NAME_MAX + 1];
    struct user user;

    look_up_user(uid, &user);
    if (user.name[0] == '\0')
        snprintf(user.name, sizeof(user.name), "%u", (unsigned)uid);
    if (gethostname(host, sizeof(host) - 1) < 0)
        host[0] = '\0';
    host[strcspn(host, ".")] = '\0';
    defaults_compose_name(user.name, host, name);
    return xstrdup(name);
}
