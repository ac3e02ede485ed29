/* realm: who and what the provider knows, read from a file.
 *
 * Clients, people, groups and the algorithms to have keys for. A member that is unknown, of the
 * wrong type or missing is refused with its place, so a realm file cannot half work. People,
 * groups and clients can be made or changed while the provider runs. One thread. */
#pragma once

#include "events.h"
#include "groups.h"
#include "census.h"
#include "person.h"
#include "roles.h"

#include <openssl/evp.h>
#include <stdbool.h>

#define REALM_SIZE_MAX (256 * 1024 * 1024) /* 100 000 people fit */

/* ClientProof: how a client shows that it is the one. */
typedef enum ClientProof {
        CLIENT_PROOF_SECRET, /* the default, as in Keycloak: by basic or post */
        CLIENT_PROOF_BASIC,
        CLIENT_PROOF_POST,
        CLIENT_PROOF_JWT,
        CLIENT_PROOF_TLS,
        CLIENT_PROOF_NONE, /* a public client */
} ClientProof;

/* Waits: how long a code waits for a person, and how seldom to ask; 0 and 0: it is not allowed. */
typedef struct Waits {
        int expires_in; /* seconds, both */
        int interval;
} Waits;

typedef struct Client {
        json_t *json; /* as the file says it; owned */
        const char *id;
        ClientProof proof;
        const char *secret;      /* NULL: none */
        EVP_PKEY *public_key;    /* private_key_jwt; else NULL */
        const char *key_id;      /* its kid; NULL: any */
        const char *tls_subject; /* tls_client_auth: as nginx writes it; else NULL */
        const char *alg;         /* of its access tokens */
        json_t *audience;
        json_t *default_scopes;
        json_t *optional_scopes;
        Person *service_account; /* NULL: client_credentials is refused */
        int lightweight;
        int direct_grant;
        int full_scope;      /* people's roles are in its tokens */
        int access_lifetime; /* seconds */
        int refresh_lifetime;
        Waits device, push;
} Client;

typedef struct Realm {
        json_t *json;
        const char *name;
        char *id;
        json_t *key_algs; /* array of names */
        const char *default_alg;
        GHashTable *clients;          /* id → Client */
        GHashTable *service_accounts; /* a person's id → Person */
        Groups *groups;
        Census *people;
        Roles *roles;
        Events *events;
        json_t *user_attributes; /* names that a write may set, as a user profile says; NULL: any */
        int introspection_needs_audience; /* as Keycloak since 26.6.2 */
} Realm;

Realm *realm_load(const char *path, GError **error);
void realm_free(Realm *realm);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Realm, realm_free)

/* realm_put_client: makes a client, or changes the members that json names (null takes one away).
 * Who holds the former one holds it no longer. On an error all is as before. */
bool realm_put_client(Realm *realm, const json_t *json, GError **error);
const Client *realm_client(const Realm *realm, const char *id); /* NULL: none */
/* realm_person: not a service account. Borrowed until that person is changed; NULL: nobody. */
const Person *realm_person(const Realm *realm, const char *username);
const Person *realm_person_by_id(const Realm *realm, const char *id); /* or a service account */
