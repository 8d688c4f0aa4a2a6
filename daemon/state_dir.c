#include "daemon/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/owner.h"
#include "daemon/process.h"

static const char lock_name[] = "lock";

/* The exit code that a failed system call calls for. */
static int exit_code_of(int error)
{
    if (error == EACCES || error == EPERM || error == EROFS)
        return EX_NOPERM;
    return error == ENOTDIR || error == ENAMETOOLONG || error == ELOOP ? EX_CONFIG : EX_IOERR;
}

/* Makes every missing directory on the way to `path`, and `path`. */
static bool make_directories(const char *path, struct refusal *ret_refusal)
{
    char *part = xstrdup(path);
    bool good = true;

    for (char *slash = part; good && slash != NULL;) {
        slash = strchr(slash + 1, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(part, 0700) < 0 && errno != EEXIST && errno != EISDIR)
            good = refuse(ret_refusal, exit_code_of(errno), "%s: cannot be made: %s", part,
                          strerror(errno));
        if (slash != NULL)
            *slash = '/';
    }
    free(part);
    return good;
}

/* systemd.exec(5): what StateDirectory= names is given to the service when it starts. */
static bool is_given_by_systemd(const struct state_dir *dir, char ret_unit[PROCESS_UNIT_MAX])
{
    const char *given = getenv("STATE_DIRECTORY");

    return given != NULL && strcmp(given, dir->path) == 0 && process_unit(ret_unit);
}

static bool refuse_owner(const struct state_dir *dir, uid_t owner, struct refusal *ret_refusal)
{
    char whose[OWNER_MAX], ours[OWNER_MAX], unit[PROCESS_UNIT_MAX];

    owner_words(owner, whose);
    owner_name(geteuid(), ours);
    if (is_given_by_systemd(dir, unit))
        return refuse(ret_refusal, EX_CONFIG,
                      "%s: the state directory belongs to %s: 'systemctl restart %s' gives it back "
                      "to %s",
                      dir->path, whose, unit, ours);
    return refuse(ret_refusal, EX_CONFIG,
                  "%s: the state directory belongs to %s: give it and what is in it to %s (chown "
                  "-R), or give another --state-dir",
                  dir->path, whose, ours);
}

static bool check_directory(const struct state_dir *dir, struct refusal *ret_refusal)
{
    struct stat st;

    if (fstat(dir->descriptor, &st) < 0)
        return refuse(ret_refusal, EX_IOERR, "%s: %s", dir->path, strerror(errno));
    if (st.st_uid != geteuid())
        return refuse_owner(dir, st.st_uid, ret_refusal);
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return refuse(ret_refusal, EX_CONFIG,
                      "%s: others can write to the state directory: chmod go-w it", dir->path);
    return true;
}

bool state_dir_check(const struct state_dir *dir, struct refusal *ret_refusal)
{
    struct stat ours, there;

    if (!check_directory(dir, ret_refusal))
        return false;
    if (fstat(dir->descriptor, &ours) < 0 || stat(dir->path, &there) < 0)
        return refuse(ret_refusal, EX_IOERR, "%s: %s", dir->path, strerror(errno));
    if (ours.st_dev != there.st_dev || ours.st_ino != there.st_ino)
        return refuse(ret_refusal, EX_IOERR,
                      "%s: is another directory than the one that the daemon works in, which was "
                      "moved away or removed",
                      dir->path);
    return true;
}

/* Who holds the lock, as its file says; 0 when it does not say yet. */
static long holder_of(int lock)
{
    char text[32];
    ssize_t got = pread(lock, text, sizeof(text) - 1, 0);

    if (got <= 0)
        return 0;
    text[got] = '\0';
    return strtol(text, NULL, 10);
}

static bool lock_directory(struct state_dir *dir, struct refusal *ret_refusal)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    dir->lock = openat(dir->descriptor, lock_name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (dir->lock < 0)
        return refuse(ret_refusal, exit_code_of(errno), "%s/%s: cannot be made: %s", dir->path,
                      lock_name, strerror(errno));
    if (flock(dir->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK)
            return refuse(ret_refusal, EX_IOERR, "%s/%s: cannot be locked: %s", dir->path,
                          lock_name, strerror(errno));
        return refuse(ret_refusal, EX_UNAVAILABLE,
                      "%s: the state directory is held by another daemon (process %ld)", dir->path,
                      holder_of(dir->lock));
    }
    if (ftruncate(dir->lock, 0) < 0 || pwrite(dir->lock, text, (size_t)length, 0) != length)
        return refuse(ret_refusal, EX_IOERR, "%s/%s: cannot be written: %s", dir->path, lock_name,
                      strerror(errno));
    return true;
}

bool state_dir_open(const char *path, struct state_dir *ret_dir, struct refusal *ret_refusal)
{
    struct state_dir dir = {.descriptor = -1, .lock = -1};

    if (!make_directories(path, ret_refusal))
        return false;
    dir.path = xstrdup(path);
    dir.descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir.descriptor < 0)
        refuse(ret_refusal, exit_code_of(errno), "%s: cannot be opened: %s", path, strerror(errno));
    if (dir.descriptor < 0 || !check_directory(&dir, ret_refusal) ||
        !lock_directory(&dir, ret_refusal)) {
        state_dir_close(&dir);
        return false;
    }
    *ret_dir = dir;
    return true;
}

