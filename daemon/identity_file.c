#include "daemon/identity_file.h"

#include <stdio.h>
#include <string.h>

#include "common/base32.h"
#include "daemon/credential.h"

static const char file_name[] = "identity.key";
static const char magic[] = "p2pchat-identity-1 ";

enum {
    MAGIC_LENGTH = sizeof(magic) - 1,
    SEED_LENGTH = BASE32_LENGTH(CRYPTO_SEED_SIZE),
    LINE_LENGTH = MAGIC_LENGTH + SEED_LENGTH + 1 + PEER_ID_LENGTH + 1
};

static void compose(const struct identity *identity, char line[LINE_LENGTH + 1])
{
    char seed[SEED_LENGTH + 1];

    base32_encode(identity->seed, sizeof(identity->seed), seed);
    snprintf(line, LINE_LENGTH + 1, "%s%s %s\n", magic, seed, identity->id);
    crypto_wipe(seed, sizeof(seed));
}

/* Whether the line is an identity's own, to the last character. */
static bool parse(const char *line, size_t length, struct identity *ret_identity)
{
    uint8_t seed[CRYPTO_SEED_SIZE];
    char again[LINE_LENGTH + 1];
    bool good = length == LINE_LENGTH &&
                base32_decode(line + MAGIC_LENGTH, SEED_LENGTH, seed, sizeof(seed)) &&
                identity_from_seed(seed, ret_identity) == OK;

    if (good) {
        compose(ret_identity, again);
        good = crypto_equal(line, again, LINE_LENGTH);
        crypto_wipe(again, sizeof(again));
    }
    crypto_wipe(seed, sizeof(seed));
    return good;
}

/* What a file or a credential holds, at most LINE_LENGTH bytes and one more. */
enum { READ_SIZE = LINE_LENGTH + 2 };

static enum state_file read_file(const struct state_dir *dir, struct identity *ret_identity,
                                 struct refusal *ret_refusal)
{
    char line[READ_SIZE];
    size_t length;
    enum state_file result =
        state_dir_read(dir, file_name, STATE_SECRET, line, sizeof(line), &length, ret_refusal);

    if (result == STATE_FILE_READ && !parse(line, length, ret_identity)) {
        refuse(ret_refusal, EX_CONFIG, "%s/%s: is damaged: bring back a copy of it", dir->path,
               file_name);
        result = STATE_FILE_REFUSED;
    }
    crypto_wipe(line, sizeof(line));
    return result;
}

/* The same line; who copied it may have lost its newline. */
static enum state_file read_credential(struct identity *ret_identity, struct refusal *ret_refusal)
{
    char line[READ_SIZE];
    size_t length;
    enum state_file result =
        credential_read(CREDENTIAL_IDENTITY, line, sizeof(line), &length, ret_refusal);

    if (result == STATE_FILE_READ && length == LINE_LENGTH - 1)
        line[length++] = '\n';
    if (result == STATE_FILE_READ && !parse(line, length, ret_identity)) {
        refuse(ret_refusal, EX_CONFIG,
               "the credential " CREDENTIAL_IDENTITY
               " is no identity: it must be the line of an identity.key");
        result = STATE_FILE_REFUSED;
    }
    crypto_wipe(line, sizeof(line));
    return result;
}

static bool create(const struct state_dir *dir, enum identity_need need,
                   const struct random *random, struct identity *ret_identity,
                   struct refusal *ret_refusal)
{
    char line[LINE_LENGTH + 1];
    bool good;

    if (need == IDENTITY_MUST_BE_THERE)
        return refuse(
            ret_refusal, EX_CONFIG,
            "%s/%s: is missing, but there is a database of its node: bring back the file, or the "
            "credential " CREDENTIAL_IDENTITY " if it was that; or, to begin anew as another node, "
            "move all that is in the directory elsewhere",
            dir->path, file_name);
    identity_create(random, ret_identity);
    compose(ret_identity, line);
    good = state_dir_write(dir, file_name, line, LINE_LENGTH, ret_refusal);
    crypto_wipe(line, sizeof(line));
    return good;
}

/* Reads the file, or makes it. */
static bool load_file(const struct state_dir *dir, enum identity_need need,
                      const struct random *random, struct identity *ret_identity,
                      enum identity_origin *ret_origin, struct refusal *ret_refusal)
{
    switch (read_file(dir, ret_identity, ret_refusal)) {
    case STATE_FILE_READ:
        *ret_origin = IDENTITY_KEPT;
        return true;
    case STATE_FILE_MISSING:
        if (!create(dir, need, random, ret_identity, ret_refusal))
            return false;
        *ret_origin = IDENTITY_NEW;
        return true;
    case STATE_FILE_REFUSED:
        break;
    }
    return false;
}

/* A directory that is another identity's is not taken over, nor is its key forgotten. */
static bool is_nobody_elses(const struct state_dir *dir, const struct identity *identity,
                            struct refusal *ret_refusal)
{
    struct identity there;
    bool good = true;

    switch (read_file(dir, &there, ret_refusal)) {
    case STATE_FILE_READ:
        if (memcmp(there.key.bytes, identity->key.bytes, sizeof(there.key.bytes)) != 0)
            good =
                refuse(ret_refusal, EX_CONFIG,
                       "%s/%s: holds another identity, %s, than the credential " CREDENTIAL_IDENTITY
                       ", %s: take one of the two away, or give another --state-dir",
                       dir->path, file_name, there.id, identity->id);
        break;
    case STATE_FILE_MISSING:
        break;
    case STATE_FILE_REFUSED:
        good = false;
        break;
    }
    crypto_wipe(&there, sizeof(there));
    return good;
}

bool identity_file_load(const struct state_dir *dir, enum identity_need need,
                        const struct random *random, struct identity *ret_identity,
                        enum identity_origin *ret_origin, struct refusal *ret_refusal)
{
    switch (read_credential(ret_identity, ret_refusal)) {
    case STATE_FILE_READ:
        if (!is_nobody_elses(dir, ret_identity, ret_refusal))
            return false;
        *ret_origin = IDENTITY_HANDED_OVER;
        return true;
    case STATE_FILE_MISSING:
        return load_file(dir, need, random, ret_identity, ret_origin, ret_refusal);
    case STATE_FILE_REFUSED:
        break;
    }
    return false;
}

bool identity_file_check_credential(struct refusal *ret_refusal)
{
    struct identity identity;
    const enum state_file result = read_credential(&identity, ret_refusal);

    crypto_wipe(&identity, sizeof(identity));
    return result != STATE_FILE_REFUSED;
}
