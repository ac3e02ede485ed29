/* test_metric: the exposition as Prometheus reads it, sums over threads, and a hot path that
 * allocates nothing (malloc is counted). */
#include "base/metric.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#define THREADS       20 /* more than there are shards */
#define ADDS_A_THREAD 1000

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static _Thread_local size_t n_allocations;

/* A sanitizer has a malloc of its own that cannot be stood in front of. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);

void *malloc(size_t size)
{
        n_allocations++;
        return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
        n_allocations++;
        return __libc_calloc(n, size);
}
#endif

static const char *const labels[] = { "issuer", "reason", NULL };
static const double bounds[] = { 0.001, 0.5, 10 };

static void assert_exposed(MetricRegistry *registry, const char *wanted)
{
        g_autoptr(GString) text = g_string_new(NULL);

        metric_registry_expose(registry, text);
        g_assert_cmpstr(text->str, ==, wanted);
}

static void add(MetricFamily *family, const char *issuer, const char *reason, uint64_t count)
{
        metric_add(family, (const char *const[]){ issuer, reason }, count);
}

static void everything_is_sorted(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *second =
            metric_family_new(registry, METRIC_COUNTER, "b_total", "Second.", labels, NULL, 0);

        metric_family_new(registry, METRIC_COUNTER, "a_total", "First.", NULL, NULL, 0);
        add(second, "y", "a", 1);
        add(second, "x", "b", 2);
        add(second, "x", "a", 3);
        add(second, "x", "b", 4);
        assert_exposed(registry, "# HELP a_total First.\n# TYPE a_total counter\na_total 0\n"
                                 "# HELP b_total Second.\n# TYPE b_total counter\n"
                                 "b_total{issuer=\"x\",reason=\"a\"} 3\n"
                                 "b_total{issuer=\"x\",reason=\"b\"} 6\n"
                                 "b_total{issuer=\"y\",reason=\"a\"} 1\n");
}

static void a_counter_kept_elsewhere_shows_its_total(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "A.", labels, NULL, 0);

        metric_count_to(family, (const char *[]){ "x", "a" }, 7);
        metric_count_to(family, (const char *[]){ "x", "a" }, 9);
        assert_exposed(registry, "# HELP a_total A.\n# TYPE a_total counter\n"
                                 "a_total{issuer=\"x\",reason=\"a\"} 9\n");
}

static void values_are_escaped(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "a\\b\n\"c\"", labels, NULL, 0);

        add(family, "q\"\\\n", "", 1);
        assert_exposed(registry, "# HELP a_total a\\\\b\\n\"c\"\n# TYPE a_total counter\n"
                                 "a_total{issuer=\"q\\\"\\\\\\n\",reason=\"\"} 1\n");
}

/* ("ab", "c") and ("a", "bc") are two series: values are not glued together. */
static void borders_between_values_count(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "A.", labels, NULL, 0);

        add(family, "ab", "c", 1);
        add(family, "a", "bc", 2);
        assert_exposed(registry, "# HELP a_total A.\n# TYPE a_total counter\n"
                                 "a_total{issuer=\"a\",reason=\"bc\"} 2\n"
                                 "a_total{issuer=\"ab\",reason=\"c\"} 1\n");
}

static void values_are_copied(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "A.", labels, NULL, 0);
        char value[] = "x";

        add(family, value, "r", 1);
        value[0] = 'y';
        assert_exposed(registry, "# HELP a_total A.\n# TYPE a_total counter\n"
                                 "a_total{issuer=\"x\",reason=\"r\"} 1\n");
}

static void gauges_are_set_and_forgotten(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family = metric_family_new(registry, METRIC_GAUGE, "g", "G.",
                                                 (const char *const[]){ "k", NULL }, NULL, 0);

        metric_set(family, (const char *const[]){ "a" }, 1);
        metric_set(family, (const char *const[]){ "a" }, 0.1);
        metric_set(family, (const char *const[]){ "b" }, -INFINITY);
        metric_set(family, (const char *const[]){ "c" }, 0.1 + 0.2);
        assert_exposed(registry, "# HELP g G.\n# TYPE g gauge\ng{k=\"a\"} 0.1\ng{k=\"b\"} -Inf\n"
                                 "g{k=\"c\"} 0.30000000000000004\n");
        metric_forget(family);
        assert_exposed(registry, "# HELP g G.\n# TYPE g gauge\n");
        metric_set(family, (const char *const[]){ "c" }, 3);
        assert_exposed(registry, "# HELP g G.\n# TYPE g gauge\ng{k=\"c\"} 3\n");
}

