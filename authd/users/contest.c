/* contest: see contest.h. */
#include "users/contest.h"

#include "users/attributes.h"
#include "users/ids.h"

#define RIVALS_SHOWN_MAX 3

void contest_touch(Contest *contest, Claimant *claimant)
{
        if (claimant->touched)
                return;
        claimant->touched = true;
        g_ptr_array_add(contest->touched, claimant);
}

bool claimant_wins(const Claimant *claimant)
{
        return claimant->name && claimant->id != UID_NONE && claimant->wins_name &&
               claimant->wins_id;
}

/* ---- lines of the settings ---- */

static bool refuse_line(GError **error, const char *line, const char *why)
{
        g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE, "id: \"%s\": %s", line,
                    why);
        return false;
}

/* add_line: at the last '=': a role may have one in its name. */
static bool add_line(GHashTable *lines, GHashTable *numbers, const char *line, GError **error)
{
        const char *equals = strrchr(line, '=');
        guint64 number;

        if (!equals || equals == line ||
            !g_ascii_string_to_unsigned(equals + 1, 10, 0, UINT32_MAX, &number, NULL))
                return refuse_line(error, line, "write KEY=NUMBER, KEY a subject or a group's key");
        if (!ids_allowed((uint32_t) number))
                return refuse_line(error, line,
                                   "the number is the system's: 0-999, 61184-65519, 65534, 65535, "
                                   "2147352576-2147418111 and 4294967295 are never given");
        if (!g_hash_table_add(numbers, GUINT_TO_POINTER((guint) number)))
                return refuse_line(error, line, "another line gives this number away already");
        if (!g_hash_table_insert(lines, g_strndup(line, (size_t) (equals - line)),
                                 GUINT_TO_POINTER((guint) number)))
                return refuse_line(error, line, "another line gives this key a number already");
        return true;
}

GHashTable *contest_read_lines(const UsersSettings *settings, GError **error)
{
        g_autoptr(GHashTable) lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);

        for (size_t i = 0; settings->id && settings->id[i]; i++)
                if (!add_line(lines, numbers, settings->id[i], error))
                        return NULL;
        return g_steal_pointer(&lines);
}

/* ---- words ---- */

/* described: "alice" (SUBJECT), or the group /eng (KEY). */
static char *described(const Claimant *claimant)
{
        const char *text = claimant->is_group ? group_entry(claimant)->group.source
                                              : person_entry(claimant)->facts->username;
        g_autofree char *quoted = naming_quote(span_from(text));
        g_autofree char *key = naming_quote(span_from(claimant->key));

        return g_strdup_printf("%s%s (%s)", claimant->is_group ? "the group " : "", quoted, key);
}

/* rivals_of: whom else it is about. */
static char *rivals_of(const GPtrArray *rivals, const Claimant *claimant)
{
        GString *out = g_string_new(NULL);
        size_t n_shown = 0;

        for (size_t i = 0; i < rivals->len; i++) {
                g_autofree char *text = NULL;

                if (g_ptr_array_index(rivals, i) == claimant)
                        continue;
                if (n_shown++ == RIVALS_SHOWN_MAX) {
                        g_string_append(out, " and others");
                        break;
                }
                text = described(g_ptr_array_index(rivals, i));
                g_string_append_printf(out, "%s%s", out->len ? ", " : "", text);
        }
        return g_string_free(out, FALSE);
}

/* ---- names ---- */

static Span find_attribute(const char *name, void *userdata)
{
        return attributes_find(userdata, name);
}

static char *name_of_person(const Contest *contest, const PersonEntry *entry, char **ret_trouble)
{
        const NamingFacts facts = {
                .preferred_username = span_from(entry->facts->username),
                .email = span_from(entry->facts->email),
                .attribute = find_attribute,
                .userdata = (void *) entry->facts->attributes,
        };

        return naming_person(contest->naming, &facts, ret_trouble);
}

