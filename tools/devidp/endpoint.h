/* endpoint: the doors of the provider, by which faults, cache rules and counters are kept. */
#pragma once

typedef enum Endpoint {
        ENDPOINT_DISCOVERY,
        ENDPOINT_CERTS,
        ENDPOINT_TOKEN,
        ENDPOINT_INTROSPECTION,
        ENDPOINT_USERINFO,
        ENDPOINT_REALM,
        ENDPOINT_DEVICE,
        ENDPOINT_PUSH,
        ENDPOINT_APPROVE, /* the pages, whichever */
        ENDPOINT_ADMIN,   /* all of /admin/realms/… */
        ENDPOINT_OWN,     /* /devidp/…: never at fault, never counted */
        _ENDPOINT_MAX,
} Endpoint;
