/* reply: an Answer as libmicrohttpd sends it, with the faults of the wire acted out. The server's
 * thread. */
#pragma once

#include "held.h"
#include "idp.h"

/* reply_queue: held and answer are borrowed until the request is over. */
enum MHD_Result reply_queue(struct MHD_Connection *connection, Held *held, const Answer *answer);
