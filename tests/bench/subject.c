#include "tests/bench/subject.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "common/rpc.h"
#include "tests/bench/bench.h"

enum { START_MS_MAX = 20000, LOOK_AGAIN_MS = 10 };

static const char program[] = "./p2pchatd";

/* Those that run: they do not outlive a benchmark that fails. */
enum { RUNNING_MAX = 8 };
static pid_t running[RUNNING_MAX];

static void kill_running(void)
{
    for (int i = 0; i < RUNNING_MAX; i++)
        if (running[i] != 0)
            kill(running[i], SIGKILL);
}

/* Puts `now` in the place of `before` (0: a free one). */
static void note_running(pid_t before, pid_t now)
{
    static bool is_set_up;
    int place = 0;

    if (!is_set_up)
        is_set_up = atexit(kill_running) == 0;
    while (running[place] != before)
        must(++place < RUNNING_MAX);
    running[place] = now;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        bench_die(path);
}

static void spawn(struct subject *subject)
{
    char *config = xasprintf("--config=%s/config", subject->directory);
    char *state = xasprintf("--state-dir=%s/state", subject->directory);
    char *log = xasprintf("%s/log", subject->directory);
    char *socket = xasprintf("--socket=%s", subject->socket);
    const char *const arguments[] = {
        program, config, state, socket, "--listen=127.0.0.1:0", "--name=subject", NULL};
    posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    if (posix_spawn(&subject->process, program, &actions, NULL, (char *const *)arguments,
                    environ) != 0)
        bench_die(program);
    note_running(0, subject->process);
    posix_spawn_file_actions_destroy(&actions);
    free(config);
    free(state);
    free(log);
    free(socket);
}

/* Connects to the control socket as soon as it is there. */
static int reach(const struct subject *subject)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", subject->socket);
    for (int waited_ms = 0; waited_ms < START_MS_MAX; waited_ms += LOOK_AGAIN_MS) {
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        if (waitpid(subject->process, NULL, WNOHANG) != 0)
            break;
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
    fprintf(stderr, "benchmark: the daemon did not start; see %s/log\n", subject->directory);
    exit(EXIT_FAILURE);
}

int subject_connect(const struct subject *subject)
{
    return reach(subject);
}

void subject_start(struct subject *subject, const char *configuration)
{
    *subject = (struct subject){.directory = "/tmp/p2pchat-bench.XXXXXX"};
    if (mkdtemp(subject->directory) == NULL)
        bench_die("mkdtemp");
    char *path = xasprintf("%s/config", subject->directory);
    write_file(path, configuration);
    free(path);
    snprintf(subject->socket, sizeof subject->socket, "%s/control.sock", subject->directory);
    subject_resume(subject);
}

void subject_resume(struct subject *subject)
{
    spawn(subject);
    subject->control = reach(subject);
}

struct json *subject_call(struct subject *subject, const char *method, const char *params)
{
    struct bytes line = BYTES_EMPTY;
    struct json *root;

    rpc_write_request(&line, 1, method, params, strlen(params));
    if (write(subject->control, bytes_data(&line), bytes_length(&line)) !=
        (ssize_t)bytes_length(&line))
        bench_die("control socket");
    bytes_clear(&line);
    do {
        ssize_t got = read(subject->control, bytes_reserve(&line, 4096), 4096);
        if (got <= 0)
            bench_die("control socket");
        bytes_commit(&line, (size_t)got);
    } while (bytes_data(&line)[bytes_length(&line) - 1] != '\n');
    must(json_parse((char *)bytes_data(&line), bytes_length(&line), &root) == OK);
    if (json_member(root, "result") == NULL) {
        fprintf(stderr, "benchmark: %s: %.*s", method, (int)bytes_length(&line),
                (char *)bytes_data(&line));
        exit(EXIT_FAILURE);
    }
    bytes_done(&line);
    return root;
}

static size_t count_of(const struct json *result, const char *name)
{
    int64_t count;

    must(json_integer(json_member(result, name), &count));
    return (size_t)count;
}

struct subject_status subject_status(struct subject *subject)
{
    struct json *root = subject_call(subject, "status", "{}");
    const struct json *result = json_member(root, "result");
    struct subject_status status = {.links = count_of(result, "links"),
                                    .contacts = count_of(result, "contacts"),
                                    .last_seq = count_of(json_member(result, "log"), "last_seq")};
    const char *text;
    size_t length;

    must(json_string(json_member(result, "peer_id"), &text, &length));
    snprintf(status.peer_id, sizeof status.peer_id, "%s", text);
    must(json_string(json_first(json_member(result, "listen")), &text, &length));
    status.port = (uint16_t)strtoul(strrchr(text, ':') + 1, NULL, 10);
    json_free(root);
    return status;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st;
    (void)type;
    (void)place;
    return remove(path);
}

double subject_processor_s(const struct subject *subject)
{
    struct timespec time;
    clockid_t clock;

    if (subject->process == 0)
        return 0;
    must(clock_getcpuclockid(subject->process, &clock) == 0 && clock_gettime(clock, &time) == 0);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

void subject_pause(struct subject *subject)
{
    close(subject->control);
    kill(subject->process, SIGTERM);
    waitpid(subject->process, NULL, 0);
    note_running(subject->process, 0);
    subject->process = 0;
}

void subject_stop(struct subject *subject)
{
    if (subject->process != 0)
        subject_pause(subject);
    nftw(subject->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
