#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/api.h"

/* Checks params given as JSON ("" for none); the caller frees the root. */
static enum error check(enum api_method method, const char *params, struct json **ret_root,
                        struct api_args *ret_args, char message[API_MESSAGE_MAX])
{
    *ret_root = NULL;
    if (*params != '\0')
        assert_int_equal(json_parse(params, strlen(params), ret_root), OK);
    return api_check(method, *ret_root, ret_args, message);
}

static void assert_refused(enum api_method method, const char *params, enum error with,
                           const char *says)
{
    const struct api_args untouched = {{NULL}};
    struct api_args args = {{NULL}};
    char message[API_MESSAGE_MAX] = "";
    struct json *root;

    assert_int_equal(check(method, params, &root, &args, message), with);
    assert_string_equal(message, says);
    assert_memory_equal(&args, &untouched, sizeof(args));
    json_free(root);
}

static void assert_taken(enum api_method method, const char *params)
{
    struct api_args args;
    char message[API_MESSAGE_MAX] = "";
    struct json *root;

    assert_int_equal(check(method, params, &root, &args, message), OK);
    assert_string_equal(message, "");
    json_free(root);
}

static void test_tables_are_whole(void **state)
{
    (void)state;
    enum api_method found;
    size_t events = 0;

    for (unsigned i = 0; i < API_METHOD_COUNT; i++) {
        const struct api_method_row *row = api_method((enum api_method)i);

        assert_true(api_find_method(row->name, &found));
        assert_int_equal(found, i);
        for (size_t j = 0; j < row->param_count; j++) {
            assert_true(row->params[j].min <= row->params[j].max);
            assert_true(*row->params[j].help != '\0');
        }
    }
    assert_int_equal(api_method(API_CHAT_MESSAGE)->param_count, 5);
    assert_string_equal(api_method(API_CHAT_MESSAGE)->params[ARG_CHAT_MESSAGE_TEXT].name, "text");
    assert_int_equal(api_method(API_SHUTDOWN)->access, API_OWNER);
    for (; api_event_at(events) != NULL; events++) {
        assert_ptr_equal(api_event(api_event_at(events)->number), api_event_at(events));
        assert_ptr_equal(api_event_named(api_event_at(events)->name), api_event_at(events));
    }
    assert_true(events > 0);
    assert_false(api_event(EVENT_PEER_ONLINE)->logged);
    assert_true(api_event(EVENT_MESSAGE_SENT)->logged);
}

static void test_unknown_names(void **state)
{
    (void)state;
    enum api_method found = API_STATUS;

    assert_false(api_find_method("chat", &found));
    assert_false(api_find_method("", &found));
    assert_int_equal(found, API_STATUS);
    assert_null(api_event(0));
    assert_null(api_event_named("message"));
}

static void test_no_parameters(void **state)
{
    (void)state;
    assert_taken(API_STATUS, "");
    assert_taken(API_STATUS, "{}");
    assert_refused(API_STATUS, "{\"verbose\":true}", ERR_INVALID_PARAMS,
                   "unknown parameter 'verbose'; status takes none");
    assert_refused(API_STATUS, "[]", ERR_INVALID_PARAMS,
                   "params must be an object: parameters go by name");
}

static void test_missing_and_unknown(void **state)
{
    (void)state;
    assert_refused(
        API_CHAT_MESSAGE, "", ERR_INVALID_PARAMS,
        "parameter 'peer' is missing: to whom: alias, peer id or a unique prefix of one");
    assert_refused(API_CHAT_MESSAGE, "{\"peer\":\"a\"}", ERR_INVALID_PARAMS,
                   "parameter 'text' is missing: what to say; newline and tab are allowed");
    assert_refused(API_CHAT_MESSAGE, "{\"foo\":1}", ERR_INVALID_PARAMS,
                   "unknown parameter 'foo'; chat.message takes peer, text, key, wait, wait_s");
    assert_refused(API_HISTORY, "{\"Peer\":\"a\"}", ERR_INVALID_PARAMS,
                   "unknown parameter 'Peer'; history takes peer, before, after, limit, search");
}

static void test_unknown_name_is_cut(void **state)
{
    (void)state;
    char params[2000] = "{\"", message[API_MESSAGE_MAX];
    struct api_args args;
    struct json *root;

    for (size_t i = 0; i < 400; i++)
        memcpy(params + 2 + 3 * i, "\xe2\x82\xac", 3);
    memcpy(params + 1202, "\":0}", 5);
    assert_int_equal(check(API_STATUS, params, &root, &args, message), ERR_INVALID_PARAMS);
    assert_int_equal(strlen(message), strlen("unknown parameter '...'; status takes none") + 63);
    json_free(root);
}

