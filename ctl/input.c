#include "ctl/input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/error.h"

static enum outcome refuse(struct bytes *message, const char *what, const char *name)
{
    bytes_text(message, "standard input ");
    bytes_text(message, what);
    bytes_text(message, " (");
    bytes_text(message, name);
    bytes_text(message, ")");
    return OUTCOME_FAILED;
}

/* Reads until the end, or until there is more than `bytes_max` and a newline. False and errno when
 * reading fails. */
static bool read_until(int fd, size_t bytes_max, struct bytes *text)
{
    while (bytes_length(text) <= bytes_max + 1) {
        size_t room = bytes_max + 2 - bytes_length(text);
        ssize_t got = read(fd, bytes_reserve(text, room), room);

        if (got == 0)
            break;
        if (got > 0)
            bytes_commit(text, (size_t)got);
        else if (errno != EINTR)
            return false;
    }
    return true;
}

enum outcome input_read(int fd, size_t bytes_max, char **ret_text, struct bytes *message)
{
    struct bytes text = BYTES_EMPTY;
    enum outcome outcome = OUTCOME_DONE;
    char what[64];
    size_t length;

    if (!read_until(fd, bytes_max, &text)) {
        bytes_text(message, "cannot read standard input: ");
        bytes_text(message, strerror(errno));
        bytes_done(&text);
        return OUTCOME_FAILED;
    }
    length = bytes_length(&text);
    if (length > 0 && bytes_data(&text)[length - 1] == '\n')
        length--;
    if (length > bytes_max) {
        snprintf(what, sizeof(what), "holds more than %zu bytes", bytes_max);
        outcome = refuse(message, what, error_name(ERR_TOO_LONG));
    } else if (length > 0 && memchr(bytes_data(&text), '\0', length) != NULL) {
        outcome = refuse(message, "holds a NUL", error_name(ERR_BAD_TEXT));
    } else {
        char *copy = xmalloc(length + 1);

        if (length > 0)
            memcpy(copy, bytes_data(&text), length);
        copy[length] = '\0';
        *ret_text = copy;
    }
    bytes_done(&text);
    return outcome;
}
