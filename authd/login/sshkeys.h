/* sshkeys: the SSH keys that a person has in the realm, for sshd's AuthorizedKeysCommand.
 *
 * From an attribute of the user, one key a value or a line: type, base64, comment; nothing else: no
 * options (they could name a command), no certificates. What the realm last said is kept in the
 * state database and lived on while it cannot be asked, no longer than the caller allows. Who is
 * disabled, gone or no account has none. Main thread. Returns, does not log. */
#pragma once

#include "issuer/admin.h"
#include "users/directory.h"

#define SSHKEYS_MAX       64
#define SSHKEYS_SIZE_MAX  (16 * 1024) /* of one line */
#define SSHKEYS_FRESH_SEC 5           /* what was asked so short ago is not asked again */
/* Questions to the realm at one time: any local user may ask us, and the account phase asks the
 * same realm. More live on what is kept, as while it cannot be asked. */
#define SSHKEYS_ASKING_MAX 8

typedef struct SshKeys SshKeys;
/* SshKeysDone: text NULL: could not ask, and nothing young enough is kept; "": none. Borrowed. */
typedef void (*SshKeysDone)(const char *text, void *userdata);

SshKeys *sshkeys_new(Store *store, GError **error); /* store NULL: kept in memory alone */
void sshkeys_free(SshKeys *keys);                   /* whoever waits is told NULL */
/* sshkeys_ask: of a person's subject; equal questions are asked once. admin NULL: nobody can be
 * asked. done once, at once or later. */
void sshkeys_ask(SshKeys *keys, Admin *admin, const char *subject, const char *attribute,
                 int64_t stale_sec, SshKeysDone done, void *userdata);
/* sshkeys_line_fits: one line of authorized_keys that we hand on. */
bool sshkeys_line_fits(Span line);
/* sshkeys_text: the lines of an attribute's values (a JSON array of strings) that fit, owned. */
char *sshkeys_text(const json_t *values);
