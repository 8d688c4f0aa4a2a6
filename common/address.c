#include "common/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/alloc.h"
#include "common/bytes.h"
#include "common/text.h"

static const char scheme[] = "p2pchat:";
static const char classic_scheme[] = "classic:";
static const char name_key[] = "?name=";

enum {
    SCHEME_LENGTH = sizeof(scheme) - 1,
    CLASSIC_SCHEME_LENGTH = sizeof(classic_scheme) - 1,
    NAME_KEY_LENGTH = sizeof(name_key) - 1,
    PORT_DIGITS_MAX = 5,
    LABEL_MAX = 63, /* one part of a DNS name (RFC 1035) */
    V4_SIZE = 4,
    V6_SIZE = HOST_BYTES_MAX,
};

_Static_assert(BASE32_LENGTH(35) == PEER_ID_LENGTH, "key (32), checksum (2), version (1)");
_Static_assert(ADDRESS_HOST_MAX >= INET6_ADDRSTRLEN - 1, "a literal fits where a name does");
_Static_assert(ADDRESS_HOST_PORT_MAX == ADDRESS_HOST_MAX + sizeof("[]:") - 1 + PORT_DIGITS_MAX,
               "the longest host and port");
_Static_assert(ADDRESS_TEXT_MAX == SCHEME_LENGTH + PEER_ID_LENGTH + 1 + ADDRESS_HOST_PORT_MAX +
                                       NAME_KEY_LENGTH + 3 * ADDRESS_NAME_MAX,
               "every part, each byte of the name as %XX");

/* A piece of a longer text. */
struct piece {
    const char *start;
    size_t length;
};

static struct piece piece_from(const char *start, const char *end)
{
    return (struct piece){start, (size_t)(end - start)};
}

