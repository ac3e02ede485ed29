/* fault: the ways in which an endpoint can be made to fail, for tests of whoever asks it.
 *
 * Some change when or how the right answer arrives (held, reply), some what arrives (spoil), some
 * what an endpoint says (keyset, introspect, the discovery document): those suit that endpoint
 * only. Pure. */
#pragma once

#include "endpoint.h"

#include <glib.h>
#include <stdbool.h>

#define FAULT_DELAY_MSEC      2000        /* slow, unless the order says otherwise */
#define FAULT_DELAY_MSEC_MAX  (60 * 1000) /* of an order */
#define FAULT_TRICKLE_MSEC    200         /* between two bytes */
#define FAULT_BIG_SIZE_BYTES  (50 * 1024 * 1024)
#define FAULT_RETRY_AFTER_SEC 30 /* 429, unless the order says otherwise */

typedef enum Fault {
        FAULT_NONE,
        /* the right answer, otherwise */
        FAULT_HANG,    /* not before the endpoint's fault is set anew */
        FAULT_SLOW,    /* late */
        FAULT_TRICKLE, /* a byte now and then */
        /* another one */
        FAULT_500,
        FAULT_503,
        FAULT_429,
        FAULT_REDIRECT,    /* 302 to the order's location */
        FAULT_HTML,        /* 200 with a page, as a proxy in between sends */
        FAULT_TRUNCATE,    /* the first half of the right answer, declared whole */
        FAULT_RESET,       /* the connection ends in the middle of the answer */
        FAULT_EMPTY,       /* 200 without a body */
        FAULT_BIG,         /* the right answer behind FAULT_BIG_SIZE_BYTES of spaces */
        FAULT_BIG_CHUNKED, /* the same, its length not told */
        /* certs */
        FAULT_NO_KEYS,
        FAULT_MANY,      /* KEYSET_MANY others before the right ones */
        FAULT_DUPLICATE, /* another key under each kid, before the right one */
        FAULT_STRANGERS, /* another key under each kid, instead of the right one */
        FAULT_ENC,       /* none but those for encryption */
        FAULT_UNUSABLE,  /* none that anybody could use */
        /* discovery */
        FAULT_WRONG_ISSUER,
        /* introspection */
        FAULT_INACTIVE, /* active:false, whatever the token */
        /* introspection that is signed (RFC 9701) */
        FAULT_WRONG_AUD,
        FAULT_WRONG_ISS,
        FAULT_WRONG_TYP,
        FAULT_BAD_SIGNATURE,
        FAULT_UNSIGNED, /* plain JSON, though a signed one was asked for */
        /* device, push */
        FAULT_ESCAPES,     /* of a device: its words control a terminal */
        FAULT_NO_INTERVAL, /* whoever polls takes five seconds (RFC 8628 §3.2) */
        _FAULT_MAX,
} Fault;

/* FaultOrder: what an endpoint does until further notice; all zero: its work. */
typedef struct FaultOrder {
        Fault fault;
        unsigned times; /* how many more requests meet it; 0: all */
        unsigned delay_msec;
        unsigned retry_after_sec;
        char *location; /* of a redirect; else NULL */
} FaultOrder;

/* fault_from_word: "none", "500", "hang"…; false for any other. */
bool fault_from_word(const char *word, Fault *ret);
/* fault_suits: can this endpoint fail so? */
bool fault_suits(Fault fault, Endpoint endpoint);
/* fault_replaces: what is sent is not what the endpoint answered. */
bool fault_replaces(Fault fault);
/* fault_order_take: what the request that is here now meets. */
Fault fault_order_take(FaultOrder *order);
void fault_order_clear(FaultOrder *order);
