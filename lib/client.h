/* client: what an authd is made of. */
#pragma once

#include "pool.h"

#define CLIENT_KEPT_DEFAULT   64u
#define CLIENT_TIMEOUT_MS_MAX 3600000

struct authd {
        struct address address;
        int timeout_ms;
        struct pool pool;
};
