/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names in the certificates. They have the layout of EC2's, but other values, so that they
 * cannot be mistaken for AWS's.
 */

#ifndef NE_EMU_CA_NAMES_H
#define NE_EMU_CA_NAMES_H

#define CA_CURVE		"P-384"

#define CA_NAME_COUNTRY		"XX"	/* ISO 3166 assigns it to no country */
#define CA_NAME_STATE		"EMULATED"
#define CA_NAME_LOCALITY	"EMULATED"
#define CA_NAME_ORGANIZATION	"EMULATED"
#define CA_NAME_UNIT		"nitro_enclaves_emu"
#define CA_NAME_SUFFIX		"EMULATED.nitro-enclaves"
/* Shorter, because the common name of a leaf has no room for more. */
#define CA_NAME_LEAF_SUFFIX	"EMULATED"

#define CA_USAGE_CA		"critical,digitalSignature,keyCertSign,cRLSign"
#define CA_USAGE_INSTANCE	"critical,keyCertSign"
#define CA_USAGE_LEAF		"digitalSignature,nonRepudiation"

/* Bytes of random serial numbers. */
#define CA_SERIAL_RANDOM	16
#define CA_SERIAL_INSTANCE	20

#endif
