#include "token/tape.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

typedef struct Name {
        const char *text;
        size_t len;
} Name;

#define NAME(text)                                                                                 \
        {                                                                                          \
                text, sizeof(text) - 1                                                             \
        }

/* NAMES: what Keycloak, GitLab, Kubernetes and the RFCs call things, by length and then by bytes.
 * The index is what a node keeps; it has no meaning outside this process. */
static const Name names[] = {
        NAME("acr"),
        NAME("act"),
        NAME("amr"),
        NAME("aud"),
        NAME("azp"),
        NAME("cnf"),
        NAME("exp"),
        NAME("iat"),
        NAME("iss"),
        NAME("jkt"),
        NAME("jti"),
        NAME("nbf"),
        NAME("sid"),
        NAME("sub"),
        NAME("typ"),
        NAME("name"),
        NAME("email"),
        NAME("nonce"),
        NAME("roles"),
        NAME("scope"),
        NAME("broker"),
        NAME("events"),
        NAME("groups"),
        NAME("locale"),
        NAME("account"),
        NAME("x5t#S256"),
        NAME("auth_time"),
        NAME("client_id"),
        NAME("clientHost"),
        NAME("given_name"),
        NAME("client_host"),
        NAME("family_name"),
        NAME("entitlements"),
        NAME("project_path"),
        NAME("realm_access"),
        NAME("clientAddress"),
        NAME("kubernetes.io"),
        NAME("session_state"),
        NAME("email_verified"),
        NAME("allowed-origins"),
        NAME("resource_access"),
        NAME("realm-management"),
        NAME("authd_development"),
        NAME("preferred_username"),
};

#define NAME_NONE    UINT16_C(0xffff)
#define NAME_SPELLED UINT16_C(0x8000) /* set: the rest is an offset >> 1 into the arena */

#define NODES_USUAL  64
#define ARENA_USUAL  1024

/* TapeNode: b is the length of a string, or half of a small integer; a its offset, or the other
 * half; for containers a counts the nodes inside, b the elements. */
struct TapeNode {
        uint16_t name;
        uint8_t type;
        uint8_t small; /* an integer that a and b hold; else it lies in the arena */
        uint16_t a;
        uint16_t b;
};

struct Tape {
        uint32_t n_nodes;
        uint32_t arena_size;
        TapeNode nodes[]; /* the arena follows */
};

/* Writer: both halves grow apart until the value's size is known. */
typedef struct Writer {
        GArray *nodes;
        GByteArray *arena;
} Writer;

static const char *arena(const Tape *tape)
{
        return (const char *) (tape->nodes + tape->n_nodes);
}

static int compare_name(const void *wanted, const void *entry)
{
        const Span *span = wanted;
        const Name *name = entry;

        if (span->len != name->len)
                return span->len < name->len ? -1 : 1;
        return memcmp(span->data, name->text, name->len);
}

/* find_name: NAME_NONE when the table has no such name. */
static uint16_t find_name(Span name)
{
        const Name *found =
            bsearch(&name, names, G_N_ELEMENTS(names), sizeof(*names), compare_name);

        return found ? (uint16_t) (found - names) : NAME_NONE;
}

/* put: bytes into the arena; the offset, or UINT32_MAX when full. */
static uint32_t put(Writer *writer, const void *bytes, size_t len)
{
        uint32_t offset = writer->arena->len;

        if (len > TAPE_ARENA_MAX - offset)
                return UINT32_MAX;
        g_byte_array_append(writer->arena, bytes, (guint) len);
        return offset;
}

/* put_name: a number of the table, or a 16-bit length and the bytes on an even offset. */
static int put_name(Writer *writer, const char *name, uint16_t *ret)
{
        Span text = span_from(name);
        uint16_t known = name ? find_name(text) : NAME_NONE, len = (uint16_t) text.len;
        uint32_t offset;

        *ret = known;
        if (!name || known != NAME_NONE)
                return 0;
        if (text.len > TAPE_ARENA_MAX ||
            ((writer->arena->len & 1) && put(writer, "", 1) == UINT32_MAX))
                return -E2BIG;
        offset = put(writer, &len, sizeof(len));
        if (offset == UINT32_MAX || put(writer, text.data, text.len) == UINT32_MAX)
                return -E2BIG;
        *ret = (uint16_t) (NAME_SPELLED | (offset >> 1));
        return *ret == NAME_NONE ? -E2BIG : 0;
}

