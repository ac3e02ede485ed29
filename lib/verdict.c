/* verdict: see verdict.h. */
#include "verdict.h"

#include "cleanup.h"
#include "json.h"

#include <string.h>

#define PATH_DEPTH_MAX 32

static const char *const class_texts[] = {
        [AUTHD_UNAVAILABLE] = "unavailable",
        [AUTHD_VALID] = "valid",
        [AUTHD_INVALID] = "invalid",
        [AUTHD_FORBIDDEN] = "forbidden",
};
#define N_CLASSES (sizeof(class_texts) / sizeof(class_texts[0]))

/* The members of an answer that we know, in the order of answer_names; others may come with later
 * daemons and are skipped. */
enum answer_member {
        MEMBER_VERDICT,
        MEMBER_REASON,
        MEMBER_DETAIL,
        MEMBER_ISSUER,
        MEMBER_POLICY,
        MEMBER_UNTIL,
        MEMBER_HEADERS,
        MEMBER_CLAIMS,
        MEMBER_ERROR,
        N_MEMBERS
};

static const char *const answer_names[N_MEMBERS] = {
        [MEMBER_VERDICT] = "verdict", [MEMBER_REASON] = "reason", [MEMBER_DETAIL] = "detail",
        [MEMBER_ISSUER] = "issuer",   [MEMBER_POLICY] = "policy", [MEMBER_UNTIL] = "until",
        [MEMBER_HEADERS] = "headers", [MEMBER_CLAIMS] = "claims", [MEMBER_ERROR] = "error",
};

/* --- reading -------------------------------------------------------------------------------- */

static size_t member_of_name(struct json_text name)
{
        size_t i = 0;

        while (i < N_MEMBERS && !json_equal(name, answer_names[i], strlen(answer_names[i])))
                i++;
        return i;
}

/* collect: the members' values by enum answer_member; one that is named twice has no value that
 * both sides would agree on. */
static bool collect(struct json_text text, struct json_text values[N_MEMBERS])
{
        struct json_members members;
        struct json_text name, value;
        int r;

        if (!json_members_begin(text, &members))
                return false;
        while ((r = json_members_next(&members, &name, &value)) == 1) {
                size_t i = member_of_name(name);

                if (i == N_MEMBERS)
                        continue;
                if (values[i].at)
                        return false;
                values[i] = value;
        }
        return r == 0;
}

/* decode: a string of the body, in its place. */
static const char *decode(authd_verdict *verdict, struct json_text string)
{
        char *place = verdict->body + (string.at - verdict->body);

        json_decode(string, place);
        return place;
}

static bool take_string(authd_verdict *verdict, struct json_text value, const char **ret)
{
        if (!json_is_string(value))
                return false;
        *ret = decode(verdict, value);
        return true;
}

static bool take_string_or_null(authd_verdict *verdict, struct json_text value, const char **ret)
{
        return !value.at || json_is_null(value) || take_string(verdict, value, ret);
}

/* A reason goes into logs, metrics and HTTP headers as it is. */
static bool is_word(const char *text)
{
        size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

        return size > 0 && size <= VERDICT_REASON_SIZE_MAX && text[size] == '\0';
}

static bool take_word(authd_verdict *verdict, struct json_text value, const char **ret)
{
        const char *word;

        if (!take_string(verdict, value, &word) || !is_word(word))
                return false;
        *ret = word;
        return true;
}

static bool take_class(authd_verdict *verdict, struct json_text value)
{
        if (!json_is_string(value))
                return false;
        for (size_t i = 0; i < N_CLASSES; i++)
                if (json_equal(value, class_texts[i], strlen(class_texts[i]))) {
                        verdict->verdict_class = (enum authd_class) i;
                        return true;
                }
        return false;
}

static bool is_header_name(const char *text)
{
        size_t size = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "!#$%&'*+-.^_`|~");

        return size > 0 && text[size] == '\0';
}

