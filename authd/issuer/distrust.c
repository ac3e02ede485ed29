/* distrust: see distrust.h. Memory decides; the file is where it comes from after a restart. An
 * entry that is not in the file yet goes with the next change that works, and all of them into a
 * database begun afresh. */
#include "issuer/distrust.h"

#include "token/base64url.h"

#include <errno.h>

#define PART                 "distrust"
#define THUMBPRINT_TEXT_SIZE BASE64URL_ENCODED_MAX(JWK_THUMBPRINT_SIZE)

static const char *const migrations[] = {
        "CREATE TABLE distrust (url TEXT NOT NULL, name TEXT NOT NULL, at_sec INTEGER NOT NULL,"
        " PRIMARY KEY (url, name)) WITHOUT ROWID",
};

typedef struct Entry {
        char *url;
        char *name;
        int64_t at_sec;
        bool kept; /* in the file */
} Entry;

struct Distrust {
        Store *store;        /* borrowed; NULL: none */
        GHashTable *entries; /* Entry, its own key */
};

static void entry_free(void *userdata)
{
        Entry *entry = userdata;

        g_free(entry->url);
        g_free(entry->name);
        g_free(entry);
}

static guint hash_entry(const void *key)
{
        const Entry *entry = key;

        return g_str_hash(entry->url) ^ g_str_hash(entry->name);
}

static gboolean equal_entries(const void *a, const void *b)
{
        const Entry *one = a, *other = b;

        return g_str_equal(one->url, other->url) && g_str_equal(one->name, other->name);
}

static Entry *find(const Distrust *distrust, const char *url, const char *name)
{
        const Entry wanted = { .url = (char *) url, .name = (char *) name };

        return g_hash_table_lookup(distrust->entries, &wanted);
}

static void put(Distrust *distrust, char *url, char *name, int64_t at_sec, bool kept)
{
        Entry *entry = g_new(Entry, 1);

        *entry = (Entry){ .url = url, .name = name, .at_sec = at_sec, .kept = kept };
        g_hash_table_add(distrust->entries, entry);
}

/* The file */

static void take_row(const StoreValue *values, size_t n_values, void *userdata)
{
        put(userdata, g_strndup(values[0].bytes.data, values[0].bytes.len),
            g_strndup(values[1].bytes.data, values[1].bytes.len), values[2].integer, true);
}

static int write_entry(Store *store, const Entry *entry)
{
        const StoreValue values[] = {
                store_text(span_from(entry->url)),
                store_text(span_from(entry->name)),
                store_integer(entry->at_sec),
        };

        return store_change(store, "INSERT OR REPLACE INTO distrust VALUES (?, ?, ?)", values,
                            G_N_ELEMENTS(values));
}

static int write_unkept(Distrust *distrust)
{
        GHashTableIter iter;
        void *entry;
        int r = 0;

        g_hash_table_iter_init(&iter, distrust->entries);
        while (r == 0 && g_hash_table_iter_next(&iter, &entry, NULL))
                if (!((Entry *) entry)->kept)
                        r = write_entry(distrust->store, entry);
        return r;
}

static void mark_all(Distrust *distrust, bool kept)
{
        GHashTableIter iter;
        void *entry;

        g_hash_table_iter_init(&iter, distrust->entries);
        while (g_hash_table_iter_next(&iter, &entry, NULL))
                ((Entry *) entry)->kept = kept;
}

static int delete_entry(Store *store, const char *url, const char *name)
{
        const StoreValue values[] = { store_text(span_from(url)), store_text(span_from(name)) };

        return store_change(store, "DELETE FROM distrust WHERE url = ? AND name = ?", values,
                            G_N_ELEMENTS(values));
}

/* write_together: what is not in the file yet, and one removal if it has a name. */
static int write_together(Distrust *distrust, const char *url, const char *removed)
{
        int r = store_begin(distrust->store);

        if (r < 0)
                return r;
        r = removed ? delete_entry(distrust->store, url, removed) : 0;
        if (r == 0)
                r = write_unkept(distrust);
        if (r < 0) {
                store_rollback(distrust->store);
                return r;
        }
        return store_commit(distrust->store);
}

