#include "daemon/identity_file.h"

#include <stdio.h>
#include <string.h>

#include "common/base32.h"

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

static bool create(const struct state_dir *dir, enum identity_need need,
                   const struct random *random, struct identity *ret_identity,
                   struct refusal *ret_refusal)
{
    char line[LINE_LENGTH + 1];
    bool good;

    if (need == IDENTITY_MUST_BE_THERE)
        return refuse(
            ret_refusal, EX_CONFIG,
            "%s/%s: is missing, but there is a database of its node: bring the file back, "
            "or begin anew with another --state-dir",
            dir->path, file_name);
    identity_create(random, ret_identity);
    compose(ret_identity, line);
    good = state_dir_write(dir, file_name, line, LINE_LENGTH, ret_refusal);
    crypto_wipe(line, sizeof(line));
    return good;
}

bool identity_file_load(const struct state_dir *dir, enum identity_need need,
                        const struct random *random, struct identity *ret_identity,
                        bool *ret_is_new, struct refusal *ret_refusal)
{
    char line[LINE_LENGTH + 2]; /* one more, so that a longer file shows */
    size_t length = 0;
    bool good = false, is_new = false;

    switch (
        state_dir_read(dir, file_name, STATE_SECRET, line, sizeof(line), &length, ret_refusal)) {
    case STATE_FILE_READ:
        good = parse(line, length, ret_identity);
        if (!good)
            refuse(ret_refusal, EX_CONFIG, "%s/%s: is damaged: bring back a copy of it", dir->path,
                   file_name);
        break;
    case STATE_FILE_MISSING:
        good = create(dir, need, random, ret_identity, ret_refusal);
        is_new = true;
        break;
    case STATE_FILE_REFUSED:
        break;
    }
    crypto_wipe(line, sizeof(line));
    if (good)
        *ret_is_new = is_new;
    return good;
}