static bool is_printable_ascii(const char *text)
{
        for (; *text; text++)
                if (*text < 0x20 || *text > 0x7E)
                        return false;
        return true;
}

static bool take_header(authd_verdict *verdict, struct json_text name, struct json_text value)
{
        struct verdict_header *header;

        if (verdict->n_headers == VERDICT_HEADERS_MAX || !json_is_string(value))
                return false;
        header = &verdict->headers[verdict->n_headers++];
        header->name = decode(verdict, name);
        header->value = decode(verdict, value);
        return is_header_name(header->name) && is_printable_ascii(header->value);
}

static bool take_headers(authd_verdict *verdict, struct json_text text)
{
        struct json_members members;
        struct json_text name, value;
        int r;

        if (!text.at)
                return true;
        if (!json_members_begin(text, &members))
                return false;
        while ((r = json_members_next(&members, &name, &value)) == 1)
                if (!take_header(verdict, name, value))
                        return false;
        return r == 0;
}

static int take_claims(authd_verdict *verdict, struct json_text value)
{
        if (!json_is_object(value))
                return AUTHD_E_PROTOCOL;
        verdict->decoded = malloc(value.size + 1);
        if (!verdict->decoded)
                return AUTHD_E_MEMORY;
        verdict->claims = value.at;
        verdict->claims_size = value.size;
        /* Behind it stands the answer's closing brace or a comma, and both have been read. */
        verdict->body[value.at - verdict->body + (ptrdiff_t) value.size] = '\0';
        return 0;
}

static int take_yes(authd_verdict *verdict, const struct json_text values[N_MEMBERS])
{
        if (!json_integer(values[MEMBER_UNTIL], &verdict->until) || verdict->until <= 0 ||
            !take_headers(verdict, values[MEMBER_HEADERS]))
                return AUTHD_E_PROTOCOL;
        return take_claims(verdict, values[MEMBER_CLAIMS]);
}

static int take_verdict(authd_verdict *verdict, const struct json_text values[N_MEMBERS])
{
        if (!take_class(verdict, values[MEMBER_VERDICT]) ||
            !take_word(verdict, values[MEMBER_REASON], &verdict->reason) ||
            !take_string(verdict, values[MEMBER_DETAIL], &verdict->detail) ||
            !take_string_or_null(verdict, values[MEMBER_ISSUER], &verdict->issuer) ||
            !take_string_or_null(verdict, values[MEMBER_POLICY], &verdict->policy))
                return AUTHD_E_PROTOCOL;
        return verdict->verdict_class == AUTHD_VALID ? take_yes(verdict, values) : 0;
}

/* take_problem: what is no verdict: {"error":word,"detail":sentence}. */
static int take_problem(authd_verdict *verdict, const struct json_text values[N_MEMBERS])
{
        static const char *const policy_words[] = { "policy_required", "unknown_policy" };

        if (!take_word(verdict, values[MEMBER_ERROR], &verdict->reason) ||
            !take_string(verdict, values[MEMBER_DETAIL], &verdict->detail))
                return AUTHD_E_PROTOCOL;
        for (size_t i = 0; i < sizeof(policy_words) / sizeof(policy_words[0]); i++)
                if (strcmp(verdict->reason, policy_words[i]) == 0)
                        return AUTHD_E_NO_POLICY;
        return AUTHD_E_REFUSED;
}

static bool gives_verdict(int result)
{
        return result == 0 || result == AUTHD_E_REFUSED || result == AUTHD_E_NO_POLICY;
}