static char *gone_name(const Claimant *claimant)
{
        if (claimant->held_id == UID_NONE)
                return NULL;
        return g_strdup_printf("gone-%u", claimant->held_id);
}

/* name_of: what it wants to be called by now. Who is gone keeps the name that it had; who was read
 * under other settings keeps it until it is read again. */
static char *name_of(const Contest *contest, const Claimant *claimant, char **ret_trouble)
{
        if (claimant->is_group)
                return naming_group(contest->naming, group_entry(claimant)->group.source,
                                    ret_trouble);
        if (claimant->name && claimant->has_name && (!claimant->present || claimant->unread))
                return g_strdup(claimant->name);
        if (!claimant->present)
                return gone_name(claimant);
        return name_of_person(contest, person_entry(claimant), ret_trouble);
}

static void want_name(Contest *contest, Claimant *claimant)
{
        char *trouble = NULL;
        char *name = name_of(contest, claimant, &trouble);

        if (g_strcmp0(name, claimant->name) == 0) {
                g_free(name);
        } else {
                claimant->has_name = false;
                claimant->dirty = true;
                roster_set_name(contest->roster, claimant, name);
        }
        if (!claimant->name)
                claimant->wins_name = false;
        claimant_set_trouble(claimant, TROUBLE_FACTS, trouble);
}

static char *local_name_trouble(const Contest *contest, const char *name)
{
        bool user = local_has_user(contest->local, name);

        if (!user && !local_has_group(contest->local, name, NULL))
                return NULL;
        return g_strdup_printf("%s is a local %s, which wins", name,
                               user ? "account of /etc/passwd" : "group of /etc/group");
}

static GPtrArray *wanting_name(const Contest *contest, const char *name)
{
        GPtrArray *found = g_ptr_array_new();

        for (Claimant *claimant = roster_by_name(contest->roster, name); claimant;
             claimant = roster_next_by_name(claimant))
                g_ptr_array_add(found, claimant);
        return found;
}

/* Rank: of who wants a name. */
typedef enum Rank { RANK_GONE, RANK_NEW, RANK_HAS_IT } Rank;

static Rank rank_of(const Claimant *claimant)
{
        if (!claimant->present)
                return RANK_GONE;
        return claimant->has_name ? RANK_HAS_IT : RANK_NEW;
}

/* winner_of: the only one of the highest rank; NULL: there are several. */
static Claimant *winner_of(const GPtrArray *wanting)
{
        Claimant *best = NULL;
        bool several = false;

        for (size_t i = 0; i < wanting->len; i++) {
                Claimant *claimant = g_ptr_array_index(wanting, i);

                if (best && rank_of(claimant) == rank_of(best))
                        several = true;
                if (best && rank_of(claimant) <= rank_of(best))
                        continue;
                best = claimant;
                several = false;
        }
        return several ? NULL : best;
}

static void decide_name(Contest *contest, Claimant *claimant, bool wins, char *trouble)
{
        claimant->wins_name = wins;
        claimant_set_trouble(claimant, TROUBLE_NAME, trouble);
        contest_touch(contest, claimant);
}

static void settle_name(Contest *contest, const char *name);

/* rename_gone: its files stay its own; who is there is called as it was. */
static void rename_gone(Contest *contest, Claimant *claimant)
{
        char *name = gone_name(claimant);

        roster_set_name(contest->roster, claimant, name);
        claimant->has_name = false; /* until it is kept */
        claimant->dirty = true;
        if (name)
                settle_name(contest, claimant->name);
        contest_touch(contest, claimant);
}

static void settle_contested(Contest *contest, const GPtrArray *wanting)
{
        Claimant *winner = winner_of(wanting);

        for (size_t i = 0; i < wanting->len; i++) {
                Claimant *claimant = g_ptr_array_index(wanting, i);
                g_autofree char *rivals = NULL;

                if (claimant == winner) {
                        decide_name(contest, claimant, true, NULL);
                        continue;
                }
                if (!claimant->present) {
                        rename_gone(contest, claimant);
                        continue;
                }
                rivals = rivals_of(wanting, claimant);
                decide_name(contest, claimant, false,
                            g_strdup_printf("the name %s is wanted by %s, too%s", claimant->name,
                                            rivals,
                                            winner ? ", who has it" : ", and nobody has it"));
        }
}