static int put_bytes(Writer *writer, const void *bytes, size_t len, TapeNode *node)
{
        uint32_t offset = put(writer, bytes, len);

        if (offset == UINT32_MAX)
                return -E2BIG;
        node->a = (uint16_t) offset;
        node->b = (uint16_t) len;
        return 0;
}

static int put_integer(Writer *writer, int64_t number, TapeNode *node)
{
        if (number < INT32_MIN || number > INT32_MAX)
                return put_bytes(writer, &number, sizeof(number), node);
        node->small = 1;
        node->a = (uint16_t) ((uint32_t) number >> 16);
        node->b = (uint16_t) ((uint32_t) number & 0xffff);
        return 0;
}

static int put_value(Writer *writer, const char *name, const json_t *value, unsigned depth);

static int put_inside(Writer *writer, const json_t *value, unsigned depth)
{
        const char *name;
        json_t *element;
        size_t i;
        int r = 0;

        if (json_is_object(value)) {
                json_object_foreach ((json_t *) value, name, element)
                        if (r == 0)
                                r = put_value(writer, name, element, depth + 1);
        } else {
                json_array_foreach (value, i, element)
                        if (r == 0)
                                r = put_value(writer, NULL, element, depth + 1);
        }
        return r;
}

static int put_container(Writer *writer, const json_t *value, unsigned depth, TapeNode *node)
{
        uint32_t before = writer->nodes->len;
        int r = put_inside(writer, value, depth);

        node->a = (uint16_t) (writer->nodes->len - before);
        node->b =
            (uint16_t) (json_is_object(value) ? json_object_size(value) : json_array_size(value));
        return r;
}

static TapeType type_of(const json_t *value)
{
        static const TapeType types[] = {
                [JSON_OBJECT] = TAPE_OBJECT, [JSON_ARRAY] = TAPE_ARRAY,
                [JSON_STRING] = TAPE_STRING, [JSON_INTEGER] = TAPE_INTEGER,
                [JSON_REAL] = TAPE_REAL,     [JSON_TRUE] = TAPE_TRUE,
                [JSON_FALSE] = TAPE_FALSE,   [JSON_NULL] = TAPE_NULL,
        };

        return types[json_typeof(value)];
}

static int put_value(Writer *writer, const char *name, const json_t *value, unsigned depth)
{
        TapeNode node = { .type = (uint8_t) type_of(value) };
        uint32_t index = writer->nodes->len;
        double real;
        int r;

        if (depth > TAPE_DEPTH_MAX || index >= TAPE_NODES_MAX)
                return -E2BIG;
        g_array_set_size(writer->nodes, index + 1);
        r = put_name(writer, name, &node.name);
        if (r < 0)
                return r;
        switch ((TapeType) node.type) {
        case TAPE_STRING:
                r = put_bytes(writer, json_string_value(value), json_string_length(value), &node);
                break;
        case TAPE_INTEGER: r = put_integer(writer, json_integer_value(value), &node); break;
        case TAPE_REAL:
                real = json_real_value(value);
                r = put_bytes(writer, &real, sizeof(real), &node);
                break;
        case TAPE_ARRAY:
        case TAPE_OBJECT: r = put_container(writer, value, depth, &node); break;
        default: break;
        }
        g_array_index(writer->nodes, TapeNode, index) = node;
        return r;
}

static Tape *join(const Writer *writer)
{
        size_t nodes_size = writer->nodes->len * sizeof(TapeNode);
        Tape *tape = malloc(sizeof(Tape) + nodes_size + writer->arena->len);

        if (!tape)
                return NULL;
        tape->n_nodes = writer->nodes->len;
        tape->arena_size = writer->arena->len;
        memcpy(tape->nodes, writer->nodes->data, nodes_size);
        memcpy((char *) tape->nodes + nodes_size, writer->arena->data, writer->arena->len);
        return tape;
}