static void test_integers(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0", "1001", "-1", "1.5", "\"5\"", "null", "true", "[1]"};

    assert_taken(API_HISTORY, "{\"limit\":1}");
    assert_taken(API_HISTORY, "{\"limit\":1000}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char params[64];

        snprintf(params, sizeof(params), "{\"limit\":%s}", wrong[i]);
        assert_refused(API_HISTORY, params, ERR_INVALID_PARAMS,
                       "parameter 'limit' must be an integer from 1 to 1000");
    }
    assert_taken(API_EVENTS_SUBSCRIBE, "{\"since\":9007199254740991}");
    assert_refused(API_EVENTS_SUBSCRIBE, "{\"since\":9007199254740992}", ERR_INVALID_PARAMS,
                   "parameter 'since' must be an integer from 0 to 9007199254740991");
}

static void test_other_types(void **state)
{
    (void)state;
    assert_taken(API_CHAT_REQUEST, "{\"to\":\"h:1\",\"wait\":true,\"wait_s\":0.5}");
    assert_refused(API_CHAT_REQUEST, "{\"to\":\"\"}", ERR_INVALID_PARAMS,
                   "parameter 'to' must be a string of 1 to 1024 bytes");
    assert_refused(API_CHAT_REQUEST, "{\"to\":5}", ERR_INVALID_PARAMS,
                   "parameter 'to' must be a string of 1 to 1024 bytes");
    assert_refused(API_CHAT_REQUEST, "{\"to\":\"h:1\",\"wait\":1}", ERR_INVALID_PARAMS,
                   "parameter 'wait' must be true or false");
    assert_refused(API_CHAT_REQUEST, "{\"to\":\"h:1\",\"wait_s\":-0.5}", ERR_INVALID_PARAMS,
                   "parameter 'wait_s' must be a number from 0 to 31536000");
    assert_refused(API_CHAT_ACCEPT,
                   "{\"request\":\"r1\",\"as\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
                   ERR_INVALID_PARAMS, "parameter 'as' must be a string of 1 to 64 bytes");
    assert_taken(API_EVENTS_SUBSCRIBE, "{\"types\":[\"message.received\"]}");
    assert_refused(API_EVENTS_SUBSCRIBE, "{\"types\":[]}", ERR_INVALID_PARAMS,
                   "parameter 'types' must be an array of 1 to 32 strings");
    assert_refused(API_EVENTS_SUBSCRIBE, "{\"types\":[\"a\",1]}", ERR_INVALID_PARAMS,
                   "parameter 'types' must be an array of 1 to 32 strings");
    assert_refused(API_EVENTS_SUBSCRIBE, "{\"types\":{\"a\":\"b\"}}", ERR_INVALID_PARAMS,
                   "parameter 'types' must be an array of 1 to 32 strings");
}

static char *message_params(size_t text_bytes)
{
    static const char head[] = "{\"peer\":\"a\",\"text\":\"", tail[] = "\"}";
    char *params = xmalloc(sizeof(head) + text_bytes + sizeof(tail));

    memcpy(params, head, sizeof(head) - 1);
    memset(params + sizeof(head) - 1, 'x', text_bytes);
    memcpy(params + sizeof(head) - 1 + text_bytes, tail, sizeof(tail));
    return params;
}

static void test_texts(void **state)
{
    (void)state;
    char *longest = message_params(65536), *too_long = message_params(65537);

    assert_taken(API_CHAT_MESSAGE, "{\"peer\":\"a\",\"text\":\"one\\n\\ttwo \\u202e\"}");
    assert_taken(API_CHAT_MESSAGE, longest);
    assert_refused(API_CHAT_MESSAGE, too_long, ERR_TOO_LONG,
                   "parameter 'text' has 65537 bytes; at most 65536 are allowed");
    assert_refused(API_CHAT_MESSAGE, "{\"peer\":\"a\",\"text\":\"\"}", ERR_INVALID_PARAMS,
                   "parameter 'text' must be a text of 1 to 65536 bytes");
    assert_refused(API_CHAT_MESSAGE, "{\"peer\":\"a\",\"text\":\"\\u001b[2J\"}", ERR_BAD_TEXT,
                   "parameter 'text' must be text: of control characters only newline and tab");
    assert_refused(API_CHAT_MESSAGE, "{\"peer\":\"a\",\"text\":7}", ERR_INVALID_PARAMS,
                   "parameter 'text' must be a text of 1 to 65536 bytes");
    free(longest);
    free(too_long);
}

