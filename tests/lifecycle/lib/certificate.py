#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Make an EC key and a certificate signed with it.

usage: certificate.py KEY CERTIFICATE [DAYS]

The certificate expires DAYS from now, which may be negative.
"""

import datetime
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def main(key_file, certificate_file, days="9"):
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "EMULATED signer")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().issuer_name(name).subject_name(name)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(now - datetime.timedelta(days=9))
    builder = builder.not_valid_after(now + datetime.timedelta(days=int(days)))
    certificate = builder.sign(key, hashes.SHA384())
    with open(key_file, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
    with open(certificate_file, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))


if __name__ == "__main__":
    main(*sys.argv[1:])
