#include "daemon/settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/format.h"
#include "common/text.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/name.h"
#include "daemon/core/overlay/tracker_setting.h"
#include "daemon/limits.h"
#include "daemon/listen.h"

static bool no(char ret_why[SETTING_WHY_MAX], const char *why)
{
    snprintf(ret_why, SETTING_WHY_MAX, "%s", why);
    return false;
}

static void replace(char **string, const char *value)
{
    free(*string);
    *string = value != NULL ? xstrdup(value) : NULL;
}

/* --- Units, as systemd.time(7) and systemd's sizes have them --- */

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit time_units[] = {
    {"", 1},         {"s", 1},       {"sec", 1},       {"second", 1},     {"seconds", 1},
    {"m", 60},       {"min", 60},    {"minute", 60},   {"minutes", 60},   {"h", 3600},
    {"hr", 3600},    {"hour", 3600}, {"hours", 3600},  {"d", 86400},      {"day", 86400},
    {"days", 86400}, {"w", 604800},  {"week", 604800}, {"weeks", 604800}, {NULL, 0},
};

static const struct unit size_units[] = {
    {"", 1},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
    {NULL, 0},
};

static const struct unit no_units[] = {{"", 1}, {NULL, 0}};

/* Reads one number and its unit, and moves `text` behind them. */
static bool read_term(const char **text, const struct unit *units, uint64_t *ret_term)
{
    const char *at = *text;
    uint64_t number = 0;
    size_t length;

    if (!isdigit((unsigned char)*at))
        return false;
    for (; isdigit((unsigned char)*at); at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    }
    at += strspn(at, " ");
    for (length = 0; isalpha((unsigned char)at[length]); length++)
        continue;
    for (; units->name != NULL; units++) {
        if (strlen(units->name) == length && memcmp(units->name, at, length) == 0) {
            *text = at + length + strspn(at + length, " ");
            return !__builtin_mul_overflow(number, units->factor, ret_term);
        }
    }
    return false;
}

/* A sum of terms ("1h 30min") between min and max. */
static bool read_quantity(const char *text, const struct unit *units, uint64_t min, uint64_t max,
                          uint64_t *ret_quantity)
{
    uint64_t sum = 0, term;

    do {
        if (!read_term(&text, units, &term) || __builtin_add_overflow(sum, term, &sum))
            return false;
    } while (*text != '\0');
    if (sum < min || sum > max)
        return false;
    *ret_quantity = sum;
    return true;
}

/* --- Comparing --- */

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool are_same_places(const struct host_port *a, size_t a_count, const struct host_port *b,
                            size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        if (a[i].port != b[i].port || strcmp(a[i].host, b[i].host) != 0)
            return false;
    }
    return true;
}

/* --- Three functions a setting --- */

static bool set_socket(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    (void)ret_why;
    replace(&config->socket, value);
    return true;
}

static void clear_socket(struct config *config)
{
    replace(&config->socket, NULL);
}

static bool same_socket(const struct config *a, const struct config *b)
{
    return is_same_text(a->socket, b->socket);
}

static bool set_state_dir(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    (void)ret_why;
    replace(&config->state_dir, value);
    return true;
}

static void clear_state_dir(struct config *config)
{
    replace(&config->state_dir, NULL);
}

static bool same_state_dir(const struct config *a, const struct config *b)
{
    return is_same_text(a->state_dir, b->state_dir);
}

/* Adds to a list of at most `max`. */
static bool add_host_port(struct host_port **list, size_t *count, size_t max,
                          const struct host_port *at, char ret_why[SETTING_WHY_MAX])
{
    if (*count == max)
        return no(ret_why, "there are too many of these");
    *list = xreallocarray(*list, *count + 1, sizeof((*list)[0]));
    (*list)[(*count)++] = *at;
    return true;
}

