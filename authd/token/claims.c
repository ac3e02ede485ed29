/* claims: see claims.h. */
#include "token/claims.h"

#include "token/json.h"

#include <errno.h>

#define TYP_PREFIX   "application/" /* RFC 7515 §4.1.9: may be left out */
#define LOGOUT_EVENT "http://schemas.openid.net/event/backchannel-logout"

/* The claims that authd itself looks at, found by one walk. */
typedef enum Registered {
        CLAIM_ISS,
        CLAIM_SUB,
        CLAIM_AZP,
        CLAIM_CLIENT_ID,
        CLAIM_JTI,
        CLAIM_SID,
        CLAIM_EXP,
        CLAIM_NBF,
        CLAIM_IAT,
        CLAIM_AUD,
        CLAIM_SCOPE,
        CLAIM_TYP,
        CLAIM_EVENTS,
        _CLAIM_MAX,
} Registered;

struct Claims {
        gatomicrefcount references;
        TokenKind kind;
        TokenKind header_kind; /* by the header alone */
        Tape *tape;
        const TapeNode *registered[_CLAIM_MAX]; /* NULL: absent; they borrow from tape */
        int64_t times[3];                       /* by time_claims */
};

typedef bool (*ClaimIsFit)(TapeValue value);

static bool is_text(TapeValue value);
static bool is_text_or_texts(TapeValue value);
static bool is_anything(TapeValue value);

typedef struct ClaimWords {
        Span name;
        ClaimIsFit is_fit;
        const char *trouble;
} ClaimWords;

static const ClaimWords registered_claims[_CLAIM_MAX] = {
        [CLAIM_ISS] = { SPAN_OF_LITERAL("iss"), is_text, "The claim iss is not a string." },
        [CLAIM_SUB] = { SPAN_OF_LITERAL("sub"), is_text, "The claim sub is not a string." },
        [CLAIM_AZP] = { SPAN_OF_LITERAL("azp"), is_text, "The claim azp is not a string." },
        [CLAIM_CLIENT_ID] = { SPAN_OF_LITERAL("client_id"), is_text,
                              "The claim client_id is not a string." },
        [CLAIM_JTI] = { SPAN_OF_LITERAL("jti"), is_text, "The claim jti is not a string." },
        [CLAIM_SID] = { SPAN_OF_LITERAL("sid"), is_text, "The claim sid is not a string." },
        [CLAIM_EXP] = { SPAN_OF_LITERAL("exp"), is_anything, NULL },
        [CLAIM_NBF] = { SPAN_OF_LITERAL("nbf"), is_anything, NULL },
        [CLAIM_IAT] = { SPAN_OF_LITERAL("iat"), is_anything, NULL },
        [CLAIM_AUD] = { SPAN_OF_LITERAL("aud"), is_text_or_texts,
                        "The claim aud is neither a string nor a list of strings." },
        [CLAIM_SCOPE] = { SPAN_OF_LITERAL("scope"), is_text_or_texts,
                          "The claim scope is neither a string nor a list of strings." },
        [CLAIM_TYP] = { SPAN_OF_LITERAL("typ"), is_anything, NULL },
        [CLAIM_EVENTS] = { SPAN_OF_LITERAL("events"), is_anything, NULL },
};

typedef enum TimeClaim { TIME_EXPIRY, TIME_NOT_BEFORE, TIME_ISSUED_AT, N_TIMES } TimeClaim;

typedef struct TimeWords {
        Registered claim;
        const char *trouble;
} TimeWords;

static const TimeWords time_claims[N_TIMES] = {
        [TIME_EXPIRY] = { CLAIM_EXP, "The claim exp is not a date in seconds since 1970." },
        [TIME_NOT_BEFORE] = { CLAIM_NBF, "The claim nbf is not a date in seconds since 1970." },
        [TIME_ISSUED_AT] = { CLAIM_IAT, "The claim iat is not a date in seconds since 1970." },
};

typedef struct KindWords {
        const char *word;
        TokenKind kind;
} KindWords;

/* The header's typ, compared as a media type: without regard to case (RFC 2045 §5.1). JOSE says no
 * more than JWT (RFC 7515 §4.1.9); a JWT-SVID may have either. */
static const KindWords header_kinds[] = {
        { "", TOKEN_KIND_UNMARKED },
        { "JWT", TOKEN_KIND_UNMARKED },
        { "JOSE", TOKEN_KIND_UNMARKED },
        { "at+jwt", TOKEN_KIND_ACCESS },
        { "logout+jwt", TOKEN_KIND_LOGOUT },
        { "dpop+jwt", TOKEN_KIND_DPOP },
        { "authd-assertion+jwt", TOKEN_KIND_ASSERTION },
};

