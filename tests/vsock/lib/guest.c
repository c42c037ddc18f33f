// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a command in a guest with agent.c, like in_guest of guest.sh, but as a program that
 * can be linked with unix.c.
 *
 * usage: unix_guest CID PORT COMMAND...
 *
 * Copies the command's output and exits with its status, or 125.
 */

#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Return: N of the line "status N", or 125. */
static int copy_output(int fd)
{
	FILE *stream = fdopen(fd, "r");
	char line[1024];
	int status;

	while (stream && fgets(line, sizeof(line), stream)) {
		if (sscanf(line, "status %d", &status) == 1)
			return status;
		fputs(line, stdout);
		fflush(stdout);
	}
	return 125;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm addr = { .svm_family = AF_VSOCK };
	int fd;

	if (argc < 4)
		return 2;
	addr.svm_cid = strtoul(argv[1], NULL, 10);
	addr.svm_port = strtoul(argv[2], NULL, 10);
	fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		perror("unix_guest");
		return 125;
	}
	for (int i = 3; i < argc; i++)
		dprintf(fd, "%s%c", argv[i], i + 1 < argc ? ' ' : '\n');
	return copy_output(fd);
}