int tape_new(const json_t *value, Tape **ret)
{
        g_autoptr(GArray) nodes = g_array_sized_new(FALSE, FALSE, sizeof(TapeNode), NODES_USUAL);
        g_autoptr(GByteArray) bytes = g_byte_array_sized_new(ARENA_USUAL);
        Writer writer = { nodes, bytes };
        Tape *tape;
        int r = put_value(&writer, NULL, value, 0);

        if (r < 0)
                return r;
        tape = join(&writer);
        if (!tape)
                return -ENOMEM;
        *ret = tape;
        return 0;
}

void tape_free(Tape *tape)
{
        free(tape);
}

size_t tape_size(const Tape *tape)
{
        return sizeof(Tape) + tape->n_nodes * sizeof(TapeNode) + tape->arena_size;
}

TapeValue tape_root(const Tape *tape)
{
        return (TapeValue){ tape, tape->nodes };
}

TapeType tape_type(TapeValue value)
{
        return value.node ? (TapeType) value.node->type : TAPE_ABSENT;
}

Span tape_string(TapeValue value)
{
        if (tape_type(value) != TAPE_STRING)
                return SPAN_EMPTY;
        return span_of(arena(value.tape) + value.node->a, value.node->b);
}

int64_t tape_integer(TapeValue value)
{
        int64_t number = 0;

        if (tape_type(value) != TAPE_INTEGER)
                return 0;
        if (value.node->small)
                return (int32_t) ((uint32_t) value.node->a << 16 | value.node->b);
        memcpy(&number, arena(value.tape) + value.node->a, sizeof(number));
        return number;
}

double tape_number(TapeValue value)
{
        double number = 0;

        if (tape_type(value) == TAPE_INTEGER)
                return (double) tape_integer(value);
        if (tape_type(value) == TAPE_REAL)
                memcpy(&number, arena(value.tape) + value.node->a, sizeof(number));
        return number;
}

static bool is_container(TapeValue value)
{
        return tape_type(value) == TAPE_ARRAY || tape_type(value) == TAPE_OBJECT;
}

TapeValue tape_first(TapeValue container)
{
        if (!is_container(container) || container.node->a == 0)
                return TAPE_VALUE_ABSENT;
        return (TapeValue){ container.tape, container.node + 1 };
}

TapeValue tape_next(TapeValue container, TapeValue element)
{
        const TapeNode *next = element.node + 1 + (is_container(element) ? element.node->a : 0);

        if (next > container.node + container.node->a)
                return TAPE_VALUE_ABSENT;
        return (TapeValue){ container.tape, next };
}

size_t tape_count(TapeValue container)
{
        return is_container(container) ? container.node->b : 0;
}

Span tape_name(TapeValue member)
{
        uint16_t len;

        if (!member.node || member.node->name == NAME_NONE)
                return SPAN_EMPTY;
        if (!(member.node->name & NAME_SPELLED))
                return span_of(names[member.node->name].text, names[member.node->name].len);
        const char *spelled =
            arena(member.tape) + ((size_t) (member.node->name & ~NAME_SPELLED) << 1);

        memcpy(&len, spelled, sizeof(len));
        return span_of(spelled + sizeof(len), len);
}

/* name_is: known is wanted's number in the table; then numbers are compared. A node's number is
 * never another spelling of a name of the table. */
static bool name_is(TapeValue member, uint16_t known, Span wanted)
{
        if (known != NAME_NONE || !(member.node->name & NAME_SPELLED))
                return member.node->name == known;
        return span_equal(tape_name(member), wanted);
}

TapeValue tape_member(TapeValue object, Span name)
{
        uint16_t known = find_name(name);
        TapeValue member;

        if (tape_type(object) != TAPE_OBJECT)
                return TAPE_VALUE_ABSENT;
        for (member = tape_first(object); member.node; member = tape_next(object, member))
                if (name_is(member, known, name))
                        return member;
        return TAPE_VALUE_ABSENT;
}

