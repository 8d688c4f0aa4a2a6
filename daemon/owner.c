#include "daemon/owner.h"

#include <pwd.h>
#include <stdio.h>

#include "daemon/process.h"

const char *owner_name(uid_t uid, char out[OWNER_MAX])
{
    char memory[4096];
    struct passwd entry, *found;
    int length = -1;

    if (getpwuid_r(uid, &entry, memory, sizeof(memory), &found) == 0 && found != NULL)
        length = snprintf(out, OWNER_MAX, "%s", found->pw_name);
    if (length <= 0 || length >= OWNER_MAX)
        snprintf(out, OWNER_MAX, "%u", (unsigned)uid);
    return out;
}

const char *owner_words(uid_t uid, char out[OWNER_MAX])
{
    char name[OWNER_MAX];

    if (process_has_user(uid))
        snprintf(out, OWNER_MAX, "user %.50s", owner_name(uid, name));
    else
        snprintf(out, OWNER_MAX, "another user");
    return out;
}
