#include "daemon/credential.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/text.h"
#include "daemon/core/link/crypto.h"
#include "daemon/core/link/noise.h"
#include "daemon/entropy.h"

_Static_assert((int)NETWORK_KEY_SIZE == (int)NOISE_PSK_SIZE, "it is the handshake's psk");

/* --- The directory --- */

/* Opens it, or says why not; a directory that is not there hands nothing over. */
static enum state_file open_directory(struct state_dir *ret_dir, struct refusal *ret_refusal)
{
    char *path = getenv("CREDENTIALS_DIRECTORY");
    int descriptor;

    if (path == NULL || path[0] == '\0')
        return STATE_FILE_MISSING;
    if (path[0] != '/') {
        refuse(ret_refusal, EX_CONFIG, "CREDENTIALS_DIRECTORY=%s: must be an absolute path", path);
        return STATE_FILE_REFUSED;
    }
    descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT)
        return STATE_FILE_MISSING;
    if (descriptor < 0) {
        refuse(ret_refusal, errno == ENOTDIR ? EX_CONFIG : EX_NOPERM,
               "CREDENTIALS_DIRECTORY=%s: cannot be opened: %s", path, strerror(errno));
        return STATE_FILE_REFUSED;
    }
    *ret_dir = (struct state_dir){.path = path, .descriptor = descriptor, .lock = -1};
    return STATE_FILE_READ;
}

enum state_file credential_read(const char *name, char *out, size_t size, size_t *ret_length,
                                struct refusal *ret_refusal)
{
    struct state_dir dir;
    enum state_file result = open_directory(&dir, ret_refusal);

    if (result != STATE_FILE_READ)
        return result;
    result = state_dir_read(&dir, name, STATE_HANDED_OVER, out, size, ret_length, ret_refusal);
    close(dir.descriptor);
    return result;
}

/* --- Names --- */

static bool looks_misnamed(const char *name)
{
    return strcmp(name, CREDENTIAL_IDENTITY) != 0 && strcmp(name, CREDENTIAL_NETWORK_KEY) != 0 &&
           (strcasestr(name, "p2pchat") != NULL || strcasestr(name, "network") != NULL);
}

bool credential_tell_unknown(struct bytes *text)
{
    struct state_dir dir;
    struct refusal refusal;
    struct dirent *entry;
    DIR *entries = NULL;
    bool is_told = false;

    if (open_directory(&dir, &refusal) == STATE_FILE_READ) {
        entries = fdopendir(dir.descriptor);
        if (entries == NULL)
            close(dir.descriptor);
    }
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        if (!looks_misnamed(entry->d_name))
            continue;
        bytes_text(text, is_told ? ", " : "nobody uses the credential ");
        text_append_safe(text, entry->d_name, strlen(entry->d_name));
        is_told = true;
    }
    if (entries != NULL)
        closedir(entries);
    if (is_told)
        bytes_text(text, ": those that are used are called " CREDENTIAL_IDENTITY
                         " and " CREDENTIAL_NETWORK_KEY);
    return is_told;
}

/* --- The network key --- */

static int value_of(char digit)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = digit != '\0' ? strchr(digits, digit) : NULL;

    return at != NULL ? (int)(at - digits) % 16 : -1;
}

static bool decode_hex(const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const int high = value_of(text[2 * i]), low = value_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool decode(const char *text, size_t length, uint8_t ret_key[NETWORK_KEY_SIZE])
{
    size_t got;

    if (length == NETWORK_KEY_SIZE) {
        memcpy(ret_key, text, length);
        return true;
    }
    if (length > 0 && text[length - 1] == '\n')
        length--;
    if (length == 2 * (size_t)NETWORK_KEY_SIZE)
        return decode_hex(text, ret_key, NETWORK_KEY_SIZE);
    return length == BASE64_LENGTH(NETWORK_KEY_SIZE) &&
           base64_decode(text, length, ret_key, NETWORK_KEY_SIZE, &got) && got == NETWORK_KEY_SIZE;
}

bool network_key_parse(const char *text, size_t length, uint8_t ret_key[NETWORK_KEY_SIZE])
{
    return decode(text, length, ret_key) && memcmp(ret_key, ret_key + 1, NETWORK_KEY_SIZE - 1) != 0;
}

bool credential_network_key(uint8_t **ret_key, struct refusal *ret_refusal)
{
    char text[2 * NETWORK_KEY_SIZE + 3]; /* one more, so that a longer file shows */
    uint8_t *key = NULL;
    size_t length;
    bool good = true;

    switch (credential_read(CREDENTIAL_NETWORK_KEY, text, sizeof(text), &length, ret_refusal)) {
    case STATE_FILE_READ:
        key = secret_new(NETWORK_KEY_SIZE);
        good = network_key_parse(text, length, key) ||
               refuse(ret_refusal, EX_CONFIG,
                      "the credential " CREDENTIAL_NETWORK_KEY
                      " is no key: it must be 32 random bytes, as they are, or as 44 characters of "
                      "base64 or 64 of hexadecimal");
        break;
    case STATE_FILE_MISSING:
        break;
    case STATE_FILE_REFUSED:
        good = false;
        break;
    }
    crypto_wipe(text, sizeof(text));
    if (good)
        *ret_key = key;
    else
        secret_free(key, NETWORK_KEY_SIZE);
    return good;
}
