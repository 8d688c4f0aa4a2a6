#include "ctl/print.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum look print_look(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if ((no_color != NULL && *no_color != '\0') || term == NULL || strcmp(term, "dumb") == 0)
        return LOOK_PLAIN;
    return isatty(STDOUT_FILENO) ? LOOK_COLOUR : LOOK_PLAIN;
}

/* As if SIGPIPE had not been ignored: no reader is no error to talk about. */
static _Noreturn void end_unread(void)
{
    enum { SHELL_SIGNAL = 128 }; /* what a shell says of a process that a signal ended */

    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    _exit(SHELL_SIGNAL + SIGPIPE);
}

enum outcome print_out(struct bytes *out, struct bytes *message)
{
    while (bytes_length(out) > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes_data(out), bytes_length(out));

        if (written < 0 && errno == EPIPE)
            end_unread();
        if (written < 0 && errno != EINTR) {
            bytes_text(message, "cannot write standard output: ");
            bytes_text(message, strerror(errno));
            return OUTCOME_FAILED;
        }
        if (written > 0)
            bytes_consume(out, (size_t)written);
    }
    return OUTCOME_DONE;
}

void print_complaint(const struct bytes *message)
{
    struct bytes line = BYTES_EMPTY;

    bytes_text(&line, "p2pchatctl: ");
    bytes_append(&line, bytes_data(message), bytes_length(message));
    bytes_u8(&line, '\n');
    if (write(STDERR_FILENO, bytes_data(&line), bytes_length(&line)) < 0) {
        /* Nobody listens; the exit status still tells. */
    }
    bytes_done(&line);
}
