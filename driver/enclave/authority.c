// SPDX-License-Identifier: GPL-2.0-only
/*
 * Authority: who may take start requests, who may stop an enclave and be told about
 * it, by the netlink socket of a request.
 *
 * Two parties stand behind a request: whoever opened the socket, and whoever uses it
 * now. Each must have the right by itself; otherwise a socket could be handed to a
 * program with more rights than its opener has.
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
 * Memory of others is handed out, so this is not CAP_NET_ADMIN, which containers are
 * given for a network namespace of their own.
 */
static bool ne_opener_is_admin(const struct sock *sk)
{
	return net_eq(sock_net(sk), &init_net) &&
	       file_ns_capable(sk->sk_socket->file, &init_user_ns, CAP_SYS_ADMIN);
}

/*
 * Containers may share user ids with each other and with the host. So in another
 * network namespace than the initial one, an enclave must also come from there.
 */
static bool ne_opener_is_owner(const struct sock *sk, const struct ne_enclave *enclave)
{
	const struct net *net = sock_net(sk);

	return uid_eq(ne_opener_cred(sk)->euid, enclave->owner_uid) &&
	       (net_eq(net, &init_net) || net->net_cookie == enclave->owner_net);
}

/**
 * ne_opener_may_control() - may the opener of a socket stop an enclave?
 * @sk: a netlink socket with a file, which cannot be closed meanwhile
 * @enclave: the enclave
 */
bool ne_opener_may_control(const struct sock *sk, const struct ne_enclave *enclave)
{
	return ne_opener_is_owner(sk, enclave) || ne_opener_is_admin(sk);
}

/** ne_may_control() - may the opener, and may current, who uses the socket? */
bool ne_may_control(const struct sock *sk, const struct ne_enclave *enclave)
{
	return ne_opener_may_control(sk, enclave) &&
	       (uid_eq(current_euid(), enclave->owner_uid) || capable(CAP_SYS_ADMIN));
}

/** ne_may_accept() - may the opener and current take start requests of everybody? */
bool ne_may_accept(const struct sock *sk)
{
	return ne_opener_is_admin(sk) && capable(CAP_SYS_ADMIN);
}

/**
 * ne_view_get() - what current is told of an enclave through a socket
 * @sk: as for ne_opener_may_control()
 * @enclave: the enclave
 * @view: the result
 *
 * Everybody sees that there is an enclave. A text may quote what a debug console
 * shows, hence it is for those who could stop the enclave. In another network
 * namespace, which is a container as a rule, strangers do not learn whose it is.
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
