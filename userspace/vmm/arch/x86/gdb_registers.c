// SPDX-License-Identifier: Apache-2.0
/*
 * Registers of a CPU in gdb's order: its standard features for x86-64 (the gdb manual, "i386
 * Features"), and control registers under the names that QEMU uses.
 */

#include "vmm/arch/x86/gdb_registers.h"

#include "common/util.h"

#include <errno.h>
#include <string.h>

#define NR_GPRS		16
#define NR_SEGMENTS	6
#define NR_FPU		8	/* x87 data registers, and as many control registers */
#define FPU_SIZE	10
#define NR_XMM		16
#define XMM_SIZE	16

#define FSW_TOP_SHIFT	11
#define TAG_ZERO	1
#define TAG_SPECIAL	2
#define TAG_EMPTY	3
#define EXPONENT_MASK	0x7fff
#define INTEGER_BIT	(1ULL << 63)
#define FOP_MASK	0x7ff

/* The header after the first 512 bytes begins with a bit for each part that is in use. */
#define XSAVE_HEADER	512
#define XSAVE_X87	(1ULL << 0)
#define XSAVE_SSE	(1ULL << 1)

/* The beginning of the area of XSAVE and FXSAVE, in 64-bit mode. */
struct fxsave {
	uint16_t fcw;
	uint16_t fsw;
	uint8_t ftw;
	uint8_t reserved;
	uint16_t fop;
	uint64_t fip;
	uint64_t fdp;
	uint32_t mxcsr;
	uint32_t mxcsr_mask;
	uint8_t st[NR_FPU][16];
	uint8_t xmm[NR_XMM][XMM_SIZE];
};

/* The bytes of the packets g and G. */
struct packed_registers {
	uint64_t gprs[NR_GPRS];
	uint64_t rip;
	uint32_t eflags;
	uint32_t segments[NR_SEGMENTS];
	uint8_t st[NR_FPU][FPU_SIZE];
	uint32_t fctrl;
	uint32_t fstat;
	uint32_t ftag;
	uint32_t fiseg;
	uint32_t fioff;
	uint32_t foseg;
	uint32_t fooff;
	uint32_t fop;
	uint8_t xmm[NR_XMM][XMM_SIZE];
	uint32_t mxcsr;
	uint64_t fs_base;
	uint64_t gs_base;
	uint64_t k_gs_base;
	uint64_t cr0;
	uint64_t cr2;
	uint64_t cr3;
	uint64_t cr4;
	uint64_t cr8;
	uint64_t efer;
} __attribute__((packed));

const size_t gdb_registers_size = sizeof(struct packed_registers);

#define REG(name, bits, type)	"<reg name=\"" name "\" bitsize=\"" bits "\" type=\"" type "\"/>"
#define REG64(name)		REG(name, "64", "int64")
#define REG32(name)		REG(name, "32", "int32")
#define ST(n)			REG("st" n, "80", "i387_ext")
#define XMM(n)			REG("xmm" n, "128", "vec128")
#define FPU(name)		"<reg name=\"" name "\" bitsize=\"32\" type=\"int\" group=\"float\"/>"
#define BIT(name, n)		"<field name=\"" name "\" start=\"" n "\" end=\"" n "\"/>"

