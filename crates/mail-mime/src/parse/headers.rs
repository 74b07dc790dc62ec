//! The header fields of the message and of its parts.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use mail_model::{Address, Disposition, UnixTime};
use mail_parser::{HeaderName, HeaderValue, MessageParser, MimeHeaders};

use super::ParsedHeaders;
use crate::text::Flow;

static MESSAGE: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_date_headers()
        .with_address_headers()
        .with_message_ids()
        .header_text(HeaderName::Subject)
        .default_header_raw()
});

static PART: LazyLock<MessageParser> = LazyLock::new(|| {
    MessageParser::new()
        .with_mime_headers()
        .default_header_ignore()
});

/// What a part's header says about its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PartHead {
    /// Lower case; the default of the place where nothing is said.
    pub(super) media_type: String,
    pub(super) boundary: Option<Vec<u8>>,
    pub(super) charset: Option<String>,
    pub(super) flow: Flow,
    pub(super) encoding: Encoding,
    pub(super) name: String,
    pub(super) content_id: Option<String>,
    /// `None` when the header is silent.
    pub(super) disposition: Option<Disposition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Encoding {
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
}

/// Reads a part's header. `default_type` holds where there is no `Content-Type`.
pub(super) fn read_part(block: &[u8], default_type: &str) -> PartHead {
    let mut head = PartHead {
        media_type: default_type.to_owned(),
        ..PartHead::default()
    };
    let block = with_end(block);
    let Some(message) = PART.parse_headers(&*block) else {
        return head;
    };
    if let Some(kind) = message.content_type() {
        let subtype = kind.subtype().unwrap_or("plain");
        head.media_type = format!("{}/{subtype}", kind.ctype()).to_ascii_lowercase();
        head.boundary = kind
            .attribute("boundary")
            .map(|boundary| boundary.trim_end().as_bytes().to_vec())
            .filter(|boundary| !boundary.is_empty());
        head.charset = kind
            .attribute("charset")
            .map(|charset| charset.trim().to_ascii_lowercase());
        if kind
            .attribute("format")
            .is_some_and(|format| format.eq_ignore_ascii_case("flowed"))
        {
            head.flow = Flow::Flowed {
                delete_space: kind
                    .attribute("delsp")
                    .is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            };
        }
    }
    head.encoding = match message.content_transfer_encoding().map(str::trim) {
        Some(name) if name.eq_ignore_ascii_case("base64") => Encoding::Base64,
        Some(name) if name.eq_ignore_ascii_case("quoted-printable") => Encoding::QuotedPrintable,
        _ => Encoding::Identity,
    };
    head.name = message
        .attachment_name()
        .map(|name| name.trim().to_owned())
        .unwrap_or_default();
    head.content_id = message
        .content_id()
        .map(bare_id)
        .filter(|id| !id.is_empty());
    head.disposition = message.content_disposition().map(|disposition| {
        if disposition.is_inline() {
            Disposition::Inline
        } else {
            // RFC 2183 section 2.8: an unknown disposition is an attachment.
            Disposition::Attachment
        }
    });
    head
}

/// Reads the header of the message itself.
pub(super) fn read(bytes: &[u8], block: Range<usize>) -> ParsedHeaders {
    let mut headers = ParsedHeaders::default();
    let block = with_end(bytes.get(block).unwrap_or_default());
    let Some(message) = MESSAGE.parse_headers(&*block) else {
        return headers;
    };
    for header in message.headers() {
        if !is_field_name(header.name.as_str()) {
            continue;
        }
        let raw = block
            .get(header.offset_start as usize..header.offset_end as usize)
            .unwrap_or_default();
        take(&mut headers, &header.name, &header.value, raw);
        headers
            .all
            .push((header.name.as_str().to_owned(), unfold(raw)));
    }
    headers
}

/// A field without a line break behind it would not be read.
fn with_end(block: &[u8]) -> Cow<'_, [u8]> {
    if block.ends_with(b"\n") {
        Cow::Borrowed(block)
    } else {
        Cow::Owned([block, b"\r\n\r\n"].concat())
    }
}

/// RFC 5322 section 3.6.8.
fn is_field_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
}

fn take(headers: &mut ParsedHeaders, name: &HeaderName<'_>, value: &HeaderValue<'_>, raw: &[u8]) {
    match name {
        HeaderName::From => addresses(&mut headers.from, value),
        HeaderName::Sender => addresses(&mut headers.sender, value),
        HeaderName::To => addresses(&mut headers.to, value),
        HeaderName::Cc => addresses(&mut headers.cc, value),
        HeaderName::Bcc => addresses(&mut headers.bcc, value),
        HeaderName::ReplyTo => addresses(&mut headers.reply_to, value),
        HeaderName::MessageId => ids(&mut headers.message_ids, value),
        HeaderName::InReplyTo => ids(&mut headers.in_reply_to, value),
        HeaderName::References => ids(&mut headers.references, value),
        HeaderName::Subject if headers.subject.is_empty() => {
            if let Some(subject) = value.as_text() {
                headers.subject = one_line(subject);
            }
        }
        HeaderName::Date if headers.date.is_none() => {
            headers.date = value
                .as_datetime()
                .filter(|date| date.is_valid())
                .map(|date| UnixTime::from_seconds(date.to_timestamp()));
        }
        HeaderName::ListId => set_once(&mut headers.list_id, raw),
        HeaderName::ListUnsubscribe => set_once(&mut headers.list_unsubscribe, raw),
        HeaderName::ListUnsubscribePost => set_once(&mut headers.list_unsubscribe_post, raw),
        _ => {}
    }
}

fn set_once(slot: &mut Option<String>, raw: &[u8]) {
    if slot.is_none() {
        *slot = Some(unfold(raw)).filter(|value| !value.is_empty());
    }
}

fn addresses(into: &mut Vec<Address>, value: &HeaderValue<'_>) {
    let one = |name: Option<&str>, email: Option<&str>| Address {
        name: name.map(one_line).unwrap_or_default(),
        email: email
            .map(|email| {
                email
                    .chars()
                    .filter(|c| !c.is_control())
                    .collect::<String>()
            })
            .map(|email| email.trim().to_owned())
            .unwrap_or_default(),
    };
    match value {
        HeaderValue::Address(mail_parser::Address::List(list)) => {
            into.extend(list.iter().map(|addr| one(addr.name(), addr.address())));
        }
        HeaderValue::Address(mail_parser::Address::Group(groups)) => {
            for group in groups {
                if group.addresses.is_empty() {
                    into.push(one(group.name.as_deref(), None));
                }
                into.extend(
                    group
                        .addresses
                        .iter()
                        .map(|addr| one(addr.name(), addr.address())),
                );
            }
        }
        _ => {}
    }
    into.retain(|address| !address.name.is_empty() || !address.email.is_empty());
}

fn ids(into: &mut Vec<String>, value: &HeaderValue<'_>) {
    let found: &[_] = match value {
        HeaderValue::Text(id) => std::slice::from_ref(id),
        HeaderValue::TextList(ids) => ids,
        _ => &[],
    };
    into.extend(
        found
            .iter()
            .map(|id| bare_id(id))
            .filter(|id| !id.is_empty()),
    );
}

fn bare_id(id: &str) -> String {
    id.trim()
        .trim_start_matches('<')
        .trim_end_matches('>')
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect()
}

/// Decoded header text on one line: line breaks and other control characters become spaces.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>()
        .trim()
        .to_owned()
}

fn unfold(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut out = String::with_capacity(text.len());
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        out.push_str(line);
    }
    out.trim().to_owned()
}
