/* stub_connection: in place of the server's connections: every request's peer is the one that the
 * test has set. */
#pragma once

#include "net/request.h"

extern Peer stub_peer;
