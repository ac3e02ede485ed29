/* secret: bytes that must not stay in memory, and the fingerprint that stands for a token.
 *
 * A Secret owns its bytes and erases them when freed. A Fingerprint is the SHA-256 of a token: the
 * only form in which the daemon keeps, compares or logs one. Any thread; a Secret has one owner. */
#pragma once

#include "base/span.h"

#include <stdint.h>
#include <glib.h>

typedef struct Secret Secret;

Secret *secret_new(Span bytes);
/* secret_read_file: the file's content without one trailing newline, at most SECRET_FILE_SIZE_MAX
 * bytes; refuses an empty file and one with a bit of SECRET_FILE_MODE_REFUSED: writable by the
 * group, readable or writable by others. The group may read: service managers hand credentials out
 * so. GError says path and why. */
#define SECRET_FILE_SIZE_MAX     (16 * 1024)
#define SECRET_FILE_MODE_REFUSED 0026
Secret *secret_read_file(const char *path, GError **error);
Span secret_bytes(const Secret *secret); /* borrows; valid until secret_free */
void secret_free(Secret *secret);        /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, secret_free)

/* secret_equal: constant time for equal lengths. */
bool secret_equal(Span a, Span b);
/* secret_erase: memory that the compiler may not leave unerased. */
void secret_erase(void *data, size_t len);

#define FINGERPRINT_SIZE     32
#define FINGERPRINT_TEXT_MAX 17 /* 16 hex digits and NUL: what logs show */

typedef struct Fingerprint {
        uint8_t bytes[FINGERPRINT_SIZE];
} Fingerprint;

void fingerprint_of(Span token, Fingerprint *ret);
bool fingerprint_equal(const Fingerprint *a, const Fingerprint *b);
void fingerprint_text(const Fingerprint *fingerprint, char ret[FINGERPRINT_TEXT_MAX]);
