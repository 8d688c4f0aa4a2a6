#include "daemon/libsystemd.h"

#include <dlfcn.h>
#include <stddef.h>

void *libsystemd_function(const char *name)
{
    void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *address = library != NULL ? dlsym(library, name) : NULL;

    if (library != NULL)
        dlclose(library); /* stays loaded */
    return address;
}
