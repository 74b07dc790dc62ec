//! Blobs (RFC 8620 section 6): whole messages, parts of them, and uploads.
//!
//! `G<message>` is a message, `G<message>-<part>` a part of it after its transfer encoding is
//! undone, `U<hash>` an upload.

use serde_json::{Map, Value};

use super::account::Account;
use super::error::MethodError;
use super::ids;
use super::message::Parsed;
use super::request::Turn;

/// The id of an upload.
pub(crate) fn uploaded(name: &str) -> String {
    format!("U{name}")
}

/// The bytes behind an id; `None` when this account has no such blob.
pub(crate) fn load(account: &Account, id: &str) -> Option<Vec<u8>> {
    if let Some(name) = id.strip_prefix('U') {
        return account.journal.load(name);
    }
    let Some((message, part)) = id.split_once('-') else {
        return account.bytes(ids::number('G', id)?);
    };
    let bytes = account.bytes(ids::number('G', message)?)?;
    let parsed = Parsed::new(&bytes);
    let number: u32 = part.parse().ok().filter(|n: &u32| n.to_string() == part)?;
    let part = parsed
        .part(number)
        .filter(|part| !matches!(part.body, mail_parser::PartType::Multipart(_)))?;
    Some(parsed.decoded(part))
}

/// `Blob/copy`: from another account, which no token opens beside this one.
pub(crate) fn copy(_: &mut Turn<'_>, _: Map<String, Value>) -> Result<Value, MethodError> {
    Err(MethodError::FromAccountNotFound)
}
