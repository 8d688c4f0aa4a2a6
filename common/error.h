/* Every way in which something can fail, in one enum.
 *
 * Errors that a control client can see are rows of common/api.def, with their JSON-RPC code and
 * their text. The few that only our own layers exchange are rows of ERROR_INTERNAL below. */
#ifndef P2PCHAT_COMMON_ERROR_H
#define P2PCHAT_COMMON_ERROR_H

/* ROW(NAME, "name", "what is wrong") */
#define ERROR_INTERNAL(ROW)                                                            \
    ROW(MALFORMED, "malformed", "bytes do not follow the specification")               \
    ROW(TRUNCATED, "truncated", "the input ends too early")                            \
    ROW(OVERSIZED, "oversized", "the input is larger than its limit")                  \
    ROW(BAD_KEY, "bad_key",                                                            \
        "a public key is of low order or not canonical, or is not the one expected")   \
    ROW(BAD_MAC, "bad_mac", "authentication of a ciphertext failed")                   \
    ROW(BAD_SIGNATURE, "bad_signature", "a signature is not valid")                    \
    ROW(BAD_STATE, "bad_state", "not allowed in this state")                           \
    ROW(BAD_CHECKSUM, "bad_checksum", "the checksum of a peer id is wrong: mistyped?") \
    ROW(BAD_VERSION, "bad_version", "a version that this program does not speak")      \
    ROW(TIMED_OUT, "timed_out", "no answer in time")                                   \
    ROW(EXPIRED, "expired", "its time has passed")                                     \
    ROW(FULL, "full", "a bounded table or queue is full")                              \
    ROW(NOT_FOUND, "not_found", "there is no such thing")                              \
    ROW(SYSTEM, "system", "the operating system refused; errno says why")

enum error {
    OK = 0,
#define ROW(NAME, name, text) ERR_##NAME,
    ERROR_INTERNAL(ROW)
#undef ROW
#define API_ERROR(NAME, code, name, text) ERR_##NAME,
#include "common/api.def"
};

/* How many there are, with OK. */
enum {
#define ROW(NAME, name, text)             +1
#define API_ERROR(NAME, code, name, text) +1
    ERROR_KINDS = 1 ERROR_INTERNAL(ROW)
#include "common/api.def"
#undef ROW
};

/* The stable name of an error ("no_such_peer"); "ok" for OK. Static storage. */
const char *error_name(enum error error);

/* One sentence for people that says what is wrong and, where there is something, what to do. Static
 * storage. */
const char *error_text(enum error error);

/* The JSON-RPC code of an error; internal ones that reach a client by mistake are -32603
 * (internal_error). */
int error_rpc_code(enum error error);

#endif
