/* register: see register.h. A number's row is never deleted and never changes its owner. */
#include "users/register.h"

#include "base/clock.h"

#include <errno.h>

#define PART "users"

static const char *const migrations[] = {
        "CREATE TABLE users_issuer (number INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE,"
        " filled_sec INTEGER NOT NULL, attributes TEXT NOT NULL);"
        /* current: 0: its owner has another by now. */
        "CREATE TABLE users_id (id INTEGER PRIMARY KEY, issuer INTEGER NOT NULL,"
        " key TEXT NOT NULL, is_group INTEGER NOT NULL, current INTEGER NOT NULL,"
        " given_sec INTEGER NOT NULL);"
        /* attributes: NULL: not read yet. name, home: as last given, NULL: never. member_of:
         * numbers of groups, 4 bytes each, the least first. */
        "CREATE TABLE users_person (issuer INTEGER NOT NULL, subject TEXT NOT NULL,"
        " username TEXT NOT NULL, email TEXT NOT NULL, full_name TEXT NOT NULL,"
        " attributes TEXT, enabled INTEGER NOT NULL, present INTEGER NOT NULL,"
        " since_sec INTEGER NOT NULL, seen_sec INTEGER NOT NULL, name TEXT, home TEXT,"
        " member_of BLOB NOT NULL, PRIMARY KEY (issuer, subject)) WITHOUT ROWID;"
        "CREATE TABLE users_group (issuer INTEGER NOT NULL, number INTEGER NOT NULL,"
        " key TEXT NOT NULL, source TEXT NOT NULL, parent_key TEXT, attributes TEXT,"
        " name TEXT, PRIMARY KEY (issuer, number)) WITHOUT ROWID;",
};

/* Hold: a number of somebody who is not on the roster with it. */
typedef struct Hold {
        uint32_t id;
        int64_t issuer;
        bool is_group, current;
        char key[];
} Hold;

typedef struct Issuer {
        int64_t number;
        char *url;
        int64_t filled_sec;
        char *attributes;
} Issuer;

struct Register {
        Store *store;       /* borrowed; NULL: none */
        GPtrArray *issuers; /* Issuer */
        Issuer *issuer;     /* the one that is loaded; NULL: none yet */
        GHashTable *holds;  /* Hold by id */
        GHashTable *by_key; /* those of this issuer that are current, by "u" or "g" and the key */
};

/* ---- values ---- */

static StoreValue text_or_null(const char *text)
{
        return text ? store_text(span_from(text)) : (StoreValue){ .type = STORE_NULL };
}

static char *text_of(const StoreValue *value)
{
        return value->type == STORE_TEXT ? g_strndup(value->bytes.data, value->bytes.len) : NULL;
}

static int change(Register *reg, const char *sql, const StoreValue *values, size_t n_values)
{
        return reg->store ? store_change(reg->store, sql, values, n_values) : 0;
}

/* ---- holds ---- */

static char *key_of(const char *key, bool is_group)
{
        return g_strconcat(is_group ? "g" : "u", key, NULL);
}

static void add_hold(Register *reg, uint32_t id, int64_t issuer, const char *key, bool is_group,
                     bool current)
{
        size_t size = strlen(key) + 1;
        Hold *hold = g_malloc(sizeof(Hold) + size);

        *hold = (Hold){ .id = id, .issuer = issuer, .is_group = is_group, .current = current };
        memcpy(hold->key, key, size);
        g_hash_table_replace(reg->holds, GUINT_TO_POINTER(id), hold);
        if (current && issuer == reg->issuer->number)
                g_hash_table_insert(reg->by_key, key_of(key, is_group), hold);
}

const char *register_holder(const Register *reg, uint32_t id)
{
        const Hold *hold = g_hash_table_lookup(reg->holds, GUINT_TO_POINTER(id));

        return hold ? hold->key : NULL;
}

void register_retain(Register *reg, const Claimant *claimant)
{
        if (claimant->held_id != UID_NONE)
                add_hold(reg, claimant->held_id, reg->issuer->number, claimant->key,
                         claimant->is_group, true);
}

