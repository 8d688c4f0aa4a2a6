#include "common/api.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"

/* --- The tables --- */

/* A row of zeros ends each list, so that none is empty. */
#define PARAM(ID, KEY, name, type, need, min, max, help) \
    {name, API_##type, API_##need, min, max, help},
#define METHOD(ID, name, where, role, access, effect, params, result, help) \
    static const struct api_param params_of_##ID[] = {params{0}};           \
    _Static_assert((int)ARG_COUNT_##ID <= (int)API_PARAMS_MAX,              \
                   "more parameters than api_args holds");
#include "common/api.def"
#undef PARAM

static const struct api_method_row methods[] = {
#define METHOD(ID, name, where, role, access, effect, params, result, help)                    \
    [API_##ID] = {name,           API_##where,    API_ROLE_##role, API_##access, API_##effect, \
                  params_of_##ID, ARG_COUNT_##ID, result,          help},
#include "common/api.def"
};

#define LOGGED    true
#define TRANSIENT false
static const struct api_event_row events[] = {
#define EVENT(ID, number, name, kept, fields, help) {number, name, kept, fields, help},
#include "common/api.def"
};
#undef LOGGED
#undef TRANSIENT

static const enum error errors[] = {
#define API_ERROR(NAME, code, name, text) ERR_##NAME,
#include "common/api.def"
};

enum { EVENT_COUNT = sizeof(events) / sizeof(events[0]) };
enum { ERROR_COUNT = sizeof(errors) / sizeof(errors[0]) };

const struct api_method_row *api_method(enum api_method method)
{
    must((unsigned)method < API_METHOD_COUNT);
    return &methods[method];
}

bool api_find_method(const char *name, enum api_method *ret_method)
{
    for (unsigned i = 0; i < API_METHOD_COUNT; i++) {
        if (strcmp(methods[i].name, name) == 0) {
            *ret_method = (enum api_method)i;
            return true;
        }
    }
    return false;
}

bool api_is_for(enum api_method method, enum node_role role)
{
    switch (api_method(method)->role) {
    case API_ROLE_ANY:
        return true;
    case API_ROLE_NODE:
        return role == ROLE_NODE;
    }
    must(!"a role of api.def");
}

const struct api_event_row *api_event_at(size_t index)
{
    return index < EVENT_COUNT ? &events[index] : NULL;
}

const struct api_event_row *api_event(int number)
{
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        if (events[i].number == number)
            return &events[i];
    }
    return NULL;
}

const struct api_event_row *api_event_named(const char *name)
{
    for (size_t i = 0; i < EVENT_COUNT; i++) {
        if (strcmp(events[i].name, name) == 0)
            return &events[i];
    }
    return NULL;
}

/* --- The check of parameters --- */

/* What is wrong, in a buffer of API_MESSAGE_MAX; what does not fit is cut. */
struct complaint {
    char *text;
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void say(struct complaint *complaint,
                                                      const char *format, ...)
{
    size_t room = API_MESSAGE_MAX - complaint->length;
    va_list args;
    int wanted;

    va_start(args, format);
    wanted = vsnprintf(complaint->text + complaint->length, room, format, args);
    va_end(args);
    must(wanted >= 0);
    complaint->length += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

/* The first bytes of a name that a client made up; no character is cut in two. */
static void say_name(struct complaint *complaint, const char *name)
{
    enum { SHOWN_MAX = 64 };
    size_t length = strlen(name), shown = 0, step;
    uint32_t code;

    while (shown < length && (step = text_decode(name + shown, length - shown, &code)) > 0 &&
           shown + step <= SHOWN_MAX)
        shown += step;
    say(complaint, "'%.*s%s'", (int)shown, name, shown < length ? "..." : "");
}

static enum error refuse_unknown(const struct api_method_row *row, const char *name,
                                 struct complaint *complaint)
{
    say(complaint, "unknown parameter ");
    say_name(complaint, name);
    say(complaint, "; %s takes %s", row->name, row->param_count == 0 ? "none" : "");
    for (size_t i = 0; i < row->param_count; i++)
        say(complaint, "%s%s", i > 0 ? ", " : "", row->params[i].name);
    return ERR_INVALID_PARAMS;
}

/* "parameter 'limit' must be an integer from 1 to 1000" */
static enum error refuse_value(const struct api_param *param, struct complaint *complaint)
{
    long long min = param->min, max = param->max;

    say(complaint, "parameter '%s' must be ", param->name);
    switch (param->type) {
    case API_STRING:
        say(complaint, "a string of %lld to %lld bytes", min, max);
        break;
    case API_TEXT:
        say(complaint, "a text of %lld to %lld bytes", min, max);
        break;
    case API_INTEGER:
        say(complaint, "an integer from %lld to %lld", min, max);
        break;
    case API_NUMBER:
        say(complaint, "a number from %lld to %lld", min, max);
        break;
    case API_BOOL:
        say(complaint, "true or false");
        break;
    case API_STRINGS:
        say(complaint, "an array of %lld to %lld strings", min, max);
        break;
    }
    return ERR_INVALID_PARAMS;
}

static bool length_is_within(const struct api_param *param, size_t length)
{
    return length >= (uint64_t)param->min && length <= (uint64_t)param->max;
}

static enum error check_text(const struct api_param *param, const struct json *value,
                             struct complaint *complaint)
{
    const char *text;
    size_t length;

    if (!json_string(value, &text, &length) || length < (uint64_t)param->min)
        return refuse_value(param, complaint);
    if (length > (uint64_t)param->max) {
        say(complaint, "parameter '%s' has %zu bytes; at most %lld are allowed", param->name,
            length, (long long)param->max);
        return ERR_TOO_LONG;
    }
    if (!text_is_message(text, length)) {
        say(complaint, "parameter '%s' must be text: of control characters only newline and tab",
            param->name);
        return ERR_BAD_TEXT;
    }
    return OK;
}

static bool is_strings(const struct api_param *param, const struct json *value)
{
    if (value == NULL || json_type(value) != JSON_ARRAY ||
        !length_is_within(param, json_count(value)))
        return false;
    for (const struct json *each = json_first(value); each != NULL; each = json_next(each)) {
        if (json_type(each) != JSON_STRING)
            return false;
    }
    return true;
}

static enum error check_value(const struct api_param *param, const struct json *value,
                              struct complaint *complaint)
{
    const char *text;
    size_t length;
    int64_t integer;
    double number;
    bool is_right = false, truth;

    switch (param->type) {
    case API_STRING:
        is_right = json_string(value, &text, &length) && length_is_within(param, length);
        break;
    case API_TEXT:
        return check_text(param, value, complaint);
    case API_INTEGER:
        is_right = json_integer(value, &integer) && integer >= param->min && integer <= param->max;
        break;
    case API_NUMBER:
        is_right = json_number(value, &number) && number >= (double)param->min &&
                   number <= (double)param->max;
        break;
    case API_BOOL:
        is_right = json_bool(value, &truth);
        break;
    case API_STRINGS:
        is_right = is_strings(param, value);
        break;
    }
    return is_right ? OK : refuse_value(param, complaint);
}

static bool is_known(const struct api_method_row *row, const char *name)
{
    for (size_t i = 0; i < row->param_count; i++) {
        if (strcmp(row->params[i].name, name) == 0)
            return true;
    }
    return false;
}

enum error api_check(enum api_method method, const struct json *params, struct api_args *ret_args,
                     char message[API_MESSAGE_MAX])
{
    const struct api_method_row *row = api_method(method);
    struct complaint complaint = {.text = message};
    struct api_args args = {{NULL}};

    if (params != NULL && json_type(params) != JSON_OBJECT) {
        say(&complaint, "params must be an object: parameters go by name");
        return ERR_INVALID_PARAMS;
    }
    for (const struct json *each = json_first(params); each != NULL; each = json_next(each)) {
        if (!is_known(row, json_name(each)))
            return refuse_unknown(row, json_name(each), &complaint);
    }
    for (size_t i = 0; i < row->param_count; i++) {
        const struct api_param *param = &row->params[i];
        enum error error;

        args.value[i] = json_member(params, param->name);
        if (args.value[i] == NULL && param->need == API_REQUIRED) {
            say(&complaint, "parameter '%s' is missing: %s", param->name, param->help);
            return ERR_INVALID_PARAMS;
        }
        if (args.value[i] != NULL && (error = check_value(param, args.value[i], &complaint)) != OK)
            return error;
    }
    *ret_args = args;
    return OK;
}

/* --- Checked parameters --- */

static const struct json *arg_at(const struct api_args *args, int place)
{
    must(place >= 0 && place < API_PARAMS_MAX);
    return args->value[place];
}

const char *api_string(const struct api_args *args, int place)
{
    const struct json *value = arg_at(args, place);
    const char *text = NULL;
    size_t length;

    must(value == NULL || json_string(value, &text, &length));
    return text;
}

int64_t api_integer(const struct api_args *args, int place, int64_t fallback)
{
    const struct json *value = arg_at(args, place);
    int64_t integer = fallback;

    must(value == NULL || json_integer(value, &integer));
    return integer;
}

double api_number(const struct api_args *args, int place, double fallback)
{
    const struct json *value = arg_at(args, place);
    double number = fallback;

    must(value == NULL || json_number(value, &number));
    return number;
}

bool api_bool(const struct api_args *args, int place, bool fallback)
{
    const struct json *value = arg_at(args, place);
    bool truth = fallback;

    must(value == NULL || json_bool(value, &truth));
    return truth;
}

/* --- The tables as JSON --- */

static const char *type_name(enum api_type type)
{
    switch (type) {
    case API_STRING:
        return "string";
    case API_TEXT:
        return "text";
    case API_INTEGER:
        return "integer";
    case API_NUMBER:
        return "number";
    case API_BOOL:
        return "bool";
    case API_STRINGS:
        return "strings";
    }
    must(!"a type of api.def");
    return NULL;
}

static void describe_param(struct json_writer *w, const struct api_param *param)
{
    json_write_open(w, '{');
    json_put_string(w, "name", param->name);
    json_put_string(w, "type", type_name(param->type));
    json_put_bool(w, "required", param->need == API_REQUIRED);
    if (param->type != API_BOOL) {
        json_put_integer(w, "min", param->min);
        json_put_integer(w, "max", param->max);
    }
    json_put_string(w, "help", param->help);
    json_write_close(w, '}');
}

static void describe_method(struct json_writer *w, const struct api_method_row *row)
{
    json_write_open(w, '{');
    json_put_string(w, "name", row->name);
    json_write_name(w, "params");
    json_write_open(w, '[');
    for (size_t i = 0; i < row->param_count; i++)
        describe_param(w, &row->params[i]);
    json_write_close(w, ']');
    json_put_string(w, "result", row->result);
    json_put_string(w, "access", row->access == API_OWNER ? "owner" : "anyone");
    json_put_string(w, "help", row->help);
    json_write_close(w, '}');
}

static void describe_event(struct json_writer *w, const struct api_event_row *row)
{
    json_write_open(w, '{');
    json_put_string(w, "type", row->name);
    json_put_string(w, "fields", row->fields);
    json_put_bool(w, "logged", row->logged);
    json_put_string(w, "help", row->help);
    json_write_close(w, '}');
}

static void describe_error(struct json_writer *w, enum error error)
{
    json_write_open(w, '{');
    json_put_string(w, "name", error_name(error));
    json_put_integer(w, "code", error_rpc_code(error));
    json_put_string(w, "help", error_text(error));
    json_write_close(w, '}');
}

void api_list(struct bytes *out, enum node_role role)
{
    size_t left = 0;

    for (enum api_method m = 0; m < API_METHOD_COUNT; m++)
        left += api_is_for(m, role);
    for (enum api_method m = 0; m < API_METHOD_COUNT; m++) {
        if (!api_is_for(m, role))
            continue;
        bytes_text(out, methods[m].name);
        left--;
        bytes_text(out, left > 1 ? ", " : left == 1 ? " and " : "");
    }
}

void api_describe(struct json_writer *w, enum node_role role)
{
    json_write_open(w, '{');
    json_write_name(w, "methods");
    json_write_open(w, '[');
    for (enum api_method m = 0; m < API_METHOD_COUNT; m++)
        if (api_is_for(m, role))
            describe_method(w, &methods[m]);
    json_write_close(w, ']');
    json_write_name(w, "events");
    json_write_open(w, '[');
    for (size_t i = 0; i < EVENT_COUNT; i++)
        describe_event(w, &events[i]);
    json_write_close(w, ']');
    json_write_name(w, "errors");
    json_write_open(w, '[');
    for (size_t i = 0; i < ERROR_COUNT; i++)
        describe_error(w, errors[i]);
    json_write_close(w, ']');
    json_write_close(w, '}');
}
