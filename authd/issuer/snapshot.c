/* snapshot: see snapshot.h. The times stand before the texts: SQLite then rewrites the first page
 * of a row whose texts stay. */
#include "issuer/snapshot.h"

#define PART "snapshot"

static const char *const migrations[] = {
        "CREATE TABLE snapshot (url TEXT NOT NULL, fetch_url TEXT NOT NULL,"
        " fetched_at_sec INTEGER NOT NULL, fresh_sec INTEGER NOT NULL, keys_etag TEXT,"
        " discovery BLOB NOT NULL, keys BLOB NOT NULL, PRIMARY KEY (url, fetch_url))",
};

enum {
        FETCHED_AT,
        FRESH,
        ETAG,
        DISCOVERY,
        KEYS,
        N_COLUMNS,
};

typedef struct Loading {
        void (*take)(const Snapshot *snapshot, void *userdata);
        void *userdata;
} Loading;

typedef struct Comparison {
        const Snapshot *snapshot;
        bool same_texts;
} Comparison;

bool snapshot_prepare(Store *store, GError **error)
{
        return !store || store_migrate(store, PART, migrations, G_N_ELEMENTS(migrations), error);
}

static void load_row(const StoreValue *values, size_t n_values, void *userdata)
{
        Loading *loading = userdata;
        /* The store's texts have no NUL behind them that it promises. */
        g_autofree char *etag = values[ETAG].type == STORE_TEXT
                                    ? g_strndup(values[ETAG].bytes.data, values[ETAG].bytes.len)
                                    : NULL;
        const Snapshot snapshot = {
                .discovery = values[DISCOVERY].bytes,
                .keys = values[KEYS].bytes,
                .keys_etag = etag,
                .fetched_at_sec = values[FETCHED_AT].integer,
                .fresh_sec = values[FRESH].integer,
        };

        g_assert(n_values == N_COLUMNS);
        loading->take(&snapshot, loading->userdata);
}

int snapshot_load(Store *store, const char *url, const char *fetch_url,
                  void (*take)(const Snapshot *snapshot, void *userdata), void *userdata)
{
        const StoreValue values[] = {
                store_text(span_from(url)),
                store_text(span_from(fetch_url)),
        };
        Loading loading = { take, userdata };

        if (!store)
                return 0;
        return store_read(store,
                          "SELECT fetched_at_sec, fresh_sec, keys_etag, discovery, keys"
                          " FROM snapshot WHERE url = ? AND fetch_url = ?",
                          values, G_N_ELEMENTS(values), load_row, &loading);
}

static void compare(const Snapshot *kept, void *userdata)
{
        Comparison *comparison = userdata;
        const Snapshot *ours = comparison->snapshot;

        comparison->same_texts = span_equal(kept->discovery, ours->discovery) &&
                                 span_equal(kept->keys, ours->keys) &&
                                 g_strcmp0(kept->keys_etag, ours->keys_etag) == 0;
}

static int save_times(Store *store, const char *url, const char *fetch_url,
                      const Snapshot *snapshot)
{
        const StoreValue values[] = {
                store_integer(snapshot->fetched_at_sec),
                store_integer(snapshot->fresh_sec),
                store_text(span_from(url)),
                store_text(span_from(fetch_url)),
        };

        return store_change(store,
                            "UPDATE snapshot SET fetched_at_sec = ?, fresh_sec = ?"
                            " WHERE url = ? AND fetch_url = ?",
                            values, G_N_ELEMENTS(values));
}

static int save_all(Store *store, const char *url, const char *fetch_url, const Snapshot *snapshot)
{
        const StoreValue values[] = {
                store_text(span_from(url)),
                store_text(span_from(fetch_url)),
                store_integer(snapshot->fetched_at_sec),
                store_integer(snapshot->fresh_sec),
                snapshot->keys_etag ? store_text(span_from(snapshot->keys_etag))
                                    : (StoreValue){ 0 },
                store_blob(snapshot->discovery),
                store_blob(snapshot->keys),
        };

        return store_change(store,
                            "INSERT OR REPLACE INTO snapshot (url, fetch_url, fetched_at_sec,"
                            " fresh_sec, keys_etag, discovery, keys) VALUES (?, ?, ?, ?, ?, ?, ?)",
                            values, G_N_ELEMENTS(values));
}

int snapshot_save(Store *store, const char *url, const char *fetch_url, const Snapshot *snapshot)
{
        Comparison comparison = { snapshot, false };
        int r = snapshot_load(store, url, fetch_url, compare, &comparison);

        if (!store || r < 0)
                return r;
        return comparison.same_texts ? save_times(store, url, fetch_url, snapshot)
                                     : save_all(store, url, fetch_url, snapshot);
}

int snapshot_prune(Store *store, int64_t now_sec)
{
        const StoreValue oldest = store_integer(now_sec - SNAPSHOT_KEPT_SEC);

        if (!store)
                return 0;
        return store_change(store, "DELETE FROM snapshot WHERE fetched_at_sec < ?", &oldest, 1);
}
