#include "ctl/params.h"

#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "common/error.h"
#include "common/text.h"
#include "ctl/number.h"

/* --- Check --- */

/* The option or argument that a parameter is given by. */
static void add_given_as(const struct command *command, const char *param, struct bytes *message)
{
    bool is_wait_s = strcmp(param, "wait_s") == 0;

    for (const struct command_option *option = command->options; option->name != NULL; option++) {
        if (strcmp(option->param, param) == 0 || (is_wait_s && option->takes == OPTION_WAIT)) {
            bytes_text(message, "--");
            bytes_text(message, option->name);
            return;
        }
    }
    for (const struct command_arg *arg = command->args; arg->shown != NULL; arg++) {
        if (strcmp(arg->param, param) == 0)
            bytes_text(message, arg->shown);
    }
}

static enum outcome refuse(const struct command *command, const struct api_param *param,
                           const char *what, struct bytes *message)
{
    char range[96];

    add_given_as(command, param->name, message);
    snprintf(range, sizeof(range), " from %lld to %lld", (long long)param->min,
             (long long)param->max);
    bytes_text(message, " must be ");
    bytes_text(message, what);
    if (param->type == API_INTEGER || param->type == API_NUMBER)
        bytes_text(message, range);
    bytes_text(message, "; see 'p2pchatctl help ");
    bytes_text(message, command->words);
    bytes_text(message, "'");
    return OUTCOME_USAGE;
}

/* What the daemon would refuse, said without asking it: a text may be too long for a line. */
static enum outcome check_text(const struct api_param *param, const char *text,
                               struct bytes *message)
{
    size_t length = strlen(text);
    enum error error;
    char line[128];

    if (length < (uint64_t)param->min) {
        error = ERR_INVALID_PARAMS;
        snprintf(line, sizeof(line), "the %s is empty", param->name);
    } else if (length > (uint64_t)param->max) {
        error = ERR_TOO_LONG;
        snprintf(line, sizeof(line), "the %s is too long; at most %lld bytes are allowed",
                 param->name, (long long)param->max);
    } else if (!text_is_message(text, length)) {
        error = ERR_BAD_TEXT;
        snprintf(line, sizeof(line),
                 "the %s must be UTF-8, of control characters only newline and tab", param->name);
    } else {
        return OUTCOME_DONE;
    }
    bytes_text(message, line);
    bytes_text(message, " (");
    bytes_text(message, error_name(error));
    bytes_text(message, ")");
    return OUTCOME_FAILED;
}

/* Whether no element of a,b,c is empty. */
static bool is_list(const char *value)
{
    size_t length = strlen(value);

    return length > 0 && value[0] != ',' && value[length - 1] != ',' && strstr(value, ",,") == NULL;
}

static enum outcome check_value(const struct command *command, const struct api_param *param,
                                const char *value, struct bytes *message)
{
    int64_t integer;
    double number;

    if (param->type == API_TEXT)
        return check_text(param, value, message);
    if (!text_is_utf8(value, strlen(value)))
        return refuse(command, param, "UTF-8", message);
    switch (param->type) {
    case API_INTEGER:
        if (!number_whole(value, &integer) || integer < param->min || integer > param->max)
            return refuse(command, param, "an integer", message);
        break;
    case API_NUMBER:
        if (!number_decimal(value, &number) || number < (double)param->min ||
            number > (double)param->max)
            return refuse(command, param, "a number", message);
        break;
    case API_STRINGS:
        if (!is_list(value))
            return refuse(command, param, "a list, separated by commas", message);
        break;
    case API_STRING:
    case API_TEXT:
    case API_BOOL:
        break;
    }
    return OUTCOME_DONE;
}

static enum outcome exclude(const char *one, const char *other, struct bytes *message)
{
    bytes_text(message, one);
    bytes_text(message, " and ");
    bytes_text(message, other);
    bytes_text(message, " exclude each other");
    return OUTCOME_USAGE;
}

static bool is_event(const char *name, size_t length)
{
    const struct api_event_row *row;

    for (size_t i = 0; (row = api_event_at(i)) != NULL; i++) {
        if (strlen(row->name) == length && memcmp(row->name, name, length) == 0)
            return true;
    }
    return false;
}

/* Says which of the types in a,b,c there is not, and which there are. */
static enum outcome check_types(const char *value, struct bytes *message)
{
    const char *end;

