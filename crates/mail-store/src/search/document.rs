//! What the index is told of a message.

use mail_model::{Address, Body};

use super::body_text;
use super::fold;
use crate::mail::message::Detail;

/// Between two fields of a column, so that no words follow each other across them. No text holds
/// it: it is no letter.
const BREAK: &str = "\u{e000}";

/// One message as the index takes it: folded tokens with spaces between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Document {
    pub(crate) key: i64,
    /// Everything but names of files.
    pub(crate) words: String,
    pub(crate) head: Head,
    /// Whether its text is here, even if nobody can read it.
    pub(crate) has_text: bool,
    /// Whether only its text came or went since it was last told of, not its head.
    pub(crate) is_known: bool,
}

/// Its subject, its people and the names of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) subject: String,
    pub(crate) sender: String,
    pub(crate) receiver: String,
    pub(crate) copy: String,
    pub(crate) hidden: String,
    pub(crate) files: String,
}

impl Document {
    pub(crate) fn new(key: i64, subject: &str, detail: &Detail, body: Option<&Body>) -> Self {
        let text = body.map(body_text::text_of);
        let files = body.map(|body| &body.attachments[..]).unwrap_or_default();
        let head = Head {
            subject: joined([subject]),
            sender: people(&detail.from),
            receiver: people(&detail.to),
            copy: people(&detail.cc),
            hidden: people(&detail.bcc),
            files: joined(files.iter().map(|file| file.name.as_str())),
        };
        let length = text.as_ref().map_or(0, |text| text.len());
        let mut words = String::with_capacity(head.octets() + length + 32);
        for field in [
            &head.subject,
            &head.sender,
            &head.receiver,
            &head.copy,
            &head.hidden,
        ] {
            if !field.is_empty() {
                part(&mut words);
                words.push_str(field);
            }
        }
        add(&mut words, text.as_deref().unwrap_or_default());
        Self {
            key,
            words,
            head,
            has_text: body.is_some(),
            is_known: false,
        }
    }

    /// Octets of what the index is told.
    pub(crate) fn octets(&self) -> usize {
        self.words.len() + self.head.octets()
    }
}

impl Head {
    fn octets(&self) -> usize {
        let Self {
            subject,
            sender,
            receiver,
            copy,
            hidden,
            files,
        } = self;
        [subject, sender, receiver, copy, hidden, files]
            .iter()
            .map(|field| field.len() + 5)
            .sum()
    }
}

/// Begins another field.
fn part(column: &mut String) {
    if !column.is_empty() {
        column.push(' ');
        column.push_str(BREAK);
        column.push(' ');
    }
}

fn people(addresses: &[Address]) -> String {
    joined(
        addresses
            .iter()
            .flat_map(|address| [address.name.as_str(), address.email.as_str()]),
    )
}

fn joined<'a>(fields: impl IntoIterator<Item = &'a str>) -> String {
    let mut column = String::new();
    for field in fields {
        add(&mut column, field);
    }
    column
}

/// Adds a field's tokens, if it has some.
fn add(column: &mut String, field: &str) {
    let mut is_first = true;
    fold::each(field, |token| {
        if is_first {
            part(column);
        } else {
            column.push(' ');
        }
        is_first = false;
        column.push_str(&token.text);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_folded_and_kept_apart() {
        let address = |name: &str, email: &str| Address {
            name: name.into(),
            email: email.into(),
        };
        let mut detail = Detail::default();
        detail.from = vec![address("Bo Lind", "bo@x.example"), address("", "z@x")];
        let document = Document::new(1, "Élan: 電車", &detail, None);
        assert_eq!(document.head.subject, "elan 電車 車");
        assert_eq!(
            document.head.sender,
            "bo lind \u{e000} bo x example \u{e000} z x"
        );
        assert_eq!(
            document.words,
            "elan 電車 車 \u{e000} bo lind \u{e000} bo x example \u{e000} z x"
        );
        assert!(document.head.files.is_empty() && !document.has_text);
        let body = Body {
            text: Some("Ürsprung\n--\nEnd".into()),
            ..Body::default()
        };
        let document = Document::new(1, "--", &Detail::default(), Some(&body));
        assert_eq!(document.words, "ursprung end");
        assert!(document.has_text);
    }
}
