// SPDX-License-Identifier: Apache-2.0
/*
 * getaddrinfo() for vsock_test, linked instead of the C library's: its control connection,
 * normally TCP, uses vsock, because an enclave has no network. The host name is a CID. The
 * sources of the program are unchanged.
 */

#include <linux/vm_sockets.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

struct vsock_info {
	struct addrinfo info;
	struct sockaddr_vm addr;
};

static int parse(const char *text, unsigned int *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end || n > VMADDR_CID_ANY)
		return EAI_NONAME;
	*ret = n;
	return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **ret)
{
	struct vsock_info *found = calloc(1, sizeof(*found));

	if (!found)
		return EAI_MEMORY;
	found->addr.svm_family = AF_VSOCK;
	found->info.ai_family = AF_VSOCK;
	found->info.ai_socktype = hints->ai_socktype;
	found->info.ai_addr = (struct sockaddr *)&found->addr;
	found->info.ai_addrlen = sizeof(found->addr);
	if (parse(node, &found->addr.svm_cid) || parse(service, &found->addr.svm_port)) {
		free(found);
		return EAI_NONAME;
	}
	*ret = &found->info;
	return 0;
}

/* The address is part of the same allocation; there is never a second result. */
void freeaddrinfo(struct addrinfo *info)
{
	free(info);
}