int verdict_from_answer(unsigned status, char *body, size_t size, authd_verdict **ret_verdict)
{
        struct json_text values[N_MEMBERS] = { { NULL, 0 } };
        authd_verdict *verdict = calloc(1, sizeof(*verdict));
        int r = AUTHD_E_PROTOCOL;

        if (!verdict)
                return AUTHD_E_MEMORY;
        verdict->body = body;
        if (collect((struct json_text){ body, size }, values))
                r = status == 200 ? take_verdict(verdict, values) : take_problem(verdict, values);
        if (gives_verdict(r)) {
                *ret_verdict = verdict;
                return r;
        }
        verdict->body = NULL;
        authd_verdict_free(verdict);
        return r;
}

void authd_verdict_free(authd_verdict *verdict)
{
        if (!verdict)
                return;
        free(verdict->decoded);
        free(verdict->body);
        free(verdict);
}

/* --- what it says --------------------------------------------------------------------------- */

enum authd_class authd_verdict_class(const authd_verdict *verdict)
{
        return verdict ? verdict->verdict_class : AUTHD_UNAVAILABLE;
}

const char *authd_verdict_reason(const authd_verdict *verdict)
{
        return verdict ? verdict->reason : class_texts[AUTHD_UNAVAILABLE];
}

const char *authd_verdict_detail(const authd_verdict *verdict)
{
        return verdict ? verdict->detail : "There is no verdict: the daemon could not be asked.";
}

const char *authd_verdict_issuer(const authd_verdict *verdict)
{
        return verdict ? verdict->issuer : NULL;
}

const char *authd_verdict_policy(const authd_verdict *verdict)
{
        return verdict ? verdict->policy : NULL;
}

int64_t authd_verdict_until(const authd_verdict *verdict)
{
        return verdict ? verdict->until : 0;
}

const char *authd_verdict_claims(const authd_verdict *verdict)
{
        return verdict && verdict->claims ? verdict->claims : "null";
}

static bool find_member(struct json_text object, const char *name, size_t size,
                        struct json_text *ret)
{
        struct json_members members;
        struct json_text member;

        if (!json_members_begin(object, &members))
                return false;
        while (json_members_next(&members, &member, ret) == 1)
                if (json_equal(member, name, size))
                        return true;
        return false;
}

/* find_path: as the daemon's claims_find: a member whose own name holds the dots wins, then the
 * longest name. */
static bool find_path(struct json_text object, const char *path, unsigned depth_left,
                      struct json_text *ret)
{
        size_t size = strlen(path);

        if (depth_left == 0)
                return false;
        if (find_member(object, path, size, ret))
                return true;
        for (size_t i = size; i > 0; i--) {
                struct json_text inner;

                if (path[i - 1] == '.' && find_member(object, path, i - 1, &inner) &&
                    find_path(inner, path + i, depth_left - 1, ret))
                        return true;
        }
        return false;
}

const char *authd_verdict_claim(const authd_verdict *verdict, const char *path)
{
        struct json_text claims, value;
        char *place;

        if (!verdict || !verdict->claims || !path)
                return NULL;
        claims = (struct json_text){ verdict->claims, verdict->claims_size };
        if (!find_path(claims, path, PATH_DEPTH_MAX, &value) || !json_is_string(value))
                return NULL;
        place = verdict->decoded + (value.at - verdict->claims);
        json_decode(value, place);
        return place;
}

const char *authd_verdict_subject(const authd_verdict *verdict)
{
        return authd_verdict_claim(verdict, "sub");
}

size_t authd_verdict_n_headers(const authd_verdict *verdict)
{
        return verdict ? verdict->n_headers : 0;
}

int authd_verdict_header(const authd_verdict *verdict, size_t index, const char **ret_name,
                         const char **ret_value)
{
        if (index >= authd_verdict_n_headers(verdict) || !ret_name || !ret_value)
                return AUTHD_E_INVALID;
        *ret_name = verdict->headers[index].name;
        *ret_value = verdict->headers[index].value;
        return 0;
}

const char *authd_class_text(enum authd_class verdict_class)
{
        size_t i = (size_t) verdict_class;

        return class_texts[i < N_CLASSES ? i : AUTHD_UNAVAILABLE];
}
