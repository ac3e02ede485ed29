/* cleanup: the one macro by which lib/ gives back what a function holds, on every way out of it. */
#pragma once

#include <stdlib.h>

#define CLEANUP(function) __attribute__((cleanup(function)))

/* For any CLEANUP(cleanup_free) T *variable. */
static inline void cleanup_free(void *variable)
{
        free(*(void **) variable);
}