/* Keycloak's typ claim. A token bound to a DPoP key says "DPoP": no bearer token. */
static const KindWords claim_kinds[] = {
        { "JWT", TOKEN_KIND_UNMARKED },    { "Bearer", TOKEN_KIND_ACCESS },
        { "ID", TOKEN_KIND_ID },           { "Refresh", TOKEN_KIND_REFRESH },
        { "Offline", TOKEN_KIND_OFFLINE }, { "Logout", TOKEN_KIND_LOGOUT },
        { "DPoP", TOKEN_KIND_BOUND },
};

static const char *const kind_texts[] = {
        [TOKEN_KIND_UNMARKED] = "unmarked",
        [TOKEN_KIND_ACCESS] = "access",
        [TOKEN_KIND_ID] = "id",
        [TOKEN_KIND_REFRESH] = "refresh",
        [TOKEN_KIND_OFFLINE] = "offline",
        [TOKEN_KIND_LOGOUT] = "logout",
        [TOKEN_KIND_DPOP] = "dpop",
        [TOKEN_KIND_BOUND] = "bound",
        [TOKEN_KIND_ASSERTION] = "assertion",
        [TOKEN_KIND_OTHER] = "other",
};

/* --- reading -------------------------------------------------------------------------------- */

static TapeValue registered(const Claims *claims, Registered claim)
{
        return (TapeValue){ claims->tape, claims->registered[claim] };
}

static void note_member(Claims *claims, TapeValue member)
{
        Span name = tape_name(member);

        for (size_t i = 0; i < _CLAIM_MAX; i++)
                if (span_equal(name, registered_claims[i].name)) {
                        claims->registered[i] = member.node;
                        return;
                }
}

static const char *read_members(Claims *claims)
{
        TapeValue root = claims_root(claims);

        for (TapeValue member = tape_first(root); member.node; member = tape_next(root, member))
                note_member(claims, member);
        for (size_t i = 0; i < _CLAIM_MAX; i++)
                if (claims->registered[i] && !registered_claims[i].is_fit(registered(claims, i)))
                        return registered_claims[i].trouble;
        return NULL;
}

/* RFC 7519 §2, NumericDate: seconds, a fraction is allowed and cut. */
static bool read_date(TapeValue value, int64_t *ret)
{
        TapeType type = tape_type(value);
        double seconds = tape_number(value);

        if ((type != TAPE_INTEGER && type != TAPE_REAL) ||
            !(seconds >= 0 && seconds <= (double) CLAIMS_TIME_MAX))
                return false;
        *ret = type == TAPE_INTEGER ? tape_integer(value) : (int64_t) seconds;
        return true;
}

static const char *read_times(Claims *claims)
{
        for (size_t i = 0; i < N_TIMES; i++) {
                TapeValue value = registered(claims, time_claims[i].claim);

                claims->times[i] = CLAIMS_TIME_NONE;
                if (value.node && !read_date(value, &claims->times[i]))
                        return time_claims[i].trouble;
        }
        return NULL;
}

static bool is_anything(TapeValue value)
{
        return true;
}

static bool is_text(TapeValue value)
{
        return tape_type(value) == TAPE_STRING;
}

static bool is_text_or_texts(TapeValue value)
{
        if (tape_type(value) != TAPE_ARRAY)
                return is_text(value);
        for (TapeValue element = tape_first(value); element.node;
             element = tape_next(value, element))
                if (!is_text(element))
                        return false;
        return true;
}

static TokenKind kind_of_word(const KindWords *words, size_t n_words, Span word)
{
        for (size_t i = 0; i < n_words; i++)
                if (strlen(words[i].word) == word.len &&
                    g_ascii_strncasecmp(words[i].word, word.data, word.len) == 0)
                        return words[i].kind;
        return TOKEN_KIND_OTHER;
}

static TokenKind kind_of_header(Span typ)
{
        size_t prefix = strlen(TYP_PREFIX);

        if (typ.len > prefix && g_ascii_strncasecmp(typ.data, TYP_PREFIX, prefix) == 0)
                typ = span_of(typ.data + prefix, typ.len - prefix);
        return kind_of_word(header_kinds, G_N_ELEMENTS(header_kinds), typ);
}

/* An unmarked token that carries the logout event is a logout token (OpenID Back-Channel Logout
 * §2.4). */
