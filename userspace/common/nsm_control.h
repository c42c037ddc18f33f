/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of ne-emud to the VMM of a running enclave, most of them for its NSM: datagrams, in
 * one direction only.
 *
 * ne-emud binds one datagram socket per enclave, <run directory>/<slot uid>/nsm.sock with
 * mode 0600, and the VMM inherits it as --nsm-control-fd. Messages that are sent before the
 * VMM starts wait in the socket; the VMM reads them before it measures the image. ne-emud
 * sends later messages to the same path, also after a restart.
 *
 * A message is a header followed by fields, each with a head and contents, in host byte
 * order, because both ends are on one host. It describes its subject completely and replaces
 * the previous message of the same type. Receivers log and drop messages of another version,
 * of an unknown type, or with an error.
 */

#ifndef NE_EMU_COMMON_NSM_CONTROL_H
#define NE_EMU_COMMON_NSM_CONTROL_H

#include "common/fault.h"
#include "common/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NSM_CONTROL_SOCKET	"nsm.sock"

/* Limits: bytes of a message, a private key and a certificate; CA certificates. */
#define NSM_CONTROL_MAX		32768
#define NSM_CONTROL_KEY_MAX	512
#define NSM_CONTROL_CERT_MAX	4096
#define NSM_CONTROL_CAS_MAX	6

#define NSM_CONTROL_PCR_SIZE	48
#define NSM_CONTROL_AGENT_KEY_SIZE	32
/* Only PCRs 0 to 15 can be set, before the image runs. */
#define NSM_CONTROL_PCRS	16

enum nsm_control_type {
	NSM_CONTROL_SETTINGS	= 1,
	NSM_CONTROL_IDENTITY	= 2,
	NSM_CONTROL_AGENT_KEY	= 3,
	NSM_CONTROL_SESSION	= 4,
	NSM_CONTROL_FAULTS	= 5,
};

/*
 * Faults that documents have on purpose, as bit numbers. For faults of certificates, see
 * ca/flaw.h: ne-emud makes them when it issues an identity.
 */
enum nsm_flaw {
	NSM_FLAW_SIGNATURE,		/* one bit of the signature flipped */
	NSM_FLAW_PAYLOAD,		/* one bit of the signed payload flipped */
	NSM_FLAW_ALGORITHM,		/* the header says ES256 */
	NSM_FLAW_TAGGED,		/* tag 18 in front */
	NSM_FLAW_TRAILING,		/* a byte after the document */
	NSM_FLAW_OVERSIZED,		/* an unknown field of 4096 bytes after the others */
	NSM_FLAW_KEY_ORDER,		/* fields in reverse order */
	NSM_FLAW_DUPLICATE,		/* field nonce twice */
	NSM_FLAW_STALE,			/* timestamp 24 hours ago */
	NSM_FLAW_FUTURE,		/* timestamp in 24 hours */
	NSM_FLAW_TIME_ZERO,		/* timestamp 0 */
	NSM_FLAW_MODULE_ID_EMPTY,
	NSM_FLAW_DIGEST,		/* digest says SHA512 */
	NSM_FLAW_PCRS_EMPTY,
	NSM_FLAW_PCRS_33,		/* one entry more than there are PCRs */
	NSM_FLAW_PCR_INDEX,		/* the last entry is for PCR 32 */
	NSM_FLAW_PCR_SIZE,		/* the last value has 47 bytes */
	NSM_FLAW_PCRS_ZERO,		/* PCR0, 1 and 2 zero, as in debug mode */
	NSM_FLAW_PCR0,			/* one bit of PCR0 flipped */
	NSM_FLAW_CABUNDLE_EMPTY,
	NSM_FLAW_CABUNDLE_ENTRY,	/* its last entry padded to 1025 bytes */
	NSM_FLAW_NONCE,			/* one bit flipped; 8 bytes if there is no nonce */
	/* A field is missing: nine bits in the order of the document. */
	NSM_FLAW_NO_MODULE_ID,
	NSM_FLAW_NO_DIGEST,
	NSM_FLAW_NO_TIMESTAMP,
	NSM_FLAW_NO_PCRS,
	NSM_FLAW_NO_CERTIFICATE,
	NSM_FLAW_NO_CABUNDLE,
	NSM_FLAW_NO_PUBLIC_KEY,
	NSM_FLAW_NO_USER_DATA,
	NSM_FLAW_NO_NONCE,
	NR_NSM_FLAWS,
};

#define NSM_FLAW_BIT(flaw)	(1ULL << (flaw))

/**
 * struct nsm_settings - settings of the NSM of one enclave
 * @pcrs_given: bit n: PCR n starts with @pcrs[n], regardless of the image and of debug
 *	mode. All others start as measured, or zero. PCR3 and PCR4 (role and instance of
 *	the parent) can only be set here
 * @pcrs: values of PCRs
 * @real_debug_pcrs: do not zero PCR0, 1, 2 and 8 of an enclave in debug mode
 * @strict_limits: refuse attestation requests that exceed the limits of AWS's specification
 * @definite_map: make documents as before mid-2025, with a definite payload map
 * @clock_ms: time of all documents, milliseconds since 1970; 0: the clock of the host
 * @flaws: NSM_FLAW_BIT()s
 *
 * @pcrs_given and @pcrs have an effect only before the enclave runs.
 */
