/* screen: what a person sees at a terminal: words cleaned of what a terminal obeys, and QR codes.
 *
 * Claims and a provider's words are hostile: control characters (C0, C1, DEL), bidirectional and
 * zero-width marks, whatever else shows nothing or breaks a line, and invalid UTF-8 become '?'.
 * Pure. */
#pragma once

#include "base/span.h"

#include <glib.h>

#define SCREEN_QR_TEXT_MAX 300 /* bytes of a URL that is shown as a QR; a longer one is not */
#define SCREEN_QR_QUIET    2   /* light modules around it */
#define SCREEN_URL_MAX     512
#define SCREEN_CODE_MAX    64

/* screen_clean: owned; at most max bytes of UTF-8, cut at a character with "...". */
char *screen_clean(Span text, size_t max);
/* screen_qr_utf8: half blocks (U+2580, U+2584, U+2588 and space), light modules as full blocks for
 * dark terminals; lines end in \n. NULL: empty, too long, not printable ASCII as a URL is, or no
 * memory. By libqrencode. */
char *screen_qr_utf8(const char *url);
char *screen_qr_ascii(const char *url); /* "##" and two spaces a module */
/* screen_device: the whole text of a device login: what to do, URL, code, QR if any. complete_url
 * and qr may be NULL. */
char *screen_device(const char *url, const char *complete_url, const char *code, const char *qr);
