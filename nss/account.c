/* account: see account.h. */
#include "account.h"

#include <string.h>

#define NONE_ID_16 65535

/* From first to last, both of them: what users/ids never gives either. */
static const struct {
        uint32_t first, last;
} forbidden[] = {
        { 0, 999 },                 /* the system's */
        { 61184, 65519 },           /* systemd's dynamic users */
        { 65534, NONE_ID_16 },      /* nobody, -1 in 16 bits */
        { 2147352576, 2147418111 }, /* systemd's foreign users */
        { UINT32_MAX, UINT32_MAX }, /* -1 */
};

static bool begins_name(char c)
{
        return (c >= 'a' && c <= 'z') || c == '_';
}

bool account_is_name(const char *name)
{
        size_t i = 0;

        if (!begins_name(name[0]))
                return false;
        while (begins_name(name[i]) || (name[i] >= '0' && name[i] <= '9') || name[i] == '-')
                if (++i > ACCOUNT_NAME_MAX)
                        return false;
        return name[i] == '\0';
}

bool account_is_id(uint32_t id)
{
        for (size_t i = 0; i < sizeof(forbidden) / sizeof(*forbidden); i++)
                if (id >= forbidden[i].first && id <= forbidden[i].last)
                        return false;
        return true;
}

bool account_is_supplementary(uint32_t gid)
{
        return gid != 0 && gid != NONE_ID_16 && gid != UINT32_MAX;
}

/* is_field: of a line of passwd(5). */
static bool is_field(const char *text)
{
        for (; *text; text++)
                if ((unsigned char) *text < 0x20 || *text == 0x7F || *text == ':')
                        return false;
        return true;
}

static bool is_path(const char *text)
{
        return text[0] == '/' && is_field(text);
}

static bool is_wanted(const char *name, uint32_t id, const struct wanted *wanted)
{
        if (!wanted)
                return true;
        return wanted->name ? strcmp(name, wanted->name) == 0 : id == wanted->id;
}

bool account_person_fits(const struct person *person, const struct wanted *wanted)
{
        return is_wanted(person->name, person->uid, wanted) && account_is_name(person->name) &&
               account_is_id(person->uid) && account_is_id(person->gid) &&
               is_field(person->gecos) && is_path(person->home) && is_path(person->shell);
}

bool account_group_fits(const struct group_entry *group, const struct wanted *wanted)
{
        return is_wanted(group->name, group->gid, wanted) && account_is_name(group->name) &&
               account_is_id(group->gid);
}

static const char *next_text(struct members *members)
{
        const char *text = members->texts;

        members->texts += strlen(text) + 1;
        return text;
}

const char *account_next_member(struct members *members)
{
        const char *name = members->pages
                               ? pages_member(members->pages, members->indexes[members->at])
                               : next_text(members);

        members->at++;
        return name && account_is_name(name) ? name : NULL;
}
