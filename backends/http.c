#include "backends/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HEADER_MAX 160

struct http {
	CURL *curl;
	char error[CURL_ERROR_SIZE];
};

/* What has come of an answer. */
struct answer {
	struct buf body;
	size_t most;
	int rc;
};

static size_t take(char *p, size_t one, size_t n, void *arg)
{
	struct answer *a = arg;

	n *= one;
	if (n > a->most - a->body.n)
		a->rc = -EFBIG;
	else
		a->rc = buf_add(&a->body, p, n);
	return a->rc == 0 ? n : 0; /* less: libcurl gives up */
}

int http_open(struct http **ret)
{
	struct http *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->curl = curl_easy_init();
	if (h->curl == NULL) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	free(h);
}

static struct curl_slist *headers(const struct http_question *q)
{
	char line[HEADER_MAX];
	struct curl_slist *one, *two = NULL;

	snprintf(line, sizeof(line), "Content-Type: %s", q->type);
	one = curl_slist_append(NULL, line);
	snprintf(line, sizeof(line), "Accept: %s", q->answer_type);
	if (one != NULL)
		two = curl_slist_append(one, line);
	if (two == NULL)
		curl_slist_free_all(one);
	return two;
}

static CURLcode ask(struct http *h, const struct http_question *q,
	struct curl_slist *lines, struct answer *a)
{
	CURL *c = h->curl;

	h->error[0] = '\0';
	curl_easy_reset(c); /* keeps the connection */
	if (curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->error) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") !=
			CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
			(long)HTTP_CONNECT_MS) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_TIMEOUT_MS,
			(long)HTTP_ANSWER_MS) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_URL, q->url) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_HTTPHEADER, lines) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)q->body.n) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_POSTFIELDS,
			(const char *)q->body.p) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take) != CURLE_OK ||
		curl_easy_setopt(c, CURLOPT_WRITEDATA, a) != CURLE_OK)
		return CURLE_OUT_OF_MEMORY;
	return curl_easy_perform(c);
}

/* "type; charset=..." is that type, too. */
static bool of_type(const char *is, const char *wanted)
{
	size_t n = strlen(wanted);

	return is != NULL && strncasecmp(is, wanted, n) == 0 &&
		strchr("; ", is[n]) != NULL; /* or its end */
}

static int judge(struct http *h, const struct http_question *q, CURLcode code,
	const struct answer *a, char why[HTTP_WHY])
{
	long status = 0;
	const char *type = NULL;

	if (code == CURLE_OUT_OF_MEMORY || a->rc == -ENOMEM)
		return -ENOMEM;
	if (a->rc == -EFBIG)
		snprintf(why, HTTP_WHY, "answers with more than %zu bytes",
			q->most);
	else if (code != CURLE_OK)
		snprintf(why, HTTP_WHY, "%s", h->error[0] != '\0' ? h->error :
			curl_easy_strerror(code));
	if (code != CURLE_OK)
		return -EAGAIN;
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(h->curl, CURLINFO_CONTENT_TYPE, &type);
	if (status != 200)
		snprintf(why, HTTP_WHY, "answers with HTTP status %ld", status);
	else if (!of_type(type, q->answer_type))
		snprintf(why, HTTP_WHY, "answers with something else than %s",
			q->answer_type);
	else
		return 0;
	return -EAGAIN;
}

int http_post(struct http *h, const struct http_question *q, struct buf *ret,
	char why[HTTP_WHY])
{
	struct answer a = {.most = q->most};
	struct curl_slist *lines = headers(q);
	int rc;

	if (lines == NULL)
		return -ENOMEM;
	rc = judge(h, q, ask(h, q, lines, &a), &a, why);
	curl_slist_free_all(lines);
	if (rc == 0) {
		*ret = a.body;
		return 0;
	}
	buf_free(&a.body);
	return rc;
}
