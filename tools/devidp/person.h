/* person: a user of the realm, or a client's service account.
 *
 * A person is a view of JSON in the words of a realm file, and never changes: whoever is changed is
 * read anew from merged JSON. So a holder of a reference keeps who they were. One thread. */
#pragma once

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>

typedef struct Person {
        unsigned n_refs;
        json_t *json; /* as the realm file says it; owned. What is below borrows from it */
        char *id;     /* the sub: fixed by realm and name, unless the JSON gives one; owned */
        const char *username;
        const char *password; /* NULL: cannot log in by password */
        const char *email;
        const char *first_name;
        const char *last_name;
        json_t *realm_roles;      /* array, or NULL */
        json_t *client_roles;     /* object of arrays, or NULL */
        json_t *groups;           /* array of full paths, or NULL */
        json_t *attributes;       /* object: each becomes a claim; or NULL */
        const char *otp_secret;   /* base32; NULL: no second factor */
        json_t *required_actions; /* array of Keycloak's words, or NULL */
        int enabled;
        int service_account;
} Person;

/* person_read: keeps a reference to json. NULL: a member is unknown or of the wrong type. */
Person *person_read(const char *realm, json_t *json, GError **error);
/* person_read_service_account: json is what the client's member of that name holds. */
Person *person_read_service_account(const char *realm, const char *client, json_t *json,
                                    GError **error);
Person *person_ref(const Person *person);
void person_unref(Person *person); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Person, person_unref)

/* stable_id: a UUID that is the same at each start: what a person owns elsewhere stays theirs. */
char *stable_id(const char *realm, const char *what);
