//! Random texts that are planted in accounts, and looked for in whatever way they may be
//! written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use mail_model::AccountId;
use memchr::memmem::Finder;

/// The markers of one check. All begin alike, so that a place where none is takes one search.
pub(super) struct Markers {
    stem: String,
    any: Needles,
    all: Vec<Marker>,
}

/// One account's marker.
pub(super) struct Marker {
    pub(super) account: AccountId,
    pub(super) text: String,
    needles: Needles,
}

/// Longest needle, in octets: what two pieces of a file have to share.
pub(super) const LONGEST: usize = 128;

impl Markers {
    /// A fresh marker for each account. They are small letters and digits, so that no encoding
    /// of addresses or JSON changes them.
    pub(super) fn new(accounts: impl Iterator<Item = AccountId>) -> Self {
        let stem = format!("braidcheck{:016x}", rand::random::<u64>());
        let all = accounts
            .map(|account| {
                let text = format!("{stem}{:016x}", rand::random::<u64>());
                Marker {
                    account,
                    needles: Needles::of(&text),
                    text,
                }
            })
            .collect();
        Self {
            any: Needles::of(&stem),
            stem,
            all,
        }
    }

    pub(super) fn all(&self) -> &[Marker] {
        &self.all
    }

    /// What all markers of this check begin with.
    pub(super) fn stem(&self) -> &str {
        &self.stem
    }

    pub(super) fn of(&self, account: &AccountId) -> Option<&Marker> {
        self.all.iter().find(|marker| marker.account == *account)
    }

    /// The places in [`Self::all`] of the markers that some bytes hold.
    pub(super) fn inside(&self, bytes: &[u8]) -> Vec<usize> {
        if !self.any.are_in(bytes) {
            return Vec::new();
        }
        let found = self.all.iter().enumerate();
        found
            .filter(|(_, marker)| marker.needles.are_in(bytes))
            .map(|(index, _)| index)
            .collect()
    }
}

/// One text as it is, in UTF-16, hexadecimal, and base64 at each of its three alignments.
struct Needles(Vec<Finder<'static>>);

impl Needles {
    fn of(text: &str) -> Self {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex = text
            .bytes()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let mut needles = vec![
            text.as_bytes().to_vec(),
            utf16,
            hex.to_uppercase().into_bytes(),
            hex.into_bytes(),
        ];
        needles.extend((0..3).map(|before| in_base64(text, before).into_bytes()));
        let finders = needles
            .iter()
            .map(|needle| Finder::new(needle).into_owned());
        Self(finders.collect())
    }

    fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|finder| finder.find(bytes).is_some())
    }
}

/// The part of a text's base64 that does not depend on what is around it, with `before` octets
/// more than a multiple of three in front of it. Letters and digits only make letters and digits
/// in both alphabets.
fn in_base64(text: &str, before: usize) -> String {
    let mut bytes = vec![0; before];
    bytes.extend_from_slice(text.as_bytes());
    bytes.truncate(bytes.len() / 3 * 3);
    let encoded = STANDARD_NO_PAD.encode(bytes);
    let dependent = match before {
        0 => 0,
        1 => 2,
        _ => 3,
    };
    encoded.chars().skip(dependent).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE;

    use super::*;

    fn markers() -> Markers {
        let accounts = ["a", "b"].map(|id| AccountId::new(id).unwrap());
        Markers::new(accounts.into_iter())
    }

    #[test]
    fn a_marker_is_found_however_it_is_written_and_told_from_the_other() {
        let markers = markers();
        let text = &markers.all()[1].text;
        let mut written = vec![
            format!("x {text} y").into_bytes(),
            text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            text.bytes()
                .map(|byte| format!("{byte:02X}"))
                .collect::<String>()
                .into_bytes(),
            text.bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                .into_bytes(),
        ];
        for before in ["", "x", "xy", "xyz"] {
            let whole = format!("{before}{text}/?");
            written.push(URL_SAFE.encode(&whole).into_bytes());
            written.push(STANDARD_NO_PAD.encode(&whole).into_bytes());
        }
        for bytes in written {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(markers.inside(&bytes), [1], "{shown}");
        }
    }

    #[test]
    fn nothing_is_found_in_what_holds_no_marker() {
        let markers = markers();
        assert!(markers.inside(b"braidcheck0000000000000000").is_empty());
        // The stem alone is nobody's.
        assert!(markers.inside(markers.stem().as_bytes()).is_empty());
    }

    #[test]
    fn no_needle_is_longer_than_what_two_pieces_of_a_file_share() {
        let markers = markers();
        let longest = markers.all()[0].needles.0.iter();
        let longest = longest.map(|finder| finder.needle().len()).max();
        assert!(longest.unwrap() < LONGEST, "{longest:?}");
    }
}
