/* account: see account.h. */
#include "users/account.h"

#include "users/attributes.h"
#include "users/ids.h"
#include "users/numbers.h"

PersonState account_state(const PersonEntry *entry)
{
        if (!entry->claimant.present)
                return PERSON_GONE;
        return entry->facts->enabled ? PERSON_ACTIVE : PERSON_DISABLED;
}

/* show: at becomes value; true: it says something else. */
static bool show(char **at, char *value)
{
        bool differs = g_strcmp0(*at, value) != 0;

        *at = value;
        return differs;
}

static bool show_number(uint32_t *at, uint32_t value)
{
        bool differs = *at != value;

        *at = value;
        return differs;
}

static bool has_its_number(const Claimant *claimant)
{
        return claimant->wins_id && claimant->id != UID_NONE && claimant->held_id == claimant->id;
}

static char *shown_name_of(const Claimant *claimant)
{
        return claimant->name && claimant->wins_name ? claimant->name : NULL;
}

/* ---- homes ---- */

/* account_give_home: after a rename the old home is still somebody's; so is one of who is gone. */
void account_give_home(const Contest *contest, PersonEntry *entry)
{
        g_autofree char *home = NULL;

        if (entry->claimant.home)
                return;
        home = naming_home(contest->naming, entry->claimant.name);
        if (roster_by_home(contest->roster, home)) {
                g_autofree char *name =
                    g_strdup_printf("%s-%u", entry->claimant.name, entry->claimant.id);

                g_free(home);
                home = naming_home(contest->naming, name);
        }
        roster_set_home(contest->roster, entry, home);
}

/* ---- groups ---- */

static bool make_local_group(const Contest *contest, GroupEntry *entry)
{
        Group *group = &entry->group;
        gid_t gid = 0;
        bool differs;

        /* Group 0 is never given, whatever it is called. */
        local_has_group(contest->local, group->name, &gid);
        g_free(entry->local_trouble);
        entry->local_trouble =
            gid == 0 ? g_strdup_printf("there is no group %s in /etc/group, or it is group 0",
                                       group->name)
                     : NULL;
        group->trouble = entry->local_trouble;
        differs = show_number(&group->gid, gid);
        return differs;
}

bool account_make_group(const Contest *contest, GroupEntry *entry)
{
        Claimant *claimant = &entry->claimant;
        Group *group = &entry->group;
        bool differs;

        if (group->local)
                return make_local_group(contest, entry);
        differs = show(&group->name, shown_name_of(claimant));
        differs |= show_number(&group->gid, has_its_number(claimant) ? claimant->id : UID_NONE);
        group->trouble = (char *) claimant_trouble(claimant);
        return differs;
}

GroupEntry *account_parent(const Roster *roster, const GroupEntry *entry)
{
        return entry->parent_key ? roster_group(roster, entry->parent_key) : NULL;
}

typedef struct Granting {
        const Contest *contest;
        GArray *gids; /* uint32_t */
} Granting;

static void grant_local(const char *name, void *userdata)
{
        Granting *granting = userdata;
        g_autofree char *key = g_strconcat(ACCOUNT_LOCAL_KEY, name, NULL);
        const GroupEntry *local = roster_group(granting->contest->roster, key);

        if (local && group_is_account(&local->group))
                g_array_append_val(granting->gids, local->group.gid);
}

/* grant: by itself and by those above. */
static bool grant(Granting *granting, GroupEntry *entry)
{
        const Roster *roster = granting->contest->roster;
        const GroupEntry *at = entry;
        bool within = false, differs;

        g_array_set_size(granting->gids, 0);
        for (int i = 0; at && i < GROUP_DEPTH_MAX; i++, at = account_parent(roster, at)) {
                if (group_is_account(&at->group))
                        g_array_append_val(granting->gids, at->group.gid);
                naming_local_groups(granting->contest->naming, at->group.source, grant_local,
                                    granting);
                within |= naming_within(granting->contest->naming, at->group.source);
        }
        numbers_sort(granting->gids);
        differs = numbers_keep(&entry->grants, entry->n_grants, granting->gids);
        entry->n_grants = granting->gids->len;
        entry->within = within;
        return differs;
}

