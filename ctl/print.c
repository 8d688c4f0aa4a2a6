#include "ctl/print.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/signals.h"

enum look print_look(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if ((no_color != NULL && *no_color != '\0') || term == NULL || strcmp(term, "dumb") == 0)
        return LOOK_PLAIN;
    return isatty(STDOUT_FILENO) ? LOOK_COLOUR : LOOK_PLAIN;
}

_Noreturn void print_end_unread(void)
{
    enum { SHELL_SIGNAL = 128 }; /* what a shell says of a process that a signal ended */

    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    _exit(SHELL_SIGNAL + SIGPIPE);
}

enum outcome print_failure(int error, struct bytes *message)
{
    bytes_text(message, "cannot write standard output: ");
    bytes_text(message, strerror(error));
    return OUTCOME_FAILED;
}

enum printed print_some(const struct bytes *out, size_t *ret_written)
{
    size_t at = 0;

    *ret_written = 0;
    while (at < bytes_length(out)) {
        ssize_t written;

        signals_admit();
        written = write(STDOUT_FILENO, bytes_data(out) + at, bytes_length(out) - at);
        signals_hold();
        if (written < 0 && errno != EINTR)
            return errno == EPIPE ? PRINTED_UNREAD : PRINTED_FAILED;
        if (written > 0)
            *ret_written = at += (size_t)written;
        else if (signals_stop_overdue())
            return PRINTED_CUT;
    }
    return PRINTED_ALL;
}

/* No reader is no error to talk about. */
enum outcome print_out(struct bytes *out, struct bytes *message)
{
    size_t written;
    enum printed printed = print_some(out, &written);

    bytes_consume(out, written);
    switch (printed) {
    case PRINTED_ALL:
    case PRINTED_CUT:
        break;
    case PRINTED_UNREAD:
        print_end_unread();
    case PRINTED_FAILED:
        return print_failure(errno, message);
    }
    return OUTCOME_DONE;
}

void print_complaint(const struct bytes *message)
{
    struct bytes line = BYTES_EMPTY;

    bytes_text(&line, "p2pchatctl: ");
    bytes_append(&line, bytes_data(message), bytes_length(message));
    bytes_u8(&line, '\n');
    signals_admit();
    if (write(STDERR_FILENO, bytes_data(&line), bytes_length(&line)) < 0) {
        /* Nobody listens; the exit status still tells. */
    }
    signals_hold();
    bytes_done(&line);
}
