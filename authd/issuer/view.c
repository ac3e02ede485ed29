/* view: what every worker knows of the issuers, frozen. See view.h. */
#include "issuer/view.h"

struct IssuerView {
        gatomicrefcount references;
        uint64_t serial;
        bool allow_development;
        size_t n_facts;
        IssuerFacts *facts;
        Span *urls;                    /* the keys of by_url; they borrow interned strings */
        GHashTable *by_url;            /* Span → IssuerFacts */
        const IssuerFacts *any_issuer; /* the first without a url; NULL: none */
};

static uint64_t view_next_serial(void)
{
        static uint64_t last_serial;

        return __atomic_add_fetch(&last_serial, 1, __ATOMIC_RELAXED);
}

/* The keys of the table are our own settings, so a client cannot make them collide. */
static guint view_hash_url(gconstpointer key)
{
        const Span *url = key;
        guint hash = 5381;

        for (size_t i = 0; i < url->len; i++)
                hash = hash * 33 + (unsigned char) url->data[i];
        return hash;
}

static gboolean view_equal_url(gconstpointer a, gconstpointer b)
{
        return span_equal(*(const Span *) a, *(const Span *) b);
}

static void view_index(IssuerView *view, size_t index)
{
        const IssuerFacts *facts = &view->facts[index];

        if (!facts->url) {
                if (!view->any_issuer)
                        view->any_issuer = facts;
                return;
        }
        view->urls[index] = span_from(facts->url);
        if (!g_hash_table_contains(view->by_url, &view->urls[index]))
                g_hash_table_insert(view->by_url, &view->urls[index], (void *) facts);
}

IssuerView *issuer_view_new(const IssuerFacts *facts, size_t n_facts, bool allow_development)
{
        IssuerView *view = g_new0(IssuerView, 1);

        g_atomic_ref_count_init(&view->references);
        view->serial = view_next_serial();
        view->allow_development = allow_development;
        view->n_facts = n_facts;
        view->facts = g_new0(IssuerFacts, n_facts);
        view->urls = g_new0(Span, n_facts);
        view->by_url = g_hash_table_new(view_hash_url, view_equal_url);
        for (size_t i = 0; i < n_facts; i++) {
                view->facts[i] = facts[i];
                if (facts[i].keys)
                        keyset_ref(facts[i].keys);
                view_index(view, i);
        }
        return view;
}

IssuerView *issuer_view_ref(IssuerView *view)
{
        g_atomic_ref_count_inc(&view->references);
        return view;
}

static void view_free(IssuerView *view)
{
        for (size_t i = 0; i < view->n_facts; i++)
                g_clear_pointer(&view->facts[i].keys, keyset_unref);
        g_hash_table_unref(view->by_url);
        g_free(view->urls);
        g_free(view->facts);
        g_free(view);
}

void issuer_view_unref(IssuerView *view)
{
        if (view && g_atomic_ref_count_dec(&view->references))
                view_free(view);
}

uint64_t issuer_view_serial(const IssuerView *view)
{
        return view->serial;
}

bool issuer_view_allows_development(const IssuerView *view)
{
        return view->allow_development;
}

size_t issuer_view_size(const IssuerView *view)
{
        return view->n_facts;
}

const IssuerFacts *issuer_view_get(const IssuerView *view, size_t index)
{
        return index < view->n_facts ? &view->facts[index] : NULL;
}

const IssuerFacts *issuer_view_find(const IssuerView *view, Span url)
{
        const IssuerFacts *facts = g_hash_table_lookup(view->by_url, &url);

        return facts ? facts : view->any_issuer;
}

const IssuerFacts *issuer_view_find_name(const IssuerView *view, const char *name)
{
        for (size_t i = 0; i < view->n_facts; i++)
                if (g_strcmp0(view->facts[i].name, name) == 0)
                        return &view->facts[i];
        return NULL;
}

bool issuer_facts_has_key(const IssuerFacts *facts, const uint8_t thumbprint[JWK_THUMBPRINT_SIZE])
{
        size_t n_keys = facts->keys ? keyset_size(facts->keys) : 0;

        for (size_t i = 0; i < n_keys; i++)
                if (memcmp(keyset_get(facts->keys, i)->thumbprint, thumbprint,
                           JWK_THUMBPRINT_SIZE) == 0)
                        return true;
        return false;
}
