// SPDX-License-Identifier: Apache-2.0
// What AWS's published library reads of an image, with the keys of nitro-cli's
// describe-eif, and the verdict of its signature checker as "Verified".

use aws_nitro_enclaves_image_format::utils::eif_reader::EifReader;
use aws_nitro_enclaves_image_format::utils::{get_pcrs, PcrSignatureChecker};
use serde_json::json;
use sha2::{Digest, Sha384};

fn describe(path: &str) -> Result<serde_json::Value, String> {
    let mut reader = EifReader::from_eif(path.to_string())?;
    let signed = reader.signature_section.is_some();
    let measurements = get_pcrs(
        &mut reader.image_hasher,
        &mut reader.bootstrap_hasher,
        &mut reader.app_hasher,
        &mut reader.cert_hasher,
        Sha384::new(),
        signed,
    )?;
    let mut out = json!({
        "EifVersion": reader.get_header().version,
        "Measurements": measurements,
        "IsSigned": signed,
        "CheckCRC": reader.check_crc(),
    });
    if signed {
        out["SigningCertificate"] = json!(reader.get_certificate_info(measurements.clone())?);
        out["SignatureCheck"] = json!(reader.sign_check);
        let mut checker = PcrSignatureChecker::from_eif(path)?;
        out["Verified"] = json!(checker.verify().is_ok());
    }
    if let Some(metadata) = reader.get_metadata() {
        out["ImageName"] = json!(metadata.img_name);
        out["ImageVersion"] = json!(metadata.img_version);
        out["DockerInfo"] = metadata.docker_info;
    }
    Ok(out)
}

fn main() {
    let path = std::env::args().nth(1).expect("usage: eif_describe IMAGE");
    match describe(&path) {
        Ok(out) => println!("{:#}", out),
        Err(error) => {
            eprintln!("{}", error);
            std::process::exit(1);
        }
    }
}
