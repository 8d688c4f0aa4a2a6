#include "ctl/exec.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/text.h"
#include "ctl/signals.h"

static enum outcome say_failure(const char *what, const char *name, int error,
                                struct bytes *message)
{
    bytes_text(message, what);
    text_append_safe(message, name, strlen(name));
    bytes_text(message, ": ");
    bytes_text(message, strerror(error));
    return OUTCOME_FAILED;
}

/* A file in memory that holds the input, at its beginning. -1 and errno when that cannot be. */
static int file_of(const struct bytes *input)
{
    const uint8_t *at = bytes_data(input);
    size_t left = bytes_length(input);
    int file = memfd_create("event", MFD_CLOEXEC);

    while (file >= 0 && left > 0) {
        ssize_t written = write(file, at, left);

        if (written < 0 && errno != EINTR) {
            int error = errno;

            close(file);
            errno = error;
            return -1;
        }
        if (written > 0) {
            at += written;
            left -= (size_t)written;
        }
    }
    if (file >= 0)
        must(lseek(file, 0, SEEK_SET) == 0);
    return file;
}

static int spawn(char *const *argv, char *const *environment, int input, pid_t *ret_child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error;

    must(posix_spawn_file_actions_init(&actions) == 0 && posix_spawnattr_init(&attributes) == 0);
    must(posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) == 0);
    must(posix_spawnattr_setsigmask(&attributes, signals_at_start()) == 0);
    must(posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK) == 0);
    error = posix_spawnp(ret_child, argv[0], &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return error;
}

enum outcome exec_start(char *const *argv, char *const *environment, const struct bytes *input,
                        pid_t *ret_child, struct bytes *message)
{
    int file = file_of(input), error;

    if (file < 0)
        return say_failure("cannot hold the event for ", argv[0], errno, message);
    error = spawn(argv, environment, file, ret_child);
    close(file);
    if (error != 0)
        return say_failure("cannot run ", argv[0], error, message);
    return OUTCOME_DONE;
}

bool exec_ended(pid_t child, int *ret_status)
{
    pid_t ended;

    do
        ended = waitpid(child, ret_status, WNOHANG);
    while (ended < 0 && errno == EINTR);
    must(ended >= 0);
    return ended == child;
}

void exec_say_end(int status, struct bytes *message)
{
    char text[64];

    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));

        if (name != NULL)
            snprintf(text, sizeof(text), "was killed by SIG%s", name);
        else
            snprintf(text, sizeof(text), "was killed by signal %d", WTERMSIG(status));
    } else {
        snprintf(text, sizeof(text), "ended with status %d", WEXITSTATUS(status));
    }
    bytes_text(message, text);
}
