#include "common/role.h"

#include <string.h>

#include "common/alloc.h"

const char *role_name(enum node_role role)
{
    switch (role) {
    case ROLE_NODE:
        return "node";
    case ROLE_TRACKER:
        return "tracker";
    }
    must(!"a role");
}

bool role_find(const char *name, enum node_role *ret_role)
{
    for (enum node_role role = ROLE_NODE; role <= ROLE_TRACKER; role++) {
        if (strcmp(name, role_name(role)) == 0) {
            *ret_role = role;
            return true;
        }
    }
    return false;
}
