/* authctl_ask: see authctl_ask.h. curl easy; the environment's proxies do not count. */
#include "authctl_ask.h"

#include "base/secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static void free_curl(CURL **curl)
{
        curl_easy_cleanup(*curl);
}
static void free_headers(struct curl_slist **headers)
{
        curl_slist_free_all(*headers);
}

void answer_clear(Answer *answer)
{
        json_decref(answer->json);
        if (answer->body)
                g_string_free(answer->body, true);
        *answer = (Answer){ 0 };
}

static size_t take_bytes(char *bytes, size_t size, size_t n, void *userdata)
{
        GString *body = userdata;

        if (body->len + size * n > ASK_SIZE_MAX)
                return 0;
        g_string_append_len(body, bytes, (gssize) (size * n));
        return size * n;
}

static unsigned deadline_sec(const AuthctlOptions *options)
{
        return options->deadline_sec ? options->deadline_sec : ASK_DEADLINE_SEC;
}

static AuthctlExit complain_transport(const AuthctlOptions *options, CURL *curl, CURLcode code)
{
        long os_errno = 0;

        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_errno);
        if (code == CURLE_COULDNT_CONNECT && os_errno == EACCES)
                return authctl_complain(AUTHCTL_UNAVAILABLE,
                                        "no right to use %s (%s): check the modes of its folders",
                                        options->socket, g_strerror((int) os_errno));
        if (code == CURLE_COULDNT_CONNECT)
                return authctl_complain(AUTHCTL_UNAVAILABLE,
                                        "no daemon at %s (%s): is authd running? Try systemctl "
                                        "status authd, or name its socket with "
                                        "--socket or AUTHD_SOCKET",
                                        options->socket,
                                        os_errno ? g_strerror((int) os_errno)
                                                 : curl_easy_strerror(code));
        if (code == CURLE_OPERATION_TIMEDOUT)
                return authctl_complain(AUTHCTL_UNAVAILABLE,
                                        "the daemon at %s gave no answer within %u s; see its log",
                                        options->socket, deadline_sec(options));
        return authctl_complain(AUTHCTL_UNAVAILABLE, "the daemon at %s did not answer as one: %s",
                                options->socket, curl_easy_strerror(code));
}

static CURL *prepare(const AuthctlOptions *options, const char *path, GString *body)
{
        g_autofree char *url = g_strconcat("http://localhost", path, NULL);
        CURL *curl = curl_easy_init();

        if (!curl)
                return NULL;
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, options->socket);
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long) deadline_sec(options));
        curl_easy_setopt(curl, CURLOPT_USERAGENT, "authctl/" AUTHD_VERSION);
        curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
        curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
        return curl;
}

static void prepare_post(CURL *curl, const char *text, struct curl_slist **headers)
{
        *headers = curl_slist_append(NULL, "Content-Type: application/json");
        *headers = curl_slist_append(*headers, "Expect:");
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, *headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long) strlen(text));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
}

static AuthctlExit transfer(const AuthctlOptions *options, const char *path, const char *text,
                            Answer *answer)
{
        __attribute__((cleanup(free_curl))) CURL *curl = prepare(options, path, answer->body);
        __attribute__((cleanup(free_headers))) struct curl_slist *headers = NULL;
        long status = 0;

        if (!curl)
                return authctl_complain(AUTHCTL_UNAVAILABLE, "libcurl could not start");
        if (text)
                prepare_post(curl, text, &headers);
        CURLcode code = curl_easy_perform(curl);
        if (code != CURLE_OK)
                return complain_transport(options, curl, code);
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        answer->status = (unsigned) status;
        answer->json =
            json_loadb(answer->body->str, answer->body->len, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(answer->json))
                return authctl_complain(
                    AUTHCTL_UNAVAILABLE,
                    "what listens at %s is not authd: it answered %u without JSON", options->socket,
                    answer->status);
        return AUTHCTL_OK;
}

static AuthctlExit exit_of_status(unsigned status)
{
        switch (status) {
        case 403: return AUTHCTL_UNAVAILABLE; /* no right to ask */
        case 422: return AUTHCTL_REFUSED;
        }
        return status < 500 ? AUTHCTL_USAGE : AUTHCTL_UNAVAILABLE;
}

static AuthctlExit complain_problem(const AuthctlOptions *options, const Answer *answer)
{
        const char *word = json_string_value(json_object_get(answer->json, "error"));
        const char *detail = json_string_value(json_object_get(answer->json, "detail"));

        if (options->json)
                ask_print_json(answer);
        return authctl_complain(exit_of_status(answer->status), "%s (%s, HTTP %u)",
                                detail ? detail : "the daemon refused",
                                word ? word : "no reason given", answer->status);
}

AuthctlExit ask_daemon(const AuthctlOptions *options, const char *path, const json_t *question,
                       Answer *ret)
{
        g_auto(Answer) answer = { .body = g_string_new(NULL) };
        g_autofree char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
        AuthctlExit code = transfer(options, path, text, &answer);

        if (text)
                secret_erase(text, strlen(text));
        if (code != AUTHCTL_OK)
                return code;
        if (answer.status != 200)
                return complain_problem(options, &answer);
        *ret = answer;
        answer = (Answer){ 0 };
        return AUTHCTL_OK;
}

const char *ask_text(const json_t *object, const char *name)
{
        return json_string_value(json_object_get(object, name));
}

gint64 ask_number(const json_t *object, const char *name)
{
        return json_integer_value(json_object_get(object, name));
}

void ask_print_json(const Answer *answer)
{
        const size_t flags = JSON_INDENT(2) | JSON_ENSURE_ASCII;
        g_autofree char *indented = isatty(STDOUT_FILENO) ? json_dumps(answer->json, flags) : NULL;

        fputs(indented ? indented : answer->body->str, stdout);
        fputc('\n', stdout);
}

AuthctlExit ask_show(const AuthctlOptions *options, const char *path, const json_t *question,
                     void (*print)(const json_t *answer), Answer *ret)
{
        AuthctlExit code = ask_daemon(options, path, question, ret);

        if (code != AUTHCTL_OK)
                return code;
        if (options->json)
                ask_print_json(ret);
        else
                print(ret->json);
        return AUTHCTL_OK;
}
