#include "tests/unit/config_rig.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int rig_setup(void **state)
{
    static struct rig rig;

    rig = (struct rig){.place = {.uid = 1000}};
    strcpy(rig.path, "/tmp/test_config.XXXXXX");
    if (mkdtemp(rig.path) == NULL)
        return -1;
    setenv("HOME", "/home/tester", 1);
    setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1);
    setenv("XDG_CONFIG_HOME", rig.path, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("STATE_DIRECTORY");
    unsetenv("CONFIGURATION_DIRECTORY");
    unsetenv("CREDENTIALS_DIRECTORY");
    *state = &rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    char path[128];

    config_done(&rig->config);
    bytes_done(&rig->text);
    snprintf(path, sizeof(path), "%s/file", rig->path);
    unlink(path);
    rmdir(rig->path);
    return 0;
}

void rig_write(struct rig *rig, const void *content, size_t length, char path[128])
{
    int fd;

    snprintf(path, 128, "%s/file", rig->path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), length);
    close(fd);
}

void rig_read(struct rig *rig, const char *words)
{
    char copy[512], *argv[32] = {(char[]){"p2pchatd"}};
    int argc = 1;

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    config_done(&rig->config);
    bytes_clear(&rig->text);
    rig->config = (struct config){0};
    rig->verdict = config_read(argc, argv, &rig->place, &rig->config, &rig->text);
    bytes_u8(&rig->text, '\0');
}

void rig_read_with(struct rig *rig, const char *content, const char *words)
{
    char path[128], line[512];

    rig_write(rig, content, strlen(content), path);
    snprintf(line, sizeof(line), "--config=%s %s", path, words);
    rig_read(rig, line);
}

const char *rig_said(struct rig *rig)
{
    return (const char *)bytes_data(&rig->text);
}

void rig_assert_refused(struct rig *rig, enum config_verdict verdict, const char *what)
{
    assert_int_equal(rig->verdict, verdict);
    if (strstr(rig_said(rig), what) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", what, rig_said(rig));
    assert_null(rig->config.name);
}
