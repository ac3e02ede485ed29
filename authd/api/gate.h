/* gate: every request passes it first.
 *
 * Trace, route, method, peer rule; then the door. Administration is for uid 0, the daemon's own uid
 * and members of the admin group, by the kernel's word (SO_PEERCRED, SO_PEERGROUPS) and never by a
 * look-up. */
#pragma once

#include "api/api.h"

void gate_serve(Api *api, Request *request);
/* gate_refused: a request that the server refused before it reached a door. */
void gate_refused(Api *api, unsigned status, const Peer *peer);