void state_dir_close(struct state_dir *dir)
{
    if (dir->lock >= 0)
        close(dir->lock);
    if (dir->descriptor >= 0)
        close(dir->descriptor);
    free(dir->path);
    *dir = (struct state_dir){.descriptor = -1, .lock = -1};
}

/* What is to be done about a file of somebody else, as one is that root brought back. */
static void refuse_file_of(uid_t owner, const struct state_dir *dir, const char *name,
                           int exit_code, struct refusal *ret_refusal)
{
    char whose[OWNER_MAX], ours[OWNER_MAX];

    refuse(ret_refusal, exit_code, "%s/%s: belongs to %s: 'chown %s %s/%s' gives it to us",
           dir->path, name, owner_words(owner, whose), owner_name(geteuid(), ours), dir->path,
           name);
}

static void refuse_to_open(int error, const struct state_dir *dir, const char *name,
                           enum state_secrecy secrecy, struct refusal *ret_refusal)
{
    struct stat st;

    if (error == EACCES && secrecy != STATE_HANDED_OVER &&
        fstatat(dir->descriptor, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_uid != geteuid())
        refuse_file_of(st.st_uid, dir, name, EX_NOPERM, ret_refusal);
    else
        refuse(ret_refusal, exit_code_of(error), "%s/%s: %s", dir->path, name,
               error == ELOOP ? "is a symbolic link" : strerror(error));
}

/* What speaks against believing the file, or NULL; but for its owner. */
static const char *objection(const struct stat *st, enum state_secrecy secrecy, size_t size)
{
    if (!S_ISREG(st->st_mode))
        return "is no regular file";
    if (st->st_size >= (off_t)size)
        return "is damaged: it is too large";
    if (secrecy == STATE_HANDED_OVER)
        return NULL;
    if (secrecy == STATE_SECRET && (st->st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return "can be read or written by others: chmod 600 it, and ask who has read it";
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return "can be written by others: chmod 600 it";
    return NULL;
}

static ssize_t read_whole(int fd, char *out, size_t size)
{
    size_t length = 0;

    for (;;) {
        ssize_t got = read(fd, out + length, size - length);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -1 : (ssize_t)length;
        length += (size_t)got;
    }
}

enum state_file state_dir_read(const struct state_dir *dir, const char *name,
                               enum state_secrecy secrecy, char *out, size_t size,
                               size_t *ret_length, struct refusal *ret_refusal)
{
    /* O_NONBLOCK: a pipe that was put there does not keep us waiting. */
    int fd = openat(dir->descriptor, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    const char *why = NULL;
    bool is_ours = true;
    ssize_t length = -1;
    struct stat st;

    if (fd < 0 && errno == ENOENT)
        return STATE_FILE_MISSING;
    if (fd < 0) {
        refuse_to_open(errno, dir, name, secrecy, ret_refusal);
        return STATE_FILE_REFUSED;
    }
    if (fstat(fd, &st) == 0) {
        why = objection(&st, secrecy, size);
        is_ours = secrecy == STATE_HANDED_OVER || st.st_uid == geteuid();
        length = why == NULL && is_ours ? read_whole(fd, out, size - 1) : -1;
    }
    if (!is_ours)
        refuse_file_of(st.st_uid, dir, name, EX_CONFIG, ret_refusal);
    else if (why != NULL)
        refuse(ret_refusal, EX_CONFIG, "%s/%s: %s", dir->path, name, why);
    else if (length < 0)
        refuse(ret_refusal, EX_IOERR, "%s/%s: cannot be read: %s", dir->path, name,
               strerror(errno));
    close(fd);
    if (length < 0)
        return STATE_FILE_REFUSED;
    out[length] = '\0';
    *ret_length = (size_t)length;
    return STATE_FILE_READ;
}

static bool write_whole(int fd, const char *content, size_t length)
{
    while (length > 0) {
        ssize_t put = write(fd, content, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        content += put;
        length -= (size_t)put;
    }
    return fsync(fd) == 0;
}

bool state_dir_write(const struct state_dir *dir, const char *name, const void *content,
                     size_t length, struct refusal *ret_refusal)
{
    char temporary[64];
    bool good = false;
    int fd, error;

    must((size_t)snprintf(temporary, sizeof(temporary), "%s.new", name) < sizeof(temporary));
    unlinkat(dir->descriptor, temporary, 0); /* of a start that did not come to its end */
    fd = openat(dir->descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                0600);
    if (fd >= 0)
        good = write_whole(fd, content, length) &&
               renameat(dir->descriptor, temporary, dir->descriptor, name) == 0 &&
               fsync(dir->descriptor) == 0;
    error = errno;
    if (fd >= 0)
        close(fd);
    if (good)
        return true;
    unlinkat(dir->descriptor, temporary, 0);
    return refuse(ret_refusal, exit_code_of(error), "%s/%s: cannot be written: %s", dir->path, name,
                  strerror(error));
}
