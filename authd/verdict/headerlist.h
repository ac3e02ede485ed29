/* headerlist: the headers that a policy hands on, each a name and a template, compiled.
 *
 * Part of policy and nobody else's. Names are tokens (RFC 9110 §5.6.2) and none that frames a
 * message, ends at a hop or is the door's own. Immutable after headerlist_init. Any thread. */
#pragma once

#include "verdict/template.h"

#define HEADERLIST_MAX 32

typedef struct Header {
        char *name;
        Template *value;
} Header;

typedef struct HeaderList {
        size_t n_headers;
        Header headers[HEADERLIST_MAX];
} HeaderList;

/* headerlist_init: lines are "Name={template}". On false list may be deinited. */
bool headerlist_init(HeaderList *list, char *const *lines, GError **error);
/* headerlist_append: more of them, of another setting, each name behind prefix. */
bool headerlist_append(HeaderList *list, const char *setting, const char *prefix,
                       char *const *lines, GError **error);
/* headerlist_check_name: could setting's header of that name stand beside those of the list? */
bool headerlist_check_name(const HeaderList *list, const char *setting, const char *name,
                           GError **error);
void headerlist_deinit(HeaderList *list);