static int write_and_flush(Distrust *distrust, const char *url, const char *removed)
{
        int r = write_together(distrust, url, removed);

        if (r < 0)
                return r;
        mark_all(distrust, true);
        return store_sync(distrust->store);
}

/* save: once more when the database had to be begun afresh. */
static int save(Distrust *distrust, const char *url, const char *removed)
{
        int r;

        if (!distrust->store)
                return 0;
        r = write_and_flush(distrust, url, removed);
        return r == -EUCLEAN ? write_and_flush(distrust, url, removed) : r;
}

static void write_again(void *userdata)
{
        Distrust *distrust = userdata;

        mark_all(distrust, false);
        /* What fails now goes with the next change. */
        (void) save(distrust, NULL, NULL);
}

/* Life */

static bool load(Distrust *distrust, GError **error)
{
        int r;

        if (!store_migrate(distrust->store, PART, migrations, G_N_ELEMENTS(migrations), error))
                return false;
        r = store_read(distrust->store, "SELECT url, name, at_sec FROM distrust", NULL, 0, take_row,
                       distrust);
        /* What was read before the damage was met is rescued; the store has told of the rest. */
        if (r == -EUCLEAN)
                write_again(distrust);
        if (r == 0 || r == -EUCLEAN)
                return true;
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(-r),
                    "%s: cannot read which keys are distrusted: %s", store_path(distrust->store),
                    g_strerror(-r));
        return false;
}

Distrust *distrust_new(Store *store, GError **error)
{
        g_autoptr(Distrust) distrust = g_new0(Distrust, 1);

        distrust->entries = g_hash_table_new_full(hash_entry, equal_entries, entry_free, NULL);
        if (!store)
                return g_steal_pointer(&distrust);
        distrust->store = store;
        if (!load(distrust, error))
                return NULL;
        store_on_afresh(store, write_again, distrust);
        return g_steal_pointer(&distrust);
}

void distrust_free(Distrust *distrust)
{
        if (!distrust)
                return;
        if (distrust->store)
                store_off_afresh(distrust->store, distrust);
        g_hash_table_unref(distrust->entries);
        g_free(distrust);
}

/* Use */

int distrust_add(Distrust *distrust, const char *url, const char *name, int64_t at_sec)
{
        if (find(distrust, url, name))
                return save(distrust, url, NULL);
        if (g_hash_table_size(distrust->entries) >= DISTRUST_ENTRIES_MAX)
                return DISTRUST_E_FULL;
        put(distrust, g_strdup(url), g_strdup(name), at_sec, false);
        return save(distrust, url, NULL);
}

int distrust_remove(Distrust *distrust, const char *url, const char *name)
{
        Entry *entry = find(distrust, url, name);

        if (!entry)
                return DISTRUST_E_NOT_THERE;
        g_hash_table_remove(distrust->entries, entry);
        return save(distrust, url, name);
}

bool distrust_lasts(const Distrust *distrust)
{
        return distrust->store != NULL;
}

bool distrust_has(const Distrust *distrust, const char *url, const Key *key,
                  const char *const *also)
{
        char thumbprint[THUMBPRINT_TEXT_SIZE];

        base64url_encode(span_of(key->thumbprint, JWK_THUMBPRINT_SIZE), thumbprint);
        if (find(distrust, url, thumbprint) || (key->kid && find(distrust, url, key->kid)))
                return true;
        return also &&
               (g_strv_contains(also, thumbprint) || (key->kid && g_strv_contains(also, key->kid)));
}

void distrust_each(const Distrust *distrust, const char *url,
                   void (*one)(const char *name, int64_t at_sec, void *userdata), void *userdata)
{
        GHashTableIter iter;
        void *key;

        g_hash_table_iter_init(&iter, distrust->entries);
        while (g_hash_table_iter_next(&iter, &key, NULL)) {
                const Entry *entry = key;

                if (g_str_equal(entry->url, url))
                        one(entry->name, entry->at_sec, userdata);
        }
}