static bool add_listener(struct host_port **list, size_t *count, const char *value,
                         char ret_why[SETTING_WHY_MAX])
{
    struct host_port at;

    if (host_port_parse(value, PORT_ZERO_ALLOWED, &at) != OK)
        return no(ret_why, "must be HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535");
    for (size_t i = 0; i < *count; i++) {
        if (listen_collide(&at, &(*list)[i], LISTEN_IN_ONE_LIST))
            return no(ret_why, "is there already, or one of those before listens there too");
    }
    return add_host_port(list, count, LISTEN_MAX, &at, ret_why);
}

static bool set_listen(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    return add_listener(&config->listen, &config->listen_count, value, ret_why);
}

static void clear_listen(struct config *config)
{
    free(config->listen);
    config->listen = NULL;
    config->listen_count = 0;
}

static bool same_listen(const struct config *a, const struct config *b)
{
    return are_same_places(a->listen, a->listen_count, b->listen, b->listen_count);
}

/* Bytes that an address takes in a signed record (p2pchat-protocol(7), Peer records). */
static size_t record_bytes(const struct host_port *at)
{
    uint8_t literal[HOST_BYTES_MAX];
    const size_t length = host_to_bytes(at->host, literal);

    return 1 + (length > 0 ? length : 1 + strlen(at->host)) + sizeof(at->port);
}

static bool set_advertise(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    struct host_port at;
    size_t bytes;

    if (host_port_parse(value, PORT_ZERO_REFUSED, &at) != OK)
        return no(ret_why, "must be HOST:PORT or [IPV6]:PORT, with a port from 1 to 65535");
    if (strcmp(at.host, "::") == 0 || strcmp(at.host, "0.0.0.0") == 0)
        return no(ret_why, "nobody can be reached there: must be an address or a name of a host");
    bytes = record_bytes(&at);
    for (size_t i = 0; i < config->advertise_count; i++)
        bytes += record_bytes(&config->advertise[i]);
    if (bytes > ADVERTISE_BYTES_MAX)
        return no(ret_why, "a record has no room for it beside those before: give fewer, or "
                           "shorter names");
    return add_host_port(&config->advertise, &config->advertise_count, ANNOUNCE_MAX, &at, ret_why);
}

static void clear_advertise(struct config *config)
{
    free(config->advertise);
    config->advertise = NULL;
    config->advertise_count = 0;
}

static bool same_advertise(const struct config *a, const struct config *b)
{
    return are_same_places(a->advertise, a->advertise_count, b->advertise, b->advertise_count);
}

static bool set_tracker(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    struct tracker_setting tracker;
    enum error error = tracker_setting_parse(value, &tracker);

    if (error == ERR_INVALID_PARAMS)
        return no(ret_why, "must be HOST:PORT, PEERID@HOST:PORT or classic:HOST:PORT");
    if (error != OK)
        return no(ret_why, error_text(error));
    for (size_t i = 0; i < config->tracker_count; i++) {
        struct tracker_setting *there = &config->trackers[i];
        if (strcmp(there->text, tracker.text) != 0)
            continue;
        if ((there->address.peer_id[0] != '\0') == (tracker.address.peer_id[0] != '\0'))
            return no(ret_why, "is there already");
        if (tracker.address.peer_id[0] != '\0')
            *there = tracker; /* the same one, and which key it has */
        return true;
    }
    if (config->tracker_count == TRACKERS_MAX)
        return no(ret_why, "there are too many of these");
    config->trackers =
        xreallocarray(config->trackers, config->tracker_count + 1, sizeof(config->trackers[0]));
    config->trackers[config->tracker_count++] = tracker;
    return true;
}

static void clear_trackers(struct config *config)
{
    free(config->trackers);
    config->trackers = NULL;
    config->tracker_count = 0;
}

static bool same_trackers(const struct config *a, const struct config *b)
{
    if (a->tracker_count != b->tracker_count)
        return false;
    for (size_t i = 0; i < a->tracker_count; i++) {
        const struct tracker_setting *one = &a->trackers[i], *other = &b->trackers[i];
        if (strcmp(one->text, other->text) != 0 ||
            strcmp(one->address.peer_id, other->address.peer_id) != 0)
            return false;
    }
    return true;
}

