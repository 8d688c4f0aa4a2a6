/* The main() of fuzz targets that are built without libFuzzer: runs saved inputs.
 *
 *   fuzz_x              the corpus of x in the source tree, as a TAP test
 *   fuzz_x FILE...      only these files, for instance one that a fuzzer found
 *
 * Each input is run as it is, and those of the corpus cut at every length too, which costs little
 * and finds what reads past an end. Inputs lie in blocks of exactly their size, so that
 * AddressSanitizer sees such a read. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"

/* Cutting a long input everywhere would take quadratic time; its first bytes hold the structure. */
#define CUT_BYTES_MAX 1024

static void run(const uint8_t *data, size_t size)
{
    uint8_t *input = xmemdup(data, size);

    LLVMFuzzerTestOneInput(input, size);
    free(input);
}

static void run_file(const char *path, int cut)
{
    FILE *file = fopen(path, "rb");
    struct stat about;
    uint8_t *data;
    size_t size;

    printf("# %s\n", path);
    fflush(stdout); /* so that the name stands there when the input ends the process */
    if (file == NULL || fstat(fileno(file), &about) < 0) {
        printf("Bail out! %s: %s\n", path, strerror(errno));
        exit(1);
    }
    size = (size_t)about.st_size;
    data = xmalloc(size);
    must(fread(data, 1, size, file) == size);
    fclose(file);
    run(data, size);
    for (size_t len = 0; cut && len < size && len < CUT_BYTES_MAX; len++)
        run(data, len);
    free(data);
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_corpus(const char *name)
{
    const char *top = getenv("top_srcdir");
    char folder[4096], path[sizeof(folder) + 257];
    struct dirent **entries;
    int count;

    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".", name);
    printf("1..1\n");
    count = scandir(folder, &entries, visible, alphasort);
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
        run_file(path, 1);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    printf("%s 1 - %d inputs in %s\n", count > 0 ? "ok" : "not ok", count > 0 ? count : 0, folder);
    return count > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 1)
        return run_corpus(program_invocation_short_name);
    for (int i = 1; i < argc; i++)
        run_file(argv[i], 0);
    return 0;
}
