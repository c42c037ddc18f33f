/* SPDX-License-Identifier: Apache-2.0 */
/* Where the guest finds its devices, as on EC2. */

#ifndef NE_EMU_VMM_MACHINE_H
#define NE_EMU_VMM_MACHINE_H

#define MACHINE_VSOCK_BASE	0xd0000000ULL
#define MACHINE_VSOCK_IRQ	5
#define MACHINE_NSM_BASE	0xd0001000ULL
#define MACHINE_NSM_IRQ		6

/* The same for Linux, to append to the image's own command line. */
#define MACHINE_CMDLINE \
	" virtio_mmio.device=4K@0xd0000000:5 virtio_mmio.device=4K@0xd0001000:6"

#endif
