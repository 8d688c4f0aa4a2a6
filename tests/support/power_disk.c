#include "tests/support/power_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"

enum { SECTOR = 512, FILES_MAX = 64 };

/* A change of a file that is not durable yet. */
struct change {
    struct change *next;
    enum disk_change kind; /* DISK_WRITTEN or DISK_TRUNCATED */
    bool is_lost;          /* no sync waits for it any more */
    uint64_t number;
    uint64_t offset;
    size_t length;
    uint8_t bytes[];
};

struct file {
    char name[32];
    struct power_content content; /* durable */
    struct change *first, **end;
};

/* A change of the directory that is not durable yet. */
struct naming {
    size_t file;
    bool is_there;
    uint64_t number;
};

struct power_disk {
    struct file *files[FILES_MAX];
    size_t count;
    bool is_there[FILES_MAX]; /* durably, under its name */
    bool is_open[FILES_MAX];  /* has the name now */
    struct naming namings[FILES_MAX];
    size_t naming_count;
    uint64_t last; /* number of the last change */
};

/* --- Making and ending --- */

struct power_disk *power_disk_new(void)
{
    return xcalloc(1, sizeof(struct power_disk));
}

static struct change *change_new(const struct change *like, size_t skip, size_t length)
{
    struct change *change = xmalloc(sizeof(*change) + length);

    *change = *like;
    change->next = NULL;
    change->offset += skip;
    change->length = length;
    return change;
}

static void file_add(struct file *file, struct change *change)
{
    *file->end = change;
    file->end = &change->next;
}

static void file_free(struct file *file)
{
    for (struct change *change = file->first, *next; change != NULL; change = next) {
        next = change->next;
        free(change);
    }
    free(file->content.bytes);
    free(file);
}

static void content_grow(struct power_content *c, size_t length)
{
    if (length > c->room) {
        c->room = 2 * length;
        c->bytes = xrealloc(c->bytes, c->room);
    }
    if (length > c->length) {
        memset(c->bytes + c->length, 0, length - c->length);
        c->length = length;
    }
}

static void content_copy(struct power_content *c, const struct power_content *from)
{
    c->length = 0;
    content_grow(c, from->length);
    if (from->length > 0)
        memcpy(c->bytes, from->bytes, from->length);
}

static struct file *file_copy(const struct file *file)
{
    struct file *copy = xmemdup(file, sizeof(*file));

    copy->content = (struct power_content){0};
    content_copy(&copy->content, &file->content);
    copy->first = NULL;
    copy->end = &copy->first;
    for (const struct change *change = file->first; change != NULL; change = change->next) {
        const size_t bytes = change->kind == DISK_WRITTEN ? change->length : 0;
        struct change *same = change_new(change, 0, change->length);

        memcpy(same->bytes, change->bytes, bytes);
        file_add(copy, same);
    }
    return copy;
}

struct power_disk *power_disk_copy(const struct power_disk *disk)
{
    struct power_disk *copy = xmemdup(disk, sizeof(*disk));

    for (size_t i = 0; i < disk->count; i++)
        copy->files[i] = file_copy(disk->files[i]);
    return copy;
}

void power_disk_free(struct power_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        file_free(disk->files[i]);
    free(disk);
}

/* --- What is told --- */

static void put(struct power_content *c, uint64_t offset, const uint8_t *from, size_t count)
{
    content_grow(c, offset + count);
    memcpy(c->bytes + offset, from, count);
}

static void apply(struct power_content *c, const struct change *change)
{
    if (change->kind == DISK_WRITTEN)
        put(c, change->offset, change->bytes, change->length);
    else if (change->length < c->length)
        c->length = change->length;
    else
        content_grow(c, change->length);
}

/* What was lost under bytes that are durable now does not come back: cuts the lost changes to what
 * lies outside. */
static void bury(struct file *file, uint64_t from, uint64_t to)
{
    struct change **at = &file->first;

    while (*at != NULL && (*at)->is_lost) {
        struct change *change = *at;
        const uint64_t end = change->offset + change->length;

        if (change->offset >= to || end <= from) {
            at = &change->next;
            continue;
        }
        *at = change->next;
        if (change->offset < from) {
            struct change *before = change_new(change, 0, from - change->offset);

            memcpy(before->bytes, change->bytes, before->length);
            before->next = *at;
            *at = before;
            at = &before->next;
        }
        if (end > to) {
            struct change *after = change_new(change, to - change->offset, end - to);

            memcpy(after->bytes, change->bytes + (to - change->offset), after->length);
            after->next = *at;
            *at = after;
            at = &after->next;
        }
        free(change);
    }
    if (*at == NULL)
        file->end = at;
}

