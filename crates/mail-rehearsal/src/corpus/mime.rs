//! Writes messages as bytes (RFC 5322, RFC 2045 to 2047, RFC 2231, RFC 3676).
//!
//! A writer of its own instead of a library, because the same seed has to give the same bytes,
//! boundaries included, and because old charsets and flowed text are wanted on purpose.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::{Encoding, UTF_8};

/// A part of a message.
#[derive(Debug)]
pub(crate) enum Part {
    /// Content.
    Leaf(Leaf),
    /// Parts together.
    Multi {
        /// `mixed`, `alternative`, `related`, `signed`.
        subtype: &'static str,
        /// Further parameters, each beginning with `; `.
        params: &'static str,
        /// The parts.
        parts: Vec<Self>,
    },
}

/// One part with content.
#[derive(Debug)]
pub(crate) struct Leaf {
    /// Content type with parameters.
    pub(crate) content_type: String,
    /// Whole header value of `Content-Disposition`.
    pub(crate) disposition: Option<String>,
    /// Without angle brackets.
    pub(crate) content_id: Option<String>,
    /// How the bytes travel.
    pub(crate) transfer: Transfer,
    /// The bytes.
    pub(crate) body: Vec<u8>,
}

/// Content-Transfer-Encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    SevenBit,
    EightBit,
    QuotedPrintable,
    Base64,
}

/// Text as a part: in `charset` where that can hold it, in UTF-8 otherwise.
pub(crate) fn text(
    subtype: &str,
    params: &str,
    content: &str,
    charset: &'static Encoding,
    transfer: Transfer,
) -> Part {
    let crlf = content.replace('\n', "\r\n");
    let (bytes, used, lossy) = charset.encode(&crlf);
    let (body, charset) = if lossy {
        (crlf.clone().into_bytes(), UTF_8)
    } else {
        (bytes.into_owned(), used)
    };
    let ascii = body.is_ascii();
    let long = body.split(|b| *b == b'\n').any(|line| line.len() > 900);
    let transfer = match transfer {
        Transfer::SevenBit if !ascii || long => Transfer::QuotedPrintable,
        Transfer::EightBit if ascii && !long => Transfer::SevenBit,
        Transfer::EightBit if long => Transfer::Base64,
        other => other,
    };
    Part::Leaf(Leaf {
        content_type: format!("text/{subtype}; charset={}{params}", label(charset)),
        disposition: None,
        content_id: None,
        transfer,
        body,
    })
}

/// The name mail gives a charset.
fn label(charset: &'static Encoding) -> String {
    charset.name().to_ascii_lowercase()
}

/// A file as a part.
pub(crate) fn file(media_type: &str, name: &str, body: Vec<u8>) -> Part {
    let quoted = parameter("filename", name);
    Part::Leaf(Leaf {
        content_type: format!(
            "{media_type}{}",
            if name.is_ascii() {
                format!("; name=\"{name}\"")
            } else {
                String::new()
            }
        ),
        disposition: Some(format!("attachment{quoted}")),
        content_id: None,
        transfer: Transfer::Base64,
        body,
    })
}

/// A picture the HTML names by `cid:`.
pub(crate) fn inline(media_type: &str, name: &str, content_id: &str, body: Vec<u8>) -> Part {
    Part::Leaf(Leaf {
        content_type: media_type.to_owned(),
        disposition: Some(format!("inline{}", parameter("filename", name))),
        content_id: Some(content_id.to_owned()),
        transfer: Transfer::Base64,
        body,
    })
}

pub(crate) fn parameter(key: &str, value: &str) -> String {
    if value.is_ascii() {
        return format!("; {key}=\"{value}\"");
    }
    let mut out = format!("; {key}*=utf-8''");
    for b in value.bytes() {
        if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
            out.push(char::from(b));
        } else {
            write!(out, "%{b:02X}").ok();
        }
    }
    out
}

