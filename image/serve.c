// SPDX-License-Identifier: Apache-2.0
/* Vsock services of a program that runs in an enclave. */

#include "serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

int serve_listen(const char *program, unsigned int port)
{
	const struct sockaddr_vm addr = {
		.svm_family = AF_VSOCK,
		.svm_cid = VMADDR_CID_ANY,
		.svm_port = port,
	};
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, SOMAXCONN)) {
		printf("%s: cannot listen on port %u: %s\n", program, port, strerror(errno));
		exit(1);
	}
	return fd;
}

void serve_in_child(int listener, void (*serve)(int client))
{
	int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (client < 0)
		return;
	if (!fork()) {
		serve(client);
		_exit(0);
	}
	close(client);
}