static TokenKind kind_of_claims(const Claims *claims)
{
        TapeValue typ = registered(claims, CLAIM_TYP);
        TokenKind kind = TOKEN_KIND_OTHER;

        if (tape_type(typ) == TAPE_STRING)
                kind = kind_of_word(claim_kinds, G_N_ELEMENTS(claim_kinds), tape_string(typ));
        else if (!typ.node)
                kind = tape_member(registered(claims, CLAIM_EVENTS), span_from(LOGOUT_EVENT)).node
                           ? TOKEN_KIND_LOGOUT
                           : TOKEN_KIND_UNMARKED;
        /* Only the exact word makes an access token; in any case of letters the others are none. */
        if (kind == TOKEN_KIND_ACCESS && !span_equal_string(tape_string(typ), "Bearer"))
                kind = TOKEN_KIND_OTHER;
        if (kind == TOKEN_KIND_BOUND && !span_equal_string(tape_string(typ), "DPoP"))
                kind = TOKEN_KIND_DPOP;
        return kind;
}

/* The kinds in the order in which one of them decides: whichever mark says that this is no access
 * token counts, then one that nobody knows, then the one that says so. */
static const TokenKind kind_order[] = {
        TOKEN_KIND_LOGOUT,    TOKEN_KIND_DPOP,    TOKEN_KIND_ID,
        TOKEN_KIND_REFRESH,   TOKEN_KIND_OFFLINE, TOKEN_KIND_OTHER,
        TOKEN_KIND_ASSERTION, TOKEN_KIND_BOUND,   TOKEN_KIND_ACCESS,
};

static TokenKind kind_of(TokenKind header, TokenKind claim)
{
        for (size_t i = 0; i < G_N_ELEMENTS(kind_order); i++)
                if (header == kind_order[i] || claim == kind_order[i])
                        return kind_order[i];
        return TOKEN_KIND_UNMARKED;
}

static const char *read_all(Claims *claims, TokenKind header_kind)
{
        const char *trouble = read_members(claims);

        if (!trouble)
                trouble = read_times(claims);
        if (!trouble && claims_n_audiences(claims) > CLAIMS_AUDIENCES_MAX)
                trouble = "The claim aud lists too many audiences.";
        claims->header_kind = header_kind;
        claims->kind = kind_of(claims->header_kind, kind_of_claims(claims));
        return trouble;
}

static Claims *claims_new(Tape *tape)
{
        Claims *claims = g_new0(Claims, 1);

        g_atomic_ref_count_init(&claims->references);
        claims->tape = tape;
        return claims;
}

/* On refusal *ret_trouble is set. */
static int claims_of_json(const json_t *json, TokenKind header_kind, Claims **ret,
                          const char **ret_trouble)
{
        g_autoptr(Claims) claims = NULL;
        Tape *tape = NULL;
        int r = tape_new(json, &tape);

        if (r == -ENOMEM)
                return r;
        *ret_trouble = "The payload is not one valid JSON object.";
        if (r != 0)
                return CLAIMS_E_MALFORMED;
        claims = claims_new(tape);
        *ret_trouble = read_all(claims, header_kind);
        if (*ret_trouble)
                return CLAIMS_E_MALFORMED;
        *ret = g_steal_pointer(&claims);
        return 0;
}

static int read_object(Span text, json_t **ret, const char **ret_trouble)
{
        static const JsonLimits limits = { G_MAXSIZE, CLAIMS_DEPTH_MAX };
        int r = json_parse_object(text, &limits, ret);

        *ret_trouble = "The payload is not one valid JSON object.";
        return r > 0 ? CLAIMS_E_MALFORMED : r;
}

int claims_parse(Span payload, Span typ, Claims **ret, const char **ret_trouble)
{
        json_auto *json = NULL; /* lives only as long as it takes to lay it out flat */
        const char *trouble = NULL;
        int r = read_object(payload, &json, &trouble);

        if (r == 0)
                r = claims_of_json(json, kind_of_header(typ), ret, &trouble);
        if (r == CLAIMS_E_MALFORMED && ret_trouble)
                *ret_trouble = trouble;
        return r;
}

/* --- introspection -------------------------------------------------------------------------- */

#define ANSWER_ACTIVE     "active"
#define ANSWER_TOKEN      "jwt"
#define ANSWER_TOKEN_TYPE "token_type"

/* token_type (RFC 6749 §7.1, RFC 9449 §5), without regard to case. */
static const KindWords token_types[] = {
        { "Bearer", TOKEN_KIND_ACCESS },
        { "DPoP", TOKEN_KIND_BOUND },
};