/// The headers and the body of a whole message.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A structured header, already in its wire form.
    pub(crate) fn header(&mut self, name: &str, value: &str) {
        self.out
            .extend_from_slice(fold(&format!("{name}: {value}")).as_bytes());
        self.out.extend_from_slice(b"\r\n");
    }

    /// A header of words, encoded as needed.
    pub(crate) fn words(&mut self, name: &str, value: &str, charset: &'static Encoding) {
        self.header(name, &words(value, charset));
    }

    /// The body; `seed` names the boundaries.
    pub(crate) fn body(mut self, part: &Part, seed: u64) -> Vec<u8> {
        self.header("MIME-Version", "1.0");
        let mut next = seed;
        self.part(part, &mut next);
        self.out
    }

    fn part(&mut self, part: &Part, next: &mut u64) {
        match part {
            Part::Leaf(leaf) => self.leaf(leaf),
            Part::Multi {
                subtype,
                params,
                parts,
            } => {
                let boundary = format!("=_{:016x}", *next);
                *next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                self.header(
                    "Content-Type",
                    &format!("multipart/{subtype}{params}; boundary=\"{boundary}\""),
                );
                for inner in parts {
                    self.out
                        .extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
                    self.part(inner, next);
                }
                self.out
                    .extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf) {
        self.header("Content-Type", &leaf.content_type);
        if let Some(disposition) = &leaf.disposition {
            self.header("Content-Disposition", disposition);
        }
        if let Some(id) = &leaf.content_id {
            self.header("Content-ID", &format!("<{id}>"));
        }
        let name = match leaf.transfer {
            Transfer::SevenBit => "7bit",
            Transfer::EightBit => "8bit",
            Transfer::QuotedPrintable => "quoted-printable",
            Transfer::Base64 => "base64",
        };
        self.header("Content-Transfer-Encoding", name);
        self.out.extend_from_slice(b"\r\n");
        match leaf.transfer {
            Transfer::SevenBit | Transfer::EightBit => self.out.extend_from_slice(&leaf.body),
            Transfer::QuotedPrintable => quoted_printable(&leaf.body, &mut self.out),
            Transfer::Base64 => {
                for chunk in leaf.body.chunks(57) {
                    self.out
                        .extend_from_slice(STANDARD.encode(chunk).as_bytes());
                    self.out.extend_from_slice(b"\r\n");
                }
            }
        }
    }
}

/// Addresses of a header: `Name <address>`, names encoded as needed.
pub(crate) fn mailbox(name: &str, address: &str, charset: &'static Encoding) -> String {
    if name.is_empty() {
        return address.to_owned();
    }
    if !name.is_ascii() {
        return format!("{} <{address}>", words(name, charset));
    }
    if name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == ' ' || c == '-')
    {
        return format!("{name} <{address}>");
    }
    format!(
        "\"{}\" <{address}>",
        name.replace('\\', "\\\\").replace('"', "\\\"")
    )
}

/// Words of a header (RFC 2047) where they are not ASCII.
pub(crate) fn words(value: &str, charset: &'static Encoding) -> String {
    if value.is_ascii() {
        return value.to_owned();
    }
    let charset = if charset.encode(value).2 {
        UTF_8
    } else {
        charset
    };
    let latin = value.chars().filter(|c| c.is_ascii()).count() * 3 >= value.chars().count() * 2;
    let mut out = Vec::new();
    let mut chunk = String::new();
    for c in value.chars() {
        chunk.push(c);
        if encoded_word(&chunk, charset, latin).len() > 70 {
            chunk.pop();
            out.push(encoded_word(&chunk, charset, latin));
            chunk.clear();
            chunk.push(c);
        }
    }
    out.push(encoded_word(&chunk, charset, latin));
    out.join(" ")
}

fn encoded_word(text: &str, charset: &'static Encoding, q: bool) -> String {
    let bytes = charset.encode(text).0;
    if q {
        let mut word = format!("=?{}?Q?", label(charset));
        for b in bytes.iter() {
            match b {
                b' ' => word.push('_'),
                b if b.is_ascii_alphanumeric() || b"-.!*/".contains(b) => word.push(char::from(*b)),
                b => {
                    write!(word, "={b:02X}").ok();
                }
            }
        }
        return word + "?=";
    }
    format!("=?{}?B?{}?=", label(charset), STANDARD.encode(&bytes))
}

