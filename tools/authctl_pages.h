/* authctl_pages: what the daemon tells a page at a time: everybody, all groups, all numbers. */
#pragma once

#include "authctl_ask.h"

#define PAGES_LIMIT 1000 /* things a page */

/* pages_each: asks path page by page and calls each for each thing in the array of that name; with
 * --json, or without each, it prints each page, a line a page. */
AuthctlExit pages_each(const AuthctlOptions *options, const char *path, const char *array,
                       void (*each)(const json_t *thing, void *userdata), void *userdata);
