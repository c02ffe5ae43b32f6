/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of the host, below its root. */
#include "cli/doctor/host.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 8192

int host_open(struct host *h, const char *root)
{
	memset(h, 0, sizeof(*h));
	h->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return h->root < 0 ? -errno : 0;
}

void host_close(struct host *h)
{
	close(h->root);
}

/* Remembers which file it is about, and returns it relative to the root. */
static const char *set_path(struct host *h, const char *fmt, va_list ap)
{
	vsnprintf(h->path, sizeof(h->path), fmt, ap);
	return h->path + strspn(h->path, "/");
}

/* Whatever lies there, it is not waited for. */
static int open_path(struct host *h, const char *fmt, va_list ap, int flags)
{
	int fd = openat(h->root, set_path(h, fmt, ap), O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);

	return fd < 0 ? -errno : fd;
}

static void make_printable(char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isprint((unsigned char)text[i]) && text[i] != '\n' && text[i] != '\t')
			text[i] = '?';
}

static int read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t got = read(fd, buf + n, size - n);

		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += (size_t)got;
	}
	if (n == size)
		return -EFBIG;
	make_printable(buf, n);
	while (n && isspace((unsigned char)buf[n - 1]))
		n--;
	buf[n] = '\0';
	return 0;
}

static int read_path(struct host *h, char *buf, size_t size, const char *fmt, va_list ap)
{
	int fd = open_path(h, fmt, ap, 0), err;

	buf[0] = '\0';
	if (fd < 0)
		return fd;
	err = read_all(fd, buf, size);
	close(fd);
	if (err)
		buf[0] = '\0';
	return err;
}

int host_text(struct host *h, char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_path(h, buf, size, fmt, ap);
	va_end(ap);
	return err;
}

int host_number(struct host *h, long long *ret, const char *fmt, ...)
{
	char text[64], *end;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_path(h, text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err)
		return err == -EFBIG ? -EINVAL : err;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}

int host_cpu_list(struct host *h, struct conf_cpus *ret, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_path(h, text, sizeof(text), fmt, ap);
	va_end(ap);
	return err ? err : cpus_parse_list(text, ret);
}

int host_cpu_mask(struct host *h, struct conf_cpus *ret, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_path(h, text, sizeof(text), fmt, ap);
	va_end(ap);
	return err ? err : cpus_parse_mask(text, ret);
}

bool host_exists(struct host *h, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = faccessat(h->root, set_path(h, fmt, ap), F_OK, 0);
	va_end(ap);
	return !rc;
}

int host_link(struct host *h, char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	ssize_t n;

	va_start(ap, fmt);
	n = readlinkat(h->root, set_path(h, fmt, ap), buf, size);
	va_end(ap);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	buf[n] = '\0';
	return 0;
}

DIR *host_folder(struct host *h, const char *fmt, ...)
{
	va_list ap;
	DIR *dir;
	int fd;

	va_start(ap, fmt);
	fd = open_path(h, fmt, ap, O_DIRECTORY);
	va_end(ap);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	dir = fdopendir(fd);
	if (!dir)
		close(fd);
	return dir;
}

FILE *host_stream(struct host *h, const char *fmt, ...)
{
	va_list ap;
	FILE *f;
	int fd;

	va_start(ap, fmt);
	fd = open_path(h, fmt, ap, 0);
	va_end(ap);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	f = fdopen(fd, "r");
	if (!f)
		close(fd);
	return f;
}

bool host_line(FILE *in, char *buf, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = getc(in)) != EOF && c != '\n')
		if (n + 1 < size)
			buf[n++] = (char)c;
	make_printable(buf, n);
	buf[n] = '\0';
	return c != EOF || n;
}

int host_boot_word(struct host *h, const char *name, char *buf, size_t size)
{
	char line[TEXT_MAX], *save = NULL;
	size_t n = strlen(name);
	int err = host_text(h, line, sizeof(line), "/proc/cmdline");

	buf[0] = '\0';
	if (err)
		return err;
	for (char *word = strtok_r(line, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save)) {
		if (strncmp(word, name, n) || word[n] != '=')
			continue;
		if (strlen(word + n + 1) >= size)
			return -EFBIG;
		strcpy(buf, word + n + 1);
	}
	return 0;
}

int host_choice(struct host *h, char *buf, size_t size, const char *fmt, ...)
{
	char text[256], *word, *end;
	va_list ap;
	int err;

	va_start(ap, fmt);
	err = read_path(h, text, sizeof(text), fmt, ap);
	va_end(ap);
	if (err)
		return err;
	word = strchr(text, '[');
	end = word ? strchr(word, ']') : NULL;
	if (!end || end == word + 1 || (size_t)(end - word) > size)
		return -EINVAL;
	*end = '\0';
	strcpy(buf, word + 1);
	return 0;
}
