/* Addresses: what is taken is written in a form that reads back equal, and nothing unsafe is
 * taken. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "common/alloc.h"
#include "common/base32.h"
#include "common/text.h"

static void check_equal(const struct host_port *a, const struct host_port *b)
{
    must(strcmp(a->host, b->host) == 0);
    must(a->port == b->port);
}

static void check_host(const char *host)
{
    char normal[ADDRESS_HOST_MAX + 1], again[ADDRESS_HOST_MAX + 1];

    if (host_normalize(host, normal))
        must(host_normalize(normal, again) && strcmp(normal, again) == 0);
    must(host_is_literal(host) == (address_block(host) != 0));
    must(!host_is_local(host) || host_is_literal(host));
}

static void check_address(const char *text)
{
    char again_text[ADDRESS_TEXT_MAX + 1];
    struct address address, again;

    if (address_parse(text, &address) != OK)
        return;
    must(address.has_host || address.peer_id[0] != '\0' || address.name[0] != '\0');
    for (const char *c = address.name; *c != '\0'; c++)
        must((unsigned char)*c >= ' ' && *c != '\x7F');
    if (address.has_host)
        check_host(address.at.host);
    address_format(&address, again_text);
    must(address_parse(again_text, &again) == OK);
    must(address.has_host == again.has_host && address.is_classic == again.is_classic);
    check_equal(&address.at, &again.at);
    must(strcmp(address.peer_id, again.peer_id) == 0);
    must(strcmp(address.name, again.name) == 0);
}

static void check_host_port(const char *text)
{
    char again_text[ADDRESS_HOST_PORT_MAX + 1];
    struct host_port at, again;

    if (host_port_parse(text, PORT_ZERO_ALLOWED, &at) != OK)
        return;
    host_port_format(&at, again_text);
    must(host_port_parse(again_text, PORT_ZERO_ALLOWED, &again) == OK);
    check_equal(&at, &again);
}

static void check_base32(const char *text, size_t length)
{
    size_t out_length = length * 5 / 8;
    uint8_t *out = xmalloc(out_length);
    char *again = xmalloc(BASE32_LENGTH(out_length) + 1);

    if (base32_decode(text, length, out, out_length)) {
        base32_encode(out, out_length, again);
        must(strlen(again) == length && memcmp(again, text, length) == 0);
    }
    free(again);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = xmalloc(size + 1);

    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    check_address(text);
    check_host_port(text);
    check_host(text);
    check_base32(text, strlen(text));
    free(text);
    return 0;
}