/* Copies a piece that fits into `out` of `size` bytes, with its NUL. */
static bool piece_copy(struct piece piece, char *out, size_t size)
{
    if (piece.length >= size)
        return false;
    memcpy(out, piece.start, piece.length);
    out[piece.length] = '\0';
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* In ASCII, whatever the locale. */
static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Reads up to the NUL of `text` at most. */
static bool starts_with_peer_id(const char *text)
{
    for (size_t i = 0; i < PEER_ID_LENGTH; i++) {
        if (base32_value(text[i]) < 0)
            return false;
    }
    return true;
}

/* --- Hosts --- */

size_t host_to_bytes(const char *host, uint8_t out[HOST_BYTES_MAX])
{
    static const uint8_t mapped[V6_SIZE - V4_SIZE] = {[10] = 0xFF, [11] = 0xFF};

    if (inet_pton(AF_INET, host, out) == 1)
        return V4_SIZE;
    if (inet_pton(AF_INET6, host, out) != 1)
        return 0;
    if (memcmp(out, mapped, sizeof(mapped)) != 0)
        return V6_SIZE;
    memmove(out, out + sizeof(mapped), V4_SIZE);
    return V4_SIZE;
}

void host_from_bytes(const uint8_t *bytes, size_t length, char out[ADDRESS_HOST_MAX + 1])
{
    must(length == V4_SIZE || length == V6_SIZE);
    must(inet_ntop(length == V4_SIZE ? AF_INET : AF_INET6, bytes, out, ADDRESS_HOST_MAX + 1) !=
         NULL);
}

bool host_is_literal(const char *host)
{
    uint8_t literal[V6_SIZE];

    return host_to_bytes(host, literal) > 0;
}

static bool v4_is_local(const uint8_t a[V4_SIZE])
{
    bool multicast = a[0] >= 224 && a[0] <= 239;
    bool broadcast = a[0] == 255 && a[1] == 255 && a[2] == 255 && a[3] == 255;

    return a[0] == 0 || a[0] == 127 || (a[0] == 169 && a[1] == 254) || multicast || broadcast;
}

static bool v6_is_local(const uint8_t a[V6_SIZE])
{
    static const uint8_t zeros[V6_SIZE - 1];
    bool unspecified_or_loopback = memcmp(a, zeros, sizeof(zeros)) == 0 && a[V6_SIZE - 1] <= 1;
    bool link_local = a[0] == 0xFE && (a[1] & 0xC0) == 0x80;
    bool multicast = a[0] == 0xFF;

    return unspecified_or_loopback || link_local || multicast;
}

bool host_is_local(const char *host)
{
    uint8_t literal[V6_SIZE];
    size_t size = host_to_bytes(host, literal);

    if (size == V4_SIZE)
        return v4_is_local(literal);
    return size == V6_SIZE && v6_is_local(literal);
}

bool host_is_loopback(const char *host)
{
    static const uint8_t v6_loopback[V6_SIZE] = {[V6_SIZE - 1] = 1};
    uint8_t literal[V6_SIZE];
    size_t size = host_to_bytes(host, literal);

    if (size == V4_SIZE)
        return literal[0] == 127;
    return size == V6_SIZE && memcmp(literal, v6_loopback, V6_SIZE) == 0;
}

static bool v4_is_private(const uint8_t a[V4_SIZE])
{
    const bool shared = a[0] == 100 && (a[1] & 0xC0) == 64; /* behind the provider's NAT */

    return a[0] == 10 || (a[0] == 172 && (a[1] & 0xF0) == 16) || (a[0] == 192 && a[1] == 168) ||
           shared;
}

bool host_is_public(const char *host)
{
    uint8_t literal[V6_SIZE];
    size_t size = host_to_bytes(host, literal);

    if (size == V4_SIZE)
        return !v4_is_local(literal) && !v4_is_private(literal);
    return size == V6_SIZE && !v6_is_local(literal) && (literal[0] & 0xFE) != 0xFC;
}

uint64_t address_block(const char *host)
{
    /* Places for what is no /64 in use: 0:ffff::/32 and 0:0:0:1::/64 are reserved (RFC 4291). */
    static const uint64_t v4_base = UINT64_C(0x0000FFFF00000000), zero_block = 1;
    uint8_t literal[V6_SIZE];
    size_t size = host_to_bytes(host, literal);
    uint64_t block = 0;

    for (size_t i = 0; i < size && i < sizeof(block); i++)
        block = block << 8 | literal[i];
    if (size == V4_SIZE)
        return v4_base | block;
    return size == V6_SIZE && block == 0 ? zero_block : block;
}

static bool is_label_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static bool is_label(struct piece label)
{
    if (label.length == 0 || label.length > LABEL_MAX)
        return false;
    for (size_t i = 0; i < label.length; i++) {
        if (!is_label_char(label.start[i]))
            return false;
    }
    return label.start[0] != '-' && label.start[label.length - 1] != '-';
}

/* Whether a resolver would take a name with this last label for an IPv4 address in one of its old
 * spellings ("127.1", "0x7f000001"): such a name would pass for a host that is not local. */
static bool is_number_label(struct piece label)
{
    size_t digits = strspn(label.start, "0123456789");
    bool hex = label.length >= 2 && label.start[0] == '0' && lower(label.start[1]) == 'x';

    if (hex)
        digits = 2 + strspn(label.start + 2, "0123456789abcdefABCDEF");
    return digits >= label.length;
}

/* RFC 1035 with the digits of RFC 1123, and underscores, which real networks use. `host` ends in
 * NUL at its length. */
static bool is_dns_name(const char *host)
{
    struct piece label;

    for (const char *at = host;; at += label.length + 1) {
        label = (struct piece){at, strcspn(at, ".")};
        if (!is_label(label))
            return false;
        if (at[label.length] == '\0')
            return !is_number_label(label);
    }
}

static bool host_parse_v6(struct piece piece, char out[ADDRESS_HOST_MAX + 1])
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr literal;

    return piece_copy(piece, text, sizeof(text)) && inet_pton(AF_INET6, text, &literal) == 1 &&
           inet_ntop(AF_INET6, &literal, out, ADDRESS_HOST_MAX + 1) != NULL;
}

/* A literal or a name without brackets. A peer id is nothing to ask DNS for: whoever writes
 * PEERID:PORT has left out the host. */
static bool host_parse(struct piece piece, char out[ADDRESS_HOST_MAX + 1])
{
    struct in_addr literal;

    if (!piece_copy(piece, out, ADDRESS_HOST_MAX + 1))
        return false;
    for (char *c = out; *c != '\0'; c++)
        *c = lower(*c);
    if (starts_with_peer_id(out) && out[PEER_ID_LENGTH] == '\0')
        return false;
    return inet_pton(AF_INET, out, &literal) == 1 || is_dns_name(out);
}

