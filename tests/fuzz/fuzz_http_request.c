/* The head of an HTTP request. Whatever is behind its end changes nothing, and only who asks for
 * this machine is answered. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <strings.h>

#include "common/alloc.h"
#include "daemon/http_request.h"

/* How many lines begin with "Host:". */
static size_t count_hosts(const char *text, size_t length)
{
    size_t count = 0;

    for (size_t i = 0; i + 6 <= length; i++)
        count += text[i] == '\n' && strncasecmp(text + i + 1, "host:", 5) == 0;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const size_t length = http_head_length(text, size);
    bool is_head = false;

    must(length <= size);
    if (length == 0)
        return 0;
    must(http_head_length(text, length) == length && http_head_length(text, length - 1) == 0);
    if (http_judge(text, length, &is_head) == HTTP_OK) {
        must(is_head ? strncmp(text, "HEAD /metrics", 13) == 0
                     : strncmp(text, "GET /metrics", 12) == 0);
        must(count_hosts(text, length) == 1);
    }
    return 0;
}
