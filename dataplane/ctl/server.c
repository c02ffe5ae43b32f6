/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket. Clients are few and trusted (mode 0600), and still bounded: a line, an
 * answer and the number of clients have limits, and one that does not read is not read from. Who
 * comes when all places are taken waits to be accepted.
 */
#include "ctl/ctl.h"
#include "ctl/ctl_priv.h"
#include "main/files.h"
#include "main/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 65536u
#define CLIENTS_MAX    32u
#define BACKLOG	       128

struct client {
	struct loop_fd lf;
	struct list link;
	struct ctl_server *server;
	size_t n_in;
	char *out; /* answer being sent, or NULL */
	size_t n_out, sent;
	char in[LINE_MAX_BYTES];
};

struct ctl_server {
	struct loop_fd lf;
	struct daemon *d;
	struct list clients;
	unsigned int n_clients;
	bool full; /* and does not listen */
};

static struct client *client_of(struct loop_fd *lf)
{
	return container_of(lf, struct client, lf);
}

static void listen_again(struct ctl_server *s)
{
	if (s->full && !loop_add(&s->d->loop, &s->lf, EPOLLIN))
		s->full = false;
}

static void client_close(struct client *c)
{
	loop_del(&c->server->d->loop, &c->lf);
	close(c->lf.fd);
	list_del(&c->link);
	c->server->n_clients--;
	listen_again(c->server);
	free(c->out);
	free(c);
}

/* Sends what it takes. False: the client is gone. */
static bool client_flush(struct client *c)
{
	while (c->out) {
		ssize_t n = send(c->lf.fd, c->out + c->sent, c->n_out - c->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN;
		c->sent += (size_t)n;
		if (c->sent == c->n_out) {
			free(c->out);
			c->out = NULL;
		}
	}
	return true;
}

static bool answer_line(struct client *c, size_t len)
{
	json_t *answer = ctl_answer(c->server->d, c->in, len);
	char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (!text)
		return false;
	c->n_out = strlen(text) + 1;
	c->sent = 0;
	c->out = text;
	text[c->n_out - 1] = '\n'; /* sent by length: the zero is not needed */
	return true;
}

/* Answers complete lines, one after the other has been sent. False: close. */
static bool client_lines(struct client *c)
{
	while (!c->out) {
		char *end = memchr(c->in, '\n', c->n_in);
		size_t len = end ? (size_t)(end - c->in) : 0;

		if (!end)
			return c->n_in < LINE_MAX_BYTES;
		if (!answer_line(c, len))
			return false;
		c->n_in -= len + 1;
		memmove(c->in, end + 1, c->n_in);
		if (!client_flush(c))
			return false;
	}
	return true;
}

static bool client_read(struct client *c)
{
	ssize_t n = recv(c->lf.fd, c->in + c->n_in, LINE_MAX_BYTES - c->n_in, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN;
	c->n_in += (size_t)n;
	return n > 0;
}

static void client_ready(struct loop_fd *lf, uint32_t events)
{
	struct client *c = client_of(lf);
	bool ok = client_flush(c);

	if (ok && !c->out && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		ok = client_read(c);
	if (ok)
		ok = client_lines(c);
	if (!ok || loop_mod(&c->server->d->loop, lf, c->out ? EPOLLOUT : EPOLLIN))
		client_close(c);
}

static void server_ready(struct loop_fd *lf, uint32_t events)
{
	struct ctl_server *s = container_of(lf, struct ctl_server, lf);
	int fd = accept4(lf->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = fd >= 0 ? calloc(1, sizeof(*c)) : NULL;

	if (fd < 0)
		return;
	if (!c) {
		close(fd);
		return;
	}
	c->lf = (struct loop_fd){ .fd = fd, .fn = client_ready };
	c->server = s;
	list_add_tail(&s->clients, &c->link);
	if (++s->n_clients == CLIENTS_MAX) {
		loop_del(&s->d->loop, &s->lf);
		s->full = true;
	}
	if (loop_add(&s->d->loop, &c->lf, EPOLLIN))
		client_close(c);
}

/* ---- start and end ---- */

static int open_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd, err;
	mode_t mask;

	memcpy(sun.sun_path, path, strlen(path) + 1);
	files_make_folder(path, 0755);
	err = files_clear_socket(path);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	err = bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) || listen(fd, BACKLOG) ? -errno
											  : 0;
	umask(mask);
	if (err)
		close(fd);
	return err ? err : fd;
}

int ctl_init(struct daemon *d)
{
	const char *path = d->conf->dataplane->control;
	struct ctl_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->d = d;
	list_init(&s->clients);
	s->lf.fn = server_ready;
	s->lf.fd = open_socket(path);
	err = s->lf.fd < 0 ? s->lf.fd : loop_add(&d->loop, &s->lf, EPOLLIN);
	if (err) {
		log_error("control socket %s: %s%s", path, strerror(-err),
			  err == -EADDRINUSE	   ? ": another process serves it"
				  : err == -EEXIST ? ": and it is no socket"
						   : "");
		if (s->lf.fd >= 0)
			close(s->lf.fd);
		free(s);
		return err;
	}
	d->ctl = s;
	return 0;
}

void ctl_fini(struct daemon *d)
{
	struct ctl_server *s = d->ctl;

	while (!list_empty(&s->clients))
		client_close(container_of(list_first(&s->clients), struct client, link));
	loop_del(&d->loop, &s->lf);
	close(s->lf.fd);
	unlink(d->conf->dataplane->control);
	free(s);
	d->ctl = NULL;
}
