/*
 * http: questions to services over HTTP and HTTPS, by libcurl.
 *
 * Every answer is hostile: it has a greatest length and a time limit, no
 * redirection is followed, and no other protocol is spoken.  What the answer
 * is worth, its own signature says; of TLS the system's authorities judge.
 */
#ifndef BACKENDS_HTTP_H
#define BACKENDS_HTTP_H

#include "core/bytes.h"

#define HTTP_CONNECT_MS 5000	/* until the connection stands */
#define HTTP_ANSWER_MS 10000	/* until the answer is there, whole */
#define HTTP_WHY 256		/* bytes of a reason, with its end */

struct http;

struct http_question {
	const char *url;
	const char *type;	/* media types of body and answer */
	const char *answer_type;
	struct bytes body;
	size_t most;		/* bytes that the answer may have */
};

/* One connection, kept between questions; one question at a time.  -ENOMEM. */
int http_open(struct http **ret);
void http_free(struct http *h);
/* POSTs.  0 and the answer's body; -ENOMEM; else -EAGAIN (not reached, out of
 * time, too long, any status but 200, another media type), and why, in words. */
int http_post(struct http *h, const struct http_question *q, struct buf *ret,
	char why[HTTP_WHY]);

#endif
