// SPDX-License-Identifier: Apache-2.0
/* Intel MultiProcessor table: CPUs and interrupt wiring without ACPI. */

#include "vmm/arch/x86/mptable.h"

#include "vmm/arch/x86/layout.h"

#include <errno.h>
#include <string.h>

/* Entry types, interrupt types and values: MultiProcessor Specification 1.4. */
enum { ENTRY_PROCESSOR, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_IO_INT, ENTRY_LOCAL_INT };
enum { INT_VECTORED, INT_NMI, INT_SMI, INT_EXTINT };

#define SPEC_1_4		4
#define LAPIC_VERSION		0x14
#define IOAPIC_VERSION		0x11
#define CPU_ENABLED		1
#define CPU_BOOT		2
#define IOAPIC_ENABLED		1
#define BUS_ISA			0
#define ALL_LAPICS		0xff
#define ISA_IRQS		16
#define PIT_IRQ			0
#define PIT_PIN			2	/* IRQ 2 itself is the cascade, not a source */

struct mp_pointer {
	char signature[4];
	uint32_t table;
	uint8_t length;			/* in units of 16 bytes */
	uint8_t spec;
	uint8_t checksum;
	uint8_t features[5];
} __attribute__((packed));

struct mp_table {
	char signature[4];
	uint16_t length;
	uint8_t spec;
	uint8_t checksum;
	char oem[8];
	char product[12];
	uint32_t oem_table;
	uint16_t oem_table_size;
	uint16_t entries;
	uint32_t lapic;
	uint16_t extended_length;
	uint8_t extended_checksum;
	uint8_t reserved;
} __attribute__((packed));

struct mp_processor {
	uint8_t type;
	uint8_t apic_id;
	uint8_t apic_version;
	uint8_t flags;
	uint32_t signature;
	uint32_t features;
	uint32_t reserved[2];
} __attribute__((packed));

struct mp_bus {
	uint8_t type;
	uint8_t id;
	char name[6];
} __attribute__((packed));

struct mp_ioapic {
	uint8_t type;
	uint8_t id;
	uint8_t version;
	uint8_t flags;
	uint32_t address;
} __attribute__((packed));

/* The layout is the same for inputs of the IOAPIC and of local APICs. */
struct mp_interrupt {
	uint8_t type;
	uint8_t kind;
	uint16_t flags;			/* 0: polarity and trigger mode of the bus */
	uint8_t source_bus;
	uint8_t source_irq;
	uint8_t apic_id;
	uint8_t input;
} __attribute__((packed));

/** struct mp_writer - appends entries and counts them */
struct mp_writer {
	uint8_t *buf;
	size_t size;
	size_t used;
	uint16_t entries;
};

static int mptable_add_entry(struct mp_writer *writer, const void *entry, size_t len)
{
	if (len > writer->size - writer->used)
		return -ENOSPC;
	memcpy(writer->buf + writer->used, entry, len);
	writer->used += len;
	writer->entries++;
	return 0;
}

static int add_processors(struct mp_writer *writer, unsigned int nr_vcpus)
{
	for (unsigned int i = 0; i < nr_vcpus; i++) {
		struct mp_processor cpu = {
			.type = ENTRY_PROCESSOR,
			.apic_id = i,
			.apic_version = LAPIC_VERSION,
			.flags = CPU_ENABLED | (i ? 0 : CPU_BOOT),
			.signature = 0x600,	/* family 6; CPUID has the real one */
			.features = 0x201,	/* FPU, APIC */
		};

		if (mptable_add_entry(writer, &cpu, sizeof(cpu)))
			return -ENOSPC;
	}
	return 0;
}

static int add_interrupt(struct mp_writer *writer, uint8_t type, uint8_t kind, uint8_t irq,
			 uint8_t apic_id, uint8_t input)
{
	struct mp_interrupt interrupt = {
		.type = type,
		.kind = kind,
		.source_bus = BUS_ISA,
		.source_irq = irq,
		.apic_id = apic_id,
		.input = input,
	};

	return mptable_add_entry(writer, &interrupt, sizeof(interrupt));
}

static int add_machine(struct mp_writer *writer, uint8_t ioapic_id)
{
	struct mp_bus bus = { .type = ENTRY_BUS, .id = BUS_ISA };
	struct mp_ioapic ioapic = {
		.type = ENTRY_IOAPIC,
		.id = ioapic_id,
		.version = IOAPIC_VERSION,
		.flags = IOAPIC_ENABLED,
		.address = IOAPIC_BASE,
	};
	int err;

	memcpy(bus.name, "ISA   ", sizeof(bus.name));
	err = mptable_add_entry(writer, &bus, sizeof(bus));
	if (!err)
		err = mptable_add_entry(writer, &ioapic, sizeof(ioapic));
	for (uint8_t irq = 0; !err && irq < ISA_IRQS; irq++) {
		if (irq == PIT_PIN)
			continue;
		err = add_interrupt(writer, ENTRY_IO_INT, INT_VECTORED, irq, ioapic_id,
				    irq == PIT_IRQ ? PIT_PIN : irq);
	}
	if (!err)
		err = add_interrupt(writer, ENTRY_LOCAL_INT, INT_EXTINT, 0, ALL_LAPICS, 0);
	if (!err)
		err = add_interrupt(writer, ENTRY_LOCAL_INT, INT_NMI, 0, ALL_LAPICS, 1);
	return err;
}

/* Return: the byte with which all bytes of a structure add up to zero. */
static uint8_t mptable_checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	while (len--)
		sum += *bytes++;
	return -sum;
}

ssize_t mptable_build(void *buf, size_t size, uint32_t gpa, unsigned int nr_vcpus)
{
	struct mp_writer writer = {
		.buf = buf,
		.size = size,
		.used = sizeof(struct mp_pointer) + sizeof(struct mp_table),
	};
	struct mp_pointer pointer = {
		.table = gpa + sizeof(pointer),
		.length = sizeof(pointer) / 16,
		.spec = SPEC_1_4,
	};
	struct mp_table table = { .spec = SPEC_1_4, .lapic = LAPIC_BASE };
	uint8_t *table_at = writer.buf + sizeof(pointer);

	if (size < writer.used || nr_vcpus > MPTABLE_MAX_VCPUS)
		return -ENOSPC;
	if (add_processors(&writer, nr_vcpus) || add_machine(&writer, nr_vcpus))
		return -ENOSPC;

	memcpy(table.signature, "PCMP", sizeof(table.signature));
	memcpy(table.oem, "NEEMU   ", sizeof(table.oem));
	memcpy(table.product, "ENCLAVE     ", sizeof(table.product));
	table.length = writer.used - sizeof(pointer);
	table.entries = writer.entries;
	memcpy(table_at, &table, sizeof(table));
	table.checksum = mptable_checksum(table_at, table.length);
	memcpy(table_at, &table, sizeof(table));

	memcpy(pointer.signature, "_MP_", sizeof(pointer.signature));
	pointer.checksum = mptable_checksum(&pointer, sizeof(pointer));
	memcpy(writer.buf, &pointer, sizeof(pointer));
	return writer.used;
}
