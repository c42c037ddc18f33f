// SPDX-License-Identifier: GPL-2.0-only
/*
 * Permission checks of netlink requests: who may accept start requests, stop an
 * enclave, or see its details.
 *
 * A request has two subjects: the process that opened the socket, and current, which
 * uses it. Both must be privileged; otherwise an opener could pass its socket to a more
 * privileged program and have that act for it.
 */

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/pid_namespace.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "ne_emu.h"

static const struct cred *ne_opener_cred(const struct sock *sk)
{
	return sk->sk_socket->file->f_cred;
}

/*
 * Accepting a request gives access to the memory of other users. CAP_NET_ADMIN, which
 * containers get for their own network namespace, is not enough for that.
 */
static bool ne_opener_is_admin(const struct sock *sk)
{
	return net_eq(sock_net(sk), &init_net) &&
	       file_ns_capable(sk->sk_socket->file, &init_user_ns, CAP_SYS_ADMIN);
}

/*
 * Containers may share user ids with each other and with the host. An opener outside the
 * initial network namespace therefore owns only enclaves created in its own namespace.
 */
static bool ne_opener_is_owner(const struct sock *sk, const struct ne_enclave *enclave)
{
	const struct net *net = sock_net(sk);

	return uid_eq(ne_opener_cred(sk)->euid, enclave->owner_uid) &&
	       (net_eq(net, &init_net) || net->net_cookie == enclave->owner_net);
}

/**
 * ne_opener_may_control() - check whether the opener of a socket may stop an enclave
 * @sk: a netlink socket with a file that stays open during the call
 * @enclave: the enclave
 *
 * Return: true if it may.
 */
bool ne_opener_may_control(const struct sock *sk, const struct ne_enclave *enclave)
{
	return ne_opener_is_owner(sk, enclave) || ne_opener_is_admin(sk);
}

/**
 * ne_may_control() - check whether opener and user of a socket may stop an enclave
 * @sk: as for ne_opener_may_control(); current uses it
 * @enclave: the enclave
 *
 * Return: true if both may.
 */
bool ne_may_control(const struct sock *sk, const struct ne_enclave *enclave)
{
	return ne_opener_may_control(sk, enclave) &&
	       (uid_eq(current_euid(), enclave->owner_uid) || capable(CAP_SYS_ADMIN));
}

/**
 * ne_may_accept() - check whether opener and user of a socket may accept start requests
 * @sk: as for ne_may_control()
 *
 * Return: true if both may.
 */
bool ne_may_accept(const struct sock *sk)
{
	return ne_opener_is_admin(sk) && capable(CAP_SYS_ADMIN);
}

/**
 * ne_view_get() - determine what current may see of an enclave through a socket
 * @sk: as for ne_may_control()
 * @enclave: the enclave
 * @view: receives the result
 *
 * Every reader sees that an enclave exists. The text may quote a debug console, so only
 * those who may stop the enclave see it. Readers in another network namespace, usually a
 * container, see the owner only if they may stop the enclave.
 */
void ne_view_get(const struct sock *sk, const struct ne_enclave *enclave, struct ne_view *view)
{
	bool control = ne_may_control(sk, enclave);

	*view = (struct ne_view) { .text = control };
	if (!control && !net_eq(sock_net(sk), &init_net))
		return;
	view->owner = true;
	view->pid = pid_nr_ns(enclave->owner_pid, task_active_pid_ns(current));
	view->uid = from_kuid_munged(sk_user_ns(sk), enclave->owner_uid);
}

#if IS_ENABLED(CONFIG_NE_EMU_KUNIT_TEST)
#include "tests/authority_kunit.c"
#endif
