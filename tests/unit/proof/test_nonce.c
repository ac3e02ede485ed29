/* test_nonce: good in its slot and the next, and nowhere else. */
#include "proof/nonce.h"

#define SLOT_BEGIN (INT64_C(5666666) * NONCE_SLOT_SEC)

static void lives_two_slots(void)
{
        g_autoptr(Nonces) nonces = nonces_new();
        char nonce[NONCE_TEXT_MAX];

        nonces_make(nonces, SLOT_BEGIN + 10, nonce);
        g_assert_true(nonces_good(nonces, span_from(nonce), SLOT_BEGIN));
        g_assert_true(nonces_good(nonces, span_from(nonce), SLOT_BEGIN + 2 * NONCE_SLOT_SEC - 1));
        g_assert_false(nonces_good(nonces, span_from(nonce), SLOT_BEGIN + 2 * NONCE_SLOT_SEC));
        g_assert_false(nonces_good(nonces, span_from(nonce), SLOT_BEGIN - 1));
}

static void others_are_refused(void)
{
        g_autoptr(Nonces) nonces = nonces_new(), others = nonces_new();
        char nonce[NONCE_TEXT_MAX];

        nonces_make(others, SLOT_BEGIN, nonce);
        g_assert_false(nonces_good(nonces, span_from(nonce), SLOT_BEGIN));
        g_assert_false(nonces_good(nonces, SPAN_EMPTY, SLOT_BEGIN));
        nonces_make(nonces, SLOT_BEGIN, nonce);
        g_assert_false(nonces_good(nonces, span_of(nonce, strlen(nonce) - 1), SLOT_BEGIN));
        nonce[0] = nonce[0] == 'A' ? 'B' : 'A';
        g_assert_false(nonces_good(nonces, span_from(nonce), SLOT_BEGIN));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/nonce/good in its slot and the next", lives_two_slots);
        g_test_add_func("/nonce/another process' or an altered one is none", others_are_refused);
        return g_test_run();
}
