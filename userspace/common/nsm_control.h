/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ne-emud tells the NSM of a running enclave: datagrams, one way only.
 *
 * ne-emud binds one datagram socket per enclave, <run directory>/<slot uid>/nsm.sock
 * with mode 0600, and the VMM inherits it as --nsm-control-fd. Messages sent before
 * the VMM is started wait in the socket; they are read before the image is measured.
 * Later ones, also of a restarted ne-emud, go to the same path.
 *
 * A message is a header and fields, each a head and its bytes, in host byte order:
 * both ends are on one host. It says everything there is to say about its subject and
 * replaces the message of the same type before it. Receivers log and drop what has
 * another version, an unknown type or a fault.
 */

#ifndef NE_EMU_COMMON_NSM_CONTROL_H
#define NE_EMU_COMMON_NSM_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NSM_CONTROL_SOCKET	"nsm.sock"

/* Largest message, bytes. */
#define NSM_CONTROL_MAX		32768
/* Largest private key and certificate, bytes; certificates of CAs in an identity. */
#define NSM_CONTROL_KEY_MAX	512
#define NSM_CONTROL_CERT_MAX	4096
#define NSM_CONTROL_CAS_MAX	6

#define NSM_CONTROL_PCR_SIZE	48
/* PCRs that are set before the image runs: 0 to 15. */
#define NSM_CONTROL_PCRS	16

enum nsm_control_type {
	NSM_CONTROL_SETTINGS	= 1,
	NSM_CONTROL_IDENTITY	= 2,
};

/*
 * Faults that documents are given on purpose, as bits. Those of certificates are
 * not among them: who issues an identity makes them there.
 */
enum nsm_flaw {
	NSM_FLAW_SIGNATURE,		/* one bit of the signature flipped */
	NSM_FLAW_PAYLOAD,		/* one bit of the signed payload flipped */
	NSM_FLAW_ALGORITHM,		/* the header says ES256 */
	NSM_FLAW_TAGGED,		/* tag 18 in front */
	NSM_FLAW_TRAILING,		/* a byte behind the document */
	NSM_FLAW_OVERSIZED,		/* an unknown field of 4096 bytes behind the others */
	NSM_FLAW_KEY_ORDER,		/* fields in reverse order */
	NSM_FLAW_DUPLICATE,		/* field pcrs twice */
	NSM_FLAW_STALE,			/* timestamp 24 hours ago */
	NSM_FLAW_FUTURE,		/* timestamp in 24 hours */
	NSM_FLAW_TIME_ZERO,		/* timestamp 0 */
	NSM_FLAW_MODULE_ID_EMPTY,
	NSM_FLAW_DIGEST,		/* digest says SHA512 */
	NSM_FLAW_PCRS_EMPTY,
	NSM_FLAW_PCRS_33,		/* one entry more than there are PCRs */
	NSM_FLAW_PCR_INDEX,		/* the last entry is for PCR 32 */
	NSM_FLAW_PCR_SIZE,		/* the last value has 47 bytes */
	NSM_FLAW_PCRS_ZERO,		/* PCR0, 1 and 2 zero, as of a debug enclave */
	NSM_FLAW_PCR0,			/* one bit of PCR0 flipped */
	NSM_FLAW_CABUNDLE_EMPTY,
	NSM_FLAW_CABUNDLE_ENTRY,	/* its last entry padded to 1025 bytes */
	NSM_FLAW_NONCE,			/* one bit of the nonce flipped; 8 bytes without one */
	/* A field left out: nine bits in the order of the document. */
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
 * struct nsm_settings - how the module of one enclave behaves
 * @pcrs_given: bit n: PCR n starts as @pcrs[n], whatever the image measures and also
 *	in debug mode. Those not given start as measured, or zero. PCR3 and PCR4
 *	(role and instance of the parent) can only come from here
 * @pcrs: values of PCRs
 * @real_debug_pcrs: do not zero PCR0, 1, 2 and 8 of a debug enclave
 * @strict_limits: refuse what AWS's text allows no attestation request to hold
 * @definite_map: documents as before mid-2025, with a definite payload map
 * @clock_ms: the time of all documents, milliseconds since 1970; 0: the host's clock
 * @flaws: NSM_FLAW_BIT()s
 *
 * PCRs are taken from messages that arrive before the enclave runs, and the rest from
 * any.
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

/** struct nsm_bytes - bytes in memory of somebody else */
struct nsm_bytes {
	const uint8_t *data;
	size_t len;
};

/**
 * struct nsm_identity - what signs documents from now on
 * @key: private key, PKCS #8 DER; P-384 unless a verifier is to find fault with it
 * @certificate: of that key, DER; goes into documents as it is, unchecked
 * @cas: DER, in the order of documents: root first
 * @nr_cas: certificates in @cas
 * @not_after: end of the leaf's life, seconds since 1970
 */
struct nsm_identity {
	struct nsm_bytes key;
	struct nsm_bytes certificate;
	struct nsm_bytes cas[NSM_CONTROL_CAS_MAX];
	size_t nr_cas;
	int64_t not_after;
};

/** struct nsm_control_message - one that was decoded; an identity points into its bytes */
struct nsm_control_message {
	enum nsm_control_type type;
	union {
		struct nsm_settings settings;
		struct nsm_identity identity;
	};
};

/*
 * Messages for @buf of @size bytes, NSM_CONTROL_MAX being enough for all. Whoever
 * encodes an identity wipes the buffer when it is sent.
 *
 * Return: bytes of the message, -EMSGSIZE (no room) or -EINVAL (beyond the limits
 * above).
 */
ssize_t nsm_control_encode_settings(const struct nsm_settings *settings, void *buf, size_t size);
ssize_t nsm_control_encode_identity(const struct nsm_identity *identity, void *buf, size_t size);

/**
 * nsm_control_decode() - what does a message say?
 * @message: as it was received; has to outlive @ret, which points into it
 * @len: length of @message in bytes
 * @ret: filled on success only
 *
 * Return: 0, -EPROTONOSUPPORT (another version), -ENOMSG (unknown type) or -EPROTO
 * (cut off, unknown or missing field, beyond the limits above).
 */
int nsm_control_decode(const void *message, size_t len, struct nsm_control_message *ret);

/** nsm_flaw_name() - as the user writes it: "signature", "no-nonce", ... */
const char *nsm_flaw_name(enum nsm_flaw flaw);

/**
 * nsm_flaws_parse() - flaws for names separated by commas; "" and "none" give 0
 * @names: text that ends with 0
 * @ret_flaws: NSM_FLAW_BIT()s
 *
 * Return: 0 or -EINVAL (a name that is none).
 */
int nsm_flaws_parse(const char *names, uint64_t *ret_flaws);

#endif