bool host_normalize(const char *text, char out[ADDRESS_HOST_MAX + 1])
{
    struct piece piece = {text, strlen(text)};
    uint8_t literal[V6_SIZE];
    size_t size = host_to_bytes(text, literal);

    if (size == 0)
        return host_parse(piece, out);
    host_from_bytes(literal, size, out);
    return true;
}

/* --- Hosts with ports --- */

static bool port_parse(struct piece piece, enum host_port_zero zero, uint16_t *ret_port)
{
    uint32_t port = 0;

    if (piece.length == 0 || piece.length > PORT_DIGITS_MAX)
        return false;
    if (piece.length > 1 && piece.start[0] == '0')
        return false;
    for (size_t i = 0; i < piece.length; i++) {
        if (!is_digit(piece.start[i]))
            return false;
        port = port * 10 + (uint32_t)(piece.start[i] - '0');
    }
    if (port > UINT16_MAX || (port == 0 && zero == PORT_ZERO_REFUSED))
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool piece_host_port(struct piece piece, enum host_port_zero zero, struct host_port *ret_at)
{
    const char *end = piece.start + piece.length;
    const char *colon = memrchr(piece.start, ':', piece.length);
    struct host_port at = {0};
    struct piece host;
    bool good;

    if (colon == NULL)
        return false;
    host = piece_from(piece.start, colon);
    if (host.length >= 2 && host.start[0] == '[' && colon[-1] == ']')
        good = host_parse_v6(piece_from(host.start + 1, colon - 1), at.host);
    else
        good = host_parse(host, at.host);
    if (!good || !port_parse(piece_from(colon + 1, end), zero, &at.port))
        return false;
    *ret_at = at;
    return true;
}

enum error host_port_parse(const char *text, enum host_port_zero zero, struct host_port *ret_at)
{
    struct piece piece = {text, strlen(text)};

    return piece_host_port(piece, zero, ret_at) ? OK : ERR_INVALID_PARAMS;
}

/* --- Addresses --- */

static bool starts_with_scheme(const char *text, const char *wanted)
{
    for (; *wanted != '\0'; wanted++, text++) {
        if (lower(*text) != *wanted)
            return false;
    }
    return true;
}

/* What can be told of a name without the tables of Unicode's normal forms. */
static bool is_plausible_name(const char *name)
{
    size_t length = strlen(name);
    uint32_t code;

    if (length == 0 || length > ADDRESS_NAME_MAX || strpbrk(name, ":/?[") != NULL)
        return false;
    for (size_t at = 0, size; at < length; at += size) {
        size = text_decode(name + at, length - at, &code);
        if (size == 0 || text_is_unsafe(code))
            return false;
    }
    return true;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes what stands behind "?name=" (RFC 3986). A raw '&' or '#' would start something else. */
static bool name_decode(const char *text, char out[ADDRESS_NAME_MAX + 1])
{
    size_t length = 0;

    for (; *text != '\0'; text++) {
        int byte = (unsigned char)*text;

        if (byte == '&' || byte == '#' || length == ADDRESS_NAME_MAX)
            return false;
        if (byte == '%') {
            int high = hex_value(text[1]);
            int low = high < 0 ? -1 : hex_value(text[2]);

            if (low < 0)
                return false;
            byte = high << 4 | low;
            if (byte == '\0')
                return false;
            text += 2;
        }
        out[length++] = (char)byte;
    }
    out[length] = '\0';
    return is_plausible_name(out);
}

/* A piece that starts with a peer id: then comes nothing, or "@host:port". */
static bool parse_peer(struct piece piece, struct address *address)
{
    struct piece rest;

    must(piece.length >= PEER_ID_LENGTH);
    memcpy(address->peer_id, piece.start, PEER_ID_LENGTH);
    if (piece.length == PEER_ID_LENGTH)
        return true;
    if (piece.start[PEER_ID_LENGTH] != '@')
        return false;
    rest = piece_from(piece.start + PEER_ID_LENGTH + 1, piece.start + piece.length);
    address->has_host = piece_host_port(rest, PORT_ZERO_REFUSED, &address->at);
    return address->has_host;
}

/* What stands behind the scheme. */
static bool parse_shareable(const char *text, struct address *address)
{
    size_t length = strcspn(text, "?");

    if (!parse_peer((struct piece){text, length}, address))
        return false;
    if (text[length] == '\0')
        return true;
    return strncmp(text + length, name_key, NAME_KEY_LENGTH) == 0 &&
           name_decode(text + length + NAME_KEY_LENGTH, address->name);
}

static bool parse_plain(const char *text, struct address *address)
{
    struct piece piece = {text, strlen(text)};

    if (starts_with_peer_id(text) && (text[PEER_ID_LENGTH] == '\0' || text[PEER_ID_LENGTH] == '@'))
        return parse_peer(piece, address);
    if (strpbrk(text, ":[") == NULL)
        return piece_copy(piece, address->name, sizeof(address->name)) &&
               is_plausible_name(address->name);
    address->has_host = piece_host_port(piece, PORT_ZERO_REFUSED, &address->at);
    return address->has_host;
}

/* "classic:28470" is a host of that name: what stands behind the scheme is a host with its port. */
static bool parse_classic(const char *text, struct address *address)
{
    if (!starts_with_scheme(text, classic_scheme) ||
        host_port_parse(text + CLASSIC_SCHEME_LENGTH, PORT_ZERO_REFUSED, &address->at) != OK)
        return false;
    address->has_host = true;
    address->is_classic = true;
    return true;
}

enum error address_parse(const char *text, struct address *ret_address)
{
    struct address address = {0};
    bool good;

    /* Without a peer id behind it, the scheme is a host of that name: "p2pchat:28470". */
    if (starts_with_scheme(text, scheme) && starts_with_peer_id(text + SCHEME_LENGTH))
        good = parse_shareable(text + SCHEME_LENGTH, &address);
    else if (parse_classic(text, &address))
        good = true;
    else
        good = parse_plain(text, &address);
    if (!good)
        return ERR_INVALID_PARAMS;
    *ret_address = address;
    return OK;
}

/* --- Writing --- */

static void put_text(struct writer *w, const char *text)
{
    writer_bytes(w, text, strlen(text));
}

static void put_port(struct writer *w, uint16_t port)
{
    char digits[PORT_DIGITS_MAX + 1] = "";
    char *first = digits + PORT_DIGITS_MAX;

    do {
        *--first = (char)('0' + port % 10);
        port /= 10;
    } while (port > 0);
    put_text(w, first);
}

static void put_host_port(struct writer *w, const struct host_port *at)
{
    bool v6 = strchr(at->host, ':') != NULL;

    put_text(w, v6 ? "[" : "");
    put_text(w, at->host);
    put_text(w, v6 ? "]:" : ":");
    put_port(w, at->port);
}

/* RFC 3986: everything but its unreserved characters as %XX. */
static void put_encoded(struct writer *w, const char *name)
{
    static const char digits[] = "0123456789ABCDEF";

    for (; *name != '\0'; name++) {
        uint8_t byte = (uint8_t)*name;

        if (is_label_char(*name) || *name == '.' || *name == '~') {
            writer_u8(w, byte);
        } else {
            writer_u8(w, '%');
            writer_u8(w, (uint8_t)digits[byte >> 4]);
            writer_u8(w, (uint8_t)digits[byte & 0xF]);
        }
    }
}

void host_port_format(const struct host_port *at, char out[ADDRESS_HOST_PORT_MAX + 1])
{
    struct writer w;

    writer_init(&w, out, ADDRESS_HOST_PORT_MAX + 1);
    put_host_port(&w, at);
    writer_u8(&w, '\0');
    must(!w.failed);
}

void address_format(const struct address *address, char out[ADDRESS_TEXT_MAX + 1])
{
    bool shareable = address->peer_id[0] != '\0';
    struct writer w;

    writer_init(&w, out, ADDRESS_TEXT_MAX + 1);
    if (shareable) {
        put_text(&w, scheme);
        put_text(&w, address->peer_id);
    }
    if (address->is_classic)
        put_text(&w, classic_scheme);
    if (address->has_host) {
        put_text(&w, shareable ? "@" : "");
        put_host_port(&w, &address->at);
    }
    if (shareable && address->name[0] != '\0') {
        put_text(&w, name_key);
        put_encoded(&w, address->name);
    } else if (!address->has_host) {
        put_text(&w, address->name);
    }
    writer_u8(&w, '\0');
    must(!w.failed);
}
