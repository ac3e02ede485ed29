/* record: see record.h. The members of UsersSettings stand in tables, so that copying, comparing
 * and freeing cannot disagree about one. */
#include "users/record.h"

static const char *const state_texts[] = {
        [PERSON_ACTIVE] = "active",
        [PERSON_DISABLED] = "disabled",
        [PERSON_GONE] = "gone",
};

const char *person_state_text(PersonState state)
{
        return state_texts[state];
}

bool person_is_account(const Person *person)
{
        return person->name && person->uid != UID_NONE;
}

bool group_is_account(const Group *group)
{
        return group->name && group->gid != UID_NONE;
}

void person_free(Person *person)
{
        if (!person)
                return;
        g_free(person->subject);
        g_free(person->username);
        g_free(person->name);
        g_free(person->gecos);
        g_free(person->home);
        g_free(person->shell);
        g_free(person->gids);
        g_free(person->trouble);
        g_free(person);
}

void group_free(Group *group)
{
        if (!group)
                return;
        g_free(group->key);
        g_free(group->source);
        g_free(group->name);
        g_free(group->trouble);
        g_free(group);
}

/* ---- settings ---- */

#define AT(member) offsetof(UsersSettings, member)

static const size_t texts[] = {
        AT(issuer),        AT(name),           AT(primary_group),      AT(uid_attribute),
        AT(gid_attribute), AT(name_attribute), AT(home_attribute),     AT(shell_attribute),
        AT(home),          AT(shell),          AT(ssh_keys_attribute),
};

static const size_t lists[] = {
        AT(strip_domain), AT(reserved), AT(groups), AT(local_groups), AT(within), AT(id),
};

static char **text_at(const UsersSettings *settings, size_t offset)
{
        return (char **) ((char *) settings + offset);
}

static char ***list_at(const UsersSettings *settings, size_t offset)
{
        return (char ***) ((char *) settings + offset);
}

UsersSettings *users_settings_new(void)
{
        UsersSettings *settings = g_new0(UsersSettings, 1);

        settings->name = g_strdup(USERS_NAME_DEFAULT);
        settings->home = g_strdup(USERS_HOME_DEFAULT);
        settings->shell = g_strdup(USERS_SHELL_DEFAULT);
        settings->uid_attribute = g_strdup(USERS_UID_ATTRIBUTE_DEFAULT);
        settings->gid_attribute = g_strdup(USERS_GID_ATTRIBUTE_DEFAULT);
        settings->home_attribute = g_strdup(USERS_HOME_ATTRIBUTE_DEFAULT);
        settings->shell_attribute = g_strdup(USERS_SHELL_ATTRIBUTE_DEFAULT);
        settings->ssh_keys_attribute = g_strdup(USERS_KEYS_ATTRIBUTE_DEFAULT);
        settings->id_first = USERS_ID_FIRST_DEFAULT;
        settings->id_last = USERS_ID_LAST_DEFAULT;
        settings->sync_sec = USERS_SYNC_SEC_DEFAULT;
        settings->sync_full_sec = USERS_SYNC_FULL_SEC_DEFAULT;
        settings->sync_rate = USERS_SYNC_RATE_DEFAULT;
        settings->gone_keep_sec = USERS_GONE_KEEP_SEC_DEFAULT;
        return settings;
}

void users_settings_free(UsersSettings *settings)
{
        if (!settings)
                return;
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_free(*text_at(settings, texts[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                g_strfreev(*list_at(settings, lists[i]));
        g_free(settings);
}

UsersSettings *users_settings_copy(const UsersSettings *settings)
{
        UsersSettings *copy = g_memdup2(settings, sizeof(*settings));

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                *text_at(copy, texts[i]) = g_strdup(*text_at(settings, texts[i]));
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                *list_at(copy, lists[i]) = g_strdupv(*list_at(settings, lists[i]));
        return copy;
}

/* An empty list says what none says. */
static bool lists_equal(char **a, char **b)
{
        static char *none[] = { NULL };

        return g_strv_equal((const char *const *) (a ? a : none),
                            (const char *const *) (b ? b : none));
}

static bool numbers_equal(const UsersSettings *a, const UsersSettings *b)
{
        return a->id_first == b->id_first && a->id_last == b->id_last &&
               a->ids_from_realm_only == b->ids_from_realm_only && a->sync_sec == b->sync_sec &&
               a->sync_full_sec == b->sync_full_sec && a->sync_rate == b->sync_rate &&
               a->gone_keep_sec == b->gone_keep_sec && a->enumerate == b->enumerate;
}

bool users_settings_equal(const UsersSettings *a, const UsersSettings *b)
{
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                if (g_strcmp0(*text_at(a, texts[i]), *text_at(b, texts[i])) != 0)
                        return false;
        for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                if (!lists_equal(*list_at(a, lists[i]), *list_at(b, lists[i])))
                        return false;
        return numbers_equal(a, b);
}
