/* SPDX-License-Identifier: BSD-3-Clause */
/* sockapi PEER PORT OWN [TEST...]: runs the tests one after the other, each in a process. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sockapi.h"

#define PATIENCE_S 40 /* without progress: a test that takes longer hangs */
#define HANGS_MAX  6  /* then the others are not run any more */

struct place place;

static const struct test {
	const char *name;
	const char *text;
	void (*run)(void);
} tests[] = {
#define TEST(name, text) { #name, text, test_##name },
#include "tests.def"
#undef TEST
};

static int hangs;

static int usage(const char *program)
{
	fprintf(stderr,
		"%s PEER PORT OWN [TEST...]\n"
		"%s --list\n"
		"Checks the socket API. PEER has an echo server on TCP port PORT (stream.py),\n"
		"and on the next port a remote control (peer.py); OWN is this side's address.\n"
		"A TEST that ends in - or _ stands for all whose names begin so.\n",
		program, program);
	return 2;
}

static int list(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		printf("%-28s %s\n", tests[i].name, tests[i].text);
	return 0;
}

/* After exec, for the test of descriptors over exec: is it open, and can it be written to? */
static int probe(const char *number)
{
	int fd = atoi(number);

	if (!strcmp(number, "-") || fd <= 0)
		return 3;
	return send(fd, "exec", 4, MSG_NOSIGNAL) == 4 ? 0 : errno == EBADF ? 1 : 2;
}

static bool find_place(char **argv)
{
	int port = atoi(argv[2]);

	place.echo.sin_family = place.control.sin_family = AF_INET;
	if (inet_pton(AF_INET, argv[1], &place.echo.sin_addr) != 1 || port <= 0 || port >= 65535 ||
	    inet_pton(AF_INET, argv[3], &place.own) != 1)
		return false;
	place.control.sin_addr = place.echo.sin_addr;
	place.echo.sin_port = htons((uint16_t)port);
	place.control.sin_port = htons((uint16_t)(port + 1));
	inet_ntop(AF_INET, &place.own, place.own_text, sizeof(place.own_text));
	inet_ntop(AF_INET, &place.echo.sin_addr, place.peer_text, sizeof(place.peer_text));
	return true;
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		size_t len = strlen(*names);
		char last = len ? (*names)[len - 1] : 0;

		if (!strcmp(name, *names) ||
		    ((last == '_' || last == '-') && !strncmp(name, *names, len - 1)))
			return true;
	}
	return false;
}

static pid_t start(const struct test *test)
{
	sigset_t none;
	pid_t pid;

	memset(check_page, 0, sizeof(*check_page));
	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	test->run();
	_exit(0);
}

/* The test's wait status; -1 when it hangs. */
static int end(pid_t pid)
{
	struct timespec patience = { .tv_sec = PATIENCE_S }, mercy = { .tv_sec = 5 };
	sigset_t child;
	int status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (sigtimedwait(&child, NULL, &patience) >= 0)
			continue;
		if (errno != EAGAIN)
			continue;
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		/* It may be stuck where no signal reaches it: say so, and go on. */
		if (sigtimedwait(&child, NULL, &mercy) < 0 || waitpid(pid, &status, WNOHANG) != pid)
			printf("# process %d cannot be killed\n", pid);
		return -1;
	}
	kill(-pid, SIGKILL); /* what it may have started */
	return status;
}

static bool run(const struct test *test)
{
	int status;

	if (hangs >= HANGS_MAX) {
		printf("not ok - %s: not run, since %d tests hang\n", test->name, hangs);
		return false;
	}
	status = end(start(test));
	if (status == 0) {
		printf("ok - %s\n", test->name);
		return true;
	}
	if (check_page->said[0]) {
		printf("not ok - %s: %s\n", test->name, check_page->said);
	} else if (status == -1) {
		printf("not ok - %s: hangs at %s\n", test->name, check_page->where);
		hangs++;
	} else {
		printf("not ok - %s: ends with status %#x at %s\n", test->name, status,
		       check_page->where);
	}
	return false;
}

int main(int argc, char **argv)
{
	sigset_t child;
	bool good = true, any = false;

	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "--probe"))
		return probe(argv[2]);
	if (argc < 4 || !find_place(argv))
		return usage(argv[0]);
	pattern_init();
	check_page = mmap(NULL, sizeof(*check_page), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		if (!wanted(tests[i].name, argv + 4))
			continue;
		any = true;
		good = run(&tests[i]) && good;
		fflush(stdout);
	}
	if (!any)
		fprintf(stderr,
			"sockapi: no test is called so (NAME, or the beginning of one up to "
			"its \"_\"; --list)\n");
	return good && any ? 0 : 1;
}
