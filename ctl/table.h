/* Tables for people: columns as wide as what stands in them, on the screen. */
#ifndef P2PCHAT_CTL_TABLE_H
#define P2PCHAT_CTL_TABLE_H

#include <stddef.h>

#include "common/bytes.h"
#include "ctl/phrase.h"

enum { TABLE_COLUMNS_MAX = 10 };

struct table {
    size_t columns;
    struct bytes text; /* of all cells, each ended by a NUL */
};

void table_init(struct table *table, size_t columns);
void table_done(struct table *table);

/* Where the next cell is written, from left to right, row after row; safe for a terminal, on one
 * line. Then the cell is ended. */
struct bytes *table_cell(struct table *table);
void table_end_cell(struct table *table);

/* A cell that is our own text, and one that is a member of an object. */
void table_text(struct table *table, const char *text);
void table_field(struct table *table, const struct json *object, const char *name);

enum table_head { TABLE_WITHOUT_HEAD, TABLE_WITH_HEAD };

/* Appends the table; with a head, its first row looks like one. */
void table_print(const struct table *table, struct bytes *out, enum look look,
                 enum table_head head);

/* How many columns of a terminal a text takes that is safe for it. */
size_t table_width(const char *text, size_t length);

#endif
