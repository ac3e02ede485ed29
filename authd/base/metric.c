/* metric: see metric.h. Each family keeps its series in METRIC_SHARDS tables with one short lock
 * each.
 *
 * A thread always uses the same shard, so with fewer threads than shards nobody waits but the
 * reader, who adds the shards up. A gauge is one value, not a sum: it lives in shard 0. After a
 * series' first use nothing is allocated: the lookup key is a Series on the stack that borrows the
 * caller's values. */
#include "base/metric.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#define METRIC_SHARDS      16
#define METRIC_CACHE_LINE  64
#define METRIC_BUCKETS_MAX 64

typedef struct Series {
        const MetricFamily *family;
        const char *values[METRIC_LABELS_MAX]; /* interned, but in a lookup key: the caller's */
        uint64_t count;                        /* counter: the value; histogram: observations */
        double value;                          /* gauge: the value; histogram: the sum */
        uint64_t buckets[];                    /* histogram: observations that fell into each */
} Series;

typedef struct Shard {
        _Alignas(METRIC_CACHE_LINE) GMutex lock;
        GHashTable *series; /* Series -> the same */
} Shard;

struct MetricFamily {
        Shard shards[METRIC_SHARDS];
        MetricKind kind;
        char *name;
        char *help;
        char *labels[METRIC_LABELS_MAX];
        size_t n_labels;
        double *bounds;
        size_t n_bounds;
};

struct MetricRegistry {
        GMutex lock;
        GPtrArray *families; /* by name */
};

static const char *const kind_words[] = {
        [METRIC_COUNTER] = "counter",
        [METRIC_GAUGE] = "gauge",
        [METRIC_HISTOGRAM] = "histogram",
};

static guint series_hash(gconstpointer key)
{
        const Series *series = key;
        guint hash = 5381;

        for (size_t i = 0; i < series->family->n_labels; i++)
                hash = hash * 33 + g_str_hash(series->values[i]);
        return hash;
}

static gint series_compare(gconstpointer pointer_a, gconstpointer pointer_b)
{
        const Series *a = pointer_a, *b = pointer_b;
        int order = 0;

        for (size_t i = 0; i < a->family->n_labels && order == 0; i++)
                if (a->values[i] != b->values[i])
                        order = strcmp(a->values[i], b->values[i]);
        return order;
}

static gboolean series_equal(gconstpointer a, gconstpointer b)
{
        return series_compare(a, b) == 0;
}

static GHashTable *series_table_new(void)
{
        return g_hash_table_new_full(series_hash, series_equal, NULL, g_free);
}

static Series *series_new(const Series *key)
{
        const MetricFamily *family = key->family;
        Series *series = g_malloc0(sizeof(*series) + family->n_bounds * sizeof(uint64_t));

        series->family = family;
        for (size_t i = 0; i < family->n_labels; i++)
                series->values[i] = g_intern_string(key->values[i]);
        return series;
}

static Series *table_get(GHashTable *table, const Series *key)
{
        Series *series = g_hash_table_lookup(table, key);

        if (!series) {
                series = series_new(key);
                g_hash_table_add(table, series);
        }
        return series;
}

static size_t own_shard(void)
{
        static atomic_uint n_threads;
        static _Thread_local unsigned thread; /* 1-based; 0: not yet counted */

        if (thread == 0)
                thread = atomic_fetch_add(&n_threads, 1) + 1;
        return thread % METRIC_SHARDS;
}

/* lock_series: the series of these values, its shard locked; unlock_series ends it. */
static Series *lock_series(MetricFamily *family, const char *const *values, Shard **ret_shard)
{
        Shard *shard = &family->shards[family->kind == METRIC_GAUGE ? 0 : own_shard()];
        Series key = { .family = family };

        for (size_t i = 0; i < family->n_labels; i++)
                key.values[i] = values[i];
        g_mutex_lock(&shard->lock);
        *ret_shard = shard;
        return table_get(shard->series, &key);
}

static void unlock_series(Shard *shard)
{
        g_mutex_unlock(&shard->lock);
}

void metric_add(MetricFamily *family, const char *const *values, uint64_t count)
{
        Shard *shard;

        g_assert(family->kind == METRIC_COUNTER);
        lock_series(family, values, &shard)->count += count;
        unlock_series(shard);
}

void metric_count_to(MetricFamily *family, const char *const *values, uint64_t total)
{
        Series key = { .family = family };
        Shard *shard =
            &family->shards[0]; /* one shard holds it all: nobody adds to such a family */

        g_assert(family->kind == METRIC_COUNTER);
        for (size_t i = 0; i < family->n_labels; i++)
                key.values[i] = values[i];
        g_mutex_lock(&shard->lock);
        table_get(shard->series, &key)->count = total;
        unlock_series(shard);
}

