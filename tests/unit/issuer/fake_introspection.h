/* fake_introspection: a fake introspection endpoint on a loopback port, for unit tests only; with
 * serve_to any endpoint.
 *
 * It answers every request with what it was last told to, and keeps each request as it came. It
 * knows no tokens and no clients. One thread of its own; all functions are for the test's thread.
 */
#pragma once

#include <glib.h>

typedef struct FakeIntrospection FakeIntrospection;

FakeIntrospection *fake_introspection_new(void);
const char *fake_introspection_url(const FakeIntrospection *fake);
/* fake_introspection_serve: from now on; headers are whole lines with CRLF, or "". */
void fake_introspection_serve(FakeIntrospection *fake, unsigned status, const char *headers,
                              const char *body);
/* fake_introspection_serve_to: from now on, a request whose head begins so ("GET /a") is answered
 * so, whatever else is served; the last one that fits counts. */
void fake_introspection_serve_to(FakeIntrospection *fake, const char *begins, unsigned status,
                                 const char *headers, const char *body);
/* fake_introspection_hold: answers wait until release, and are then those of that moment. */
void fake_introspection_hold(FakeIntrospection *fake);
void fake_introspection_release(FakeIntrospection *fake);
unsigned fake_introspection_count(FakeIntrospection *fake);
/* fake_introspection_request: the number-th, head and body; the caller frees. */
char *fake_introspection_request(FakeIntrospection *fake, unsigned number);
void fake_introspection_free(FakeIntrospection *fake);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeIntrospection, fake_introspection_free)