bool tape_has_string(TapeValue value, Span wanted)
{
        if (tape_type(value) == TAPE_STRING)
                return span_equal(tape_string(value), wanted);
        if (tape_type(value) != TAPE_ARRAY)
                return false;
        for (TapeValue element = tape_first(value); element.node;
             element = tape_next(value, element))
                if (tape_type(element) == TAPE_STRING && span_equal(tape_string(element), wanted))
                        return true;
        return false;
}

/* suspects: bytes that may not stand in a JSON string as they are, and the first of U+2028 and
 * U+2029. */
static const bool suspects[256] = {
        [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true, [0x7f] = true, [0xe2] = true,
};

static bool is_line_separator(Span text, size_t i)
{
        return i + 2 < text.len && (uint8_t) text.data[i + 1] == 0x80 &&
               ((uint8_t) text.data[i + 2] & 0xfe) == 0xa8;
}

/* write_escape: of the suspect at i; how many bytes of the text it stands for, 0 if it may stay. */
static size_t write_escape(Span text, size_t i, GString *out)
{
        uint8_t byte = (uint8_t) text.data[i];

        if (byte == 0xe2 && !is_line_separator(text, i))
                return 0;
        if (byte == 0xe2) {
                g_string_append(out, ((uint8_t) text.data[i + 2] & 1) ? "\\u2029" : "\\u2028");
                return 3;
        }
        if (byte == '"' || byte == '\\')
                g_string_append_printf(out, "\\%c", byte);
        else
                g_string_append_printf(out, "\\u%04x", byte);
        return 1;
}

void tape_write_string(Span text, GString *out)
{
        size_t plain = 0, i = 0; /* what lies before plain is written */

        g_string_append_c(out, '"');
        while (i < text.len) {
                size_t plain_end = i, taken;

                if (!suspects[(uint8_t) text.data[i]]) {
                        i++;
                        continue;
                }
                g_string_append_len(out, text.data + plain, (gssize) (plain_end - plain));
                plain = plain_end;
                taken = write_escape(text, i, out);
                plain += taken;
                i += MAX(taken, 1);
        }
        g_string_append_len(out, text.data + plain, (gssize) (text.len - plain));
        g_string_append_c(out, '"');
}

void tape_write_integer(int64_t number, GString *out)
{
        char digits[24], *at = digits + sizeof(digits);
        uint64_t rest = number < 0 ? -(uint64_t) number : (uint64_t) number;

        do
                *--at = (char) ('0' + rest % 10);
        while (rest /= 10);
        if (number < 0)
                *--at = '-';
        g_string_append_len(out, at, digits + sizeof(digits) - at);
}

void tape_write_name(TapeValue member, GString *out)
{
        tape_write_string(tape_name(member), out);
}

/* write_real: shortest of the forms that read back as the same number, and never an integer's. */
static void write_real(double number, GString *out)
{
        char text[G_ASCII_DTOSTR_BUF_SIZE];

        g_ascii_dtostr(text, sizeof(text), number);
        g_string_append(out, text);
        if (!strpbrk(text, ".eE"))
                g_string_append(out, ".0");
}

static void write_inside(TapeValue container, GString *out)
{
        bool object = tape_type(container) == TAPE_OBJECT;

        g_string_append_c(out, object ? '{' : '[');
        for (TapeValue element = tape_first(container); element.node;) {
                if (object) {
                        tape_write_name(element, out);
                        g_string_append_c(out, ':');
                }
                tape_write(element, out);
                element = tape_next(container, element);
                if (element.node)
                        g_string_append_c(out, ',');
        }
        g_string_append_c(out, object ? '}' : ']');
}

void tape_write(TapeValue value, GString *out)
{
        switch (tape_type(value)) {
        case TAPE_ABSENT:
        case TAPE_NULL: g_string_append(out, "null"); break;
        case TAPE_FALSE: g_string_append(out, "false"); break;
        case TAPE_TRUE: g_string_append(out, "true"); break;
        case TAPE_INTEGER: tape_write_integer(tape_integer(value), out); break;
        case TAPE_REAL: write_real(tape_number(value), out); break;
        case TAPE_STRING: tape_write_string(tape_string(value), out); break;
        case TAPE_ARRAY:
        case TAPE_OBJECT: write_inside(value, out); break;
        }
}
