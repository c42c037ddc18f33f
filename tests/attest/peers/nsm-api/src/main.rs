// SPDX-License-Identifier: Apache-2.0
//! Decodes requests to the NSM as AWS's library does.
//!
//! Lines of the input are requests in hexadecimal digits. Prints for each "reject", or the
//! request as the library itself writes it.

use aws_nitro_enclaves_nsm_api::api::Request;
use std::{error::Error, io};

fn from_hex(line: &str) -> Result<Vec<u8>, std::num::ParseIntError> {
    (0..line.len()).step_by(2).map(|i| u8::from_str_radix(&line[i..i + 2], 16)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    for line in io::stdin().lines() {
        match serde_cbor::from_slice::<Request>(&from_hex(&line?)?) {
            Ok(request) => {
                let bytes = serde_cbor::to_vec(&request)?;
                println!("{}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            }
            Err(_) => println!("reject"),
        }
    }
    Ok(())
}