static bool set_classic_listen(struct config *config, const char *value,
                               char ret_why[SETTING_WHY_MAX])
{
    return add_listener(&config->classic_listen, &config->classic_listen_count, value, ret_why);
}

static void clear_classic_listen(struct config *config)
{
    free(config->classic_listen);
    config->classic_listen = NULL;
    config->classic_listen_count = 0;
}

static bool same_classic_listen(const struct config *a, const struct config *b)
{
    return are_same_places(a->classic_listen, a->classic_listen_count, b->classic_listen,
                           b->classic_listen_count);
}

static bool set_closed(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
        return no(ret_why, "must be yes or no");
    config->is_closed = strcmp(value, "yes") == 0;
    return true;
}

static void clear_closed(struct config *config)
{
    config->is_closed = false;
}

static bool same_closed(const struct config *a, const struct config *b)
{
    return a->is_closed == b->is_closed;
}

static bool set_metrics_listen(struct config *config, const char *value,
                               char ret_why[SETTING_WHY_MAX])
{
    struct host_port at;

    if (host_port_parse(value, PORT_ZERO_ALLOWED, &at) != OK || !host_is_loopback(at.host))
        return no(ret_why, "must be a loopback address with a port, as 127.0.0.1:9470 or "
                           "[::1]:9470");
    config->metrics_listen = at;
    return true;
}

static void clear_metrics_listen(struct config *config)
{
    config->metrics_listen = (struct host_port){.port = 0};
}

static bool same_metrics_listen(const struct config *a, const struct config *b)
{
    return are_same_places(&a->metrics_listen, 1, &b->metrics_listen, 1);
}

static bool set_long_text(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    if (strcmp(value, "split") == 0)
        config->long_text = LONG_TEXT_SPLIT;
    else if (strcmp(value, "refuse") == 0)
        config->long_text = LONG_TEXT_REFUSE;
    else
        return no(ret_why, "must be split or refuse");
    return true;
}

static void clear_long_text(struct config *config)
{
    config->long_text = LONG_TEXT_SPLIT;
}

static bool same_long_text(const struct config *a, const struct config *b)
{
    return a->long_text == b->long_text;
}

static bool set_name(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    if (name_check(value) != OK)
        return no(ret_why, error_text(ERR_BAD_NAME));
    replace(&config->name, value);
    return true;
}

static void clear_name(struct config *config)
{
    replace(&config->name, NULL);
}

static bool same_name(const struct config *a, const struct config *b)
{
    return is_same_text(a->name, b->name);
}

static bool set_role(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    return role_find(value, &config->role) || no(ret_why, "must be node or tracker");
}

static void clear_role(struct config *config)
{
    config->role = ROLE_NODE;
}

static bool same_role(const struct config *a, const struct config *b)
{
    return a->role == b->role;
}

static bool set_log_level(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    if (!log_level_parse(value, &config->log_level))
        return no(ret_why, "must be error, warning, notice, info or debug");
    return true;
}

static void clear_log_level(struct config *config)
{
    config->log_level = LEVEL_INFO;
}

static bool same_log_level(const struct config *a, const struct config *b)
{
    return a->log_level == b->log_level;
}

static bool set_request_timeout(struct config *config, const char *value,
                                char ret_why[SETTING_WHY_MAX])
{
    uint64_t seconds;

    if (!read_quantity(value, time_units, 1, REQUEST_TIMEOUT_MAX_S, &seconds))
        return no(ret_why, "must be a time from 1s to 30d, in seconds or like \"1h 30min\"");
    config->request_timeout_ms = (int64_t)seconds * 1000;
    return true;
}

static void clear_request_timeout(struct config *config)
{
    config->request_timeout_ms = (int64_t)REQUEST_TIMEOUT_S * 1000;
}