void metric_set(MetricFamily *family, const char *const *values, double value)
{
        Shard *shard;

        g_assert(family->kind == METRIC_GAUGE);
        lock_series(family, values, &shard)->value = value;
        unlock_series(shard);
}

void metric_observe(MetricFamily *family, const char *const *values, double value)
{
        Shard *shard;
        Series *series;
        size_t i = 0;

        g_assert(family->kind == METRIC_HISTOGRAM);
        while (i < family->n_bounds && !(value <= family->bounds[i])) /* NaN is in none */
                i++;
        series = lock_series(family, values, &shard);
        if (i < family->n_bounds)
                series->buckets[i]++;
        series->count++;
        series->value += value;
        unlock_series(shard);
}

uint64_t metric_count(MetricFamily *family, const char *const *values)
{
        Series key = { .family = family };
        uint64_t count = 0;

        g_assert(family->kind == METRIC_COUNTER);
        for (size_t i = 0; i < family->n_labels; i++)
                key.values[i] = values[i];
        for (size_t i = 0; i < METRIC_SHARDS; i++) {
                const Series *series;

                g_mutex_lock(&family->shards[i].lock);
                series = g_hash_table_lookup(family->shards[i].series, &key);
                count += series ? series->count : 0;
                g_mutex_unlock(&family->shards[i].lock);
        }
        return count;
}

void metric_forget(MetricFamily *family)
{
        for (size_t i = 0; i < METRIC_SHARDS; i++) {
                g_mutex_lock(&family->shards[i].lock);
                g_hash_table_remove_all(family->shards[i].series);
                g_mutex_unlock(&family->shards[i].lock);
        }
}

static void family_free(gpointer pointer)
{
        MetricFamily *family = pointer;

        for (size_t i = 0; i < METRIC_SHARDS; i++) {
                g_hash_table_unref(family->shards[i].series);
                g_mutex_clear(&family->shards[i].lock);
        }
        for (size_t i = 0; i < family->n_labels; i++)
                g_free(family->labels[i]);
        g_free(family->name);
        g_free(family->help);
        g_free(family->bounds);
        g_aligned_free(family);
}

/* start_at_zero: a counter that is absent until its first event hides that event from rate(). */
static void start_at_zero(MetricFamily *family)
{
        Series key = { .family = family };

        if (family->n_labels == 0 && family->kind != METRIC_GAUGE)
                table_get(family->shards[0].series, &key);
}

static gint family_compare_pointers(gconstpointer a, gconstpointer b)
{
        return strcmp((*(MetricFamily *const *) a)->name, (*(MetricFamily *const *) b)->name);
}

static void registry_add(MetricRegistry *registry, MetricFamily *family)
{
        g_mutex_lock(&registry->lock);
        g_ptr_array_add(registry->families, family);
        g_ptr_array_sort(registry->families, family_compare_pointers);
        g_mutex_unlock(&registry->lock);
}

MetricFamily *metric_family_new(MetricRegistry *registry, MetricKind kind, const char *name,
                                const char *help, const char *const *labels, const double *buckets,
                                size_t n_buckets)
{
        MetricFamily *family = g_aligned_alloc0(1, sizeof(*family), METRIC_CACHE_LINE);

        g_assert(n_buckets <= METRIC_BUCKETS_MAX && (kind == METRIC_HISTOGRAM) == (n_buckets > 0));
        family->kind = kind;
        family->name = g_strdup(name);
        family->help = g_strdup(help);
        for (; labels && labels[family->n_labels]; family->n_labels++) {
                g_assert(family->n_labels < METRIC_LABELS_MAX);
                family->labels[family->n_labels] = g_strdup(labels[family->n_labels]);
        }
        family->bounds = g_memdup2(buckets, n_buckets * sizeof(*buckets));
        family->n_bounds = n_buckets;
        for (size_t i = 0; i < METRIC_SHARDS; i++) {
                g_mutex_init(&family->shards[i].lock);
                family->shards[i].series = series_table_new();
        }
        start_at_zero(family);
        registry_add(registry, family);
        return family;
}

MetricRegistry *metric_registry_new(void)
{
        MetricRegistry *registry = g_new0(MetricRegistry, 1);

        g_mutex_init(&registry->lock);
        registry->families = g_ptr_array_new_with_free_func(family_free);
        return registry;
}

