/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults that an enclave has on request: names and values of their settings, and a
 * reproducible choice of the events that they hit.
 *
 * The value of each setting is "none", or what happens, and options that say when:
 *
 *	VALUE[:p=PROBABILITY][:count=N][:after=N][:at=WHEN][:op=NAME][:from=SIDE][:port=N]
 *
 * Nothing here reads a clock or the system's random numbers: the same settings and the same
 * order of events give the same faults.
 */

#ifndef NE_EMU_COMMON_FAULT_H
#define NE_EMU_COMMON_FAULT_H

#include "common/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_id {
	FAULT_NSM_ERROR,	/* value: number of AWS's enumeration */
	FAULT_NSM_LATENCY,	/* milliseconds */
	FAULT_NSM_HANG,
	FAULT_NSM_ENTROPY,	/* enum fault_entropy */
	FAULT_HEARTBEAT,	/* enum fault_heartbeat */
	FAULT_HEARTBEAT_DELAY,	/* milliseconds */
	FAULT_VSOCK_REFUSE,
	FAULT_VSOCK_RESET,	/* bytes, at least 1 */
	FAULT_VSOCK_DELAY,	/* milliseconds */
	FAULT_VSOCK_RATE,	/* bytes per second, at least 1 */
	FAULT_CRASH,		/* enum fault_crash */
	FAULT_STALL,		/* milliseconds */
	FAULT_START_ERROR,	/* a positive errno */
	FAULT_IMAGE_FLIP,	/* offset in the image, bytes */
	FAULT_CLOCK_SKEW,	/* milliseconds, an int64_t other than 0 */
	NR_FAULTS,
};

enum fault_entropy { FAULT_ENTROPY_EMPTY, FAULT_ENTROPY_ERROR };
enum fault_heartbeat { FAULT_HEARTBEAT_MISSING, FAULT_HEARTBEAT_WRONG, FAULT_HEARTBEAT_TWICE };
enum fault_crash { FAULT_CRASH_NMI, FAULT_CRASH_TRIPLE_FAULT };
/* What a crash or a stall waits for. */
enum fault_when { FAULT_AT_TIME, FAULT_AT_NSM, FAULT_AT_HEARTBEAT, FAULT_AT_CONNECTION };
/* The side that opens a connection. */
enum fault_from { FAULT_FROM_ANY, FAULT_FROM_GUEST, FAULT_FROM_HOST };

/* The setting of the seed is the last one. */
#define NR_FAULT_SETTINGS	(NR_FAULTS + 1)

/* Room for one value, and for the text of all settings. */
#define FAULT_VALUE_SIZE	160
#define FAULT_TEXT_SIZE		(NR_FAULT_SETTINGS * (FAULT_VALUE_SIZE + 32))

/* Parts of a million: a probability of 1. */
#define FAULT_ALWAYS		1000000

/** fault_bit() - the fault as a bit of a mask */
#define FAULT_BIT(id)		(1U << (id))

/**
 * struct fault - one setting; all zero if the fault is not set
 * @set: the fault is set
 * @value: see enum fault_id
 * @parts: probability in parts of a million
 * @count: most events that it hits; 0: any number
 * @after: number of events that pass before
 * @at: enum fault_when
 * @at_ms: time for FAULT_AT_TIME
 * @op: number of the NSM's operation and 1; 0: any
 * @from: enum fault_from
 * @port: port that a connection asks for; 0: any
 */
struct fault {
	bool set;
	uint64_t value;
	uint32_t parts;
	uint32_t count;
	uint32_t after;
	uint8_t at;
	uint8_t op;
	uint8_t from;
	uint32_t at_ms;
	uint32_t port;
};

/**
 * struct fault_settings - all settings of one enclave
 * @seed: start of the random numbers
 * @changes: number of calls that have changed a setting; each starts all faults anew
 */
struct fault_settings {
	uint64_t seed;
	uint32_t changes;
	struct fault faults[NR_FAULTS];
};

/** struct fault_event - what happens, for the options that select events, as in struct fault */
struct fault_event {
	uint8_t at;
	uint8_t op;
	uint8_t from;
	uint32_t port;
};

/**
 * struct fault_run - progress of one fault
 * @random: state of its random numbers, which other faults do not influence
 * @seen: events that were selected
 * @hits: those that were hit
 */
struct fault_run {
	uint64_t random;
	uint32_t seen;
	uint32_t hits;
};

/** fault_setting_name() - Return: name of setting @i; NULL from NR_FAULT_SETTINGS on */
const char *fault_setting_name(size_t i);

/** fault_setting_at_start() - can setting @i only be changed before an enclave starts? */
bool fault_setting_at_start(size_t i);

/**
 * fault_setting_parse() - change a setting
 * @settings: unchanged on failure
 * @i: number of the setting
 * @value: its value
 * @error: what is wrong, without the name of the setting
 *
 * Return: 0 or -EINVAL with @error.
 */
int fault_setting_parse(struct fault_settings *settings, size_t i, const char *value,
			struct error *error);

/** fault_setting_format() - print the value of setting @i as fault_setting_parse() takes it */
void fault_setting_format(const struct fault_settings *settings, size_t i,
			  char value[FAULT_VALUE_SIZE]);

/** fault_settings_print() - print all that are set, "name=value" each, with blanks between */
void fault_settings_print(const struct fault_settings *settings, char text[FAULT_TEXT_SIZE]);

/**
 * fault_settings_scan() - parse the text of fault_settings_print()
 * @settings: set on success only
 * @text: need not end with a NUL
 * @len: length of @text in bytes
 *
 * Return: 0 or -EINVAL.
 */
int fault_settings_scan(struct fault_settings *settings, const char *text, size_t len);

/** fault_settings_any() - is any fault set? The seed alone is none */
bool fault_settings_any(const struct fault_settings *settings);

/** fault_random() - Return: the next number of splitmix64, whose state is @state */
uint64_t fault_random(uint64_t *state);

/** fault_run_init() - begin with the first event of a fault */
void fault_run_init(struct fault_run *run, const struct fault_settings *settings,
		    enum fault_id id);

/** fault_run_next() - an event happens; Return: true if the fault hits it */
bool fault_run_next(struct fault_run *run, const struct fault *fault,
		    const struct fault_event *event);

#endif