bool register_owns(const Register *reg, uint32_t id, const Claimant *claimant)
{
        const Hold *hold = g_hash_table_lookup(reg->holds, GUINT_TO_POINTER(id));

        return hold && hold->issuer == reg->issuer->number &&
               hold->is_group == claimant->is_group && strcmp(hold->key, claimant->key) == 0;
}

void register_given(Register *reg, const Claimant *claimant)
{
        g_hash_table_remove(reg->holds, GUINT_TO_POINTER(claimant->id));
        if (claimant->held_id != UID_NONE)
                add_hold(reg, claimant->held_id, reg->issuer->number, claimant->key,
                         claimant->is_group, false);
}

uint32_t register_take_back(Register *reg, const char *key, bool is_group)
{
        g_autofree char *wanted = key_of(key, is_group);
        const Hold *hold = g_hash_table_lookup(reg->by_key, wanted);
        uint32_t id = hold ? hold->id : UID_NONE;

        if (hold) {
                g_hash_table_remove(reg->by_key, wanted);
                g_hash_table_remove(reg->holds, GUINT_TO_POINTER(id));
        }
        return id;
}

/* ---- life ---- */

static void issuer_free(void *userdata)
{
        Issuer *issuer = userdata;

        g_free(issuer->url);
        g_free(issuer->attributes);
        g_free(issuer);
}

static Issuer *add_issuer(Register *reg, int64_t number, char *url, int64_t filled_sec,
                          char *attributes)
{
        Issuer *issuer = g_new(Issuer, 1);

        *issuer = (Issuer){ number, url, filled_sec, attributes };
        g_ptr_array_add(reg->issuers, issuer);
        return issuer;
}

static void take_issuer(const StoreValue *values, size_t n_values, void *userdata)
{
        add_issuer(userdata, values[0].integer, text_of(&values[1]), values[2].integer,
                   text_of(&values[3]));
}

static bool open_store(Register *reg, GError **error)
{
        int r;

        if (!reg->store)
                return true;
        if (!store_migrate(reg->store, PART, migrations, G_N_ELEMENTS(migrations), error))
                return false;
        r = store_read(reg->store, "SELECT number, url, filled_sec, attributes FROM users_issuer",
                       NULL, 0, take_issuer, reg);
        if (r == 0 || r == -EUCLEAN) /* the store has told of it, and begun afresh */
                return true;
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r),
                    "%s: cannot read who has an account: %s", store_path(reg->store),
                    g_strerror(-r));
        return false;
}