static const struct EqualWords {
        const char *name;
        const char *trouble;
} equal_claims[] = {
        { "iss", "The answer is about a token of another issuer (iss)." },
        { "sub", "The answer is about another subject (sub) than the token." },
        { "jti", "The answer is about another token (jti)." },
        { "azp", "The answer is about a token of another client (azp)." },
        { "client_id", "The answer is about a token of another client (client_id)." },
};

static TokenKind kind_of_token_type(const json_t *answer)
{
        Span word = SPAN_EMPTY;
        int r = json_member_string(answer, ANSWER_TOKEN_TYPE, &word);

        if (r == -ENOENT)
                return TOKEN_KIND_UNMARKED;
        return r == 0 ? kind_of_word(token_types, G_N_ELEMENTS(token_types), word)
                      : TOKEN_KIND_OTHER;
}

/* A token's own header tells its kind; but that an access token is bound to a key, the provider may
 * know alone. It makes no access token of another. */
static TokenKind kind_of_answer(const Claims *own, const json_t *answer)
{
        TokenKind kind = kind_of_token_type(answer);

        if (!own)
                return kind;
        if (kind != TOKEN_KIND_BOUND)
                return own->header_kind;
        return own->kind == TOKEN_KIND_ACCESS || own->kind == TOKEN_KIND_BOUND ? TOKEN_KIND_BOUND
                                                                               : TOKEN_KIND_DPOP;
}

static const char *answer_differs(const json_t *own, const json_t *answer)
{
        for (size_t i = 0; i < G_N_ELEMENTS(equal_claims); i++) {
                const json_t *ours = json_object_get(own, equal_claims[i].name);
                const json_t *theirs = json_object_get(answer, equal_claims[i].name);

                if (ours && theirs && !json_equal(ours, theirs))
                        return equal_claims[i].trouble;
        }
        return NULL;
}

/* azp of one and client_id of the other name the same client. */
static const char *party_differs(const Claims *own, const json_t *answer)
{
        Span party = SPAN_EMPTY;

        if (json_member_string(answer, "azp", &party) != 0)
                json_member_string(answer, "client_id", &party);
        if (claims_party(own).len == 0 || party.len == 0 || span_equal(claims_party(own), party))
                return NULL;
        return "The answer is about a token of another client (client_id).";
}

/* The answer becomes the claims: the token's own laid over it. */
static int answer_fill(json_t *answer, const Claims *own, const char **ret_trouble)
{
        g_autoptr(GString) text = g_string_new(NULL);
        json_auto *claims = NULL;
        int r;

        tape_write(claims_root(own), text);
        r = read_object(span_of(text->str, text->len), &claims, ret_trouble);
        if (r != 0)
                return r;
        *ret_trouble = answer_differs(claims, answer);
        if (!*ret_trouble)
                *ret_trouble = party_differs(own, answer);
        if (*ret_trouble)
                return CLAIMS_E_MALFORMED;
        return json_object_update(answer, claims) == 0 ? 0 : -ENOMEM;
}

static int answer_fill_opaque(json_t *answer, Span issuer)
{
        if (json_object_get(answer, "iss"))
                return 0;
        return json_object_set_new(answer, "iss", json_stringn(issuer.data, issuer.len)) == 0
                   ? 0
                   : -ENOMEM;
}

static int read_answer(const Claims *own, json_t *answer, Span issuer, Claims **ret,
                       const char **ret_trouble)
{
        TokenKind header_kind = kind_of_answer(own, answer);
        int r;

        json_object_del(answer, ANSWER_ACTIVE);
        json_object_del(answer, ANSWER_TOKEN);
        r = own ? answer_fill(answer, own, ret_trouble) : answer_fill_opaque(answer, issuer);
        return r == 0 ? claims_of_json(answer, header_kind, ret, ret_trouble) : r;
}

int claims_merge(const Claims *own, Span answer, Span issuer, bool *ret_active, Claims **ret,
                 const char **ret_trouble)
{
        json_auto *json = NULL;
        Claims *claims = NULL;
        const json_t *active;
        const char *trouble = NULL;
        int r = read_object(answer, &json, &trouble);

        if (r == 0) {
                active = json_object_get(json, ANSWER_ACTIVE);
                trouble = "The member active is neither true nor false.";
                r = json_is_boolean(active) ? 0 : CLAIMS_E_MALFORMED;
        }
        if (r == 0 && json_is_true(active))
                r = read_answer(own, json, issuer, &claims, &trouble);
        if (r == CLAIMS_E_MALFORMED && ret_trouble)
                *ret_trouble = trouble;
        if (r != 0)
                return r;
        *ret_active = claims != NULL;
        *ret = claims;
        return 0;
}