const char gdb_registers_xml[] =
	"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
	"<target version=\"1.0\"><architecture>i386:x86-64</architecture>"
	"<feature name=\"org.gnu.gdb.i386.core\">"
	"<flags id=\"i386_eflags\" size=\"4\">"
	BIT("", "22") BIT("ID", "21") BIT("VIP", "20") BIT("VIF", "19") BIT("AC", "18")
	BIT("VM", "17") BIT("RF", "16") BIT("NT", "14") BIT("OF", "11") BIT("DF", "10")
	BIT("IF", "9") BIT("TF", "8") BIT("SF", "7") BIT("ZF", "6") BIT("AF", "4")
	BIT("PF", "2") BIT("", "1") BIT("CF", "0")
	"</flags>"
	REG64("rax") REG64("rbx") REG64("rcx") REG64("rdx") REG64("rsi") REG64("rdi")
	REG("rbp", "64", "data_ptr") REG("rsp", "64", "data_ptr")
	REG64("r8") REG64("r9") REG64("r10") REG64("r11") REG64("r12") REG64("r13")
	REG64("r14") REG64("r15")
	REG("rip", "64", "code_ptr") REG("eflags", "32", "i386_eflags")
	REG32("cs") REG32("ss") REG32("ds") REG32("es") REG32("fs") REG32("gs")
	ST("0") ST("1") ST("2") ST("3") ST("4") ST("5") ST("6") ST("7")
	FPU("fctrl") FPU("fstat") FPU("ftag") FPU("fiseg") FPU("fioff") FPU("foseg")
	FPU("fooff") FPU("fop")
	"</feature>"
	"<feature name=\"org.gnu.gdb.i386.sse\">"
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
	"<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
	"<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
	"<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\">"
	"<field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
	"<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
	"<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
	"<field name=\"uint128\" type=\"uint128\"/>"
	"</union>"
	"<flags id=\"i386_mxcsr\" size=\"4\">"
	BIT("IE", "0") BIT("DE", "1") BIT("ZE", "2") BIT("OE", "3") BIT("UE", "4") BIT("PE", "5")
	BIT("DAZ", "6") BIT("IM", "7") BIT("DM", "8") BIT("ZM", "9") BIT("OM", "10")
	BIT("UM", "11") BIT("PM", "12") BIT("FZ", "15")
	"</flags>"
	XMM("0") XMM("1") XMM("2") XMM("3") XMM("4") XMM("5") XMM("6") XMM("7")
	XMM("8") XMM("9") XMM("10") XMM("11") XMM("12") XMM("13") XMM("14") XMM("15")
	"<reg name=\"mxcsr\" bitsize=\"32\" type=\"i386_mxcsr\" group=\"vector\"/>"
	"</feature>"
	"<feature name=\"org.gnu.gdb.i386.segments\">"
	REG64("fs_base") REG64("gs_base")
	"</feature>"
	"<feature name=\"org.ne-emu.gdb.i386.control\">"
	"<flags id=\"x86_cr0\" size=\"8\">"
	BIT("PG", "31") BIT("CD", "30") BIT("NW", "29") BIT("AM", "18") BIT("WP", "16")
	BIT("NE", "5") BIT("ET", "4") BIT("TS", "3") BIT("EM", "2") BIT("MP", "1") BIT("PE", "0")
	"</flags>"
	"<flags id=\"x86_cr4\" size=\"8\">"
	BIT("PKE", "22") BIT("SMAP", "21") BIT("SMEP", "20") BIT("OSXSAVE", "18")
	BIT("PCIDE", "17") BIT("FSGSBASE", "16") BIT("VMXE", "13") BIT("LA57", "12")
	BIT("UMIP", "11") BIT("OSXMMEXCPT", "10") BIT("OSFXSR", "9") BIT("PCE", "8")
	BIT("PGE", "7") BIT("MCE", "6") BIT("PAE", "5") BIT("PSE", "4") BIT("DE", "3")
	BIT("TSD", "2") BIT("PVI", "1") BIT("VME", "0")
	"</flags>"
	"<flags id=\"x86_efer\" size=\"8\">"
	BIT("FFXSR", "14") BIT("LMSLE", "13") BIT("SVME", "12") BIT("NXE", "11")
	BIT("LMA", "10") BIT("LME", "8") BIT("SCE", "0")
	"</flags>"
	REG64("k_gs_base")
	REG("cr0", "64", "x86_cr0") REG64("cr2") REG64("cr3") REG("cr4", "64", "x86_cr4")
	REG64("cr8") REG("efer", "64", "x86_efer")
	"</feature></target>";

bool gdb_registers_locate(unsigned int number, size_t *ret_offset, size_t *ret_size)
{
	/* In the order of the description. */
	static const struct {
		unsigned int count;
		size_t size;
	} groups[] = {
		{ NR_GPRS + 1, 8 },		/* with rip */
		{ 1 + NR_SEGMENTS, 4 },		/* with eflags */
		{ NR_FPU, FPU_SIZE },
		{ NR_FPU, 4 },
		{ NR_XMM, XMM_SIZE },
		{ 1, 4 },			/* mxcsr */
		{ 9, 8 },			/* bases and control registers */
	};
	size_t offset = 0;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++) {
		if (number < groups[i].count) {
			*ret_offset = offset + number * groups[i].size;
			*ret_size = groups[i].size;
			return true;
		}
		number -= groups[i].count;
		offset += groups[i].count * groups[i].size;
	}
	return false;
}

/* gdb's order of the general registers; *@regs may be changed through the pointers. */
static void get_gprs(struct kvm_regs *regs, __u64 *ret[NR_GPRS])
{
	__u64 *const all[NR_GPRS] = {
		&regs->rax, &regs->rbx, &regs->rcx, &regs->rdx,
		&regs->rsi, &regs->rdi, &regs->rbp, &regs->rsp,
		&regs->r8, &regs->r9, &regs->r10, &regs->r11,
		&regs->r12, &regs->r13, &regs->r14, &regs->r15,
	};

	memcpy(ret, all, sizeof(all));
}

/* FXSAVE has one bit per register: in use. gdb wants the tag word of FSAVE, by content. */
static unsigned int tag_of(const uint8_t *st)
{
	uint16_t exponent;
	uint64_t mantissa;

	memcpy(&mantissa, st, sizeof(mantissa));
	memcpy(&exponent, st + sizeof(mantissa), sizeof(exponent));
	exponent &= EXPONENT_MASK;
	if (!exponent && !mantissa)
		return TAG_ZERO;
	return exponent == EXPONENT_MASK || !(mantissa & INTEGER_BIT) ? TAG_SPECIAL : 0;
}