bool account_make_grants(const Contest *contest)
{
        g_autoptr(GArray) gids = numbers_new();
        Granting granting = { contest, gids };
        bool differs = false;

        for (size_t i = 0; i < roster_n_groups(contest->roster); i++) {
                GroupEntry *entry = roster_group_at(contest->roster, i);

                if (!entry->group.local)
                        differs |= grant(&granting, entry);
        }
        return differs;
}

/* ---- people ---- */

static void collect_gids(const Contest *contest, const PersonEntry *entry, GArray *gids)
{
        for (size_t i = 0; i < entry->n_groups; i++) {
                const GroupEntry *group = roster_group_numbered(contest->roster, entry->groups[i]);

                if (group && group->n_grants > 0)
                        g_array_append_vals(gids, group->grants, group->n_grants);
        }
        numbers_sort(gids);
}

static uint32_t gid_of_name(const Contest *contest, const char *name)
{
        for (const Claimant *claimant = roster_by_name(contest->roster, name); claimant;
             claimant = roster_next_by_name(claimant))
                if (claimant->is_group && group_is_account(&group_entry(claimant)->group))
                        return group_entry(claimant)->group.gid;
        return UID_NONE;
}

/* primary_gid: a group that its members do not have otherwise is no primary group of theirs. */
static uint32_t primary_gid(const Contest *contest, const PersonEntry *entry, const GArray *gids,
                            char **ret_warning)
{
        const UsersSettings *settings = contest->settings;
        Span attribute = settings->gid_attribute
                             ? attributes_find(entry->facts->attributes, settings->gid_attribute)
                             : SPAN_EMPTY;
        uint32_t own = entry->person.uid, gid = own;

        if (attribute.len > 0)
                gid = ids_read(attribute);
        else if (settings->primary_group)
                gid = gid_of_name(contest, settings->primary_group);
        if (own == UID_NONE || gid == own)
                return own;
        if (gid != UID_NONE && numbers_find(gids, gid, NULL))
                return gid;
        *ret_warning = g_strdup_printf(
            "its primary group is its own: %s is no group here that it is in",
            attribute.len > 0 ? "the number of the attribute for it" : settings->primary_group);
        return own;
}

static bool make_groups(const Contest *contest, PersonEntry *entry, char **ret_warning)
{
        g_autoptr(GArray) gids = numbers_new();
        Person *person = &entry->person;
        bool differs;
        guint at;

        collect_gids(contest, entry, gids);
        if (gids->len > RECORD_GROUPS_MAX || entry->n_groups > RECORD_GROUPS_MAX) {
                *ret_warning = g_strdup_printf("it is in more than %d groups, and so gets none",
                                               RECORD_GROUPS_MAX);
                g_array_set_size(gids, 0);
        }
        differs = show_number(&person->gid, primary_gid(contest, entry, gids, ret_warning));
        if (numbers_find(gids, person->gid, &at))
                g_array_remove_index(gids, at);
        if (!entry->claimant.present) /* what still runs of theirs has no rights by a group */
                g_array_set_size(gids, 0);
        differs |= numbers_keep(&person->gids, person->n_gids, gids);
        person->n_gids = gids->len;
        return differs;
}

static bool make_gecos(PersonEntry *entry)
{
        char *gecos = naming_gecos(span_from(entry->facts->full_name));
        char *before = entry->own_gecos;
        bool same = strcmp(gecos, entry->facts->full_name) == 0, differs;

        differs = show(&entry->person.gecos, same ? (char *) entry->facts->full_name : gecos);
        entry->own_gecos = same ? NULL : gecos;
        if (same)
                g_free(gecos);
        g_free(before);
        return differs;
}

