/* Text from others: what is shown of any bytes is safe, and what is written of them as JSON reads
 * back equal. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/json.h"
#include "common/text.h"

static void check_safe(const char *text, size_t length)
{
    uint32_t code = 0;

    for (size_t at = 0, size; at < length; at += size) {
        size = text_decode(text + at, length - at, &code);
        must(size > 0 && !text_is_unsafe(code));
    }
}

static void check_shown(const char *text, size_t length)
{
    struct bytes out = BYTES_EMPTY, again = BYTES_EMPTY;

    text_append_safe(&out, text, length);
    check_safe((const char *)bytes_data(&out), bytes_length(&out));
    /* What is safe already stays as it is. */
    text_append_safe(&again, (const char *)bytes_data(&out), bytes_length(&out));
    must(bytes_length(&again) == bytes_length(&out));
    if (bytes_length(&out) > 0)
        must(memcmp(bytes_data(&again), bytes_data(&out), bytes_length(&out)) == 0);
    bytes_done(&out);
    bytes_done(&again);
}

static void check_written(const char *text, size_t length)
{
    struct bytes out = BYTES_EMPTY;
    struct json_writer w;
    struct json *root = NULL;
    const char *again = NULL;
    size_t again_length = 0;

    json_write_init(&w, &out);
    json_write_string_n(&w, text, length);
    check_safe((const char *)bytes_data(&out), bytes_length(&out));
    must(json_parse((const char *)bytes_data(&out), bytes_length(&out), &root) == OK);
    must(json_string(root, &again, &again_length));
    if (text_is_utf8(text, length) && memchr(text, '\0', length) == NULL)
        must(again_length == length && memcmp(again, text, length) == 0);
    if (text_is_message(text, length))
        must(bytes_length(&out) <= 3 * length + 2);
    json_free(root);
    bytes_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    must(text_plain_run(text, size) <= size);
    must(!text_is_message(text, size) || text_is_utf8(text, size));
    check_shown(text, size);
    check_written(text, size);
    return 0;
}
