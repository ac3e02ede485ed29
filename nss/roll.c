/* roll: see roll.h. */
#include "roll.h"

#include "asker.h"
#include "line.h"
#include "mapping.h"

#include <errno.h>
#include <stdlib.h>

struct roll_kind {
        enum pages_answer (*from_pages)(const struct pages *pages, uint32_t number,
                                        union roll_entry *ret);
        bool (*from_line)(char *line, union roll_entry *ret);
        const char *door;
};

static enum pages_answer person_from_pages(const struct pages *pages, uint32_t number,
                                           union roll_entry *ret)
{
        return pages_seen_person(pages, number, &ret->person);
}

static bool person_from_line(char *line, union roll_entry *ret)
{
        return line_person(line, &ret->person) && account_person_fits(&ret->person, NULL);
}

static enum pages_answer group_from_pages(const struct pages *pages, uint32_t number,
                                          union roll_entry *ret)
{
        return pages_seen_group(pages, number, &ret->group);
}

static bool group_from_line(char *line, union roll_entry *ret)
{
        return line_group(line, &ret->group) && account_group_fits(&ret->group, NULL);
}

const struct roll_kind roll_people = { person_from_pages, person_from_line, "/v1/passwd" };
const struct roll_kind roll_groups = { group_from_pages, group_from_line, "/v1/group" };

/* roll_end: nothing more comes. */
static int roll_end(struct roll *roll, int r)
{
        roll_restart(roll);
        roll->state = ROLL_ENDED;
        return r;
}

static int roll_begin(struct roll *roll)
{
        int r;

        roll->mapping = mapping_take();
        if (roll->mapping) {
                roll->state = ROLL_TABLE;
                return 0;
        }
        r = asker_ask(roll->kind->door, "", &roll->body);
        if (r != 0)
                return roll_end(roll, r);
        roll->state = ROLL_BODY;
        roll->at = roll->body;
        return 0;
}

static int table_entry(struct roll *roll, union roll_entry *ret)
{
        enum pages_answer r;

        while ((r = roll->kind->from_pages(mapping_pages(roll->mapping), roll->number, ret)) ==
               PAGES_E_ODD)
                roll->number++;
        return r == PAGES_E_MISS ? roll_end(roll, ACCOUNT_E_NOT_FOUND) : 0;
}

static int body_entry(struct roll *roll, union roll_entry *ret)
{
        if (!roll->has_line) {
                char *line = line_next(&roll->at);

                if (!line && !*roll->at)
                        return roll_end(roll, ACCOUNT_E_NOT_FOUND);
                if (!line || !roll->kind->from_line(line, &roll->line)) {
                        asker_distrust();
                        return roll_end(roll, -EBADMSG);
                }
                roll->has_line = true;
        }
        *ret = roll->line;
        return 0;
}

int roll_peek(struct roll *roll, union roll_entry *ret)
{
        int r = roll->state == ROLL_NEW ? roll_begin(roll) : 0;

        if (r != 0)
                return r;
        switch (roll->state) {
        case ROLL_TABLE: return table_entry(roll, ret);
        case ROLL_BODY: return body_entry(roll, ret);
        default: return ACCOUNT_E_NOT_FOUND;
        }
}

void roll_step(struct roll *roll)
{
        roll->number++;
        roll->has_line = false;
}

void roll_restart(struct roll *roll)
{
        if (roll->mapping)
                mapping_give(roll->mapping);
        free(roll->body);
        *roll = (struct roll){ .kind = roll->kind };
}
