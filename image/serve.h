/* SPDX-License-Identifier: Apache-2.0 */
/* Vsock services of a program that runs in an enclave. */

#ifndef NE_EMU_IMAGE_SERVE_H
#define NE_EMU_IMAGE_SERVE_H

/**
 * serve_listen() - listen on a port of the guest's own CID
 * @program: name for the message
 * @port: vsock port
 *
 * Return: the listener. Ends the program if it cannot listen.
 */
int serve_listen(const char *program, unsigned int port);

/**
 * serve_in_child() - accept a connection and serve it in a child
 * @listener: from serve_listen()
 * @serve: handles the connection; the child exits when it returns
 *
 * The child is not waited for: the caller must ignore SIGCHLD.
 */
void serve_in_child(int listener, void (*serve)(int client));

#endif