void metric_registry_free(MetricRegistry *registry)
{
        if (!registry)
                return;
        g_ptr_array_unref(registry->families);
        g_mutex_clear(&registry->lock);
        g_free(registry);
}

static void append_escaped(GString *out, const char *text, const char *escaped)
{
        for (; *text; text++)
                if (*text == '\n')
                        g_string_append(out, "\\n");
                else if (strchr(escaped, *text))
                        g_string_append_printf(out, "\\%c", *text);
                else
                        g_string_append_c(out, *text);
}

/* append_double: the shortest of 15 or 17 digits that reads back the same, in no locale. */
static void append_double(GString *out, double value)
{
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        if (isnan(value) || isinf(value)) {
                g_string_append(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
                return;
        }
        g_ascii_formatd(text, sizeof(text), "%.15g", value);
        if (g_ascii_strtod(text, NULL) != value)
                g_ascii_dtostr(text, sizeof(text), value);
        g_string_append(out, text);
}

/* append_name: name, suffix and {labels}; bound (NULL: none) becomes the label le. */
static void append_name(GString *out, const Series *series, const char *suffix, const double *bound)
{
        const MetricFamily *family = series->family;
        const char *separator = "{";

        g_string_append_printf(out, "%s%s", family->name, suffix);
        for (size_t i = 0; i < family->n_labels; i++, separator = ",") {
                g_string_append_printf(out, "%s%s=\"", separator, family->labels[i]);
                append_escaped(out, series->values[i], "\\\"");
                g_string_append_c(out, '"');
        }
        if (bound) {
                g_string_append_printf(out, "%sle=\"", separator);
                append_double(out, *bound);
                g_string_append_c(out, '"');
                separator = ",";
        }
        g_string_append(out, *separator == ',' ? "} " : " ");
}

static void append_count(GString *out, uint64_t count)
{
        g_string_append_printf(out, "%" G_GUINT64_FORMAT "\n", (guint64) count);
}

static void append_histogram(GString *out, const Series *series)
{
        const MetricFamily *family = series->family;
        const double infinite = INFINITY;
        uint64_t below = 0;

        for (size_t i = 0; i < family->n_bounds; i++) {
                below += series->buckets[i];
                append_name(out, series, "_bucket", &family->bounds[i]);
                append_count(out, below);
        }
        append_name(out, series, "_bucket", &infinite);
        append_count(out, series->count);
        append_name(out, series, "_sum", NULL);
        append_double(out, series->value);
        g_string_append_c(out, '\n');
        append_name(out, series, "_count", NULL);
        append_count(out, series->count);
}

static void append_series(GString *out, const Series *series)
{
        if (series->family->kind == METRIC_HISTOGRAM) {
                append_histogram(out, series);
                return;
        }
        append_name(out, series, "", NULL);
        if (series->family->kind == METRIC_COUNTER) {
                append_count(out, series->count);
                return;
        }
        append_double(out, series->value);
        g_string_append_c(out, '\n');
}

static void add_up(GHashTable *total, Shard *shard)
{
        GHashTableIter iter;
        gpointer pointer;

        g_mutex_lock(&shard->lock);
        g_hash_table_iter_init(&iter, shard->series);
        while (g_hash_table_iter_next(&iter, &pointer, NULL)) {
                const Series *part = pointer;
                Series *sum = table_get(total, part);

                sum->count += part->count;
                sum->value += part->value;
                for (size_t i = 0; i < part->family->n_bounds; i++)
                        sum->buckets[i] += part->buckets[i];
        }
        g_mutex_unlock(&shard->lock);
}

static void append_family(GString *out, MetricFamily *family)
{
        g_autoptr(GHashTable) total = series_table_new();
        g_autoptr(GList) sorted = NULL;

        for (size_t i = 0; i < METRIC_SHARDS; i++)
                add_up(total, &family->shards[i]);
        sorted = g_list_sort(g_hash_table_get_keys(total), series_compare);

        g_string_append_printf(out, "# HELP %s ", family->name);
        append_escaped(out, family->help, "\\");
        g_string_append_printf(out, "\n# TYPE %s %s\n", family->name, kind_words[family->kind]);
        for (GList *link = sorted; link; link = link->next)
                append_series(out, link->data);
}

void metric_registry_expose(MetricRegistry *registry, GString *out)
{
        g_mutex_lock(&registry->lock);
        for (guint i = 0; i < registry->families->len; i++)
                append_family(out, registry->families->pdata[i]);
        g_mutex_unlock(&registry->lock);
}
