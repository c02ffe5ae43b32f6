/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls in other threads, seen asleep by what /proc says of them; signals. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sockapi.h"

volatile sig_atomic_t signals_seen;

static const struct {
	long (*call)(struct job *job);
	long number; /* of the system call in which it sleeps */
} sleeps_in[] = {
	{ job_recv, SYS_recvfrom },   { job_send, SYS_sendto }, { job_accept, SYS_accept },
	{ job_connect, SYS_connect }, { job_poll, SYS_poll },	{ job_close, SYS_close },
};

static void *job_main(void *arg)
{
	struct job *job = arg;

	job->tid = gettid();
	job->ret = job->call(job);
	job->error = errno;
	return NULL;
}

void job_start(struct job *job)
{
	job->tid = 0;
	EQ(pthread_create(&job->thread, NULL, job_main, job), 0);
}

static long number_of(const struct job *job)
{
	for (size_t i = 0; i < ARRAY_SIZE(sleeps_in); i++)
		if (sleeps_in[i].call == job->call)
			return sleeps_in[i].number;
	return -1;
}

static size_t read_file(const char *name, pid_t tid, char *text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

/* It has said 'S' for interruptible sleep, and its system call by number, or "running". */
static bool asleep(const struct job *job)
{
	char text[512];
	long number;
	char *state;

	if (!job->tid || !read_file("syscall", job->tid, text, sizeof(text)) ||
	    sscanf(text, "%ld", &number) != 1 || number != number_of(job))
		return false;
	read_file("stat", job->tid, text, sizeof(text));
	state = strrchr(text, ')');
	return state && state[1] == ' ' && state[2] == 'S';
}

void job_asleep(struct job *job)
{
	check_here(__FILE__, __LINE__, "waiting for the other thread to sleep in its call");
	while (!asleep(job))
		sched_yield();
}

void job_join(struct job *job)
{
	EQ(pthread_join(job->thread, NULL), 0);
}

void job_signal(struct job *job, int signal)
{
	EQ(pthread_kill(job->thread, signal), 0);
}

long job_recv(struct job *job)
{
	return recv(job->fd, job->buf, job->len, job->flags);
}

long job_send(struct job *job)
{
	return send(job->fd, job->buf, job->len, job->flags);
}

long job_accept(struct job *job)
{
	return accept(job->fd, NULL, NULL);
}

long job_connect(struct job *job)
{
	return connect(job->fd, sa(&job->addr), sizeof(job->addr));
}

long job_poll(struct job *job)
{
	struct pollfd p = { .fd = job->fd, .events = job->events };
	long ret = poll(&p, 1, -1);

	job->events = p.revents;
	return ret;
}

long job_close(struct job *job)
{
	return close(job->fd);
}

static void on_signal(int signal)
{
	signals_seen++;
}

void count_signal(int signal, int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	signals_seen = 0;
	MUST(sigaction(signal, &action, NULL));
}
