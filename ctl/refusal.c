#include "ctl/refusal.h"

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/text.h"

enum outcome refusal_say(const struct rpc_incoming *error, struct bytes *message)
{
    const char *name = error->name;
    char code[32];

    if (name == NULL) {
        snprintf(code, sizeof(code), "error %d", error->code);
        name = code;
    }
    text_append_safe(message, error->message, strlen(error->message));
    bytes_text(message, " (");
    text_append_safe(message, name, strlen(name));
    bytes_text(message, ")");
    return strcmp(name, error_name(ERR_REFUSED)) == 0 ? OUTCOME_REFUSED : OUTCOME_FAILED;
}

static bool is_error(const struct rpc_incoming *answer, enum error error)
{
    return answer->name != NULL && strcmp(answer->name, error_name(error)) == 0;
}

bool refusal_is_shutdown(const struct rpc_incoming *error)
{
    return is_error(error, ERR_SHUTTING_DOWN);
}

bool refusal_passes(const struct rpc_incoming *error)
{
    return is_error(error, ERR_STORAGE_FULL) || is_error(error, ERR_STORAGE_FAILED) ||
           is_error(error, ERR_LIMIT_EXCEEDED);
}
