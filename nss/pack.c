/* pack: see pack.h. */
#include "pack.h"

#include <errno.h>
#include <string.h>

#define PASSWORD "*" /* there is none, here or in shadow(5): pam_unix need not look for it */

/* What is left of the caller's buffer. */
struct room {
        char *at;
        size_t size;
};

static bool put_text(struct room *room, const char *text, char **ret)
{
        size_t size = strlen(text) + 1;

        if (size > room->size)
                return false;
        *ret = memcpy(room->at, text, size);
        room->at += size;
        room->size -= size;
        return true;
}

/* take_list: room for n texts and a NULL, where pointers may stand. */
static bool take_list(struct room *room, size_t n, char ***ret)
{
        size_t over = (uintptr_t) room->at % sizeof(char *);
        size_t skipped = over ? sizeof(char *) - over : 0;

        if (skipped > room->size || n + 1 > (room->size - skipped) / sizeof(char *))
                return false;
        *ret = (char **) (void *) (room->at + skipped);
        room->at += skipped + (n + 1) * sizeof(char *);
        room->size -= skipped + (n + 1) * sizeof(char *);
        return true;
}

int pack_person(const struct person *person, struct passwd *entry, char *buffer, size_t size)
{
        struct room room = { buffer, size };

        if (!put_text(&room, person->name, &entry->pw_name) ||
            !put_text(&room, PASSWORD, &entry->pw_passwd) ||
            !put_text(&room, person->gecos, &entry->pw_gecos) ||
            !put_text(&room, person->home, &entry->pw_dir) ||
            !put_text(&room, person->shell, &entry->pw_shell))
                return ACCOUNT_E_TINY_BUFFER;
        entry->pw_uid = person->uid;
        entry->pw_gid = person->gid;
        return 0;
}

static int put_members(struct room *room, struct members members, char **list)
{
        for (uint32_t i = 0; i < members.n; i++) {
                const char *name = account_next_member(&members);

                if (!name)
                        return -EBADMSG;
                if (!put_text(room, name, &list[i]))
                        return ACCOUNT_E_TINY_BUFFER;
        }
        list[members.n] = NULL;
        return 0;
}

int pack_group(const struct group_entry *group, struct group *entry, char *buffer, size_t size)
{
        struct room room = { buffer, size };

        if (!put_text(&room, group->name, &entry->gr_name) ||
            !put_text(&room, PASSWORD, &entry->gr_passwd) ||
            !take_list(&room, group->members.n, &entry->gr_mem))
                return ACCOUNT_E_TINY_BUFFER;
        entry->gr_gid = group->gid;
        return put_members(&room, group->members, entry->gr_mem);
}
