// SPDX-License-Identifier: Apache-2.0
/* What an enclave does before it runs a command: console, NSM, heartbeat. */

#include "guest/init/boot.h"

#include "guest/init/die.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nitro_enclaves_emu.h>
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		die("cannot open /dev/console");
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
		die("cannot use /dev/console");
	if (fd > 2)
		close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
}

void load_nsm(void)
{
	int fd = open("/nsm.ko", O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0)
		die("cannot open /nsm.ko");
	if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
		die("cannot load /nsm.ko");
	close(fd);
	if (unlink("/nsm.ko"))
		die("cannot remove /nsm.ko");
}

/* The parent answers with the same byte. */
void send_heartbeat(void)
{
	const struct sockaddr_vm parent = {
		.svm_family = AF_VSOCK,
		.svm_cid = NE_EMU_CID_PARENT,
		.svm_port = NE_EMU_HEARTBEAT_PORT,
	};
	unsigned char byte = NE_EMU_HEARTBEAT_BYTE;
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ssize_t n;

	if (fd < 0)
		die("heartbeat: no vsock");
	if (connect(fd, (const struct sockaddr *)&parent, sizeof(parent)))
		die("heartbeat: cannot connect to CID 3 port 9000");
	if (write(fd, &byte, 1) != 1)
		die("heartbeat: cannot send");
	byte = 0;
	n = read(fd, &byte, 1);
	if (n != 1 || byte != NE_EMU_HEARTBEAT_BYTE) {
		if (n >= 0)
			errno = EPROTO;
		die("heartbeat: not a valid answer");
	}
	close(fd);
}