static void test_values(void **state)
{
    (void)state;
    const char *params = "{\"text\":\"hi\",\"peer\":\"alice\",\"wait\":true,\"wait_s\":2.5}";
    char message[API_MESSAGE_MAX];
    struct api_args args;
    struct json *root;

    assert_int_equal(check(API_CHAT_MESSAGE, params, &root, &args, message), OK);
    assert_string_equal(api_string(&args, ARG_CHAT_MESSAGE_PEER), "alice");
    assert_string_equal(api_string(&args, ARG_CHAT_MESSAGE_TEXT), "hi");
    assert_null(api_string(&args, ARG_CHAT_MESSAGE_KEY));
    assert_true(api_bool(&args, ARG_CHAT_MESSAGE_WAIT, false));
    assert_true(api_number(&args, ARG_CHAT_MESSAGE_WAIT_S, 0) == 2.5);
    json_free(root);

    assert_int_equal(check(API_HISTORY, "{\"before\":7}", &root, &args, message), OK);
    assert_int_equal(api_integer(&args, ARG_HISTORY_BEFORE, 0), 7);
    assert_int_equal(api_integer(&args, ARG_HISTORY_LIMIT, 50), 50);
    json_free(root);

    assert_int_equal(
        check(API_CHAT_MESSAGE, "{\"peer\":\"a\",\"text\":\"b\"}", &root, &args, message), OK);
    assert_true(api_bool(&args, ARG_CHAT_MESSAGE_WAIT, true));
    assert_true(api_number(&args, ARG_CHAT_MESSAGE_WAIT_S, 9) == 9);
    json_free(root);
}

static void test_describes_itself(void **state)
{
    (void)state;
    struct bytes text = BYTES_EMPTY;
    const struct json *method, *param;
    struct json_writer w;
    struct json *root;
    const char *name;
    size_t length;
    int64_t max, code;

    json_write_init(&w, &text);
    api_describe(&w, ROLE_NODE);
    assert_int_equal(json_parse((char *)bytes_data(&text), bytes_length(&text), &root), OK);
    assert_int_equal(json_count(json_member(root, "methods")), API_METHOD_COUNT);
    method = json_first(json_member(root, "methods"));
    for (unsigned i = 0; i < API_CHAT_MESSAGE; i++)
        method = json_next(method);
    assert_true(json_string(json_member(method, "name"), &name, &length));
    assert_string_equal(name, "chat.message");
    param = json_next(json_first(json_member(method, "params")));
    assert_true(json_string(json_member(param, "name"), &name, &length));
    assert_string_equal(name, "text");
    assert_true(json_integer(json_member(param, "max"), &max));
    assert_int_equal(max, 65536);
    assert_true(
        json_string(json_member(json_first(json_member(root, "events")), "type"), &name, &length));
    assert_string_equal(name, "message.received");
    assert_true(json_integer(json_member(json_first(json_member(root, "errors")), "code"), &code));
    assert_int_equal(code, -32700);
    json_free(root);
    bytes_done(&text);
}

/* A tracker has no chats: nobody is told that it could be asked for one. */
static void test_describes_a_tracker(void **state)
{
    (void)state;
    struct bytes text = BYTES_EMPTY;
    struct json_writer w;
    struct json *root;
    const char *name;
    size_t length, count = 0;

    json_write_init(&w, &text);
    api_describe(&w, ROLE_TRACKER);
    assert_int_equal(json_parse((char *)bytes_data(&text), bytes_length(&text), &root), OK);
    for (unsigned method = 0; method < API_METHOD_COUNT; method++)
        count += api_is_for((enum api_method)method, ROLE_TRACKER);
    assert_in_range(count, 4, API_METHOD_COUNT - 15);
    assert_int_equal(json_count(json_member(root, "methods")), count);
    for (const struct json *m = json_first(json_member(root, "methods")); m != NULL;
         m = json_next(m)) {
        enum api_method method;
        assert_true(json_string(json_member(m, "name"), &name, &length));
        assert_true(api_find_method(name, &method));
        assert_true(api_is_for(method, ROLE_TRACKER));
    }
    assert_false(api_is_for(API_CHAT_REQUEST, ROLE_TRACKER));
    assert_true(api_is_for(API_CHAT_REQUEST, ROLE_NODE));
    assert_true(api_is_for(API_STATUS, ROLE_NODE));
    json_free(root);
    bytes_done(&text);
}

static void test_lists_methods(void **state)
{
    (void)state;
    static const char begin[] = "identity, status, ", end[] = ", shutdown and rpc.discover";
    struct bytes text = BYTES_EMPTY;

    api_list(&text, ROLE_TRACKER);
    bytes_u8(&text, '\0');

    const char *list = (const char *)bytes_data(&text);

    assert_memory_equal(list, begin, strlen(begin));
    assert_string_equal(list + strlen(list) - strlen(end), end);
    assert_null(strstr(list, "chat."));
    bytes_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables_are_whole),
        cmocka_unit_test(test_unknown_names),
        cmocka_unit_test(test_no_parameters),
        cmocka_unit_test(test_missing_and_unknown),
        cmocka_unit_test(test_unknown_name_is_cut),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_other_types),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_describes_itself),
        cmocka_unit_test(test_describes_a_tracker),
        cmocka_unit_test(test_lists_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