/* Tags are of physical registers; data are relative to the top of the stack. */
static uint32_t pack_tags(const struct fxsave *fpu)
{
	unsigned int top = fpu->fsw >> FSW_TOP_SHIFT & 7;
	uint32_t tags = 0;

	for (unsigned int i = 0; i < NR_FPU; i++)
		tags |= (fpu->ftw & 1U << i ? tag_of(fpu->st[(i - top) & 7]) : TAG_EMPTY) <<
			2 * i;
	return tags;
}

static uint8_t unpack_tags(uint32_t tags)
{
	uint8_t used = 0;

	for (unsigned int i = 0; i < NR_FPU; i++)
		if ((tags >> 2 * i & TAG_EMPTY) != TAG_EMPTY)
			used |= 1U << i;
	return used;
}

static void pack_fpu(const struct fxsave *fpu, struct packed_registers *packed)
{
	for (unsigned int i = 0; i < NR_FPU; i++)
		memcpy(packed->st[i], fpu->st[i], FPU_SIZE);
	packed->fctrl = fpu->fcw;
	packed->fstat = fpu->fsw;
	packed->ftag = pack_tags(fpu);
	packed->fiseg = fpu->fip >> 32 & UINT16_MAX;
	packed->fioff = fpu->fip;
	packed->foseg = fpu->fdp >> 32 & UINT16_MAX;
	packed->fooff = fpu->fdp;
	packed->fop = fpu->fop & FOP_MASK;
	memcpy(packed->xmm, fpu->xmm, sizeof(packed->xmm));
	packed->mxcsr = fpu->mxcsr;
}

static void unpack_fpu(const struct packed_registers *packed, struct fxsave *fpu)
{
	for (unsigned int i = 0; i < NR_FPU; i++)
		memcpy(fpu->st[i], packed->st[i], FPU_SIZE);
	fpu->fcw = packed->fctrl;
	fpu->fsw = packed->fstat;
	fpu->ftw = unpack_tags(packed->ftag);
	memcpy(fpu->xmm, packed->xmm, sizeof(packed->xmm));
	fpu->mxcsr = packed->mxcsr;
}

/* Change the area only if a register changes, because that marks both parts as in use. */
static void unpack_xsave(const struct packed_registers *packed, uint8_t *xsave)
{
	struct fxsave old, new;
	uint64_t used;

	memcpy(&old, xsave, sizeof(old));
	new = old;
	unpack_fpu(packed, &new);
	if (!memcmp(&new, &old, sizeof(new)))
		return;
	memcpy(xsave, &new, sizeof(new));
	memcpy(&used, xsave + XSAVE_HEADER, sizeof(used));
	used |= XSAVE_X87 | XSAVE_SSE;
	memcpy(xsave + XSAVE_HEADER, &used, sizeof(used));
}

void gdb_registers_pack(const struct gdb_state *state, uint8_t *bytes)
{
	const struct kvm_sregs *sregs = &state->sregs;
	struct kvm_regs regs = state->regs;
	struct packed_registers packed = {
		.rip = regs.rip,
		.eflags = regs.rflags,
		.segments = {
			sregs->cs.selector, sregs->ss.selector, sregs->ds.selector,
			sregs->es.selector, sregs->fs.selector, sregs->gs.selector,
		},
		.fs_base = sregs->fs.base,
		.gs_base = sregs->gs.base,
		.k_gs_base = state->kernel_gs_base,
		.cr0 = sregs->cr0,
		.cr2 = sregs->cr2,
		.cr3 = sregs->cr3,
		.cr4 = sregs->cr4,
		.cr8 = sregs->cr8,
		.efer = sregs->efer,
	};
	__u64 *gprs[NR_GPRS];
	struct fxsave fpu;

	get_gprs(&regs, gprs);
	for (unsigned int i = 0; i < NR_GPRS; i++)
		packed.gprs[i] = *gprs[i];
	memcpy(&fpu, state->xsave, sizeof(fpu));
	pack_fpu(&fpu, &packed);
	memcpy(bytes, &packed, sizeof(packed));
}

int gdb_registers_unpack(const uint8_t *bytes, struct gdb_state *state)
{
	struct packed_registers packed, old;
	__u64 *gprs[NR_GPRS];

	memcpy(&packed, bytes, sizeof(packed));
	gdb_registers_pack(state, (uint8_t *)&old);
	if (memcmp(packed.segments, old.segments, sizeof(old.segments)) ||
	    packed.k_gs_base != old.k_gs_base)
		return -EPERM;

	get_gprs(&state->regs, gprs);
	for (unsigned int i = 0; i < NR_GPRS; i++)
		*gprs[i] = packed.gprs[i];
	state->regs.rip = packed.rip;
	state->regs.rflags = packed.eflags;
	state->sregs.fs.base = packed.fs_base;
	state->sregs.gs.base = packed.gs_base;
	state->sregs.cr0 = packed.cr0;
	state->sregs.cr2 = packed.cr2;
	state->sregs.cr3 = packed.cr3;
	state->sregs.cr4 = packed.cr4;
	state->sregs.cr8 = packed.cr8;
	state->sregs.efer = packed.efer;
	unpack_xsave(&packed, state->xsave);
	return 0;
}