struct nsm_settings {
	uint32_t pcrs_given;
	uint8_t pcrs[NSM_CONTROL_PCRS][NSM_CONTROL_PCR_SIZE];
	bool real_debug_pcrs;
	bool strict_limits;
	bool definite_map;
	uint64_t clock_ms;
	uint64_t flaws;
};

/** struct nsm_bytes - @len bytes at @data, in memory that another object owns */
struct nsm_bytes {
	const uint8_t *data;
	size_t len;
};

/**
 * struct nsm_identity - key and certificates with which the NSM signs documents
 * @key: private key, PKCS #8 DER; on P-384, except with CA_FLAW_CURVE
 * @certificate: its certificate, DER; copied into documents without a check
 * @cas: certificates above it, DER, root first, as in documents
 * @nr_cas: entries of @cas
 * @not_after: when @certificate expires, seconds since 1970
 */
struct nsm_identity {
	struct nsm_bytes key;
	struct nsm_bytes certificate;
	struct nsm_bytes cas[NSM_CONTROL_CAS_MAX];
	size_t nr_cas;
	int64_t not_after;
};

/** struct nsm_control_message - a decoded message; @identity points into its bytes */
struct nsm_control_message {
	enum nsm_control_type type;
	union {
		struct nsm_settings settings;
		struct nsm_identity identity;
		uint8_t agent_key[NSM_CONTROL_AGENT_KEY_SIZE];
		struct session_request session;
		struct fault_settings faults;
	};
};

/**
 * nsm_control_encode_settings() - encode settings as a message
 * @settings: the settings
 * @buf: buffer for the message
 * @size: size of @buf in bytes; NSM_CONTROL_MAX is always enough
 *
 * Return: length of the message, -EMSGSIZE (no room) or -EINVAL (beyond the limits above).
 */
ssize_t nsm_control_encode_settings(const struct nsm_settings *settings, void *buf, size_t size);

/**
 * nsm_control_encode_identity() - encode an identity as a message
 * @identity: the identity
 * @buf: buffer for the message; the caller wipes it after sending, as it has the private key
 * @size: size of @buf in bytes; NSM_CONTROL_MAX is always enough
 *
 * Return: as nsm_control_encode_settings().
 */
ssize_t nsm_control_encode_identity(const struct nsm_identity *identity, void *buf, size_t size);

/**
 * nsm_control_encode_agent_key() - encode the key of the enclave's agent as a message
 * @key: NSM_CONTROL_AGENT_KEY_SIZE bytes, see Documentation/agent.rst
 * @buf: buffer for the message; the caller wipes it after sending
 * @size: size of @buf in bytes; NSM_CONTROL_MAX is always enough
 *
 * Return: length of the message or -EMSGSIZE.
 */
ssize_t nsm_control_encode_agent_key(const uint8_t *key, void *buf, size_t size);

/**
 * nsm_control_encode_session() - encode the beginning of a session as a message
 * @request: the session
 * @buf: buffer for the message
 * @size: size of @buf in bytes; NSM_CONTROL_MAX is always enough
 *
 * Return: length of the message, -EMSGSIZE or -EINVAL (no such line, or no service).
 */
ssize_t nsm_control_encode_session(const struct session_request *request, void *buf, size_t size);

/**
 * nsm_control_encode_faults() - encode faults on request as a message
 * @settings: the faults; @settings->changes is not part of the message
 * @buf: buffer for the message
 * @size: size of @buf in bytes; NSM_CONTROL_MAX is always enough
 *
 * Return: length of the message or -EMSGSIZE.
 */
ssize_t nsm_control_encode_faults(const struct fault_settings *settings, void *buf, size_t size);

/**
 * nsm_control_decode() - decode a message
 * @message: the message; must outlive @ret, which points into it
 * @len: length of @message in bytes
 * @ret: filled on success only
 *
 * Return: 0, -EPROTONOSUPPORT (another version), -ENOMSG (unknown type) or -EPROTO
 * (truncated, unknown, repeated or missing field, or beyond the limits above).
 */
int nsm_control_decode(const void *message, size_t len, struct nsm_control_message *ret);

/** nsm_flaw_name() - name of a flaw in settings: "signature", "no-nonce", ... */
const char *nsm_flaw_name(enum nsm_flaw flaw);

/**
 * nsm_flaws_parse() - parse a list of flaws
 * @names: names separated by commas; "" and "none" give 0
 * @ret_flaws: NSM_FLAW_BIT()s; set on success only
 *
 * Return: 0 or -EINVAL (an unknown name).
 */
int nsm_flaws_parse(const char *names, uint64_t *ret_flaws);

#endif
