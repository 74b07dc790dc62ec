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
    pub(crate) subject: String,
    pub(crate) sender: String,
    pub(crate) receiver: String,
    pub(crate) copy: String,
    pub(crate) hidden: String,
    /// The text of the body.
    pub(crate) text: String,
    pub(crate) files: String,
}

impl Document {
    pub(crate) fn new(key: i64, subject: &str, detail: &Detail, body: Option<&Body>) -> Self {
        let text = body.map(body_text::text_of);
        let files = body.map(|body| &body.attachments[..]).unwrap_or_default();
        Self {
            key,
            subject: joined([subject]),
            sender: people(&detail.from),
            receiver: people(&detail.to),
            copy: people(&detail.cc),
            hidden: people(&detail.bcc),
            text: joined(text.as_deref()),
            files: joined(files.iter().map(|file| file.name.as_str())),
        }
    }

    /// Everything but names of files.
    pub(crate) fn words(&self) -> String {
        let fields = [
            &self.subject,
            &self.sender,
            &self.receiver,
            &self.copy,
            &self.hidden,
            &self.text,
        ];
        let mut words = String::with_capacity(fields.iter().map(|field| field.len() + 5).sum());
        for field in fields.into_iter().filter(|field| !field.is_empty()) {
            part(&mut words, field);
        }
        words
    }
}

fn part(column: &mut String, field: &str) {
    if !column.is_empty() {
        column.push(' ');
        column.push_str(BREAK);
        column.push(' ');
    }
    column.push_str(field);
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
        let mut folded = String::with_capacity(field.len());
        fold::each(field, |token| {
            if !folded.is_empty() {
                folded.push(' ');
            }
            folded.push_str(&token.text);
        });
        if !folded.is_empty() {
            part(&mut column, &folded);
        }
    }
    column
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
        assert_eq!(document.subject, "elan 電車 車");
        assert_eq!(
            document.sender,
            "bo lind \u{e000} bo x example \u{e000} z x"
        );
        assert_eq!(
            document.words(),
            "elan 電車 車 \u{e000} bo lind \u{e000} bo x example \u{e000} z x"
        );
        assert_eq!(
            (document.text, document.files),
            (String::new(), String::new())
        );
    }
}