static void make_holds(Register *reg)
{
        reg->holds = g_hash_table_new_full(NULL, NULL, NULL, g_free);
        reg->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void free_holds(Register *reg)
{
        g_hash_table_unref(reg->by_key);
        g_hash_table_unref(reg->holds);
}

Register *register_new(Store *store, GError **error)
{
        g_autoptr(Register) reg = g_new0(Register, 1);

        reg->store = store;
        reg->issuers = g_ptr_array_new_with_free_func(issuer_free);
        make_holds(reg);
        return open_store(reg, error) ? g_steal_pointer(&reg) : NULL;
}

void register_free(Register *reg)
{
        if (!reg)
                return;
        free_holds(reg);
        g_ptr_array_unref(reg->issuers);
        g_free(reg);
}

bool register_keeps(const Register *reg)
{
        return reg->store;
}

int64_t register_filled_sec(const Register *reg)
{
        return reg->issuer ? reg->issuer->filled_sec : 0;
}

const char *register_attributes(const Register *reg)
{
        return reg->issuer->attributes;
}

/* ---- loading ---- */

typedef struct Loading {
        Register *reg;
        Roster *roster;
} Loading;

static Issuer *find_issuer(const Register *reg, const char *url)
{
        for (size_t i = 0; i < reg->issuers->len; i++) {
                Issuer *issuer = g_ptr_array_index(reg->issuers, i);

                if (strcmp(issuer->url, url) == 0)
                        return issuer;
        }
        return NULL;
}

static int64_t next_issuer_number(const Register *reg)
{
        int64_t number = 0;

        for (size_t i = 0; i < reg->issuers->len; i++)
                number = MAX(number, ((Issuer *) g_ptr_array_index(reg->issuers, i))->number);
        return number + 1;
}

static void take_group(const StoreValue *values, size_t n_values, void *userdata)
{
        Loading *loading = userdata;
        g_autofree char *key = text_of(&values[1]);
        GroupEntry *entry = roster_add_group(loading->roster, key, (uint32_t) values[0].integer);

        entry->group.source = text_of(&values[2]);
        entry->parent_key = text_of(&values[3]);
        entry->claimant.unread = values[4].type == STORE_NULL;
        entry->attributes = entry->claimant.unread ? g_strdup("") : text_of(&values[4]);
        entry->claimant.present = true;
        entry->claimant.has_name = values[5].type == STORE_TEXT;
        roster_set_name(loading->roster, &entry->claimant, text_of(&values[5]));
}

static Facts *facts_of(const StoreValue *values)
{
        char *texts[5];
        Facts *facts;

        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                texts[i] = values[i].type == STORE_TEXT ? text_of(&values[i]) : g_strdup("");
        facts = facts_new(
            &(Facts){ texts[0], texts[1], texts[2], texts[3], texts[4], values[5].integer != 0 });
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_free(texts[i]);
        return facts;
}

/* take_groups: those that are there. A number is another group's once its row is gone and the
 * daemon has begun anew: what named the old one must not be kept. */
static void take_groups(const Roster *roster, PersonEntry *entry, Span numbers)
{
        size_t n = numbers.len / sizeof(uint32_t);

        if (n == 0)
                return;
        entry->groups = g_memdup2(numbers.data, n * sizeof(uint32_t));
        for (size_t i = 0; i < n; i++)
                if (roster_group_numbered(roster, entry->groups[i]))
                        entry->groups[entry->n_groups++] = entry->groups[i];
        entry->claimant.dirty = entry->n_groups < n;
}

static void take_person(const StoreValue *values, size_t n_values, void *userdata)
{
        Loading *loading = userdata;
        PersonEntry *entry = roster_add_person(loading->roster, facts_of(values));
        g_autofree char *home = text_of(&values[10]);

        entry->claimant.unread = values[4].type == STORE_NULL;
        entry->claimant.present = values[6].integer != 0;
        entry->since_sec = values[7].integer;
        entry->person.seen_sec = values[8].integer;
        entry->claimant.has_name = values[9].type == STORE_TEXT;
        roster_set_name(loading->roster, &entry->claimant, text_of(&values[9]));
        roster_set_home(loading->roster, entry, home);
        take_groups(loading->roster, entry, values[11].bytes);
}

static Claimant *owner_of(const Roster *roster, const char *key, bool is_group)
{
        GroupEntry *group = is_group ? roster_group(roster, key) : NULL;
        PersonEntry *person = is_group ? NULL : roster_person(roster, key);

        if (group)
                return &group->claimant;
        return person ? &person->claimant : NULL;
}

static void take_id(const StoreValue *values, size_t n_values, void *userdata)
{
        Loading *loading = userdata;
        g_autofree char *key = text_of(&values[2]);
        bool is_group = values[3].integer != 0, current = values[4].integer != 0;
        uint32_t id = (uint32_t) values[0].integer;
        Claimant *owner = NULL;

        if (current && values[1].integer == loading->reg->issuer->number)
                owner = owner_of(loading->roster, key, is_group);
        if (owner)
                roster_set_held(loading->roster, owner, id);
        else
                add_hold(loading->reg, id, values[1].integer, key, is_group, current);
}

static int load_rows(Loading *loading)
{
        static const struct {
                const char *sql;
                StoreRow take;
                bool of_issuer;
        } reads[] = {
                { "SELECT number, key, source, parent_key, attributes, name FROM users_group"
                  " WHERE issuer = ?",
                  take_group, true },
                { "SELECT subject, username, email, full_name, attributes, enabled, present,"
                  " since_sec, seen_sec, name, home, member_of FROM users_person WHERE issuer = ?",
                  take_person, true },
                { "SELECT id, issuer, key, is_group, current FROM users_id", take_id, false },
        };
        const StoreValue issuer = store_integer(loading->reg->issuer->number);
        int r = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(reads) && r == 0; i++)
                r = store_read(loading->reg->store, reads[i].sql, &issuer, reads[i].of_issuer,
                               reads[i].take, loading);
        return r;
}

