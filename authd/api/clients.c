#include "api/clients.h"

struct Clients {
        gatomicrefcount references;
        GHashTable *by_name; /* name in Client → Client, owned */
};

void client_settings_free(ClientSettings *settings)
{
        if (!settings)
                return;
        g_free(settings->name);
        g_free(settings->secret_file);
        g_free(settings->policy);
        g_free(settings);
}

static void client_free(void *pointer)
{
        Client *client = pointer;

        g_free(client->name);
        g_free(client->policy);
        g_free(client);
}

static bool clients_add(Clients *clients, const ClientSettings *settings, GError **error)
{
        g_autoptr(Secret) secret = secret_read_file(settings->secret_file, error);
        Client *client;

        if (!secret)
                return false;
        client = g_new0(Client, 1);
        client->name = g_strdup(settings->name);
        client->policy = g_strdup(settings->policy);
        fingerprint_of(secret_bytes(secret), &client->secret);
        g_hash_table_insert(clients->by_name, client->name, client);
        return true;
}

Clients *clients_new(GPtrArray *settings, GError **error)
{
        g_autoptr(Clients) clients = g_new0(Clients, 1);

        g_atomic_ref_count_init(&clients->references);
        clients->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, client_free);
        for (guint i = 0; i < settings->len; i++)
                if (!clients_add(clients, g_ptr_array_index(settings, i), error))
                        return NULL;
        return g_steal_pointer(&clients);
}

Clients *clients_ref(Clients *clients)
{
        g_atomic_ref_count_inc(&clients->references);
        return clients;
}

void clients_unref(Clients *clients)
{
        if (!clients || !g_atomic_ref_count_dec(&clients->references))
                return;
        g_hash_table_unref(clients->by_name);
        g_free(clients);
}

const Client *clients_find(const Clients *clients, Span name, Span secret)
{
        g_autofree char *copy = g_strndup(name.data, name.len);
        const Client *client = g_hash_table_lookup(clients->by_name, copy);
        Fingerprint given, none = { { 0 } };
        const Fingerprint *wanted = &none;

        if (client && !span_equal_string(name, client->name)) /* a NUL ended the copy */
                client = NULL;
        if (client)
                wanted = &client->secret;
        fingerprint_of(secret, &given);
        if (!secret_equal(span_of(given.bytes, FINGERPRINT_SIZE),
                          span_of(wanted->bytes, FINGERPRINT_SIZE)))
                return NULL;
        return client;
}
