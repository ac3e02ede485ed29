/* lookup: see lookup.h. */
#include "lookup.h"

#include "asker.h"
#include "line.h"
#include "mapping.h"
#include "pack.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Where the answer goes; each kind of question uses what it knows. */
struct sink {
        struct passwd *passwd;
        struct group *group;
        struct gids *gids;
        char *buffer;
        size_t size;
};

/* A kind of question: how a table and how the daemon answer it. */
struct kind {
        /* The sink is filled: 0, ACCOUNT_E_TINY_BUFFER, a negative errno. Else PAGES_E_…, as an
         * answer of search. */
        int (*from_pages)(const struct pages *pages, const struct wanted *wanted,
                          const struct sink *sink, enum pages_answer *ret_search);
        /* The body is cut in place. -EBADMSG: it makes no sense. */
        int (*from_body)(char *body, const struct wanted *wanted, const struct sink *sink);
        const char *by_name; /* the door, and how it is asked */
        const char *by_id;
};

/* --- people --------------------------------------------------------------------------------- */

static int person_from_pages(const struct pages *pages, const struct wanted *wanted,
                             const struct sink *sink, enum pages_answer *ret_search)
{
        struct person person;

        *ret_search = pages_person(pages, wanted, &person);
        if (*ret_search != PAGES_FOUND)
                return 0;
        return pack_person(&person, sink->passwd, sink->buffer, sink->size);
}

static int person_from_body(char *body, const struct wanted *wanted, const struct sink *sink)
{
        char *line = line_next(&body);
        struct person person;

        if (!line || *body || !line_person(line, &person) || !account_person_fits(&person, wanted))
                return -EBADMSG;
        return pack_person(&person, sink->passwd, sink->buffer, sink->size);
}

/* --- groups --------------------------------------------------------------------------------- */

static int group_from_pages(const struct pages *pages, const struct wanted *wanted,
                            const struct sink *sink, enum pages_answer *ret_search)
{
        struct group_entry group;
        int r;

        *ret_search = pages_group(pages, wanted, &group);
        if (*ret_search != PAGES_FOUND)
                return 0;
        r = pack_group(&group, sink->group, sink->buffer, sink->size);
        if (r == -EBADMSG)
                *ret_search = PAGES_E_ODD;
        return r;
}

static int group_from_body(char *body, const struct wanted *wanted, const struct sink *sink)
{
        char *line = line_next(&body);
        struct group_entry group;

        if (!line || *body || !line_group(line, &group) || !account_group_fits(&group, wanted))
                return -EBADMSG;
        return pack_group(&group, sink->group, sink->buffer, sink->size);
}

/* --- what groups a person is in ------------------------------------------------------------- */

static int gids_from_pages(const struct pages *pages, const struct wanted *wanted,
                           const struct sink *sink, enum pages_answer *ret_search)
{
        const uint32_t *gids;
        uint32_t n;

        *ret_search = pages_gids(pages, wanted, &gids, &n);
        return *ret_search == PAGES_FOUND ? gids_add(sink->gids, gids, n) : 0;
}

static int gids_from_body(char *body, const struct wanted *wanted, const struct sink *sink)
{
        char *line;
        uint32_t gid;
        int r = 0;

        if (!line_all_gids(body))
                return -EBADMSG;
        while (r == 0 && (line = line_next(&body)) && line_number(line, &gid))
                r = gids_add(sink->gids, &gid, 1);
        return r;
}

static const struct kind people = { person_from_pages, person_from_body,
                                    "/v1/passwd?name=", "/v1/passwd?uid=" };
static const struct kind groups = { group_from_pages, group_from_body,
                                    "/v1/group?name=", "/v1/group?gid=" };
static const struct kind memberships = { gids_from_pages, gids_from_body, "/v1/group?user=", NULL };

/* --- one way for all ------------------------------------------------------------------------ */

static uint64_t boot_usec(void)
{
        struct timespec now;

        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* decimal: of a number, at the end of digits. */
static const char *decimal(uint32_t number, char digits[LINE_NUMBER_DIGITS_MAX + 1])
{
        char *digit = &digits[LINE_NUMBER_DIGITS_MAX];

        *digit = '\0';
        do
                *--digit = (char) ('0' + number % 10);
        while ((number /= 10) > 0);
        return digit;
}

static int ask_daemon(const struct kind *kind, const struct wanted *wanted, const struct sink *sink)
{
        char digits[LINE_NUMBER_DIGITS_MAX + 1];
        char *body;
        int r = wanted->name ? asker_ask(kind->by_name, wanted->name, &body)
                             : asker_ask(kind->by_id, decimal(wanted->id, digits), &body);

        if (r != 0)
                return r;
        r = kind->from_body(body, wanted, sink);
        if (r == -EBADMSG)
                asker_distrust();
        free(body);
        return r;
}

/* search_table: PAGES_FOUND: *ret is what came of it. PAGES_E_ODD also when there is no table and
 * when a table does not know whether there is such an account. */
static enum pages_answer search_table(const struct kind *kind, const struct wanted *wanted,
                                      const struct sink *sink, struct mapping *mapping, int *ret)
{
        enum pages_answer search = PAGES_E_ODD;

        if (!mapping)
                return search;
        *ret = kind->from_pages(mapping_pages(mapping), wanted, sink, &search);
        if (search == PAGES_E_MISS && !pages_knows_all(mapping_pages(mapping), boot_usec()))
                search = PAGES_E_ODD;
        return search;
}

static int run(const struct kind *kind, const struct wanted *wanted, const struct sink *sink)
{
        struct mapping *mapping = mapping_take();
        enum pages_answer search;
        int r = -EIO;

        search = search_table(kind, wanted, sink, mapping, &r);
        if (search == PAGES_E_ODD && mapping) {
                /* Its daemon may be dead, and another one have made another. */
                mapping = mapping_renew(mapping);
                search = search_table(kind, wanted, sink, mapping, &r);
        }
        if (mapping)
                mapping_give(mapping);
        if (search == PAGES_FOUND)
                return r;
        return search == PAGES_E_MISS ? ACCOUNT_E_NOT_FOUND : ask_daemon(kind, wanted, sink);
}

static bool can_be(const struct wanted *wanted)
{
        return wanted->name ? account_is_name(wanted->name) : account_is_id(wanted->id);
}

int lookup_person(const struct wanted *wanted, struct passwd *entry, char *buffer, size_t size)
{
        struct sink sink = { .passwd = entry, .buffer = buffer, .size = size };

        return can_be(wanted) ? run(&people, wanted, &sink) : ACCOUNT_E_NOT_FOUND;
}

int lookup_group(const struct wanted *wanted, struct group *entry, char *buffer, size_t size)
{
        struct sink sink = { .group = entry, .buffer = buffer, .size = size };

        return can_be(wanted) ? run(&groups, wanted, &sink) : ACCOUNT_E_NOT_FOUND;
}

int lookup_gids(const char *name, struct gids *gids)
{
        struct wanted wanted = { .name = name };
        struct sink sink = { .gids = gids };

        return can_be(&wanted) ? run(&memberships, &wanted, &sink) : ACCOUNT_E_NOT_FOUND;
}
