/* head: the rules alone, on heads that no parser has touched. */
#include "net/head.h"

typedef struct Row {
        const char *name;
        const char *method;
        const char *target;
        const char *version;
        const char *fields; /* "Name: value" lines */
        unsigned status;    /* 0: may go on */
} Row;

#define H "Host: a\n"

static const Row rows[] = {
        { "a plain GET passes", "GET", "/livez", "HTTP/1.1", H, 0 },
        { "HTTP/1.0 needs no Host", "GET", "/", "HTTP/1.0", "", 0 },
        { "an absolute form passes", "GET", "http://a/livez", "HTTP/1.1", H, 0 },
        { "an absolute form without a path is refused", "GET", "http://a", "HTTP/1.1", H, 400 },
        { "the asterisk passes with OPTIONS", "OPTIONS", "*", "HTTP/1.1", H, 0 },
        { "the asterisk is refused with GET", "GET", "*", "HTTP/1.1", H, 400 },
        { "an authority form is refused", "GET", "a:80", "HTTP/1.1", H, 400 },
        { "no target is refused", "GET", "", "HTTP/1.1", H, 400 },
        { "bytes above ASCII pass in a target", "GET", "/\xc3\xa4", "HTTP/1.1", H, 0 },
        { "a space in the target is refused", "GET", "/a b", "HTTP/1.1", H, 400 },
        { "a fragment in the target is refused", "GET", "/a#b", "HTTP/1.1", H, 400 },
        { "a control byte in the target is refused", "GET", "/a\x01", "HTTP/1.1", H, 400 },
        { "DEL in the target is refused", "GET", "/a\x7f", "HTTP/1.1", H, 400 },
        { "TRACE is refused", "TRACE", "/", "HTTP/1.1", H, 501 },
        { "CONNECT is refused", "CONNECT", "a:80", "HTTP/1.1", H, 501 },
        { "methods know upper and lower case", "get", "/", "HTTP/1.1", H, 501 },
        { "HTTP/1.2 is refused", "GET", "/", "HTTP/1.2", H, 505 },
        { "a lower-case version is refused", "GET", "/", "http/1.1", H, 505 },
        { "no Host is refused", "GET", "/", "HTTP/1.1", "X: y\n", 400 },
        { "two Hosts are refused", "GET", "/", "HTTP/1.1", H "host: a\n", 400 },
        { "two Hosts are refused of HTTP/1.0 too", "GET", "/", "HTTP/1.0", H H, 400 },
        { "two Authorizations are refused", "GET", "/", "HTTP/1.1",
          H "Authorization: Bearer a\nAUTHORIZATION: Bearer b\n", 400 },
        { "a space before the colon is refused", "GET", "/", "HTTP/1.1", H "X : y\n", 400 },
        { "a name above ASCII is refused", "GET", "/", "HTTP/1.1", H "\xc3\xa4: y\n", 400 },
        { "an empty name is refused", "GET", "/", "HTTP/1.1", H ": y\n", 400 },
        { "a tab in a value passes", "GET", "/", "HTTP/1.1", H "X: a\tb\n", 0 },
        { "a control byte in a value is refused", "GET", "/", "HTTP/1.1", H "X: a\x0b\n", 400 },
        { "a length passes", "POST", "/", "HTTP/1.1", H "Content-Length: 5\n", 0 },
        { "chunked passes", "POST", "/", "HTTP/1.1", H "Transfer-Encoding: Chunked\n", 0 },
        { "both framings are refused", "POST", "/", "HTTP/1.1",
          H "Content-Length: 5\nTransfer-Encoding: chunked\n", 400 },
        { "two equal lengths are refused", "POST", "/", "HTTP/1.1",
          H "Content-Length: 5\nContent-Length: 5\n", 400 },
        { "two encodings are refused", "POST", "/", "HTTP/1.1",
          H "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", 400 },
        { "a list of encodings is refused", "POST", "/", "HTTP/1.1",
          H "Transfer-Encoding: gzip, chunked\n", 400 },
        { "identity is refused", "POST", "/", "HTTP/1.1", H "Transfer-Encoding: identity\n", 400 },
        { "a hidden chunked is refused", "POST", "/", "HTTP/1.1", H "Transfer-Encoding: xchunked\n",
          400 },
        { "HTTP/1.0 knows no encoding", "POST", "/", "HTTP/1.0", "Transfer-Encoding: chunked\n",
          400 },
        { "a signed length is refused", "POST", "/", "HTTP/1.1", H "Content-Length: +5\n", 400 },
        { "a negative length is refused", "POST", "/", "HTTP/1.1", H "Content-Length: -5\n", 400 },
        { "a list of lengths is refused", "POST", "/", "HTTP/1.1", H "Content-Length: 5, 5\n",
          400 },
        { "an empty length is refused", "POST", "/", "HTTP/1.1", H "Content-Length: \n", 400 },
        { "a length past 64 bits is refused", "POST", "/", "HTTP/1.1",
          H "Content-Length: 18446744073709551617\n", 400 },
        { "the longest body passes", "POST", "/", "HTTP/1.1", H "Content-Length: 65536\n", 0 },
        { "one byte more is refused", "POST", "/", "HTTP/1.1", H "Content-Length: 65537\n", 413 },
        { "100-continue passes", "POST", "/", "HTTP/1.1", H "Expect: 100-Continue\n", 0 },
        { "another expectation is refused", "POST", "/", "HTTP/1.1", H "Expect: cake\n", 417 },
};

