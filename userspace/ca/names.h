/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What our certificates are called. The layout of names is that of EC2; what they say
 * is not, so that nobody takes them for AWS's.
 */

#ifndef NE_EMU_CA_NAMES_H
#define NE_EMU_CA_NAMES_H

#define CA_CURVE		"P-384"

#define CA_NAME_COUNTRY		"XX"	/* ISO 3166: no country */
#define CA_NAME_STATE		"EMULATED"
#define CA_NAME_LOCALITY	"EMULATED"
#define CA_NAME_ORGANIZATION	"EMULATED"
#define CA_NAME_UNIT		"nitro_enclaves_emu"
#define CA_NAME_SUFFIX		"EMULATED.nitro-enclaves"
/* The common name of a leaf has no room for more. */
#define CA_NAME_LEAF_SUFFIX	"EMULATED"

#define CA_USAGE_CA		"critical,digitalSignature,keyCertSign,cRLSign"
#define CA_USAGE_INSTANCE	"critical,keyCertSign"
#define CA_USAGE_LEAF		"digitalSignature,nonRepudiation"

/* Bytes of random serial numbers; those of instances are longer. */
#define CA_SERIAL_RANDOM	16
#define CA_SERIAL_INSTANCE	20

#endif