/* settle_name: name may belong to one of those who want it. */
static void settle_name(Contest *contest, const char *name)
{
        Claimant *first = roster_by_name(contest->roster, name);
        g_autofree char *local = local_name_trouble(contest, name);
        g_autoptr(GPtrArray) wanting = NULL;

        if (!first)
                return;
        if (!local && !roster_next_by_name(first)) {
                decide_name(contest, first, true, NULL);
                return;
        }
        wanting = wanting_name(contest, name);
        if (!local)
                settle_contested(contest, wanting);
        for (size_t i = 0; local && i < wanting->len; i++)
                decide_name(contest, g_ptr_array_index(wanting, i), false, g_strdup(local));
}

/* ---- numbers ---- */

static Span id_attribute(const Contest *contest, const Claimant *claimant, const char **ret_name)
{
        const char *name = claimant->is_group ? contest->settings->gid_attribute
                                              : contest->settings->uid_attribute;
        const char *text = claimant->is_group ? group_entry(claimant)->attributes
                                              : person_entry(claimant)->facts->attributes;

        *ret_name = name;
        return name ? attributes_find(text, name) : SPAN_EMPTY;
}

/* Wish: a number and where it is from, or why there is none; warning beside a number. */
typedef struct Wish {
        uint32_t id;
        IdSource source;
        char *trouble, *warning;
} Wish;

static Wish wish_held(const Claimant *claimant, char *warning)
{
        return (Wish){ claimant->held_id, ID_SOURCE_HELD, NULL, warning };
}

/* wish_of_attribute: the realm is the register, but a number that was given stays. */
static Wish wish_of_attribute(const Claimant *claimant, const char *name, Span value)
{
        bool held = claimant->held_id != UID_NONE;
        g_autofree char *quoted = naming_quote(value);
        uint32_t id = ids_read(value);
        char *trouble;

        if (id == UID_NONE)
                trouble = g_strdup_printf("the attribute %s is \"%s\", which is no number that may "
                                          "be given",
                                          name, quoted);
        else if (held && id != claimant->held_id)
                trouble = g_strdup_printf("the attribute %s is %u, but %u was given before and "
                                          "stays; to change it, add %s=%u to the setting id",
                                          name, id, claimant->held_id, claimant->key, id);
        else
                return (Wish){ id, held ? ID_SOURCE_HELD : ID_SOURCE_ATTRIBUTE, NULL, NULL };
        return held ? wish_held(claimant, trouble) : (Wish){ .trouble = trouble };
}

static Wish wish_for_candidate(const Contest *contest, const Claimant *claimant, const char *name)
{
        const UsersSettings *settings = contest->settings;

        if (settings->ids_from_realm_only)
                return (Wish){ .trouble = g_strdup_printf(
                                   "it has no attribute %s, and ids = realm asks for one",
                                   name ? name : "for its number") };
        if (claimant->unread && settings->sync_sec > 0)
                return (Wish){ .trouble = g_strdup("its attributes have not been read yet: one "
                                                   "of them may be its number") };
        if (!register_keeps(contest->reg))
                return (Wish){ .trouble = g_strdup("there is no state database to keep its number "
                                                   "in") };
        return (Wish){ ids_candidate(contest->issuer_url, claimant->key, settings->id_first,
                                     settings->id_last),
                       ID_SOURCE_CANDIDATE, NULL, NULL };
}