/* A bound is inclusive (le); buckets add up; what is above all of them is in +Inf alone. */
static void histogram_is_cumulative(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family = metric_family_new(registry, METRIC_HISTOGRAM, "h_seconds", "H.",
                                                 (const char *const[]){ "door", NULL }, bounds, 3);
        const char *const check[] = { "check" };

        metric_observe(family, check, 0.001);
        metric_observe(family, check, 0.25);
        metric_observe(family, check, 0.5);
        metric_observe(family, check, 11);
        assert_exposed(registry, "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
                                 "h_seconds_bucket{door=\"check\",le=\"0.001\"} 1\n"
                                 "h_seconds_bucket{door=\"check\",le=\"0.5\"} 3\n"
                                 "h_seconds_bucket{door=\"check\",le=\"10\"} 3\n"
                                 "h_seconds_bucket{door=\"check\",le=\"+Inf\"} 4\n"
                                 "h_seconds_sum{door=\"check\"} 11.751\n"
                                 "h_seconds_count{door=\"check\"} 4\n");
}

static void histogram_without_labels(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family = metric_family_new(registry, METRIC_HISTOGRAM, "h", "H.", NULL,
                                                 (const double[]){ 1 }, 1);

        metric_observe(family, NULL, NAN);
        assert_exposed(registry, "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 0\n"
                                 "h_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n");
}

static gpointer add_many(gpointer family)
{
        for (int i = 0; i < ADDS_A_THREAD; i++)
                add(family, "x", i % 2 ? "a" : "b", 1);
        return NULL;
}

static void threads_add_up(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *family =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "A.", labels, NULL, 0);
        GThread *threads[THREADS];
        g_autoptr(GString) meanwhile = g_string_new(NULL);

        for (int i = 0; i < THREADS; i++)
                threads[i] = g_thread_new("adder", add_many, family);
        metric_registry_expose(registry, meanwhile);
        for (int i = 0; i < THREADS; i++)
                g_thread_join(threads[i]);
        assert_exposed(registry, "# HELP a_total A.\n# TYPE a_total counter\n"
                                 "a_total{issuer=\"x\",reason=\"a\"} 10000\n"
                                 "a_total{issuer=\"x\",reason=\"b\"} 10000\n");
}

static void later_uses_allocate_nothing(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *counter =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "A.", labels, NULL, 0);
        MetricFamily *histogram =
            metric_family_new(registry, METRIC_HISTOGRAM, "h", "H.", NULL, bounds, 3);
        size_t before = n_allocations;

        add(counter, "x", "a", 1);
        if (n_allocations == before) {
                g_test_skip("allocations cannot be counted under a sanitizer");
                return;
        }
        metric_observe(histogram, NULL, 1);
        before = n_allocations;
        add(counter, "x", "a", 1);
        metric_observe(histogram, NULL, 1);
        g_assert_cmpuint(n_allocations, ==, before);
}

static void a_count_is_read(void)
{
        g_autoptr(MetricRegistry) registry = metric_registry_new();
        MetricFamily *counter =
            metric_family_new(registry, METRIC_COUNTER, "a_total", "A.", labels, NULL, 0);

        add(counter, "x", "a", 2);
        add(counter, "x", "b", 4);
        add(counter, "x", "a", 1);
        g_assert_cmpuint(metric_count(counter, (const char *const[]){ "x", "a" }), ==, 3);
        g_assert_cmpuint(metric_count(counter, (const char *const[]){ "y", "a" }), ==, 0);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *sentence;
                void (*check)(void);
        } rows[] = {
                { "families by name, series by labels, a bare counter from 0",
                  everything_is_sorted },
                { "a counter kept elsewhere shows its total, not a sum",
                  a_counter_kept_elsewhere_shows_its_total },
                { "label values and help are escaped", values_are_escaped },
                { "the border between two values counts", borders_between_values_count },
                { "a series keeps its values when the caller's change", values_are_copied },
                { "a gauge is the last value set, until forgotten", gauges_are_set_and_forgotten },
                { "a histogram's buckets are cumulative and inclusive", histogram_is_cumulative },
                { "NaN is in no bucket but +Inf", histogram_without_labels },
                { "what many threads count adds up", threads_add_up },
                { "what was counted can be read, one series at a time", a_count_is_read },
                { "after the first use nothing is allocated", later_uses_allocate_nothing },
        };

        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/metric/%s", rows[i].sentence);
                g_test_add_func(name, rows[i].check);
        }
        return g_test_run();
}