    for (; value != NULL; value = *end == ',' ? end + 1 : NULL) {
        end = strchrnul(value, ',');
        if (is_event(value, (size_t)(end - value)))
            continue;
        bytes_text(message, "--type: there are no events '");
        text_append_safe(message, value, (size_t)(end - value));
        bytes_text(message, "', only ");
        for (size_t i = 0; api_event_at(i) != NULL; i++) {
            bytes_text(message, i > 0 ? ", " : "");
            bytes_text(message, api_event_at(i)->name);
        }
        return OUTCOME_USAGE;
    }
    return OUTCOME_DONE;
}

static enum outcome check_watch(const struct invocation *invocation, struct bytes *message)
{
    if (invocation->value[ARG_EVENTS_SUBSCRIBE_CONSUMER] != NULL &&
        invocation->value[ARG_EVENTS_SUBSCRIBE_SINCE] != NULL)
        return exclude("--as", "--since", message);
    return check_types(invocation->value[ARG_EVENTS_SUBSCRIBE_TYPES], message);
}

/* The limit of a command that asks for page after page is not that of one page. */
static bool is_of_pages(const struct invocation *invocation, size_t place)
{
    if (invocation->command->id == COMMAND_LISTPEER)
        return place == ARG_LISTPEER_LIMIT;
    return invocation->export && place == ARG_HISTORY_LIMIT;
}

static enum outcome check_limit(const char *limit, struct bytes *message)
{
    int64_t count;

    if (number_whole(limit, &count) && count > 0 && count <= JSON_INTEGER_MAX)
        return OUTCOME_DONE;
    bytes_text(message, "--limit must be an integer from 1");
    return OUTCOME_USAGE;
}

/* An export is all there is, from the beginning. */
static enum outcome check_export(const struct invocation *invocation, struct bytes *message)
{
    if (invocation->value[ARG_HISTORY_BEFORE] != NULL)
        return exclude("--export", "--before", message);
    return OUTCOME_DONE;
}

enum outcome params_check(const struct invocation *invocation, struct bytes *message)
{
    const struct command *command = invocation->command;
    const struct api_method_row *row = api_method(command->method);
    enum outcome outcome = OUTCOME_DONE;

    for (size_t i = 0; i < row->param_count && outcome == OUTCOME_DONE; i++) {
        if (invocation->value[i] == NULL)
            continue;
        outcome = is_of_pages(invocation, i)
                      ? check_limit(invocation->value[i], message)
                      : check_value(command, &row->params[i], invocation->value[i], message);
    }
    if (outcome == OUTCOME_DONE && command->id == COMMAND_WATCH)
        outcome = check_watch(invocation, message);
    if (outcome == OUTCOME_DONE && invocation->export)
        outcome = check_export(invocation, message);
    if (command->id == COMMAND_CALL &&
        !text_is_utf8(invocation->call_method, strlen(invocation->call_method))) {
        bytes_text(message, "METHOD must be UTF-8");
        outcome = OUTCOME_USAGE;
    }
    return outcome;
}

/* --- Write --- */

static void write_list(struct json_writer *w, const char *value)
{
    const char *end;

    json_write_open(w, '[');
    for (; value != NULL; value = *end == ',' ? end + 1 : NULL) {
        end = strchrnul(value, ',');
        json_write_string_n(w, value, (size_t)(end - value));
    }
    json_write_close(w, ']');
}

static void write_value(struct json_writer *w, enum api_type type, const char *value)
{
    int64_t integer = 0;
    double number = 0;

    switch (type) {
    case API_STRING:
    case API_TEXT:
        json_write_string(w, value);
        break;
    case API_INTEGER:
        must(number_whole(value, &integer));
        json_write_integer(w, integer);
        break;
    case API_NUMBER:
        must(number_decimal(value, &number));
        json_write_number(w, number);
        break;
    case API_BOOL:
        json_write_bool(w, true);
        break;
    case API_STRINGS:
        write_list(w, value);
        break;
    }
}

void params_write(const struct invocation *invocation, struct json_writer *w)
{
    const struct api_method_row *row = api_method(invocation->command->method);

    if (invocation->call_params != NULL) {
        json_write_value(w, invocation->call_params);
        return;
    }
    json_write_open(w, '{');
    for (size_t i = 0; i < row->param_count; i++) {
        if (invocation->value[i] != NULL) {
            json_write_name(w, row->params[i].name);
            write_value(w, row->params[i].type, invocation->value[i]);
        }
    }
    json_write_close(w, '}');
}

const char *params_method(const struct invocation *invocation)
{
    if (invocation->command->id == COMMAND_CALL)
        return invocation->call_method;
    return api_method(invocation->command->method)->name;
}
