#include "common/journal_stream.h"

#include <stdio.h>
#include <sys/stat.h>

bool journal_stream_is(int descriptor, const char *value)
{
    unsigned long long device, inode;
    struct stat st;
    char rest;

    return value != NULL && sscanf(value, "%llu:%llu%c", &device, &inode, &rest) == 2 &&
           fstat(descriptor, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}