Claims *claims_ref(Claims *claims)
{
        g_atomic_ref_count_inc(&claims->references);
        return claims;
}

void claims_unref(Claims *claims)
{
        if (!claims || !g_atomic_ref_count_dec(&claims->references))
                return;
        tape_free(claims->tape);
        g_free(claims);
}

/* --- asking --------------------------------------------------------------------------------- */

TapeValue claims_root(const Claims *claims)
{
        return tape_root(claims->tape);
}

size_t claims_size(const Claims *claims)
{
        return sizeof(*claims) + tape_size(claims->tape);
}

TokenKind claims_header_kind(const Claims *claims)
{
        return claims->header_kind;
}

TokenKind claims_kind(const Claims *claims)
{
        return claims->kind;
}

const char *token_kind_text(TokenKind kind)
{
        return (size_t) kind < G_N_ELEMENTS(kind_texts) ? kind_texts[kind] : "other";
}

Span claims_issuer(const Claims *claims)
{
        return tape_string(registered(claims, CLAIM_ISS));
}

Span claims_subject(const Claims *claims)
{
        return tape_string(registered(claims, CLAIM_SUB));
}

Span claims_party(const Claims *claims)
{
        Span azp = tape_string(registered(claims, CLAIM_AZP));

        return azp.len > 0 ? azp : tape_string(registered(claims, CLAIM_CLIENT_ID));
}

Span claims_jti(const Claims *claims)
{
        return tape_string(registered(claims, CLAIM_JTI));
}

Span claims_sid(const Claims *claims)
{
        return tape_string(registered(claims, CLAIM_SID));
}

int64_t claims_expiry(const Claims *claims)
{
        return claims->times[TIME_EXPIRY];
}

int64_t claims_not_before(const Claims *claims)
{
        return claims->times[TIME_NOT_BEFORE];
}

int64_t claims_issued_at(const Claims *claims)
{
        return claims->times[TIME_ISSUED_AT];
}

size_t claims_n_audiences(const Claims *claims)
{
        TapeValue aud = registered(claims, CLAIM_AUD);

        return tape_type(aud) == TAPE_STRING ? 1 : tape_count(aud);
}

Span claims_audience(const Claims *claims, size_t index)
{
        TapeValue aud = registered(claims, CLAIM_AUD);
        TapeValue element = tape_type(aud) == TAPE_STRING ? aud : tape_first(aud);

        if (index >= claims_n_audiences(claims))
                return SPAN_EMPTY;
        for (; index > 0; index--)
                element = tape_next(aud, element);
        return tape_string(element);
}

bool claims_has_audience(const Claims *claims, Span audience)
{
        return tape_has_string(registered(claims, CLAIM_AUD), audience);
}

static bool has_word(Span words, Span wanted)
{
        const char *at = words.data, *end = words.data + words.len;

        while (at < end) {
                const char *space = memchr(at, ' ', (size_t) (end - at));
                const char *stop = space ? space : end;

                if (span_equal(span_of(at, (size_t) (stop - at)), wanted))
                        return true;
                at = stop + 1;
        }
        return false;
}

bool claims_has_scope(const Claims *claims, Span scope)
{
        TapeValue value = registered(claims, CLAIM_SCOPE);

        if (scope.len == 0)
                return false;
        if (tape_type(value) == TAPE_STRING)
                return has_word(tape_string(value), scope);
        for (TapeValue element = tape_first(value); element.node;
             element = tape_next(value, element))
                if (has_word(tape_string(element), scope))
                        return true;
        return false;
}

/* The longest name that is there goes first; a shorter one is tried when the rest is not found in
 * it. */
static TapeValue find_path(TapeValue object, Span path, unsigned depth_left)
{
        TapeValue found = tape_member(object, path);

        if (depth_left == 0)
                return found;
        for (size_t i = path.len; !found.node && i > 0; i--) {
                TapeValue inner;

                if (path.data[i - 1] != '.')
                        continue;
                inner = tape_member(object, span_of(path.data, i - 1));
                if (tape_type(inner) == TAPE_OBJECT)
                        found =
                            find_path(inner, span_of(path.data + i, path.len - i), depth_left - 1);
        }
        return found;
}

TapeValue claims_find(const Claims *claims, const char *path)
{
        return find_path(claims_root(claims), span_from(path), CLAIMS_DEPTH_MAX);
}
