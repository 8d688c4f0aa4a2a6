#include "common/error.h"

#include <stddef.h>

#include "common/alloc.h"

/* What JSON-RPC 2.0 calls "internal error": no client should ever see one of ours. */
enum { RPC_INTERNAL_ERROR = -32603 };

static const struct {
    int rpc_code;
    const char *name;
    const char *text;
} rows[] = {[OK] = {0, "ok", "no error"},
#define ROW(NAME, name, text) [ERR_##NAME] = {RPC_INTERNAL_ERROR, name, text},
            ERROR_INTERNAL(ROW)
#undef ROW
#define API_ERROR(NAME, code, name, text) [ERR_##NAME] = {code, name, text},
#include "common/api.def"
};

static size_t row_of(enum error error)
{
    size_t row = (size_t)error;

    must(row < sizeof(rows) / sizeof(rows[0]));
    return row;
}

const char *error_name(enum error error)
{
    return rows[row_of(error)].name;
}

const char *error_text(enum error error)
{
    return rows[row_of(error)].text;
}

int error_rpc_code(enum error error)
{
    return rows[row_of(error)].rpc_code;
}