static void warn_of_path(char **ret_warning, const char *name, const char *what)
{
        g_free(*ret_warning);
        *ret_warning = g_strdup_printf("the attribute %s is %s, and is not used", name, what);
}

/* path_attribute: NULL: it has none that fits; *ret_warning says of one that does not. */
static char *path_attribute(const PersonEntry *entry, const char *name, char **ret_warning)
{
        Span value = name ? attributes_find(entry->facts->attributes, name) : SPAN_EMPTY;
        g_autofree char *path = value.len > 0 ? g_strndup(value.data, value.len) : NULL;

        if (!path || naming_path_fits(path))
                return g_steal_pointer(&path);
        warn_of_path(ret_warning, name, "no absolute path without ':' and \"..\"");
        return NULL;
}

/* is_of_another: path, or a folder above it, is a home that was given to somebody else. */
static bool is_of_another(const Contest *contest, const PersonEntry *entry, const char *path)
{
        g_autofree char *above = g_strdup(path);

        for (char *slash = above + strlen(above); slash && slash > above;
             slash = strrchr(above, '/')) {
                const PersonEntry *other;

                *slash = '\0';
                other = roster_by_home(contest->roster, above);
                if (other && other != entry)
                        return true;
        }
        return false;
}

/* home_attribute: whose attribute may be written by its owner must not give away what is another's
 * or the system's. */
static char *home_attribute(const Contest *contest, const PersonEntry *entry, char **ret_warning)
{
        const char *name = contest->settings->home_attribute;
        g_autofree char *text = path_attribute(entry, name, ret_warning);
        g_autofree char *home = text ? naming_home_of_attribute(text) : NULL;

        if (text && !home)
                warn_of_path(ret_warning, name, "a folder of the system");
        if (!home || !is_of_another(contest, entry, home))
                return g_steal_pointer(&home);
        warn_of_path(ret_warning, name, "somebody else's home");
        return NULL;
}

/* show_path: own is taken, NULL: other is shown. */
static bool show_path(char **at, char **own_at, char *own, const char *other)
{
        bool differs = show(at, own ? own : (char *) other);

        g_free(*own_at);
        *own_at = own;
        return differs;
}

static bool make_paths(const Contest *contest, PersonEntry *entry, char **ret_warning)
{
        const UsersSettings *settings = contest->settings;
        bool active = entry->person.state == PERSON_ACTIVE, differs;
        char *home = home_attribute(contest, entry, ret_warning);
        char *shell = active ? path_attribute(entry, settings->shell_attribute, ret_warning) : NULL;

        differs = show_path(&entry->person.home, &entry->own_home, home,
                            entry->claimant.home ? entry->claimant.home : "");
        differs |= show_path(&entry->person.shell, &entry->own_shell, shell,
                             active ? settings->shell : ACCOUNT_NOLOGIN);
        return differs;
}

static bool make_state(PersonEntry *entry)
{
        Person *person = &entry->person;
        PersonState state = account_state(entry);
        bool differs = person->state != state;

        person->state = state;
        person->gone_since_sec = state == PERSON_GONE ? entry->since_sec : 0;
        return differs;
}

bool account_make_person(const Contest *contest, PersonEntry *entry)
{
        Claimant *claimant = &entry->claimant;
        Person *person = &entry->person;
        bool was = person_is_account(person), differs;
        char *warning = NULL;

        differs = show(&person->name, shown_name_of(claimant));
        differs |= show_number(&person->uid, has_its_number(claimant) ? claimant->id : UID_NONE);
        differs |= make_state(entry);
        differs |= make_gecos(entry);
        differs |= make_groups(contest, entry, &warning);
        differs |= make_paths(contest, entry, &warning);
        claimant_set_trouble(claimant, TROUBLE_RECORD, warning);
        person->trouble = (char *) claimant_trouble(claimant);
        return differs && (was || person_is_account(person));
}
