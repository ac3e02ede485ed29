/* jwks: key sets for tests, one Ed25519 key (RFC 8037 A.2) or P-256 key (RFC 7517 A.1) a kid. */
#pragma once

#include <glib.h>

#define JWKS_ED25519_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"

/* jwks_of: kids with a space between; one that begins with "enc" is an encryption key, one that
 * begins with "p" is the P-256 key, all others are the Ed25519 key. Caller frees. */
static inline char *jwks_of(const char *kids)
{
        static const char *const p256 = "{\"kid\":\"%s\",\"kty\":\"EC\",\"crv\":\"P-256\",%s"
                                        "\"x\":\"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4\","
                                        "\"y\":\"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM\"}";
        static const char *const ed25519 = "{\"kid\":\"%s\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",%s"
                                           "\"x\":\"" JWKS_ED25519_X "\"}";
        g_auto(GStrv) list = g_strsplit(kids, " ", -1);
        GString *json = g_string_new("{\"keys\":[");

        for (char **kid = list; *kid && **kid; kid++) {
                if (kid != list)
                        g_string_append_c(json, ',');
                g_string_append_printf(json, **kid == 'p' ? p256 : ed25519, *kid,
                                       g_str_has_prefix(*kid, "enc") ? "\"use\":\"enc\"," : "");
        }
        g_string_append(json, "]}");
        return g_string_free(json, FALSE);
}
