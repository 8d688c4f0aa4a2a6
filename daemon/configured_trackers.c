#include "daemon/configured_trackers.h"

#include <string.h>

#include "common/bytes.h"

static const char file_name[] = "trackers";

enum { FILE_MAX = TRACKERS_MAX * (TRACKER_TEXT_MAX + 1) + 1 };

void configured_trackers_load(const struct state_dir *dir, struct configured_trackers *ret_last)
{
    struct configured_trackers last = {.count = 0};
    char text[FILE_MAX];
    struct refusal refusal;
    size_t length;

    if (state_dir_read(dir, file_name, STATE_PUBLIC, text, sizeof(text), &length, &refusal) ==
        STATE_FILE_READ) {
        char *rest = text, *line;

        while (last.count < TRACKERS_MAX && (line = strsep(&rest, "\n")) != NULL) {
            if (tracker_setting_parse(line, &last.items[last.count]) == OK)
                last.count++;
        }
    }
    *ret_last = last;
}

static bool are_same(const struct configured_trackers *last, const struct tracker_setting *now,
                     size_t count)
{
    bool is_same = last->count == count;

    for (size_t i = 0; is_same && i < count; i++)
        is_same = strcmp(last->items[i].text, now[i].text) == 0;
    return is_same;
}

void configured_trackers_save(const struct state_dir *dir, const struct tracker_setting *now,
                              size_t count)
{
    struct configured_trackers last;
    struct bytes text = BYTES_EMPTY;
    struct refusal refusal;

    configured_trackers_load(dir, &last);
    if (are_same(&last, now, count))
        return;
    for (size_t i = 0; i < count; i++) {
        bytes_text(&text, now[i].text);
        bytes_u8(&text, '\n');
    }
    (void)state_dir_write(dir, file_name, bytes_data(&text), bytes_length(&text), &refusal);
    bytes_done(&text);
}
