/* The control interface as data: common/api.def seen from C, and the check of a call's parameters
 * against it. */
#ifndef P2PCHAT_COMMON_API_H
#define P2PCHAT_COMMON_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/error.h"
#include "common/json.h"
#include "common/role.h"

enum api_method {
#define METHOD(ID, name, where, role, access, effect, params, result, help) API_##ID,
#include "common/api.def"
    API_METHOD_COUNT
};

/* The place of a parameter among its method's: ARG_CHAT_MESSAGE_TEXT. */
#define PARAM(ID, KEY, name, type, need, min, max, help) ARG_##ID##_##KEY,
#define METHOD(ID, name, where, role, access, effect, params, result, help) \
    enum { params ARG_COUNT_##ID };
#include "common/api.def"
#undef PARAM

enum api_event {
#define EVENT(ID, number, name, kept, fields, help) EVENT_##ID = number,
#include "common/api.def"
};

enum api_where { API_NODE, API_SHELL };
enum api_role { API_ROLE_ANY, API_ROLE_NODE };
enum api_access { API_ANYONE, API_OWNER };
enum api_effect { API_CHANGES, API_READS };
enum api_type { API_STRING, API_TEXT, API_INTEGER, API_NUMBER, API_BOOL, API_STRINGS };
enum api_need { API_REQUIRED, API_OPTIONAL };

struct api_param {
    const char *name;
    enum api_type type;
    enum api_need need;
    int64_t min, max; /* bytes, value or elements, by type */
    const char *help;
};

struct api_method_row {
    const char *name;
    enum api_where where;
    enum api_role role;
    enum api_access access;
    enum api_effect effect;
    const struct api_param *params;
    size_t param_count;
    const char *result;
    const char *help;
};

struct api_event_row {
    int number;
    const char *name;
    bool logged;
    const char *fields;
    const char *help;
};

enum { API_PARAMS_MAX = 8 };

/* The parameters of one call, checked: of the right types, within their bounds, nothing unknown.
 * Borrows from the JSON. */
struct api_args {
    const struct json *value[API_PARAMS_MAX]; /* by place; NULL: not given */
};

const struct api_method_row *api_method(enum api_method method);
const struct api_event_row *api_event_at(size_t index); /* NULL past the end */
const struct api_event_row *api_event(int number);      /* NULL: no such event */
const struct api_event_row *api_event_named(const char *name);

/* Finds a method by its name; false when there is none. */
bool api_find_method(const char *name, enum api_method *ret_method);

/* Whether a daemon of that role has the method. */
bool api_is_for(enum api_method method, enum node_role role);

enum { API_MESSAGE_MAX = 256 };

/* Checks `params` (an object, or NULL for none) against the method's rows. On failure
 * ERR_INVALID_PARAMS, ERR_TOO_LONG or ERR_BAD_TEXT, and `message` names the parameter and says what
 * is allowed. */
enum error api_check(enum api_method method, const struct json *params, struct api_args *ret_args,
                     char message[API_MESSAGE_MAX]);

/* Values of checked parameters; the fallback when not given. Strings hold no NUL and are borrowed.
 */
const char *api_string(const struct api_args *args, int place); /* NULL when not given */
int64_t api_integer(const struct api_args *args, int place, int64_t fallback);
double api_number(const struct api_args *args, int place, double fallback);
bool api_bool(const struct api_args *args, int place, bool fallback);

/* Appends the names of the methods of that role: "a, b and c". */
void api_list(struct bytes *out, enum node_role role);

/* Writes the table, with the methods of that role, as rpc.discover's result: {methods: [{name,
 * params, result, access, help}], events, errors}. */
void api_describe(struct json_writer *w, enum node_role role);

#endif
