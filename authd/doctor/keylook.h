/* keylook: a key set as a person looks at it: what is usable, what is left out and why, and what no
 * allowed algorithm fits. Pure; any thread. */
#pragma once

#include "token/jwk.h"

#define KEYLOOK_LISTED_MAX 8 /* keys named in one text */

typedef struct KeyLook {
        KeySet *keys;     /* NULL: none, see answer */
        int answer;       /* keyset_parse's */
        GString *skipped; /* who was left out, and why */
        unsigned n_skipped;
        bool harmless; /* all of them are just not for signing */
        int worst;     /* of the others, a JwkAnswer */
} KeyLook;

void keylook_init(KeyLook *look, Span json);
char *keylook_usable_text(const KeyLook *look);
/* keylook_idle_text: the keys that none of the algorithms fits; *ret_n of them. */
char *keylook_idle_text(const KeyLook *look, AlgSet algorithms, size_t *ret_n);
void keylook_deinit(KeyLook *look);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(KeyLook, keylook_deinit)