static Wish wish_of(const Contest *contest, const Claimant *claimant)
{
        const char *attribute;
        Span value = id_attribute(contest, claimant, &attribute);
        void *line;

        if (g_hash_table_lookup_extended(contest->lines, claimant->key, NULL, &line))
                return (Wish){ GPOINTER_TO_UINT(line), ID_SOURCE_LINE, NULL, NULL };
        if (value.len > 0 && claimant->present && !claimant->unread)
                return wish_of_attribute(claimant, attribute, value);
        if (claimant->held_id != UID_NONE)
                return wish_held(claimant, NULL);
        return wish_for_candidate(contest, claimant, attribute);
}

/* want_id: who has no name wants none, but keeps what was given. */
static void want_id(Contest *contest, Claimant *claimant)
{
        Wish wish = { 0 };

        if (claimant->name || claimant->held_id != UID_NONE)
                wish = wish_of(contest, claimant);
        roster_set_id(contest->roster, claimant, wish.id, wish.source);
        claimant_set_trouble(claimant, TROUBLE_WARNING, wish.warning);
        if (wish.id != UID_NONE)
                return;
        claimant->wins_id = false;
        claimant->collides = false;
        claimant_set_trouble(claimant, TROUBLE_ID, wish.trouble);
}

static char *local_id_trouble(const Contest *contest, uint32_t id)
{
        const char *name;

        if (local_has_uid(contest->local, id, &name))
                return g_strdup_printf("the number %u is the local account %s's, which wins", id,
                                       name);
        if (local_has_gid(contest->local, id, &name))
                return g_strdup_printf("the number %u is the local group %s's, which wins", id,
                                       name);
        return NULL;
}

static GPtrArray *wanting_id(const Contest *contest, uint32_t id)
{
        GPtrArray *found = g_ptr_array_new();

        for (Claimant *claimant = roster_by_id(contest->roster, id); claimant;
             claimant = roster_next_by_id(claimant))
                g_ptr_array_add(found, claimant);
        return found;
}

static Claimant *id_winner_of(const GPtrArray *wanting)
{
        Claimant *best = NULL;
        bool several = false;

        for (size_t i = 0; i < wanting->len; i++) {
                Claimant *claimant = g_ptr_array_index(wanting, i);

                if (best && claimant->id_source == best->id_source)
                        several = true;
                if (best && claimant->id_source >= best->id_source)
                        continue;
                best = claimant;
                several = false;
        }
        return several ? NULL : best;
}

static void decide_id(Contest *contest, Claimant *claimant, bool wins, bool collides, char *trouble)
{
        claimant->wins_id = wins;
        claimant->collides = collides;
        claimant_set_trouble(claimant, TROUBLE_ID, trouble);
        contest_touch(contest, claimant);
}

/* given_to: who had it before and is not to lose it, in words, and whether that is one of those who
 * want it; NULL: nobody. */
static char *given_to(const Contest *contest, uint32_t id, const GPtrArray *wanting,
                      const Claimant **ret_holder)
{
        const char *past = register_holder(contest->reg, id);

        *ret_holder = roster_by_held(contest->roster, id);
        for (size_t i = 0; past && i < wanting->len; i++)
                if (register_owns(contest->reg, id, g_ptr_array_index(wanting, i)))
                        *ret_holder = g_ptr_array_index(wanting, i);
        if (*ret_holder)
                return described(*ret_holder);
        return past ? naming_quote(span_from(past)) : NULL;
}

#define SETTLE "; settle it by a line KEY=NUMBER of the setting id"

static char *id_trouble(const GPtrArray *wanting, const Claimant *claimant, const char *holder)
{
        g_autofree char *rivals = NULL;

        if (holder)
                return g_strdup_printf("the number %u was given to %s and stays theirs" SETTLE,
                                       claimant->id, holder);
        rivals = rivals_of(wanting, claimant);
        return g_strdup_printf("the number %u is wanted by %s, too" SETTLE, claimant->id, rivals);
}

