// SPDX-License-Identifier: Apache-2.0
//! Gives documents to the verifier of nsm-nitro-enclave-utils.
//!
//! usage: verifier ROOT LIST
//!
//! ROOT is a certificate in DER. Lines of LIST name a document, the time of its
//! verification in milliseconds since 1970, and its file. Prints for each its name and
//! "accept", or "reject" and the reason.

use nsm_nitro_enclave_utils::{api::nsm::AttestationDoc, time::Time, verify::AttestationDocVerifierExt};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().collect();
    let root = fs::read(&args[1])?;

    for line in fs::read_to_string(&args[2])?.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let time: u64 = words[1].parse()?;
        let document = fs::read(words[2])?;

        match AttestationDoc::from_cose(&document, &root, Time::new(Box::new(move || time))) {
            Ok(_) => println!("{} accept", words[0]),
            Err(err) => println!("{} reject {err:?}", words[0]),
        }
    }
    Ok(())
}
