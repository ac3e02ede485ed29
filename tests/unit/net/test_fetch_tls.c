/* fetch over TLS: whom it trusts, and that nobody else gets a word. Against a fake server. */
#include "net/fetch.h"

#include "tls_server.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <openssl/ssl.h>

#define DAY_SEC 86400

typedef struct Outcome {
        unsigned n_calls;
        int error;
        char *trouble;
        int64_t date_sec, cert_expires_sec;
} Outcome;

typedef struct Bench {
        TlsAuthority *authority, *other;
        TlsServer *server;
        Fetcher *fetcher;
        Outcome outcome;
} Bench;

static void on_done(const FetchAnswer *answer, void *userdata)
{
        Outcome *outcome = userdata;

        outcome->n_calls++;
        outcome->error = answer->error;
        outcome->trouble = g_strdup(answer->trouble);
        outcome->date_sec = answer->date_sec;
        outcome->cert_expires_sec = answer->cert_expires_sec;
}

static void fetch(Bench *bench, FetchOptions options)
{
        g_autofree char *url =
            g_strdup_printf("https://127.0.0.1:%u/", tls_server_port(bench->server));

        g_free(bench->outcome.trouble);
        bench->outcome = (Outcome){ 0 };
        options.url = url;
        fetch_start(bench->fetcher, &options, on_done, &bench->outcome);
        while (bench->outcome.n_calls == 0)
                g_main_context_iteration(NULL, TRUE);
        g_test_message("%s", bench->outcome.trouble ? bench->outcome.trouble : "no trouble");
}

static void bench_set(Bench *bench, const TlsServerOptions *options)
{
        *bench = (Bench){ .fetcher = fetcher_new(NULL) };
        bench->authority = tls_authority_new();
        bench->other = tls_authority_new();
        bench->server = tls_server_new(bench->authority, options);
}

static void bench_strike(Bench *bench)
{
        fetcher_free(bench->fetcher);
        tls_server_free(bench->server);
        tls_authority_free(bench->authority);
        tls_authority_free(bench->other);
        g_free(bench->outcome.trouble);
}

typedef enum Trusts { ITS_OWN, ANOTHER, BOTH, THE_SYSTEM } Trusts;

typedef struct Row {
        const char *name;
        TlsServerOptions server;
        Trusts trusts;
        bool shows; /* our own certificate */
        int error;
        const char *trouble; /* a pattern */
} Row;

#define GOOD "127.0.0.1", DAY_SEC

static const Row rows[] = {
        { "a certificate of the authority named is trusted", { GOOD }, ITS_OWN, false, 0, NULL },
        { "one of two authorities is enough", { GOOD }, BOTH, false, 0, NULL },
        { "TLS 1.2 is enough", { GOOD, TLS1_2_VERSION }, ITS_OWN, false, 0, NULL },
        { "TLS 1.1 is not", { GOOD, TLS1_1_VERSION }, ITS_OWN, false, -EPROTO, "no TLS with *" },
        { "an expired certificate", { "127.0.0.1", -1 }, ITS_OWN, false, -EPROTO, "*expired*" },
        { "a certificate for another name",
          { "127.0.0.2", DAY_SEC },
          ITS_OWN,
          false,
          -EPROTO,
          "*is not trusted*127.0.0.1*" },
        { "another authority's certificate",
          { GOOD },
          ANOTHER,
          false,
          -EPROTO,
          "*is not trusted*" },
        { "an authority that the system does not know",
          { GOOD },
          THE_SYSTEM,
          false,
          -EPROTO,
          "*is not trusted*" },
        { "our certificate is shown where one is wanted",
          { GOOD, 0, true },
          ITS_OWN,
          true,
          0,
          NULL },
        { "without one there is no answer",
          { GOOD, TLS1_2_VERSION, true },
          ITS_OWN,
          false,
          -EPROTO,
          "no TLS with *" },
};

static char *trusted_of(const Bench *bench, Trusts trusts)
{
        const char *own = tls_authority_pem(bench->authority);

        switch (trusts) {
        case ITS_OWN: return g_strdup(own);
        case ANOTHER: return g_strdup(tls_authority_pem(bench->other));
        case BOTH: return g_strconcat(tls_authority_pem(bench->other), own, NULL);
        case THE_SYSTEM: break;
        }
        return NULL;
}

static void test_row(gconstpointer userdata)
{
        const Row *row = userdata;
        g_autofree char *pem = NULL, *ours = NULL;
        Bench bench;

        bench_set(&bench, &row->server);
        pem = trusted_of(&bench, row->trusts);
        ours = tls_authority_client(bench.authority);
        fetch(&bench, (FetchOptions){ .ca_pem = pem,
                                      .cert_file = row->shows ? ours : NULL,
                                      .cert_key_file = row->shows ? ours : NULL });
        g_assert_cmpint(bench.outcome.error, ==, row->error);
        if (row->trouble)
                g_assert_true(g_pattern_match_simple(row->trouble, bench.outcome.trouble));
        g_unlink(ours);
        bench_strike(&bench);
}

/* A connection that was made under other authorities is not lent. */
static void test_reuse(void)
{
        const TlsServerOptions good = { GOOD };
        FetchOptions options = { 0 };
        Bench bench;

        bench_set(&bench, &good);
        options.ca_pem = tls_authority_pem(bench.authority);
        fetch(&bench, options);
        fetch(&bench, options);
        g_assert_cmpint(bench.outcome.error, ==, 0);
        g_assert_cmpuint(tls_server_count(bench.server), ==, 1);
        options.ca_pem = tls_authority_pem(bench.other);
        fetch(&bench, options);
        g_assert_cmpint(bench.outcome.error, ==, -EPROTO);
        bench_strike(&bench);
}

static void test_dates(void)
{
        const TlsServerOptions good = { GOOD };
        int64_t now_sec = g_get_real_time() / G_USEC_PER_SEC;
        Bench bench;

        bench_set(&bench, &good);
        fetch(&bench, (FetchOptions){ .ca_pem = tls_authority_pem(bench.authority) });
        g_assert_cmpint(bench.outcome.date_sec, ==, 784111777);
        g_assert_cmpint(bench.outcome.cert_expires_sec, ==, 0);
        fetch(&bench, (FetchOptions){ .ca_pem = tls_authority_pem(bench.authority),
                                      .want_certificate = true });
        g_assert_cmpint(ABS(bench.outcome.cert_expires_sec - now_sec - DAY_SEC), <=, 60);
        bench_strike(&bench);
}

static void test_bad_files(void)
{
        const TlsServerOptions good = { GOOD };
        Bench bench;

        bench_set(&bench, &good);
        fetch(&bench, (FetchOptions){ .ca_pem = "no PEM at all" });
        g_assert_cmpint(bench.outcome.error, ==, -EPROTO);
        fetch(&bench, (FetchOptions){ .ca_pem = "" });
        g_assert_cmpint(bench.outcome.error, ==, -EPROTO);
        fetch(&bench, (FetchOptions){ .ca_pem = tls_authority_pem(bench.authority),
                                      .cert_file = "/nonexistent/client.pem",
                                      .cert_key_file = "/nonexistent/client.pem" });
        g_assert_cmpint(bench.outcome.error, ==, -EPROTO);
        g_assert_true(g_str_has_prefix(bench.outcome.trouble, "our own certificate for "));
        bench_strike(&bench);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/fetch over tls/%s", rows[i].name);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/fetch over tls/other authorities, another connection", test_reuse);
        g_test_add_func("/fetch over tls/dates of answer and certificate", test_dates);
        g_test_add_func("/fetch over tls/files of no use are told", test_bad_files);
        return g_test_run();
}