static bool same_request_timeout(const struct config *a, const struct config *b)
{
    return a->request_timeout_ms == b->request_timeout_ms;
}

static bool set_accept_from(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    struct peer_key key;
    enum error error = peer_id_decode(value, strlen(value), &key);

    if (error == ERR_MALFORMED)
        return no(ret_why, "must be a peer id: 56 characters of a-z and 2-7");
    if (error != OK)
        return no(ret_why, error_text(error));
    if (config->accept_from_count == ACCEPT_FROM_MAX)
        return no(ret_why, "there are too many of these");
    config->accept_from = xreallocarray(config->accept_from, config->accept_from_count + 1,
                                        sizeof(config->accept_from[0]));
    memcpy(config->accept_from[config->accept_from_count++], key.bytes, KEY_LENGTH);
    return true;
}

static void clear_accept_from(struct config *config)
{
    free(config->accept_from);
    config->accept_from = NULL;
    config->accept_from_count = 0;
}

static bool same_accept_from(const struct config *a, const struct config *b)
{
    return a->accept_from_count == b->accept_from_count &&
           (a->accept_from_count == 0 ||
            memcmp(a->accept_from, b->accept_from, a->accept_from_count * KEY_LENGTH) == 0);
}

static bool set_outbox_messages(struct config *config, const char *value,
                                char ret_why[SETTING_WHY_MAX])
{
    if (!read_quantity(value, no_units, 1, OUTBOX_MESSAGES_TOP, &config->outbox_messages_max))
        return no(ret_why, "must be a number from 1 to 1000000000");
    return true;
}

static void clear_outbox_messages(struct config *config)
{
    config->outbox_messages_max = OUTBOX_MESSAGES_MAX;
}

static bool same_outbox_messages(const struct config *a, const struct config *b)
{
    return a->outbox_messages_max == b->outbox_messages_max;
}

static bool set_outbox_bytes(struct config *config, const char *value,
                             char ret_why[SETTING_WHY_MAX])
{
    if (!read_quantity(value, size_units, OUTBOX_BYTES_BOTTOM, OUTBOX_BYTES_TOP,
                       &config->outbox_bytes_max))
        return no(ret_why, "must be a size from 64K to 1T, in bytes or with K, M, G or T");
    return true;
}

static void clear_outbox_bytes(struct config *config)
{
    config->outbox_bytes_max = OUTBOX_BYTES_MAX;
}

static bool same_outbox_bytes(const struct config *a, const struct config *b)
{
    return a->outbox_bytes_max == b->outbox_bytes_max;
}

static bool set_consumer_days(struct config *config, const char *value,
                              char ret_why[SETTING_WHY_MAX])
{
    if (!read_quantity(value, no_units, 0, CONSUMER_DAYS_TOP, &config->consumer_days))
        return no(ret_why, "must be a number of days from 0 (never) to 36500");
    return true;
}

static void clear_consumer_days(struct config *config)
{
    config->consumer_days = CONSUMER_DAYS;
}

static bool same_consumer_days(const struct config *a, const struct config *b)
{
    return a->consumer_days == b->consumer_days;
}

static bool set_retain_days(struct config *config, const char *value, char ret_why[SETTING_WHY_MAX])
{
    if (!read_quantity(value, no_units, 0, RETAIN_DAYS_TOP, &config->retain_days))
        return no(ret_why, "must be a number of days from 1 to 36500, or 0 (for ever)");
    return true;
}

static void clear_retain_days(struct config *config)
{
    config->retain_days = 0;
}

static bool same_retain_days(const struct config *a, const struct config *b)
{
    return a->retain_days == b->retain_days;
}

static bool set_retain_bytes(struct config *config, const char *value,
                             char ret_why[SETTING_WHY_MAX])
{
    uint64_t bytes;

    if (!read_quantity(value, size_units, 0, RETAIN_BYTES_TOP, &bytes) ||
        (bytes > 0 && bytes < RETAIN_BYTES_BOTTOM))
        return no(ret_why, "must be a size from 256K to 1024T, in bytes or with K, M, G or T, or 0 "
                           "(without bound)");
    config->retain_bytes = bytes;
    return true;
}

