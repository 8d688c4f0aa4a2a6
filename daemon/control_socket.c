#include "daemon/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/alloc.h"

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    _Static_assert(sizeof(address.sun_path) == CONTROL_PATH_MAX + 1, "a path and its NUL");
    must(strlen(path) <= CONTROL_PATH_MAX);
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

/* The exit code for a call that the system refused. */
static int exit_code_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return EX_NOPERM;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return EX_CONFIG;
    default:
        return EX_IOERR;
    }
}

static bool refuse_errno(struct refusal *ret_refusal, const char *what, const char *path)
{
    return refuse(ret_refusal, exit_code_of(errno), "control socket: cannot %s %s: %s", what, path,
                  strerror(errno));
}

/* --- The directory --- */

/* The path up to its last slash; the caller frees. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return xstrdup(".");
    if (slash == path)
        return xstrdup("/");

    char *directory = xstrdup(path);

    directory[slash - path] = '\0';
    return directory;
}

/* Whether nobody but root and us can put something else where our socket stands. */
static bool directory_is_safe(const char *directory, const struct stat *status,
                              struct refusal *ret_refusal)
{
    if (status->st_uid != 0 && status->st_uid != geteuid())
        return refuse(ret_refusal, EX_CONFIG,
                      "control socket: directory %s belongs to user %u; take one of your own",
                      directory, (unsigned)status->st_uid);
    if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0 && (status->st_mode & S_ISVTX) == 0)
        return refuse(ret_refusal, EX_CONFIG,
                      "control socket: others may write to directory %s; chmod it to 0700",
                      directory);
    return true;
}

/* Opens the directory, made if it is missing and checked. One that is ours alone is locked, so that
 * two daemons that start at once do not both replace one dead socket. */
static bool open_directory(const char *directory, int *ret_descriptor, struct refusal *ret_refusal)
{
    struct stat status;

    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        return refuse_errno(ret_refusal, "make directory", directory);

    int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (descriptor < 0)
        return refuse_errno(ret_refusal, "open directory", directory);
    if (fstat(descriptor, &status) < 0) {
        close(descriptor);
        return refuse_errno(ret_refusal, "look at directory", directory);
    }
    if (!directory_is_safe(directory, &status, ret_refusal)) {
        close(descriptor);
        return false;
    }
    if (status.st_uid == geteuid() && (status.st_mode & 077) == 0)
        flock(descriptor, LOCK_EX);
    *ret_descriptor = descriptor;
    return true;
}

/* --- What stands there already --- */

/* 0, or why nothing answers on the socket at `path`. When something does, its process, if the
 * system says so. */