static void settle_contested_id(Contest *contest, uint32_t id, const GPtrArray *wanting)
{
        const Claimant *winner;
        g_autofree char *holder = given_to(contest, id, wanting, &winner);

        if (!holder) {
                winner = id_winner_of(wanting);
                holder = winner ? described(winner) : NULL;
        }
        for (size_t i = 0; i < wanting->len; i++) {
                Claimant *claimant = g_ptr_array_index(wanting, i);
                bool wins = claimant == winner;

                decide_id(contest, claimant, wins, !wins || wanting->len > 1,
                          wins ? NULL : id_trouble(wanting, claimant, holder));
        }
}

/* only_one: who alone wants a number that nobody else was given; NULL: it is not so simple. */
static Claimant *only_one(const Contest *contest, uint32_t id)
{
        Claimant *first = roster_by_id(contest->roster, id);
        const Claimant *holder = roster_by_held(contest->roster, id);

        if (!first || roster_next_by_id(first) || (holder && holder != first) ||
            register_holder(contest->reg, id))
                return NULL;
        return first;
}

static void settle_id(Contest *contest, uint32_t id)
{
        g_autofree char *local = local_id_trouble(contest, id);
        Claimant *only = only_one(contest, id);
        g_autoptr(GPtrArray) wanting = NULL;

        if (!local && only) {
                decide_id(contest, only, true, false, NULL);
                return;
        }
        wanting = wanting_id(contest, id);
        if (!local)
                settle_contested_id(contest, id, wanting);
        for (size_t i = 0; local && i < wanting->len; i++)
                decide_id(contest, g_ptr_array_index(wanting, i), false, false, g_strdup(local));
}

/* ---- joining ---- */

static void settle_both(Contest *contest, const char *name, uint32_t id)
{
        if (name)
                settle_name(contest, name);
        if (id != UID_NONE)
                settle_id(contest, id);
}

void contest_join(Contest *contest, Claimant *claimant)
{
        g_autofree char *name_before = g_strdup(claimant->name);
        uint32_t id_before = claimant->id;

        want_name(contest, claimant);
        want_id(contest, claimant);
        contest_touch(contest, claimant);
        settle_both(contest, name_before, id_before);
        settle_both(contest, claimant->name, claimant->id);
}

void contest_leave(Contest *contest, Claimant *claimant)
{
        g_autofree char *name = g_strdup(claimant->name);
        uint32_t id = claimant->id;

        roster_set_name(contest->roster, claimant, NULL);
        roster_set_id(contest->roster, claimant, UID_NONE, ID_SOURCE_NONE);
        settle_both(contest, name, id);
        if (claimant->touched)
                g_ptr_array_remove(contest->touched, claimant);
        claimant->touched = false;
}

/* all_claimants: groups, then people. A list of its own: settling moves them in the indexes. */
static GPtrArray *all_claimants(const Roster *roster)
{
        size_t n_groups = roster_n_groups(roster), n_people = roster_n_people(roster);
        GPtrArray *all = g_ptr_array_sized_new((guint) (n_groups + n_people));

        for (size_t i = 0; i < n_groups; i++)
                if (!roster_group_at(roster, i)->group.local)
                        g_ptr_array_add(all, roster_group_at(roster, i));
        for (size_t i = 0; i < n_people; i++)
                g_ptr_array_add(all, roster_person_at(roster, i));
        return all;
}

void contest_all(Contest *contest)
{
        g_autoptr(GPtrArray) all = all_claimants(contest->roster);

        for (size_t i = 0; i < all->len; i++) {
                want_name(contest, g_ptr_array_index(all, i));
                want_id(contest, g_ptr_array_index(all, i));
                contest_touch(contest, g_ptr_array_index(all, i));
        }
        for (size_t i = 0; i < all->len; i++) {
                Claimant *claimant = g_ptr_array_index(all, i);

                /* Once for each name and number: by the first one who wants it. */
                if (claimant->name && roster_by_name(contest->roster, claimant->name) == claimant)
                        settle_name(contest, claimant->name);
                if (claimant->id != UID_NONE &&
                    roster_by_id(contest->roster, claimant->id) == claimant)
                        settle_id(contest, claimant->id);
        }
}