static void clear_retain_bytes(struct config *config)
{
    config->retain_bytes = 0;
}

static bool same_retain_bytes(const struct config *a, const struct config *b)
{
    return a->retain_bytes == b->retain_bytes;
}

const struct setting settings[] = {
    {SETTING_CONFIG, NULL, NULL, "config", 'c', "FILE",
     "read this configuration file; then it must exist", SETTING_FOR_ALL, SETTING_AT_RESTART, NULL,
     NULL, NULL},
    {SETTING_PATH, "Control", "Socket", "socket", 's', "PATH", "where the control socket is made",
     SETTING_FOR_ALL, SETTING_AT_RESTART, set_socket, clear_socket, same_socket},
    {SETTING_PATH, "Node", "StateDirectory", "state-dir", 'd', "DIR",
     "where identity and log are kept", SETTING_FOR_ALL, SETTING_AT_RESTART, set_state_dir,
     clear_state_dir, same_state_dir},
    {SETTING_VALUE, "Node", "Listen", "listen", 'l', "HOST:PORT",
     "listen there ([::]:28470, a tracker 28471); port 0 picks one; repeatable", SETTING_FOR_ALL,
     SETTING_AT_RESTART, set_listen, clear_listen, same_listen},
    {SETTING_VALUE, "Node", "Advertise", "advertise", 'a', "HOST:PORT",
     "tell others that this is reached there, and only there; repeatable", SETTING_FOR_ALL,
     SETTING_AT_ONCE, set_advertise, clear_advertise, same_advertise},
    {SETTING_VALUE, "Node", "Name", "name", 'n', "NAME", "what this node calls itself (user@host)",
     SETTING_FOR_ALL, SETTING_AT_ONCE, set_name, clear_name, same_name},
    {SETTING_ROLE, "Node", "Role", "role", 'r', "ROLE",
     "what this daemon is: node or tracker (node)", SETTING_FOR_ALL, SETTING_AT_RESTART, set_role,
     clear_role, same_role},
    {SETTING_VALUE, "Tracker", "Use", "tracker", 't', "ADDRESS",
     "register there, and ask there who is who; repeatable", SETTING_FOR_NODES, SETTING_AT_ONCE,
     set_tracker, clear_trackers, same_trackers},
    {SETTING_VALUE, "Classic", "Listen", "classic-listen", 0, "HOST:PORT",
     "speak the insecure classic dialect there; repeatable", SETTING_FOR_ALL, SETTING_AT_RESTART,
     set_classic_listen, clear_classic_listen, same_classic_listen},
    {SETTING_VALUE, "Classic", "LongText", NULL, 0, NULL, NULL, SETTING_FOR_NODES, SETTING_AT_ONCE,
     set_long_text, clear_long_text, same_long_text},
    {SETTING_VALUE, "Network", "Closed", NULL, 0, NULL, NULL, SETTING_FOR_ALL, SETTING_AT_RESTART,
     set_closed, clear_closed, same_closed},
    {SETTING_VALUE, "Log", "Level", "log-level", 0, "LEVEL",
     "error, warning, notice, info or debug (info)", SETTING_FOR_ALL, SETTING_AT_ONCE,
     set_log_level, clear_log_level, same_log_level},
    {SETTING_VALUE, "Chat", "RequestTimeoutSec", NULL, 0, NULL, NULL, SETTING_FOR_NODES,
     SETTING_AT_ONCE, set_request_timeout, clear_request_timeout, same_request_timeout},
    {SETTING_VALUE, "Chat", "AcceptFrom", NULL, 0, NULL, NULL, SETTING_FOR_NODES, SETTING_AT_ONCE,
     set_accept_from, clear_accept_from, same_accept_from},
    {SETTING_VALUE, "Limits", "OutboxMessages", NULL, 0, NULL, NULL, SETTING_FOR_NODES,
     SETTING_AT_ONCE, set_outbox_messages, clear_outbox_messages, same_outbox_messages},
    {SETTING_VALUE, "Limits", "OutboxBytes", NULL, 0, NULL, NULL, SETTING_FOR_NODES,
     SETTING_AT_ONCE, set_outbox_bytes, clear_outbox_bytes, same_outbox_bytes},
    {SETTING_VALUE, "Store", "RetainDays", NULL, 0, NULL, NULL, SETTING_FOR_NODES, SETTING_AT_ONCE,
     set_retain_days, clear_retain_days, same_retain_days},
    {SETTING_VALUE, "Store", "RetainBytes", NULL, 0, NULL, NULL, SETTING_FOR_NODES, SETTING_AT_ONCE,
     set_retain_bytes, clear_retain_bytes, same_retain_bytes},
    {SETTING_VALUE, "Store", "ConsumerDays", NULL, 0, NULL, NULL, SETTING_FOR_NODES,
     SETTING_AT_ONCE, set_consumer_days, clear_consumer_days, same_consumer_days},
    {SETTING_VALUE, "Metrics", "Listen", NULL, 0, NULL, NULL, SETTING_FOR_ALL, SETTING_AT_ONCE,
     set_metrics_listen, clear_metrics_listen, same_metrics_listen},
    {SETTING_CHECK, NULL, NULL, "check-config", 0, NULL,
     "say every mistake in the configuration, and end", SETTING_FOR_ALL, SETTING_AT_RESTART, NULL,
     NULL, NULL},
    {SETTING_HELP, NULL, NULL, "help", 'h', NULL, "print this text", SETTING_FOR_ALL,
     SETTING_AT_RESTART, NULL, NULL, NULL},
    {SETTING_VERSION, NULL, NULL, "version", 0, NULL, "print the version", SETTING_FOR_ALL,
     SETTING_AT_RESTART, NULL, NULL, NULL},
};

