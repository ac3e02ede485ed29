/* record: a person and a group, as the host knows them; and the settings of [users].
 *
 * Records belong to the directory and change there only; others borrow them for a call. Pure; main
 * thread. */
#pragma once

#include "base/span.h"

#include <glib.h>
#include <stdint.h>

/* [a-z_][a-z0-9_-]{0,31}: what a login or group name may be; nothing is ever cut to fit. */
#define RECORD_NAME_MAX    32
#define RECORD_SUBJECT_MAX 255   /* bytes; OpenID Connect Core 1.0 §2, of sub */
#define RECORD_TEXT_MAX    4096  /* gecos, home, shell, a group's path */
#define RECORD_GROUPS_MAX  10000 /* of one person */
#define PEOPLE_MAX         500000
#define GROUPS_MAX         50000

#define UID_NONE           ((uint32_t) 0) /* nobody of ours has it: 0 to 999 are the system's */

typedef enum PersonState {
        PERSON_ACTIVE,
        PERSON_DISABLED, /* enabled: false in the realm: resolves, may not log in */
        PERSON_GONE,     /* deleted in the realm: resolves until gone_keep is over, no login */
} PersonState;

const char *person_state_text(PersonState state); /* "active", "disabled", "gone" */

typedef struct Person {
        char *subject;  /* Keycloak's id: who it is, for ever */
        char *username; /* Keycloak's word, for people to read; hostile text */
        char *name;     /* the login name; NULL: no account, trouble says why */
        uint32_t uid;   /* UID_NONE: none, trouble says why */
        uint32_t gid;   /* the primary group: their own (== uid) unless the settings name one */
        char *gecos;    /* without ':', control characters */
        char *home;
        char *shell;
        PersonState state;
        int64_t gone_since_sec; /* wall clock; PERSON_GONE */
        int64_t seen_sec;       /* last login on this host; 0: never */
        uint32_t *gids;         /* supplementary, sorted, without gid */
        size_t n_gids;
        char *trouble; /* why it is no account ("the name Root is reserved", "uid 1879… belongs to
                        * …"), or, of an account, what is wrong with it (an attribute that names
                        * another uid than it has); NULL: nothing */
} Person;

typedef struct Group {
        char *key;    /* "group:UUID", "realm:ROLE", "CLIENT:ROLE": what it is in the realm */
        char *source; /* its path ("/eng/platform") or role, for people to read */
        char *name;   /* NULL: no group of this host, trouble says why */
        uint32_t gid;
        bool local; /* a group of /etc/group that the settings list: its gid is the host's */
        char *trouble;
} Group;

/* person_is_account: it has a name and a uid, and so is seen by NSS. */
bool person_is_account(const Person *person);
bool group_is_account(const Group *group);

/* UsersSettings: [users] as written; lists NULL-terminated or NULL. */
typedef struct UsersSettings {
        char *issuer;        /* NULL: there is no [users]: nobody is an account */
        char *name;          /* template; "{preferred_username}" */
        char **strip_domain; /* "example.com": cut off behind an @, that domain alone */
        char **reserved;     /* names beside the built-in ones */
        char **groups;       /* "/ops=operators", "realm:dba", "CLIENT:ROLE=name"; see naming.h */
        char **local_groups; /* "sudo=/admins": LOCAL=SOURCE */
        char **within;       /* only people in one of these groups (paths); NULL: all */
        char *primary_group; /* NULL: their own */
        uint32_t id_first, id_last; /* id_range */
        bool ids_from_realm_only;   /* ids = realm: who has no uid attribute has no account */
        char **id;                  /* "KEY=NUMBER": settled by hand; KEY a sub or a group's key */
        char *uid_attribute, *gid_attribute, *name_attribute, *home_attribute, *shell_attribute;
        /* For logins, not for accounts. */
        char *ssh_keys_attribute;
        char *home;            /* template; "/home/{name}" */
        char *shell;           /* "/bin/bash" */
        int64_t sync_sec;      /* between two looks; 0: never (learned at login only) */
        int64_t sync_full_sec; /* between two looks at everybody, where events tell the rest */
        unsigned sync_rate;
        int64_t gone_keep_sec;
        bool enumerate;
} UsersSettings;

#define USERS_NAME_DEFAULT            "{preferred_username}"
#define USERS_HOME_DEFAULT            "/home/{name}"
#define USERS_SHELL_DEFAULT           "/bin/bash"
#define USERS_UID_ATTRIBUTE_DEFAULT   "uidNumber"
#define USERS_GID_ATTRIBUTE_DEFAULT   "gidNumber"
#define USERS_HOME_ATTRIBUTE_DEFAULT  "homeDirectory"
#define USERS_SHELL_ATTRIBUTE_DEFAULT "loginShell"
#define USERS_KEYS_ATTRIBUTE_DEFAULT  "sshPublicKey"
/* 0x70000000 to 0x7ffdffff: between systemd's containers and its foreign users. */
#define USERS_ID_FIRST_DEFAULT      UINT32_C(1879048192)
#define USERS_ID_LAST_DEFAULT       UINT32_C(2147352575)
#define USERS_SYNC_SEC_DEFAULT      60
#define USERS_SYNC_FULL_SEC_DEFAULT 3600
#define USERS_SYNC_RATE_DEFAULT     20
#define USERS_GONE_KEEP_SEC_DEFAULT (90 * INT64_C(24) * 3600)

UsersSettings *users_settings_new(void); /* the defaults */
void users_settings_free(UsersSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(UsersSettings, users_settings_free)
UsersSettings *users_settings_copy(const UsersSettings *settings);
bool users_settings_equal(const UsersSettings *a, const UsersSettings *b);
void person_free(Person *person);
void group_free(Group *group);
