/* line: see line.h. */
#include "line.h"

#include <string.h>

#define PASSWD_FIELDS_N 7
#define GROUP_FIELDS_N  4

char *line_next(char **at)
{
        char *line = *at;
        char *end = strchr(line, '\n');

        if (!end)
                return NULL;
        *end = '\0';
        *at = end + 1;
        return line;
}

/* split: into exactly n fields. */
static bool split(char *line, char **fields, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                char *colon = strchr(line, ':');

                if ((colon == NULL) != (i == n - 1))
                        return false;
                fields[i] = line;
                if (!colon)
                        break;
                *colon = '\0';
                line = colon + 1;
        }
        return true;
}

bool line_number(const char *text, uint32_t *ret)
{
        uint64_t number = 0;

        if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                number = number * 10 + (uint64_t) (*text - '0');
                if (number > UINT32_MAX)
                        return false;
        }
        *ret = (uint32_t) number;
        return true;
}

bool line_person(char *line, struct person *ret)
{
        char *fields[PASSWD_FIELDS_N];

        if (!split(line, fields, PASSWD_FIELDS_N) || !line_number(fields[2], &ret->uid) ||
            !line_number(fields[3], &ret->gid))
                return false;
        ret->name = fields[0];
        ret->gecos = fields[4];
        ret->home = fields[5];
        ret->shell = fields[6];
        return true;
}

/* cut_members: "a,b" to two texts one behind the other. An empty name between is found by whoever
 * reads it: it is none. */
static struct members cut_members(char *list)
{
        struct members members = { .texts = list, .n = list[0] != '\0' };

        for (; *list; list++)
                if (*list == ',') {
                        *list = '\0';
                        members.n++;
                }
        return members;
}

bool line_group(char *line, struct group_entry *ret)
{
        char *fields[GROUP_FIELDS_N];

        if (!split(line, fields, GROUP_FIELDS_N) || !line_number(fields[2], &ret->gid))
                return false;
        ret->name = fields[0];
        ret->members = cut_members(fields[3]);
        return true;
}

/* gid_line_size: of the line in front, with its newline; 0: it is none. */
static size_t gid_line_size(const char *body)
{
        char text[LINE_NUMBER_DIGITS_MAX + 1];
        uint32_t gid;
        size_t n = 0;

        while (n < LINE_NUMBER_DIGITS_MAX && body[n] && body[n] != '\n') {
                text[n] = body[n];
                n++;
        }
        text[n] = '\0';
        if (body[n] != '\n' || !line_number(text, &gid) || !account_is_supplementary(gid))
                return 0;
        return n + 1;
}

bool line_all_gids(const char *body)
{
        while (*body) {
                size_t size = gid_line_size(body);

                if (size == 0)
                        return false;
                body += size;
        }
        return true;
}
