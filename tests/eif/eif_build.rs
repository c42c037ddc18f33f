// SPDX-License-Identifier: Apache-2.0
// The options of AWS's eif_build on a library newer than the last eif_build that was
// published, and "--sign IMAGE", which signs an image that is there.

use aws_nitro_enclaves_image_format::defs::{
    EifBuildInfo, EifIdentityInfo, EIF_HDR_ARCH_ARM64,
};
use aws_nitro_enclaves_image_format::utils::{EifBuilder, EifSigner, SignKeyData};
use sha2::{Digest, Sha384};
use std::fs::OpenOptions;
use std::path::Path;

struct Options(Vec<(String, String)>);

impl Options {
    fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        assert!(words.len() % 2 == 0, "usage: eif_build [--OPTION VALUE]...");
        let pairs = words.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone()));
        Options(pairs.collect())
    }

    fn all(&self, name: &str) -> Vec<&String> {
        let with_name = self.0.iter().filter(|pair| pair.0 == name);
        with_name.map(|pair| &pair.1).collect()
    }

    fn one(&self, name: &str) -> Option<&String> {
        self.all(name).first().copied()
    }

    fn need(&self, name: &str) -> String {
        self.one(name).unwrap_or_else(|| panic!("{} is missing", name)).clone()
    }
}

fn sign_key(options: &Options) -> Option<SignKeyData> {
    let certificate = options.one("--signing-certificate")?;
    let key = SignKeyData::new(&options.need("--private-key"), Path::new(certificate));
    Some(key.expect("cannot read key or certificate"))
}

fn identity(options: &Options) -> EifIdentityInfo {
    EifIdentityInfo {
        img_name: options.need("--name"),
        img_version: options.need("--name"), // as eif_build does
        build_info: EifBuildInfo {
            build_time: options.need("--build-time"),
            build_tool: options.need("--build-tool"),
            build_tool_version: options.need("--build-tool-version"),
            img_os: options.need("--img-os"),
            img_kernel: options.need("--img-kernel"),
        },
        docker_info: serde_json::Value::Null,
        custom_info: serde_json::Value::Null,
    }
}

fn build(options: &Options) {
    let flags = match options.need("--arch").as_str() {
        "aarch64" => EIF_HDR_ARCH_ARM64,
        _ => 0,
    };
    let mut builder = EifBuilder::new(
        Path::new(&options.need("--kernel")),
        options.need("--cmdline"),
        sign_key(options),
        Sha384::new(),
        flags,
        identity(options),
    );
    for ramdisk in options.all("--ramdisk") {
        builder.add_ramdisk(Path::new(ramdisk));
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(options.need("--output"))
        .expect("cannot create the image");
    builder.write_to(&mut file);
}

fn main() {
    let options = Options::read();
    match options.one("--sign") {
        Some(image) => EifSigner::new(sign_key(&options))
            .expect("no key")
            .sign_image(image)
            .expect("cannot sign"),
        None => build(&options),
    }
}