/// Folds a header at spaces so that its lines stay below 78 characters where they can.
fn fold(line: &str) -> String {
    if line.len() <= 78 {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len() + 8);
    let mut width = 0;
    for (n, word) in line.split(' ').enumerate() {
        if n > 1 && width + word.len() + 1 > 76 {
            out.push_str("\r\n ");
            width = 1;
        } else if n > 0 {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += word.len();
    }
    out
}

fn quoted_printable(body: &[u8], out: &mut Vec<u8>) {
    let text = body.strip_suffix(b"\r\n").unwrap_or(body);
    for line in text.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut width = 0;
        for (n, b) in line.iter().enumerate() {
            let last = n + 1 == line.len();
            let plain = (33..=126).contains(b) && *b != b'=' || *b == b' ' && !last;
            let needed = if plain { 1 } else { 3 };
            if width + needed > 75 {
                out.extend_from_slice(b"=\r\n");
                width = 0;
            }
            if plain {
                out.push(*b);
            } else {
                out.extend_from_slice(format!("={b:02X}").as_bytes());
            }
            width += needed;
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Plain text as `format=flowed` (RFC 3676): long lines broken at spaces, quotes kept.
pub(crate) fn flowed(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let depth = line.chars().take_while(|c| *c == '>').count();
        let quote = ">".repeat(depth) + if depth > 0 { " " } else { "" };
        let content = line
            .trim_start_matches('>')
            .trim_start_matches(if depth > 0 { " " } else { "\0" });
        if content == "-- " {
            out.push_str("-- \n");
            continue;
        }
        let mut width = quote.len();
        let stuffed = depth == 0 && (content.starts_with(' ') || content.starts_with("From "));
        out.push_str(&quote);
        if stuffed {
            out.push(' ');
        }
        let words: Vec<&str> = content.trim_end().split(' ').collect();
        for (n, word) in words.iter().enumerate() {
            if n > 0 {
                if width + word.len() > 70 {
                    out.push_str(" \n");
                    out.push_str(&quote);
                    width = quote.len();
                } else {
                    out.push(' ');
                    width += 1;
                }
            }
            out.push_str(word);
            width += word.len();
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use encoding_rs::{ISO_2022_JP, WINDOWS_1252};

    fn parsed(bytes: &[u8]) -> mail_parser::Message<'_> {
        mail_parser::MessageParser::default().parse(bytes).unwrap()
    }

    #[test]
    fn words_in_any_script_survive_the_way() {
        let long = "Ein sehr langer Betreff mit Umlauten äöüß und 合唱団の練習について".repeat(3);
        for (subject, charset) in [
            ("Rückmeldung bis Freitag", WINDOWS_1252),
            ("週末の予定について", ISO_2022_JP),
            (long.as_str(), UTF_8),
            ("שבת שלום 🎶", UTF_8),
        ] {
            let mut writer = Writer::default();
            writer.words("Subject", subject, charset);
            writer.header("From", &mailbox(subject, "x@mail.example", charset));
            let bytes = writer.body(&text("plain", "", "x\n", UTF_8, Transfer::SevenBit), 1);
            let message = parsed(&bytes);
            assert_eq!(message.subject(), Some(subject));
            assert_eq!(
                message.from().unwrap().first().unwrap().name.as_deref(),
                Some(subject)
            );
            assert!(bytes.split(|b| *b == b'\n').all(|line| line.len() < 200));
        }
    }

    #[test]
    fn text_survives_every_charset_and_transfer() {
        for (content, charset) in [
            ("Grüße\n\nzurück = 3 \nEnde\n", WINDOWS_1252),
            ("こんにちは\n", ISO_2022_JP),
            ("Zażółć gęślą jaźń\n", UTF_8),
        ] {
            for transfer in [
                Transfer::SevenBit,
                Transfer::EightBit,
                Transfer::QuotedPrintable,
                Transfer::Base64,
            ] {
                let bytes =
                    Writer::default().body(&text("plain", "", content, charset, transfer), 1);
                let message = parsed(&bytes);
                assert_eq!(
                    message
                        .body_text(0)
                        .unwrap()
                        .replace("\r\n", "\n")
                        .trim_end(),
                    content.trim_end(),
                    "{charset:?} {transfer:?}"
                );
            }
        }
    }

    #[test]
    fn a_file_name_in_another_script_survives() {
        let part = Part::Multi {
            subtype: "mixed",
            params: "",
            parts: vec![file("application/pdf", "Übersicht 合唱.pdf", vec![0, 1, 2])],
        };
        let bytes = Writer::default().body(&part, 9);
        let message = parsed(&bytes);
        use mail_parser::MimeHeaders as _;
        let attachment = message.attachment(0).unwrap();
        assert_eq!(attachment.attachment_name(), Some("Übersicht 合唱.pdf"));
        assert_eq!(attachment.contents(), [0, 1, 2]);
    }

    #[test]
    fn flowed_text_breaks_only_at_soft_breaks() {
        let text = "a ".repeat(80) + "end\n> quoted\n";
        let flowed = flowed(&text);
        assert!(flowed.lines().all(|line| line.len() <= 78));
        assert_eq!(
            flowed.replace(" \n", " ").lines().next().unwrap(),
            text.lines().next().unwrap()
        );
        assert!(flowed.ends_with("> quoted\n"));
    }
}