const size_t settings_count = sizeof(settings) / sizeof(settings[0]);
_Static_assert(sizeof(settings) / sizeof(settings[0]) <= SETTINGS_MAX, "make SETTINGS_MAX larger");

bool setting_is_for(const struct setting *setting, enum node_role role)
{
    return role == ROLE_NODE || setting->role == SETTING_FOR_ALL;
}

void setting_name(const struct setting *setting, char out[SETTING_NAME_MAX])
{
    must(setting->key != NULL);
    const int length = snprintf(out, SETTING_NAME_MAX, "%s.%s", setting->section, setting->key);
    must(length < SETTING_NAME_MAX);
}

const struct setting *setting_of_key(const char *section, const char *key)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].section != NULL && strcmp(settings[i].section, section) == 0 &&
            strcmp(settings[i].key, key) == 0)
            return &settings[i];
    }
    must(!"a key of the table");
}

void setting_add_mistake(const struct config *config, const struct setting *setting,
                         const char *why, struct bytes *mistakes)
{
    const unsigned line = config->lines[setting - settings];
    char *text;

    if (line > 0)
        text = xasprintf("%s:%u: %s=: %s", config->file, line, setting->key, why);
    else if (setting->option != NULL)
        text = xasprintf("--%s: %s", setting->option, why);
    else
        text = xasprintf("[%s] %s=: %s", setting->section, setting->key, why);
    text_append_safe(mistakes, text, strlen(text));
    bytes_u8(mistakes, '\n');
    free(text);
}

void setting_add_names(struct bytes *text, const char *before, const struct setting *const *list,
                       size_t count)
{
    char name[SETTING_NAME_MAX];

    for (size_t i = 0; i < count; i++) {
        setting_name(list[i], name);
        bytes_text(text, i == 0 ? before : ", ");
        bytes_text(text, name);
    }
}
