/* The only file that names cJSON. A `struct json` is a cJSON under another name: it is only ever
 * cast back, so nobody else can reach into it. */
#include "common/json.h"

#include <cjson/cJSON.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/json_scan.h"

static const cJSON *node(const struct json *value)
{
    return (const cJSON *)value;
}

static const struct json *json(const cJSON *node)
{
    return (const struct json *)node;
}

/* --- What the grammar does not tell --- */

/* Up to so many members are compared each with each: quicker than sorting, and every message of
 * ours has fewer. */
enum { PAIRWISE_MAX = 16 };

static bool names_differ_pairwise(const cJSON *object)
{
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        for (const cJSON *other = object->child; other != member; other = other->next) {
            if (strcmp(member->string, other->string) == 0)
                return false;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool names_differ_sorted(const cJSON *object, size_t count)
{
    const char **names = xcalloc(count, sizeof(*names));
    bool differ = true;
    size_t i = 0;

    for (const cJSON *member = object->child; member != NULL; member = member->next)
        names[i++] = member->string;
    qsort(names, count, sizeof(*names), compare_names);
    for (i = 1; i < count && differ; i++)
        differ = strcmp(names[i - 1], names[i]) != 0;
    free(names);
    return differ;
}

static bool names_differ(const cJSON *object)
{
    size_t count = json_count(json(object));

    return count <= PAIRWISE_MAX ? names_differ_pairwise(object)
                                 : names_differ_sorted(object, count);
}

/* What only shows once numbers and names are decoded. Recurses no deeper than JSON_DEPTH_MAX. */
static bool is_acceptable(const cJSON *value)
{
    if (cJSON_IsNumber(value))
        return isfinite(value->valuedouble);
    if (cJSON_IsObject(value) && !names_differ(value))
        return false;
    for (const cJSON *child = value->child; child != NULL; child = child->next) {
        if (!is_acceptable(child))
            return false;
    }
    return true;
}

/* --- Memory --- */

/* cJSON asks for each value and each string by itself. They come out of one block, which is freed
 * as a whole: values from its start, the root first, and strings, which need no alignment, from its
 * end. cJSON's hooks are given no context, so the block that a thread is filling is the thread's.
 */
struct block {
    char *start, *end;
};

static _Thread_local struct block filled;

static void *allocate(size_t size)
{
    must((size_t)(filled.end - filled.start) >= size);
    if (size != sizeof(cJSON))
        return filled.end -= size;
    filled.start += size;
    return filled.start - size;
}

static void keep(void *part)
{
    (void)part; /* cJSON frees only what it could not parse, and there is no such text */
}

static void hook(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = allocate, .free_fn = keep});
}

/* A string and its NUL take no more room than it took in quotes; a number may be copied, with a
 * NUL, to be read. */
static struct json *build(const char *text, size_t length, size_t count)
{
    static pthread_once_t hooked = PTHREAD_ONCE_INIT;
    const size_t size = count * (sizeof(cJSON) + 1) + length;
    char *block = xmalloc(size);
    cJSON *root;

    pthread_once(&hooked, hook);
    filled = (struct block){.start = block, .end = block + size};
    root = cJSON_ParseWithLength(text, length);
    /* It takes all that the scanner takes. */
    must(root != NULL && (char *)root == block);
    return (struct json *)root;
}

/* --- Parsing --- */

/* cJSON reads numbers as the thread's locale writes them, and not all of them right. (That of all
 * categories of "C" is glibc's own and costs nothing.) */
static struct json *build_in_c_locale(const char *text, size_t length, size_t count)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before;
    struct json *root;

    must(c_locale != (locale_t)0);
    before = uselocale(c_locale);
    root = build(text, length, count);
    uselocale(before);
    freelocale(c_locale);
    return root;
}

enum error json_parse_small(const char *text, size_t length, size_t values_max,
                            struct json **ret_root)
{
    size_t count;
    enum error error = json_scan(text, length, values_max, &count);
    struct json *root;

    if (error != OK)
        return error;
    root = build_in_c_locale(text, length, count);
    if (!is_acceptable(node(root))) {
        json_free(root);
        return ERR_PARSE_ERROR;
    }
    *ret_root = root;
    return OK;
}

enum error json_parse(const char *text, size_t length, struct json **ret_root)
{
    return json_parse_small(text, length, SIZE_MAX, ret_root);
}

void json_free(struct json *root)
{
    free(root);
}

/* --- Reading --- */

enum json_type json_type(const struct json *value)
{
    const cJSON *n = node(value);

    if (cJSON_IsNull(n))
        return JSON_NULL;
    if (cJSON_IsBool(n))
        return JSON_BOOL;
    if (cJSON_IsNumber(n))
        return JSON_NUMBER;
    if (cJSON_IsString(n))
        return JSON_STRING;
    if (cJSON_IsArray(n))
        return JSON_ARRAY;
    must(cJSON_IsObject(n));
    return JSON_OBJECT;
}

const struct json *json_member(const struct json *object, const char *name)
{
    if (!cJSON_IsObject(node(object)))
        return NULL;
    return json(cJSON_GetObjectItemCaseSensitive(node(object), name));
}

bool json_number(const struct json *value, double *ret_number)
{
    if (!cJSON_IsNumber(node(value)))
        return false;
    *ret_number = node(value)->valuedouble + 0.0; /* makes -0 0 */
    return true;
}

bool json_bool(const struct json *value, bool *ret_bool)
{
    if (!cJSON_IsBool(node(value)))
        return false;
    *ret_bool = cJSON_IsTrue(node(value));
    return true;
}

bool json_string(const struct json *value, const char **ret_text, size_t *ret_length)
{
    if (!cJSON_IsString(node(value)))
        return false;
    *ret_text = node(value)->valuestring;
    *ret_length = strlen(*ret_text);
    return true;
}

bool json_integer(const struct json *value, int64_t *ret_integer)
{
    double number;

    if (!json_number(value, &number))
        return false;
    if (number < -(double)JSON_INTEGER_MAX || number > (double)JSON_INTEGER_MAX)
        return false;
    if (number != (double)(int64_t)number)
        return false;
    *ret_integer = (int64_t)number;
    return true;
}

bool json_hex64(const struct json *value, uint64_t *ret_number)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;
    const char *text;
    size_t length;

    if (!json_string(value, &text, &length) || length != 16)
        return false;
    for (; *text != '\0'; text++) {
        const char *digit = strchr(digits, *text);

        if (digit == NULL)
            return false;
        number = number << 4 | (uint64_t)(digit - digits);
    }
    *ret_number = number;
    return true;
}

/* --- Walking --- */

const struct json *json_first(const struct json *container)
{
    return container != NULL ? json(node(container)->child) : NULL;
}

const struct json *json_next(const struct json *member)
{
    return json(node(member)->next);
}

const char *json_name(const struct json *member)
{
    return node(member)->string;
}

size_t json_count(const struct json *container)
{
    size_t count = 0;

    for (const struct json *at = json_first(container); at != NULL; at = json_next(at))
        count++;
    return count;
}
