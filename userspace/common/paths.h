/* SPDX-License-Identifier: Apache-2.0 */
/* Paths that several programs use. */

#ifndef NE_EMU_COMMON_PATHS_H
#define NE_EMU_COMMON_PATHS_H

#define NE_DEVICE_PATH		"/dev/nitro_enclaves"
#define NE_CPU_POOL_PATH	"/sys/module/nitro_enclaves/parameters/ne_cpus"
#define NE_EMU_MODULE_PATH	"/sys/module/nitro_enclaves_emu"
#define NE_EMU_VSOCK_PATH	"/dev/ne_emu_vsock"
#define KVM_PATH		"/dev/kvm"

/*
 * One directory per owner, named after the user id. In it, one directory per enclave, named
 * after its slot uid (16 hexadecimal digits), with console.log (debug mode only), name (if it
 * has one), image.json (if its owner reported the image), marks (moments of its start), paused (as
 * long as its owner wants it to stand still) and, once the enclave has ended, exit.json.
 */
#define NE_EMU_LOG_DIR		"/var/log/ne-emu"
#define NE_EMU_CONSOLE_LOG	"console.log"
#define NE_EMU_CONSOLE_LOG_MAX	(64ULL << 20)	/* bytes */
#define NE_EMU_EXIT_FILE	"exit.json"
#define NE_EMU_IMAGE_FILE	"image.json"
#define NE_EMU_MARKS_FILE	"marks"
#define NE_EMU_PAUSED_FILE	"paused"
#define NE_EMU_NAME_FILE	"name"
#define NE_EMU_NAME_MAX		63	/* characters of a name */

#define NE_EMU_RUN_DIR		"/run/ne-emu"
/* In that directory: a socket for members of group ne, and the root certificate for all. */
#define NE_EMU_CONTROL_SOCKET	"ne-emud.sock"
#define NE_EMU_ROOT_FILE	"root.pem"
/*
 * Also in that directory while there is a CPU pool: a file with two lines, the CPUs of the
 * pool, and the reason why they are not isolated, which is empty if they are.
 */
#define NE_EMU_ISOLATION_FILE	"isolation"

#define NE_EMU_CONFIG_FILE	"/etc/ne-emu/ne-emud.conf"

#endif
