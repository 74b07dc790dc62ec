//! Transfer encodings and charsets, forgiving: what can be decoded is kept.

use mail_model::Disposition;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;

use super::headers::Encoding;
use super::walk::Leaf;
use super::{Notice, Notices, ParsedPart};

pub(super) fn part(bytes: &[u8], id: usize, leaf: &Leaf, notices: &mut Notices) -> ParsedPart {
    let raw = bytes.get(leaf.body.clone()).unwrap_or_default();
    let head = &leaf.head;
    let content = match head.encoding {
        Encoding::Identity => raw.to_vec(),
        Encoding::Base64 => base64(raw, notices),
        Encoding::QuotedPrintable => quoted_printable(raw, notices),
    };
    ParsedPart {
        id,
        range: leaf.body.clone(),
        bytes: content,
        name: head.name.clone(),
        media_type: head.media_type.clone(),
        charset: head.charset.clone(),
        content_id: head.content_id.clone(),
        disposition: head.disposition.unwrap_or(if head.content_id.is_some() {
            Disposition::Inline
        } else {
            Disposition::Attachment
        }),
        is_attachment: true,
    }
}

/// RFC 2045 section 6.8: characters outside of the alphabet are skipped.
fn base64(raw: &[u8], notices: &mut Notices) -> Vec<u8> {
    if let Some(content) = base64_decode(raw) {
        return content;
    }
    notices.add(Notice::BrokenEncoding);
    let known: Vec<u8> = raw
        .iter()
        .copied()
        .filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        .collect();
    base64_decode(&known).unwrap_or_default()
}

/// RFC 2045 section 6.7: a `=` that is not followed by two hexadecimal digits or a line break stays.
fn quoted_printable(raw: &[u8], notices: &mut Notices) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|b| *b == b'\n') {
        let (text, line_break) = match line {
            [text @ .., b'\r', b'\n'] => (text, &b"\r\n"[..]),
            [text @ .., b'\n'] => (text, &b"\n"[..]),
            text => (text, &b""[..]),
        };
        // White space at the end of a line was added on the way.
        let text = text.trim_ascii_end();
        let (text, soft) = match text {
            [text @ .., b'='] => (text, true),
            text => (text, false),
        };
        quoted_line(text, &mut out, notices);
        if !soft {
            out.extend_from_slice(line_break);
        }
    }
    out
}

fn quoted_line(mut text: &[u8], out: &mut Vec<u8>, notices: &mut Notices) {
    loop {
        text = match text {
            [b'=', high, low, rest @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest
                }
                _ => {
                    notices.add(Notice::BrokenEncoding);
                    out.push(b'=');
                    text.get(1..).unwrap_or_default()
                }
            },
            [byte, rest @ ..] => {
                out.push(*byte);
                rest
            }
            [] => return,
        };
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// A text part's content as UTF-8, decoded once. A byte order mark is dropped.
pub(super) fn text(part: &ParsedPart, notices: &mut Notices) -> String {
    let declared = part.charset.as_deref();
    let is_utf8 = std::str::from_utf8(&part.bytes);
    let text = match (declared, is_utf8) {
        // Plain ASCII by name and valid UTF-8 by content is UTF-8 whose sender named nothing better.
        (None | Some("utf-8" | "utf8" | "us-ascii" | "ascii" | ""), Ok(text)) => text.to_owned(),
        (None | Some("us-ascii" | "ascii" | ""), Err(_)) => by_name("windows-1252", &part.bytes)
            .unwrap_or_else(|| String::from_utf8_lossy(&part.bytes).into_owned()),
        (Some(name), _) => by_name(name, &part.bytes).unwrap_or_else(|| {
            notices.add(Notice::UnknownCharset);
            String::from_utf8_lossy(&part.bytes).into_owned()
        }),
    };
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

fn by_name(name: &str, bytes: &[u8]) -> Option<String> {
    charset_decoder(name.as_bytes()).map(|decode| decode(bytes))
}
