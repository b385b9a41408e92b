//! Checksums.

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::Kind::Text;
use super::{Function, fixed};
use crate::encoding::hex;

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("sha1sum", &[Text], |call| Ok(hex(&Sha1::digest(call.bytes(0))).into())).effort(2),
    fixed("sha256sum", &[Text], |call| Ok(hex(&Sha256::digest(call.bytes(0))).into())).effort(2),
    fixed("sha512sum", &[Text], |call| Ok(hex(&Sha512::digest(call.bytes(0))).into())).effort(2),
    fixed("adler32sum", &[Text], |call| Ok(adler32(&call.bytes(0)).to_string().into())),
];

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}
