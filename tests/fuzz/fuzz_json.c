/* JSON: what the grammar takes cJSON takes, every value can be walked, and what is printed of it
 * reads back as the same. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/json.h"
#include "common/json_scan.h"
#include "common/text.h"

static void check_leaf(const struct json *value)
{
    const char *text = NULL;
    int64_t integer = 0;
    uint64_t hex = 0;
    double number = 0;
    size_t length = 0;
    bool truth = false;

    must(json_string(value, &text, &length) == (json_type(value) == JSON_STRING));
    must(text == NULL || (text_is_utf8(text, length) && strlen(text) == length));
    must(json_number(value, &number) == (json_type(value) == JSON_NUMBER));
    must(!json_integer(value, &integer) || (double)integer == number);
    must(json_bool(value, &truth) == (json_type(value) == JSON_BOOL));
    must(!json_hex64(value, &hex) || length == 16);
}

static void check_value(const struct json *value, unsigned depth)
{
    size_t count = 0;

    must(depth <= JSON_DEPTH_MAX);
    check_leaf(value);
    for (const struct json *at = json_first(value); at != NULL; at = json_next(at), count++) {
        if (json_type(value) == JSON_OBJECT)
            must(json_member(value, json_name(at)) == at);
        else
            must(json_name(at) == NULL);
        check_value(at, depth + 1);
    }
    must(count == json_count(value));
}

static void print(const struct json *value, struct bytes *out)
{
    struct json_writer w;

    json_write_init(&w, out);
    json_write_value(&w, value);
}

static void check_printed(const struct json *value)
{
    struct bytes first = BYTES_EMPTY, second = BYTES_EMPTY;
    struct json *again = NULL;

    print(value, &first);
    must(json_parse((const char *)bytes_data(&first), bytes_length(&first), &again) == OK);
    print(again, &second);
    must(bytes_length(&first) == bytes_length(&second));
    must(memcmp(bytes_data(&first), bytes_data(&second), bytes_length(&first)) == 0);
    json_free(again);
    bytes_done(&first);
    bytes_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct json *root = NULL;
    size_t count;

    if (json_parse(text, size, &root) != OK) {
        must(root == NULL);
        return 0;
    }
    must(json_scan(text, size, SIZE_MAX, &count) == OK && text_is_utf8(text, size));
    check_value(root, 0);
    check_printed(root);
    json_free(root);
    return 0;
}
