// SPDX-License-Identifier: Apache-2.0
/* Report how the command has ended. */

#include "guest/init/report.h"

#include "guest/nsm_device.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* CBOR: {"NeEmuExit": {"status": a number of two bytes}}. */
#define REQUEST_START	"\xa1\x69" "NeEmuExit" "\xa1\x66" "status" "\x19"
#define START_SIZE	(sizeof(REQUEST_START) - 1)

static void send_status(int status)
{
	static unsigned char response[NSM_RESPONSE_SIZE];
	unsigned char request[START_SIZE + 2] = REQUEST_START;
	int fd = nsm_open();

	if (fd < 0)
		return;
	request[START_SIZE] = status >> 8;
	request[START_SIZE + 1] = status;
	(void)nsm_call(fd, request, sizeof(request), response);
	close(fd);
}

void report_end(int status)
{
	if (WIFEXITED(status))
		printf("init: command exited with status %d\n", WEXITSTATUS(status));
	else
		printf("init: command killed by signal %d\n", WTERMSIG(status));
	send_status(status);
}
