/* metric: counters, gauges and histograms in Prometheus' text form (version 0.0.4).
 *
 * Families live as long as their registry, which the daemon owns. Series are made on first use and
 * kept; label values are interned, so they must come from a bounded set (settings and tables),
 * never from a client. Any thread; a family is sharded by thread so that workers do not meet. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#define METRIC_LABELS_MAX 4

typedef enum MetricKind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM } MetricKind;

typedef struct MetricRegistry MetricRegistry;
typedef struct MetricFamily MetricFamily;

MetricRegistry *metric_registry_new(void);
/* metric_registry_expose: appends the whole text to out: HELP, TYPE, series sorted by labels. */
void metric_registry_expose(MetricRegistry *registry, GString *out);
void metric_registry_free(MetricRegistry *registry);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MetricRegistry, metric_registry_free)

/* metric_family_new: labels is a NULL-terminated list of at most METRIC_LABELS_MAX names (NULL:
 * none); buckets (histograms only) a list of n_buckets ascending upper bounds. The registry owns
 * it. */
MetricFamily *metric_family_new(MetricRegistry *registry, MetricKind kind, const char *name,
                                const char *help, const char *const *labels, const double *buckets,
                                size_t n_buckets);

/* values: one for each label, in order; NULL for a family without labels. */
void metric_add(MetricFamily *family, const char *const *values, uint64_t count);
/* metric_count_to: a counter that is counted elsewhere, set to what it is now; never with
 * metric_add. */
void metric_count_to(MetricFamily *family, const char *const *values, uint64_t total);
void metric_set(MetricFamily *family, const char *const *values, double value);
void metric_observe(MetricFamily *family, const char *const *values, double value);
/* metric_count: what a counter is at; 0 where nothing was counted. */
uint64_t metric_count(MetricFamily *family, const char *const *values);
/* metric_forget: drops a family's series, for gauges that are set anew before each exposition. */
void metric_forget(MetricFamily *family);
