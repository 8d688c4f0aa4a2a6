/* The head of an HTTP request for the numbers, as far as it matters here (RFC 9112): one resource,
 * for programs of this machine. */
#ifndef P2PCHAT_DAEMON_HTTP_REQUEST_H
#define P2PCHAT_DAEMON_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* How long the head at the beginning of `text` is, with the empty line that ends it; 0 when that
 * has not come yet. */
size_t http_head_length(const char *text, size_t length);

enum http_status {
    HTTP_OK = 200,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403, /* it asks for another host: see http_is_local */
    HTTP_NOT_FOUND = 404,
    HTTP_METHOD_NOT_ALLOWED = 405,
    HTTP_TIMEOUT = 408,
    HTTP_TOO_LARGE = 431,
    HTTP_VERSION_NOT_SUPPORTED = 505
};

/* How a whole head is answered. *ret_is_head: HEAD, which wants no body; set with HTTP_OK only. */
enum http_status http_judge(const char *head, size_t length, bool *ret_is_head);

/* Whether the value of a Host field means this machine by itself: localhost, 127.0.0.0/8 or [::1],
 * with any port or none. Any other name may be one that its owner has led here for the browsers of
 * this machine ("DNS rebinding"). */
bool http_is_local(const char *value, size_t length);

#endif