static void add_lines(Head *head, const char *lines)
{
        while (*lines) {
                const char *colon = strstr(lines, ": "), *end = strchr(lines, '\n');

                head_add(head, span_of(lines, (size_t) (colon - lines)),
                         span_of(colon + 2, (size_t) (end - colon - 2)));
                lines = end + 1;
        }
}

static unsigned refused_status(const Head *head)
{
        const Refusal *refusal = head_refuse(head);

        return refusal ? refusal->status : 0;
}

static void test_row(const void *userdata)
{
        const Row *row = userdata;
        g_autofree Head *head = g_new(Head, 1);

        head_init(head);
        head->method = span_from(row->method);
        head->target = span_from(row->target);
        head->version = span_from(row->version);
        add_lines(head, row->fields);
        g_assert_cmpuint(refused_status(head), ==, row->status);
}

static Head *plain_head(void)
{
        Head *head = g_new(Head, 1);

        head_init(head);
        head->method = span_from("GET");
        head->target = span_from("/");
        head->version = span_from("HTTP/1.1");
        head_add(head, span_from("Host"), span_from("a"));
        return head;
}

/* Each limit on both sides of its edge. */

static void test_fields_edge(void)
{
        g_autofree Head *head = plain_head();

        while (head->n_fields < SERVER_HEADERS_MAX)
                head_add(head, span_from("X"), span_from("y"));
        g_assert_cmpuint(refused_status(head), ==, 0);
        head_add(head, span_from("X"), span_from("y"));
        g_assert_cmpuint(refused_status(head), ==, 431);
}

static void test_size_edge(void)
{
        g_autofree Head *head = plain_head();
        g_autofree char *text = g_strnfill(SERVER_HEAD_SIZE_MAX, 'y');

        head_add(head, span_from("X"), span_of(text, SERVER_HEAD_SIZE_MAX - head->size_bytes - 1));
        g_assert_cmpuint(refused_status(head), ==, 0);
        head_add(head, span_from("X"), SPAN_EMPTY);
        g_assert_cmpuint(refused_status(head), ==, 431);
}

static void test_target_edge(void)
{
        g_autofree Head *head = plain_head();
        g_autofree char *text = g_strnfill(SERVER_TARGET_SIZE_MAX + 1, '/');

        head->target = span_of(text, SERVER_TARGET_SIZE_MAX);
        g_assert_cmpuint(refused_status(head), ==, 0);
        head->target = span_of(text, SERVER_TARGET_SIZE_MAX + 1);
        g_assert_cmpuint(refused_status(head), ==, 414);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/head/%s", rows[i].name);

                g_strdelimit(path + strlen("/head/"), "/", '_');
                g_test_add_data_func(path, &rows[i], test_row);
        }
        g_test_add_func("/head/one field more than allowed is refused", test_fields_edge);
        g_test_add_func("/head/one byte more than allowed is refused", test_size_edge);
        g_test_add_func("/head/a target one byte longer than allowed is refused", test_target_edge);
        return g_test_run();
}
