/* tls_server: a fake https server. See tls_server.h. */
#include "tls_server.h"

#include <glib/gstdio.h>
#include <netinet/in.h>
#include <signal.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER                                                                                     \
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}"
#define DAY_SEC   86400
#define IDLE_USEC (200 * 1000)

struct TlsAuthority {
        EVP_PKEY *key;
        X509 *certificate;
        char *pem;
};

struct TlsServer {
        SSL_CTX *tls;
        int listener;
        unsigned port;
        GThread *thread;
        unsigned n_handshakes; /* atomic */
};

static void add_name(X509 *certificate, const char *common_name)
{
        X509_NAME *name = X509_get_subject_name(certificate);

        g_assert_true(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                                 (const unsigned char *) common_name, -1, -1, 0));
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
        X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

        g_assert_nonnull(extension);
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
}

static X509 *certificate_new(EVP_PKEY *key, const char *common_name, int64_t ends_sec)
{
        static long serial;
        X509 *certificate = X509_new();

        X509_set_version(certificate, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY_SEC);
        X509_gmtime_adj(X509_getm_notAfter(certificate), (long) ends_sec);
        X509_set_pubkey(certificate, key);
        add_name(certificate, common_name);
        return certificate;
}

static void sign(X509 *certificate, X509 *issuer, EVP_PKEY *key)
{
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
        g_assert_cmpint(X509_sign(certificate, key, EVP_sha256()), >, 0);
}

static char *pem_of(X509 *certificate, EVP_PKEY *key)
{
        BIO *bio = BIO_new(BIO_s_mem());
        char *text = NULL;
        long len;

        g_assert_true(PEM_write_bio_X509(bio, certificate));
        if (key)
                g_assert_true(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
        len = BIO_get_mem_data(bio, &text);
        text = g_strndup(text, (gsize) len);
        BIO_free(bio);
        return text;
}

TlsAuthority *tls_authority_new(void)
{
        static unsigned n_made; /* equal names would only be confused */
        g_autofree char *name = g_strdup_printf("A fake authority %u", ++n_made);
        TlsAuthority *authority = g_new0(TlsAuthority, 1);

        authority->key = EVP_EC_gen("P-256");
        authority->certificate = certificate_new(authority->key, name, DAY_SEC);
        add_extension(authority->certificate, NID_basic_constraints, "critical,CA:TRUE");
        sign(authority->certificate, authority->certificate, authority->key);
        authority->pem = pem_of(authority->certificate, NULL);
        return authority;
}

const char *tls_authority_pem(const TlsAuthority *authority)
{
        return authority->pem;
}

char *tls_authority_client(const TlsAuthority *authority)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = certificate_new(key, "a client", DAY_SEC);
        g_autofree char *text = NULL;
        char *path = NULL;
        int fd = g_file_open_tmp("authd-client-XXXXXX", &path, NULL);

        sign(certificate, authority->certificate, authority->key);
        text = pem_of(certificate, key);
        g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t) strlen(text));
        close(fd);
        X509_free(certificate);
        EVP_PKEY_free(key);
        return path;
}

void tls_authority_free(TlsAuthority *authority)
{
        EVP_PKEY_free(authority->key);
        X509_free(authority->certificate);
        g_free(authority->pem);
        g_free(authority);
}

static SSL_CTX *tls_new(const TlsAuthority *authority, const TlsServerOptions *options)
{
        SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
        g_autofree char *address = g_strconcat("IP:", options->address, NULL);
        EVP_PKEY *key = EVP_EC_gen("P-256");
        X509 *certificate = certificate_new(key, "a fake server", options->ends_sec);

        add_extension(certificate, NID_subject_alt_name, address);
        sign(certificate, authority->certificate, authority->key);
        g_assert_cmpint(SSL_CTX_use_certificate(tls, certificate), ==, 1);
        g_assert_cmpint(SSL_CTX_use_PrivateKey(tls, key), ==, 1);
        /* Old versions need old digests, which only level 0 has. */
        g_assert_cmpint(SSL_CTX_set_cipher_list(tls, "DEFAULT@SECLEVEL=0"), ==, 1);
        SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(tls, options->version_max);
        X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), authority->certificate);
        if (options->wants_client)
                SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        X509_free(certificate);
        EVP_PKEY_free(key);
        return tls;
}

static void serve(TlsServer *server, int fd)
{
        SSL *session = SSL_new(server->tls);
        char request[4096];

        SSL_set_fd(session, fd);
        if (SSL_accept(session) == 1) {
                __atomic_add_fetch(&server->n_handshakes, 1, __ATOMIC_SEQ_CST);
                while (SSL_read(session, request, sizeof request) > 0)
                        SSL_write(session, ANSWER, (int) strlen(ANSWER));
        }
        SSL_free(session);
        close(fd);
}

static gpointer serve_connection(gpointer userdata)
{
        TlsServer *server = userdata;
        const struct timeval timeout = { .tv_usec = IDLE_USEC };
        int fd;

        while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
                setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
                serve(server, fd);
        }
        return NULL;
}

TlsServer *tls_server_new(const TlsAuthority *authority, const TlsServerOptions *options)
{
        TlsServer *server = g_new0(TlsServer, 1);
        struct sockaddr_in address = { .sin_family = AF_INET };
        socklen_t len = sizeof address;

        signal(SIGPIPE, SIG_IGN); /* a client that trusts us not hangs up in the middle */
        server->tls = tls_new(authority, options);
        server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        g_assert_cmpint(bind(server->listener, (void *) &address, len), ==, 0);
        g_assert_cmpint(getsockname(server->listener, (void *) &address, &len), ==, 0);
        g_assert_cmpint(listen(server->listener, 16), ==, 0);
        server->port = ntohs(address.sin_port);
        server->thread = g_thread_new("tls", serve_connection, server);
        return server;
}

unsigned tls_server_port(const TlsServer *server)
{
        return server->port;
}

unsigned tls_server_count(TlsServer *server)
{
        return __atomic_load_n(&server->n_handshakes, __ATOMIC_SEQ_CST);
}

void tls_server_free(TlsServer *server)
{
        shutdown(server->listener, SHUT_RDWR); /* wakes accept() */
        g_thread_join(server->thread);
        close(server->listener);
        SSL_CTX_free(server->tls);
        g_free(server);
}
