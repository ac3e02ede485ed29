/* policyset: all policies by name; declared in policy.h. Sorted, so that a name that came as a span
 * is found without a copy. */
#include "verdict/policy.h"

struct PolicySet {
        gatomicrefcount references;
        size_t n_policies;
        Policy **policies; /* by name */
};

static int span_compare(Span a, Span b)
{
        int order = memcmp(a.data, b.data, MIN(a.len, b.len));

        return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int policy_compare(const void *a, const void *b)
{
        return span_compare(span_from(policy_name(*(Policy *const *) a)),
                            span_from(policy_name(*(Policy *const *) b)));
}

static int name_compare(const void *name, const void *policy)
{
        return span_compare(*(const Span *) name,
                            span_from(policy_name(*(Policy *const *) policy)));
}

PolicySet *policy_set_new(GPtrArray *policies)
{
        PolicySet *set = g_new0(PolicySet, 1);

        g_atomic_ref_count_init(&set->references);
        set->policies = g_new0(Policy *, policies->len);
        for (guint i = 0; i < policies->len; i++)
                set->policies[set->n_policies++] = policy_ref(policies->pdata[i]);
        if (set->n_policies > 0)
                qsort(set->policies, set->n_policies, sizeof(*set->policies), policy_compare);
        return set;
}

PolicySet *policy_set_ref(PolicySet *set)
{
        g_atomic_ref_count_inc(&set->references);
        return set;
}

void policy_set_unref(PolicySet *set)
{
        if (!set || !g_atomic_ref_count_dec(&set->references))
                return;
        for (size_t i = 0; i < set->n_policies; i++)
                policy_unref(set->policies[i]);
        g_free(set->policies);
        g_free(set);
}

const Policy *policy_set_find(const PolicySet *set, Span name)
{
        Policy *const *found = NULL;

        if (set->n_policies > 0)
                found = bsearch(&name, set->policies, set->n_policies, sizeof(*set->policies),
                                name_compare);
        return found ? *found : NULL;
}

size_t policy_set_size(const PolicySet *set)
{
        return set->n_policies;
}

const Policy *policy_set_get(const PolicySet *set, size_t index)
{
        g_assert(index < set->n_policies);
        return set->policies[index];
}