static int try_connect(const char *path, pid_t *ret_process)
{
    struct sockaddr_un address = address_of(path);
    struct ucred peer;
    socklen_t length = sizeof(peer);
    int error = 0;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (s < 0)
        return errno;
    if (connect(s, (const struct sockaddr *)&address, sizeof(address)) < 0)
        error = errno;
    else if (getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
        *ret_process = peer.pid;
    close(s);
    return error;
}

static bool replace_socket(const char *path, struct refusal *ret_refusal)
{
    pid_t process = 0;
    int error = try_connect(path, &process);

    if (error == 0)
        return refuse(ret_refusal, EX_UNAVAILABLE,
                      "control socket: another daemon (process %d) answers on %s; choose another "
                      "path with --socket",
                      (int)process, path);
    if (error == EAGAIN)
        return refuse(ret_refusal, EX_UNAVAILABLE,
                      "control socket: another daemon listens on %s; choose another path with "
                      "--socket",
                      path);
    if (error != ECONNREFUSED && error != ENOENT)
        return refuse(ret_refusal, EX_CONFIG,
                      "control socket: %s is not a socket of ours: %s; it is left alone", path,
                      strerror(error));
    if (unlink(path) < 0 && errno != ENOENT)
        return refuse_errno(ret_refusal, "replace", path);
    return true;
}

static bool clear_path(const char *path, struct refusal *ret_refusal)
{
    struct stat status;

    if (lstat(path, &status) < 0) {
        if (errno == ENOENT)
            return true;
        return refuse_errno(ret_refusal, "look at", path);
    }
    if (!S_ISSOCK(status.st_mode))
        return refuse(
            ret_refusal, EX_CONFIG,
            "control socket: %s is there and is no socket; it is left alone: remove it or "
            "choose another path",
            path);
    if (status.st_uid != geteuid())
        return refuse(ret_refusal, EX_CONFIG,
                      "control socket: %s is a socket of user %u; it is left alone: remove it or "
                      "choose another path",
                      path, (unsigned)status.st_uid);
    return replace_socket(path, ret_refusal);
}

/* --- The socket --- */

/* Binds and listens. A socket's file takes the mode that its descriptor has (unix(7) on Linux), so
 * there is no moment in which it is more open. */
static bool listen_at(const char *path, struct control_socket *ret_socket,
                      struct refusal *ret_refusal)
{
    struct sockaddr_un address = address_of(path);
    struct stat status;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (s < 0)
        return refuse_errno(ret_refusal, "make a socket for", path);
    if (fchmod(s, 0600) < 0 || bind(s, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        refuse_errno(ret_refusal, "bind", path);
        close(s);
        return false;
    }
    if (listen(s, SOMAXCONN) < 0 || lstat(path, &status) < 0) {
        refuse_errno(ret_refusal, "listen on", path);
        unlink(path);
        close(s);
        return false;
    }
    *ret_socket = (struct control_socket){
        .descriptor = s, .path = xstrdup(path), .device = status.st_dev, .inode = status.st_ino};
    return true;
}

bool control_socket_make(const char *path, struct control_socket *ret_socket,
                         struct refusal *ret_refusal)
{
    if (path[0] == '\0' || strlen(path) > CONTROL_PATH_MAX)
        return refuse(ret_refusal, EX_CONFIG,
                      "control socket: a path has 1 to %d bytes, this one has %zu: %s",
                      CONTROL_PATH_MAX, strlen(path), path);

    int directory_descriptor;
    char *directory = directory_of(path);
    bool made = open_directory(directory, &directory_descriptor, ret_refusal);

    if (made) {
        made = clear_path(path, ret_refusal) && listen_at(path, ret_socket, ret_refusal);
        close(directory_descriptor);
    }
    free(directory);
    return made;
}

bool control_socket_inherit(int descriptor, struct control_socket *ret_socket,
                            struct refusal *ret_refusal)
{
    int flags = fcntl(descriptor, F_GETFL);

    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0 ||
        fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0)
        return refuse(ret_refusal, EX_IOERR, "control socket: descriptor %d: %s", descriptor,
                      strerror(errno));
    *ret_socket = (struct control_socket){.descriptor = descriptor};
    return true;
}

bool control_socket_where(int descriptor, char ret_path[CONTROL_PATH_MAX + 1])
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t length = sizeof(address);

    if (getsockname(descriptor, (struct sockaddr *)&address, &length) < 0 ||
        length <= offsetof(struct sockaddr_un, sun_path) || address.sun_path[0] != '/')
        return false;
    memcpy(ret_path, address.sun_path, CONTROL_PATH_MAX);
    ret_path[CONTROL_PATH_MAX] = '\0';
    return true;
}

bool control_socket_is_same(const char *path, const char *other)
{
    struct stat a, b;

    return strcmp(path, other) == 0 || (stat(path, &a) == 0 && stat(other, &b) == 0 &&
                                        a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

void control_socket_close(struct control_socket *s)
{
    struct stat status;

    if (s->path != NULL && lstat(s->path, &status) == 0 && status.st_dev == s->device &&
        status.st_ino == s->inode)
        unlink(s->path);
    close(s->descriptor);
    free(s->path);
}
