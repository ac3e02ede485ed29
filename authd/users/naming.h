/* naming: from what the realm calls a person or a group to what the host does, or a refusal.
 *
 * Pure. A name comes out whole or not at all: upper case, spaces, Unicode, 33 characters are
 * refused with a sentence, never folded or cut into what could be another's name (CVE-2025-49012).
 * Reserved: root, the names of Debian's base system, groups that some package makes equal to root
 * (docker, lxd), "systemd-…" and "gone-NUMBER", beside the settings' own.
 *
 * A source is a group's path ("/eng/platform") or a role ("realm:dba", "CLIENT:ROLE"). In the
 * settings a segment of a path may be "*", any one, and the last one "**", any number of them, none
 * included: of "/eng" with that behind it, /eng is one, too. Of several rules that take a source,
 * one that gives it a name ("SOURCE=NAME") wins; the others all say the same. */
#pragma once

#include "users/record.h"

#define NAMING_RULES_MAX 1024 /* of one list */
#define NAMING_PARTS_MAX 16   /* of a template */
#define NAMING_QUOTE_MAX 64   /* characters of hostile text in a sentence */

typedef struct NamingFacts {
        Span preferred_username;
        Span email; /* only one that the realm has verified: its owner may have chosen it */
        /* "{attribute.NAME}"; SPAN_EMPTY: it has none. May be NULL. */
        Span (*attribute)(const char *name, void *userdata);
        void *userdata;
} NamingFacts;

typedef struct Naming Naming;

/* naming_new: compiles name, strip_domain, reserved, groups, local_groups, within, home. GError:
 * which setting, what is wrong, what to do. */
Naming *naming_new(const UsersSettings *settings, GError **error);
void naming_free(Naming *naming);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Naming, naming_free)

bool naming_is_name(Span name); /* [a-z_][a-z0-9_-]{0,31} */
/* naming_person: the login name, or NULL and *ret_trouble (owned): what was found and what may be.
 */
char *naming_person(const Naming *naming, const NamingFacts *facts, char **ret_trouble);
/* naming_group: what a group's path or a role ("realm:dba") is here. NULL and *ret_trouble NULL: no
 * rule takes it; *ret_trouble set: one does, and the name that it gives is none. */
char *naming_group(const Naming *naming, const char *source, char **ret_trouble);
/* naming_takes: whether a rule of groups or local_groups takes source, be it under a name that is
 * none. */
bool naming_takes(const Naming *naming, const char *source);
/* naming_local_groups: the names of /etc/group that members of source get; calls each. */
void naming_local_groups(const Naming *naming, const char *source,
                         void (*each)(const char *local, void *userdata), void *userdata);
/* naming_each_local: each group of /etc/group that the settings list, with its source as written.
 */
void naming_each_local(const Naming *naming,
                       void (*each)(const char *local, const char *source, void *userdata),
                       void *userdata);
/* naming_has_within, naming_within: whether people are narrowed, and whether members of source are
 * among them. */
bool naming_has_within(const Naming *naming);
bool naming_within(const Naming *naming, const char *source);
/* naming_roles: the roles that the rules mention, as "realm:ROLE" or "CLIENT:ROLE", each once:
 * those alone are asked for. The caller unrefs. */
GPtrArray *naming_roles(const Naming *naming);
/* naming_each_attribute: the attributes of a person that the name is made of. */
void naming_each_attribute(const Naming *naming, void (*each)(const char *name, void *userdata),
                           void *userdata);
/* naming_reserved: of a person or a group of this name there is none here. */
bool naming_reserved(const Naming *naming, const char *name);
char *naming_home(const Naming *naming, const char *name);
/* naming_gecos: a full name for passwd(5): ':' ',' and control characters become spaces; valid
 * UTF-8 or empty; at most RECORD_TEXT_MAX. */
char *naming_gecos(Span full_name);
/* naming_path_fits: a home or shell: absolute, no ':', no control, no "..". */
bool naming_path_fits(const char *text);
/* naming_home_of_attribute: the path with no slash more than needed; NULL: a folder of the system
 * or in one (/etc, /usr, /var but for /var/home…): whoever makes homes would make it there, as
 * root, and give it away. text fits. */
char *naming_home_of_attribute(const char *text);
/* naming_quote: hostile text for a sentence: what is not printable ASCII as \u{…}; cut. */
char *naming_quote(Span text);