int register_load(Register *reg, const char *issuer_url, Roster *roster)
{
        Loading loading = { reg, roster };
        Register before = *reg;
        int r;

        reg->issuer = find_issuer(reg, issuer_url);
        if (!reg->issuer)
                reg->issuer =
                    add_issuer(reg, next_issuer_number(reg), g_strdup(issuer_url), 0, g_strdup(""));
        if (!reg->store) {
                g_hash_table_remove_all(reg->by_key);
                return 0;
        }
        make_holds(reg);
        r = load_rows(&loading);
        if (r < 0 && r != -EUCLEAN) {
                free_holds(reg);
                *reg = before;
                return r;
        }
        free_holds(&before);
        return r;
}

/* ---- writing ---- */

static int put_issuer(Register *reg, const Issuer *issuer)
{
        const StoreValue values[] = {
                store_integer(issuer->number),
                store_text(span_from(issuer->url)),
                store_integer(issuer->filled_sec),
                store_text(span_from(issuer->attributes)),
        };

        return change(reg, "INSERT OR REPLACE INTO users_issuer VALUES (?, ?, ?, ?)", values,
                      G_N_ELEMENTS(values));
}

int register_begin(Register *reg)
{
        int r = reg->store ? store_begin(reg->store) : 0;

        if (r < 0)
                return r;
        r = put_issuer(reg, reg->issuer);
        if (r < 0)
                register_rollback(reg);
        return r;
}

int register_commit(Register *reg)
{
        return reg->store ? store_commit(reg->store) : 0;
}

void register_rollback(Register *reg)
{
        if (reg->store)
                store_rollback(reg->store);
}

static int put_id(Register *reg, uint32_t id, int64_t issuer, const char *key, bool is_group,
                  bool current)
{
        const StoreValue values[] = {
                store_integer(id),       store_integer(issuer),  store_text(span_from(key)),
                store_integer(is_group), store_integer(current), store_integer(clock_wall_sec()),
        };

        return change(reg, "INSERT INTO users_id VALUES (?, ?, ?, ?, ?, ?)", values,
                      G_N_ELEMENTS(values));
}

static int set_current(Register *reg, uint32_t id, bool current)
{
        const StoreValue values[] = { store_integer(current), store_integer(id) };

        return change(reg, "UPDATE users_id SET current = ? WHERE id = ?", values,
                      G_N_ELEMENTS(values));
}

/* register_give: INSERT and nothing milder: a row that is there belongs to somebody else, unless it
 * is a number that it had before. */
int register_give(Register *reg, const Claimant *claimant)
{
        int r = register_owns(reg, claimant->id, claimant)
                    ? set_current(reg, claimant->id, true)
                    : put_id(reg, claimant->id, reg->issuer->number, claimant->key,
                             claimant->is_group, true);

        if (r == 0 && claimant->held_id != UID_NONE)
                r = set_current(reg, claimant->held_id, false);
        return r;
}