/* The lost ones stand before all others. */
static void sync_file(struct file *file)
{
    struct change **at = &file->first;
    struct change *change, *rest;

    while (*at != NULL && (*at)->is_lost)
        at = &(*at)->next;
    rest = *at;
    *at = NULL;
    file->end = at;
    while ((change = rest) != NULL) {
        rest = change->next;
        apply(&file->content, change);
        if (change->kind == DISK_WRITTEN)
            bury(file, change->offset, change->offset + change->length);
        else
            bury(file, change->length, UINT64_MAX);
        free(change);
    }
}

/* After a sync that failed. A new size is the file system's own, and kept by its journal. */
static void give_up(struct file *file)
{
    for (struct change **at = &file->first, *change; (change = *at) != NULL;) {
        change->is_lost = true;
        if (change->kind == DISK_WRITTEN) {
            at = &change->next;
            continue;
        }
        *at = NULL;
        file->end = at;
        apply(&file->content, change);
        bury(file, change->length, UINT64_MAX);
        *file->end = change->next;
        at = file->end;
        free(change);
    }
    while (*file->end != NULL)
        file->end = &(*file->end)->next;
}

static void name_file(struct power_disk *disk, size_t file, bool is_there)
{
    must(disk->naming_count < FILES_MAX);
    disk->namings[disk->naming_count++] =
        (struct naming){.file = file, .is_there = is_there, .number = disk->last};
    disk->is_open[file] = is_there;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* The file that has this name now; one that was there before we were told of it is there for good.
 */
static size_t find(struct power_disk *disk, const char *path, bool is_new)
{
    struct file *file;

    for (size_t i = 0; !is_new && i < disk->count; i++)
        if (disk->is_open[i] && strcmp(disk->files[i]->name, base_name(path)) == 0)
            return i;
    must(disk->count < FILES_MAX);
    file = xcalloc(1, sizeof(*file));
    file->end = &file->first;
    must((size_t)snprintf(file->name, sizeof(file->name), "%s", base_name(path)) <
         sizeof(file->name));
    disk->files[disk->count] = file;
    disk->is_there[disk->count] = !is_new;
    disk->is_open[disk->count] = true;
    return disk->count++;
}

static void change_file(struct power_disk *disk, struct file *file, const struct disk_event *event)
{
    const struct change like = {
        .kind = event->change, .number = disk->last, .offset = event->offset};
    struct change *change = change_new(&like, 0, event->length);

    if (event->change == DISK_WRITTEN)
        memcpy(change->bytes, event->bytes, event->length);
    file_add(file, change);
}

static void sync_directory(struct power_disk *disk)
{
    for (size_t i = 0; i < disk->naming_count; i++)
        disk->is_there[disk->namings[i].file] = disk->namings[i].is_there;
    disk->naming_count = 0;
}

void power_disk_tell(struct power_disk *disk, const struct disk_event *event)
{
    if (strncmp(base_name(event->path), "p2pchat.db", 10) != 0)
        return;
    disk->last++;
    switch (event->change) {
    case DISK_CREATED:
        name_file(disk, find(disk, event->path, true), true);
        break;
    case DISK_DELETED:
        name_file(disk, find(disk, event->path, false), false);
        break;
    case DISK_WRITTEN:
    case DISK_TRUNCATED:
        change_file(disk, disk->files[find(disk, event->path, false)], event);
        break;
    case DISK_SYNCED:
        sync_file(disk->files[find(disk, event->path, false)]);
        break;
    case DISK_NOT_SYNCED:
        give_up(disk->files[find(disk, event->path, false)]);
        break;
    case DISK_DIRECTORY_SYNCED:
        sync_directory(disk);
        break;
    }
}

/* --- Cutting --- */

/* Whether the sector of a change is there: always the same for the same arguments. */
static bool toss(uint64_t seed, uint64_t change, uint64_t sector)
{
    uint64_t z = seed + change * 0x9e3779b97f4a7c15 + sector * 0xd1b54a32d192ed03;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return ((z ^ z >> 31) & 1) != 0;
}

static bool survives(enum power_cut cut, uint64_t seed, bool is_last, uint64_t number,
                     uint64_t sector)
{
    switch (cut) {
    case CUT_NOTHING:
        return false;
    case CUT_ALL:
        return true;
    case CUT_LAST_ALONE:
        return is_last;
    case CUT_LAST_TORN:
        return !is_last || toss(seed, number, sector);
    case CUT_HALF:
        return toss(seed, number, 0);
    case CUT_SHREDS:
        return toss(seed, number, sector);
    }
    must(false);
}

static void cut_file(const struct power_disk *disk, const struct file *file, enum power_cut cut,
                     uint64_t seed, struct power_image_file *image)
{
    memcpy(image->name, file->name, sizeof(image->name));
    content_copy(&image->content, &file->content);
    for (const struct change *c = file->first; c != NULL; c = c->next) {
        const bool is_last = c->number == disk->last;
        size_t piece;

        if (c->kind == DISK_TRUNCATED) {
            if (survives(cut, seed, is_last, c->number, 0))
                apply(&image->content, c);
            continue;
        }
        for (size_t at = 0; at < c->length; at += piece) {
            const uint64_t sector = (c->offset + at) / SECTOR;

            piece = (sector + 1) * SECTOR - (c->offset + at);
            if (piece > c->length - at)
                piece = c->length - at;
            if (survives(cut, seed, is_last, c->number, sector))
                put(&image->content, c->offset + at, c->bytes + at, piece);
        }
    }
}

static void mix(uint64_t *hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t word;

    *hash = (*hash ^ length) * 0x9e3779b97f4a7c15;
    for (; length >= sizeof(word); at += sizeof(word), length -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        *hash = (*hash ^ word) * 0x9e3779b97f4a7c15;
        *hash ^= *hash >> 32;
    }
    for (; length > 0; at++, length--)
        *hash = (*hash ^ *at) * 0x100000001b3;
}

void power_disk_cut(const struct power_disk *disk, enum power_cut cut, uint64_t seed,
                    struct power_image *image)
{
    bool is_there[FILES_MAX];

    image->count = 0;
    image->hash = 0;
    memcpy(is_there, disk->is_there, sizeof(is_there));
    for (size_t i = 0; i < disk->naming_count; i++) {
        const struct naming *n = &disk->namings[i];

        if (survives(cut, seed, n->number == disk->last, n->number, 0))
            is_there[n->file] = n->is_there;
    }
    for (size_t i = 0; i < disk->count; i++) {
        struct power_image_file *file = &image->files[image->count];

        if (!is_there[i])
            continue;
        must(image->count++ < sizeof(image->files) / sizeof(image->files[0]));
        cut_file(disk, disk->files[i], cut, seed, file);
        mix(&image->hash, file->name, strlen(file->name));
        mix(&image->hash, file->content.bytes, file->content.length);
    }
}

void power_image_done(struct power_image *image)
{
    for (size_t i = 0; i < sizeof(image->files) / sizeof(image->files[0]); i++)
        free(image->files[i].content.bytes);
    *image = (struct power_image){0};
}

static bool has_file(const struct power_image *image, const char *name)
{
    bool has = false;

    for (size_t i = 0; i < image->count; i++)
        has |= strcmp(image->files[i].name, name) == 0;
    return has;
}

static void remove_others(const struct power_image *image, int directory)
{
    DIR *entries = fdopendir(dup(directory));

    must(entries != NULL);
    rewinddir(entries);
    for (struct dirent *e; (e = readdir(entries)) != NULL;)
        if (e->d_name[0] != '.' && !has_file(image, e->d_name))
            must(unlinkat(directory, e->d_name, 0) == 0);
    closedir(entries);
}

void power_image_write(const struct power_image *image, const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    must(fd >= 0);
    remove_others(image, fd);
    for (size_t i = 0; i < image->count; i++) {
        const struct power_image_file *file = &image->files[i];
        const size_t length = file->content.length;
        int at = openat(fd, file->name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        must(at >= 0);
        must(write(at, file->content.bytes, length) == (ssize_t)length);
        must(ftruncate(at, (off_t)length) == 0);
        close(at);
    }
    close(fd);
}
