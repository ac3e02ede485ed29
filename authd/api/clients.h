/* clients: who may introspect over TCP, and with which secret (RFC 7662 §2.1).
 *
 * Immutable and counted by references (atomic); swapped with the policies. A secret stays in memory
 * as its SHA-256, which is enough to compare one in constant time. */
#pragma once

#include "base/secret.h"

#define CLIENTS_MAX           1024
#define CLIENT_POLICY_DEFAULT "default"

/* ClientSettings: as written in [client NAME]. */
typedef struct ClientSettings {
        char *name;
        char *secret_file;
        char *policy; /* NULL: "default" */
} ClientSettings;

void client_settings_free(ClientSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClientSettings, client_settings_free)

typedef struct Client {
        char *name;
        char *policy;
        Fingerprint secret;
} Client;

typedef struct Clients Clients;
/* clients_new: reads the secret files of an array of ClientSettings. */
Clients *clients_new(GPtrArray *settings, GError **error);
Clients *clients_ref(Clients *clients);
void clients_unref(Clients *clients);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Clients, clients_unref)
/* clients_find: NULL for an unknown name or a wrong secret, after the same work. */
const Client *clients_find(const Clients *clients, Span name, Span secret);
