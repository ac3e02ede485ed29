/* stub_connection: see stub_connection.h. */
#include "stub_connection.h"

Peer stub_peer;

const Peer *connection_peer(const Connection *connection)
{
        return &stub_peer;
}

bool connection_must_close(const Connection *connection)
{
        return false;
}

void connection_resume(Connection *connection)
{
}
