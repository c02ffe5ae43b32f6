/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/state.h"
#include "main/files.h"
#include "main/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC	 "outsock state 1\nsecret "
#define HEX_LEN	 32
#define FILE_LEN (sizeof(MAGIC) - 1 + HEX_LEN + 1)

static int parse(const char *text, uint8_t secret[16])
{
	if (memcmp(text, MAGIC, sizeof(MAGIC) - 1) || text[FILE_LEN - 1] != '\n')
		return -EINVAL;
	text += sizeof(MAGIC) - 1;
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		secret[i] = (uint8_t)byte;
	}
	return 0;
}

static int read_state(const char *path, uint8_t secret[16])
{
	char text[FILE_LEN + 1] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, FILE_LEN);
	if (fstat(fd, &st) || (st.st_mode & 077))
		n = -1;
	close(fd);
	return n == FILE_LEN ? parse(text, secret) : -EINVAL;
}

static int write_state(const char *path, const uint8_t secret[16])
{
	char text[FILE_LEN + 1] = MAGIC, tmp[PATH_MAX];
	int fd, err = 0;

	for (unsigned int i = 0; i < 16; i++)
		snprintf(text + sizeof(MAGIC) - 1 + 2 * i, 3, "%02x", secret[i]);
	text[FILE_LEN - 1] = '\n';
	files_make_folder(path, 0700);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, FILE_LEN) != (ssize_t)FILE_LEN || fsync(fd))
		err = errno ? -errno : -EIO;
	close(fd);
	if (!err && rename(tmp, path))
		err = -errno;
	if (err)
		unlink(tmp);
	return err;
}

int state_load(const char *path, uint8_t secret[16])
{
	int err = read_state(path, secret);

	if (!err)
		return 0;
	if (err != -ENOENT) {
		log_error("state file %s: %s; right: a file that outsockd wrote, mode 0600; "
			  "remove it "
			  "to begin anew",
			  path, strerror(-err));
		return err;
	}
	if (getrandom(secret, 16, 0) != 16)
		return -EIO;
	err = write_state(path, secret);
	if (err)
		log_error("state file %s: %s; right: a path that outsockd can write", path,
			  strerror(-err));
	else
		log_info("state file %s: written with a new secret", path);
	return err;
}
