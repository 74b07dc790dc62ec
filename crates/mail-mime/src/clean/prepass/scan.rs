//! Tags within limits, before any tokenizer sees them: its work on one tag grows with the square
//! of the number of attributes.

use super::{MAX_ATTRIBUTES, MAX_TAG_OCTETS};

/// The input in pieces, with the tags that are too long and the attributes that are too many left
/// out, and whether that happened.
///
/// Reads tags the way the tokenizer does, but knows nothing of comments and raw text: there it may
/// leave out something that nobody sees anyway.
pub(super) fn within_limits(html: &str) -> (Vec<&str>, bool) {
    let mut pieces = Vec::new();
    let mut cut = false;
    let mut kept_from = 0;
    let mut at = 0;
    let bytes = html.as_bytes();
    while let Some(open) = find(bytes, at, b'<') {
        let first = bytes.get(open + 1).copied().unwrap_or_default();
        let is_tag = first.is_ascii_alphabetic()
            || (first == b'/' && bytes.get(open + 2).is_some_and(u8::is_ascii_alphabetic));
        if !is_tag {
            at = open + 1;
            continue;
        }
        let tag = read_tag(bytes, open);
        if tag.end - open > MAX_TAG_OCTETS {
            cut = true;
            pieces.extend(html.get(kept_from..open));
            kept_from = tag.end;
        } else if let Some(last) = tag.attributes_end {
            cut = true;
            pieces.extend(html.get(kept_from..last));
            // The tag's own `>`.
            kept_from = tag.end - 1;
        }
        at = tag.end;
    }
    pieces.extend(html.get(kept_from..));
    (pieces, cut)
}

struct RawTag {
    /// After the `>`, or the end of the input.
    end: usize,
    /// Where the first attribute too many begins, if the tag has an end.
    attributes_end: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Name,
    BeforeAttribute,
    Attribute,
    AfterAttribute,
    BeforeValue,
    Value(Option<u8>),
}

fn read_tag(bytes: &[u8], open: usize) -> RawTag {
    let mut state = State::Name;
    let mut count = 0;
    let mut too_many = None;
    for (offset, byte) in bytes.get(open + 1..).unwrap_or_default().iter().enumerate() {
        let space = byte.is_ascii_whitespace() || *byte == b'/';
        let starts_attribute = matches!(state, State::BeforeAttribute | State::AfterAttribute)
            && !space
            && *byte != b'>'
            && !(state == State::AfterAttribute && *byte == b'=');
        if starts_attribute {
            count += 1;
            if count > MAX_ATTRIBUTES && too_many.is_none() {
                too_many = Some(open + 1 + offset);
            }
            state = State::Attribute;
            continue;
        }
        state = match (state, *byte) {
            (State::Value(Some(quote)), b) if b == quote => State::BeforeAttribute,
            (State::Value(Some(_)), _) => state,
            (State::BeforeValue, b @ (b'"' | b'\'')) => State::Value(Some(b)),
            (_, b'>') => {
                return RawTag {
                    end: open + offset + 2,
                    attributes_end: too_many,
                };
            }
            (State::BeforeValue, b) if b.is_ascii_whitespace() => State::BeforeValue,
            (State::BeforeValue, _) => State::Value(None),
            (State::Value(None), b) if b.is_ascii_whitespace() => State::BeforeAttribute,
            (State::Attribute | State::AfterAttribute, b'=') => State::BeforeValue,
            (State::Attribute, b'/') => State::BeforeAttribute,
            (State::Attribute, _) if space => State::AfterAttribute,
            (State::AfterAttribute, b'/') => State::BeforeAttribute,
            (State::Name, _) if space => State::BeforeAttribute,
            _ => state,
        };
    }
    RawTag {
        end: bytes.len(),
        attributes_end: None,
    }
}

fn find(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    bytes
        .get(from..)?
        .iter()
        .position(|byte| *byte == wanted)
        .map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(html: &str) -> (String, bool) {
        let (pieces, cut) = within_limits(html);
        (pieces.concat(), cut)
    }

    #[test]
    fn ordinary_markup_is_left_alone() {
        for html in [
            "",
            "a < b > c",
            "<p class=x>a</p><br/>",
            "<a href='x>y' title=\"<b>\">",
            "<!-- <p> --><p",
            "<img alt=a/b src=x>",
        ] {
            assert_eq!(kept(html), (html.to_owned(), false), "{html}");
        }
    }

    #[test]
    fn a_tag_of_more_than_64_kib_is_left_out() {
        let html = format!("a<p title=\"{}\">b</p>", "x".repeat(MAX_TAG_OCTETS));
        assert_eq!(kept(&html), ("ab</p>".to_owned(), true));
    }

    #[test]
    fn a_greater_sign_inside_quotes_does_not_end_a_tag() {
        let html = format!("<p title='{}>'>b", "x".repeat(MAX_TAG_OCTETS));
        assert_eq!(kept(&html), ("b".to_owned(), true));
    }

    #[test]
    fn attributes_past_the_64th_are_left_out() {
        let many: String = (0..100).map(|n| format!("a{n}=\"v\" ")).collect();
        let (html, cut) = kept(&format!("<p {many}>b"));
        assert!(cut);
        assert!(html.contains("a63=") && !html.contains("a64="), "{html}");
        assert!(html.ends_with(">b"), "{html}");
    }

    #[test]
    fn attributes_without_spaces_are_counted_too() {
        for one in ["a=''", "a/", "a\n", "a=\"\"", "'/", "=/"] {
            let html = format!("<p {}>b", one.repeat(1000));
            let (html, cut) = kept(&html);
            assert!(cut && html.len() < 600, "{one:?} {}", html.len());
        }
    }
}
