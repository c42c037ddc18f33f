// SPDX-License-Identifier: Apache-2.0
/*
 * PID 1 of the sample image, in the role of the init that AWS ships: notifies the parent
 * that the enclave has booted, runs one command, reports how it ended, and reboots.
 *
 * The command consists of the lines of /cmd (one argument each), with the environment in
 * the lines of /env, or is /payload if there is no /cmd. If there is a directory /rootfs,
 * it becomes the root first, and the command is searched for in it.
 *
 * In addition to AWS's init, the first line of /workdir is the command's working
 * directory, the lines of /user are the ids of its user, its group and further groups, and
 * the command finds what a container has: a host name that resolves, the network interface
 * lo, control groups of version 2, devices and streams that its user may open. If /like says
 * "nitro-cli", the command finds exactly what AWS's init provides.
 *
 * In debug mode on the emulator, an agent runs beside the command, see guest/agent/.
 *
 * Any failure ends this process, so that the kernel panics, and reboots if "panic=" is set.
 * SIGUSR1 does the same deliberately.
 */

#include "guest/agent/agent.h"
#include "guest/init/boot.h"
#include "guest/init/command.h"
#include "guest/init/die.h"
#include "guest/init/mounts.h"
#include "guest/init/names.h"
#include "guest/init/report.h"

#include <errno.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

/* All signals are blocked, so that those waited for here stay pending until then. */
static void wait_for(pid_t command)
{
	sigset_t wanted;
	int sig, status;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGCHLD);
	sigaddset(&wanted, SIGUSR1);
	for (;;) {
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != command)
				continue;
			report_end(status);
			return;
		}
		if (!sigwait(&wanted, &sig) && sig == SIGUSR1) {
			errno = ECANCELED;
			die("SIGUSR1 requests a panic");
		}
	}
}

int main(void)
{
	struct command command = {};
	struct agent agent;
	sigset_t all;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	mount_dev();
	open_console();
	load_nsm();
	agent_open(&agent);
	send_heartbeat();

	command_read(&command);
	enter_rootfs();
	command_remember_directory(&command);
	mount_all(command.as_aws);
	if (!command.as_aws) {
		open_devices();
		set_host_name();
		open_network();
	}

	/* In this order, the command has the same PID with and without an agent. */
	pid = command_start(&command);
	agent_start(&agent, &command);
	wait_for(pid);
	sync();
	reboot(RB_AUTOBOOT);
	die("cannot reboot");
}