int register_put_person(Register *reg, const PersonEntry *entry)
{
        const Claimant *claimant = &entry->claimant;
        const Facts *facts = entry->facts;
        const StoreValue values[] = {
                store_integer(reg->issuer->number),
                store_text(span_from(facts->subject)),
                store_text(span_from(facts->username)),
                store_text(span_from(facts->email)),
                store_text(span_from(facts->full_name)),
                text_or_null(claimant->unread ? NULL : facts->attributes),
                store_integer(facts->enabled),
                store_integer(claimant->present),
                store_integer(entry->since_sec),
                store_integer(entry->person.seen_sec),
                text_or_null(claimant->has_name ? claimant->name : NULL),
                text_or_null(claimant->home),
                store_blob(span_of(entry->groups, entry->n_groups * sizeof(uint32_t))),
        };

        return change(reg,
                      "INSERT OR REPLACE INTO users_person VALUES"
                      " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                      values, G_N_ELEMENTS(values));
}

int register_put_group(Register *reg, const GroupEntry *entry)
{
        const StoreValue values[] = {
                store_integer(reg->issuer->number),
                store_integer(entry->number),
                store_text(span_from(entry->group.key)),
                store_text(span_from(entry->group.source)),
                text_or_null(entry->parent_key),
                text_or_null(entry->claimant.unread ? NULL : entry->attributes),
                text_or_null(entry->claimant.has_name ? entry->claimant.name : NULL),
        };

        return change(reg, "INSERT OR REPLACE INTO users_group VALUES (?, ?, ?, ?, ?, ?, ?)",
                      values, G_N_ELEMENTS(values));
}

int register_delete_person(Register *reg, const char *subject)
{
        const StoreValue values[] = {
                store_integer(reg->issuer->number),
                store_text(span_from(subject)),
        };

        return change(reg, "DELETE FROM users_person WHERE issuer = ? AND subject = ?", values,
                      G_N_ELEMENTS(values));
}

int register_delete_group(Register *reg, uint32_t number)
{
        const StoreValue values[] = {
                store_integer(reg->issuer->number),
                store_integer(number),
        };

        return change(reg, "DELETE FROM users_group WHERE issuer = ? AND number = ?", values,
                      G_N_ELEMENTS(values));
}

int register_put_seen(Register *reg, const PersonEntry *entry)
{
        const StoreValue values[] = {
                store_integer(entry->person.seen_sec),
                store_integer(reg->issuer->number),
                store_text(span_from(entry->facts->subject)),
        };

        return change(reg, "UPDATE users_person SET seen_sec = ? WHERE issuer = ? AND subject = ?",
                      values, G_N_ELEMENTS(values));
}

int register_put_filled(Register *reg, int64_t filled_sec, const char *attributes)
{
        reg->issuer->filled_sec = filled_sec;
        g_free(reg->issuer->attributes);
        reg->issuer->attributes = g_strdup(attributes);
        return put_issuer(reg, reg->issuer);
}

/* ---- afresh ---- */

static int rewrite_holds(Register *reg)
{
        GHashTableIter iter;
        void *value;
        int r = 0;

        for (size_t i = 0; i < reg->issuers->len && r == 0; i++)
                r = put_issuer(reg, g_ptr_array_index(reg->issuers, i));
        g_hash_table_iter_init(&iter, reg->holds);
        while (r == 0 && g_hash_table_iter_next(&iter, NULL, &value)) {
                const Hold *hold = value;

                r = put_id(reg, hold->id, hold->issuer, hold->key, hold->is_group, hold->current);
        }
        return r;
}

static int rewrite_held(Register *reg, const Claimant *claimant)
{
        return claimant->held_id == UID_NONE ? 0
                                             : put_id(reg, claimant->held_id, reg->issuer->number,
                                                      claimant->key, claimant->is_group, true);
}

int register_rewrite(Register *reg, const Roster *roster)
{
        int r = rewrite_holds(reg);

        for (size_t i = 0; i < roster_n_groups(roster) && r == 0; i++) {
                const GroupEntry *entry = roster_group_at(roster, i);

                r = rewrite_held(reg, &entry->claimant);
                if (r == 0 && !entry->group.local)
                        r = register_put_group(reg, entry);
        }
        for (size_t i = 0; i < roster_n_people(roster) && r == 0; i++) {
                const PersonEntry *entry = roster_person_at(roster, i);

                r = rewrite_held(reg, &entry->claimant);
                if (r == 0)
                        r = register_put_person(reg, entry);
        }
        return r;
}
