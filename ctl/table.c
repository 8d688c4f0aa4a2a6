#include "ctl/table.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "common/alloc.h"
#include "common/text.h"

void table_init(struct table *table, size_t columns)
{
    must(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    *table = (struct table){.columns = columns};
}

void table_done(struct table *table)
{
    bytes_done(&table->text);
}

struct bytes *table_cell(struct table *table)
{
    return &table->text;
}

void table_end_cell(struct table *table)
{
    bytes_u8(&table->text, '\0');
}

void table_text(struct table *table, const char *text)
{
    bytes_text(&table->text, text);
    table_end_cell(table);
}

void table_field(struct table *table, const struct json *object, const char *name)
{
    phrase_field(&table->text, object, name);
    table_end_cell(table);
}

/* --- Widths --- */

/* The width of a character is in the locale; ASCII needs none loaded. Any that speaks UTF-8 knows
 * it, whatever the user's is. */
static size_t wide_width(const char *text, size_t length)
{
    size_t width = 0, step;
    uint32_t code;

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    for (size_t at = 0; at < length && (step = text_decode(text + at, length - at, &code)) > 0;
         at += step) {
        int columns = wcwidth((wchar_t)code);

        width += columns >= 0 ? (size_t)columns : 1;
    }
    return width;
}

size_t table_width(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] >= 0x80)
            return wide_width(text, length);
    }
    return length;
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    const char *cell = (const char *)bytes_data(&table->text);
    const char *end = cell + bytes_length(&table->text);

    memset(widths, 0, TABLE_COLUMNS_MAX * sizeof(*widths));
    for (size_t column = 0; cell < end; column = (column + 1) % table->columns) {
        size_t length = strlen(cell), width = table_width(cell, length);

        if (width > widths[column])
            widths[column] = width;
        cell += length + 1;
    }
}

/* --- Print --- */

static void pad(struct bytes *out, size_t spaces)
{
    for (size_t i = 0; i < spaces; i++)
        bytes_u8(out, ' ');
}

void table_print(const struct table *table, struct bytes *out, enum look look, enum table_head head)
{
    enum { GAP = 2 };
    const char *cell = (const char *)bytes_data(&table->text);
    const char *end = cell + bytes_length(&table->text);
    size_t widths[TABLE_COLUMNS_MAX], column = 0;
    bool is_head = head == TABLE_WITH_HEAD;

    measure(table, widths);
    for (; cell < end; cell += strlen(cell) + 1) {
        size_t width = table_width(cell, strlen(cell));

        if (is_head)
            phrase_begin(out, look, STYLE_HEAD);
        bytes_text(out, cell);
        if (is_head)
            phrase_end(out, look);
        if (++column < table->columns) {
            pad(out, widths[column - 1] - width + GAP);
        } else {
            bytes_u8(out, '\n');
            column = 0;
            is_head = false;
        }
    }
    must(column == 0);
}
