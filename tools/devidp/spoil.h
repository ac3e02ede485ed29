/* spoil: an answer made wrong as its fault says; what only the wire can do is reply's. Pure. */
#pragma once

#include "idp.h"

void spoil(Answer *answer);
