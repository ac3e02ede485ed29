#include "fault.h"

#define ANYWHERE      ~0u
#define DISCOVERY     (1u << ENDPOINT_DISCOVERY)
#define CERTS         (1u << ENDPOINT_CERTS)
#define INTROSPECTION (1u << ENDPOINT_INTROSPECTION)
#define DEVICE        (1u << ENDPOINT_DEVICE)
#define PUSH          (1u << ENDPOINT_PUSH)

typedef struct FaultRow {
        const char *word;
        unsigned endpoints;
        bool replaces;
} FaultRow;

static const FaultRow ROWS[_FAULT_MAX] = {
        [FAULT_NONE] = { "none", ANYWHERE, false },
        [FAULT_HANG] = { "hang", ANYWHERE, false },
        [FAULT_SLOW] = { "slow", ANYWHERE, false },
        [FAULT_TRICKLE] = { "trickle", ANYWHERE, true },
        [FAULT_500] = { "500", ANYWHERE, true },
        [FAULT_503] = { "503", ANYWHERE, true },
        [FAULT_429] = { "429", ANYWHERE, true },
        [FAULT_REDIRECT] = { "redirect", ANYWHERE, true },
        [FAULT_HTML] = { "html", ANYWHERE, true },
        [FAULT_TRUNCATE] = { "truncate", ANYWHERE, true },
        [FAULT_RESET] = { "reset", ANYWHERE, true },
        [FAULT_EMPTY] = { "empty", ANYWHERE, true },
        [FAULT_BIG] = { "big", ANYWHERE, true },
        [FAULT_BIG_CHUNKED] = { "big_chunked", ANYWHERE, true },
        [FAULT_NO_KEYS] = { "no_keys", CERTS, false },
        [FAULT_MANY] = { "many", CERTS, false },
        [FAULT_DUPLICATE] = { "duplicate", CERTS, false },
        [FAULT_STRANGERS] = { "strangers", CERTS, false },
        [FAULT_ENC] = { "enc", CERTS, false },
        [FAULT_UNUSABLE] = { "unusable", CERTS, false },
        [FAULT_WRONG_ISSUER] = { "wrong_issuer", DISCOVERY, false },
        [FAULT_INACTIVE] = { "inactive", INTROSPECTION, false },
        [FAULT_WRONG_AUD] = { "wrong_aud", INTROSPECTION, false },
        [FAULT_WRONG_ISS] = { "wrong_iss", INTROSPECTION, false },
        [FAULT_WRONG_TYP] = { "wrong_typ", INTROSPECTION, false },
        [FAULT_BAD_SIGNATURE] = { "bad_signature", INTROSPECTION, false },
        [FAULT_UNSIGNED] = { "unsigned", INTROSPECTION, false },
        [FAULT_ESCAPES] = { "escapes", DEVICE, false },
        [FAULT_NO_INTERVAL] = { "no_interval", DEVICE | PUSH, false },
};

bool fault_from_word(const char *word, Fault *ret)
{
        for (int i = 0; i < _FAULT_MAX; i++) {
                if (g_strcmp0(ROWS[i].word, word) == 0) {
                        *ret = (Fault) i;
                        return true;
                }
        }
        return false;
}

bool fault_suits(Fault fault, Endpoint endpoint)
{
        return ROWS[fault].endpoints & (1u << endpoint);
}

bool fault_replaces(Fault fault)
{
        return ROWS[fault].replaces;
}

Fault fault_order_take(FaultOrder *order)
{
        Fault fault = order->fault;

        if (order->times > 0 && --order->times == 0)
                order->fault = FAULT_NONE;
        return fault;
}

void fault_order_clear(FaultOrder *order)
{
        g_free(order->location);
        *order = (FaultOrder){ 0 };
}
