/* ids: which number a person or group gets: the same on every host, once and for ever.
 *
 * Pure. The candidate is a hash of (issuer, key) in the range: the first 64 bits of SHA-256 of
 * "authd-id-1", the issuer's url and the key, each behind its length, scaled into the range by
 * multiplication (no modulo bias). Two that meet there are a collision, which nobody wins by being
 * first (CVE-2024-9312): both are refused until a line of the settings says who has which; who has
 * the number already keeps it. */
#pragma once

#include "users/record.h"

/* Never given, whatever the settings say: the system's, systemd's dynamic and
 * foreign users, nobody, -1. */
bool ids_allowed(uint32_t id);
/* ids_read: a decimal number that may be given; UID_NONE: it is none. */
uint32_t ids_read(Span text);
/* ids_range_trouble: why a range is no good, as a sentence; NULL: it is good. */
const char *ids_range_trouble(uint32_t first, uint32_t last);
uint32_t ids_candidate(const char *issuer_url, const char *key, uint32_t first, uint32_t last);
/* ids_next: the candidate of a later try, for `authctl ids assign`, which writes it into the realm.
 * Try 0 is ids_candidate. */
uint32_t ids_next(const char *issuer_url, const char *key, unsigned try, uint32_t first,
                  uint32_t last);
/* ids_expected_collisions: n²/2m, for people to read. */
double ids_expected_collisions(size_t n, uint32_t first, uint32_t last);
