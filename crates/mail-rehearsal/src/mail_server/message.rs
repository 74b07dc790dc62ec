//! A message as RFC 8621 section 4.1 sees it: parsed headers, parts, preview.

use std::sync::LazyLock;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{
    Address, Encoding, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};
use serde_json::{Map, Value, json};

use super::header;

static PARSER: LazyLock<MessageParser> = LazyLock::new(MessageParser::default);

/// A parsed message; an unreadable one has no parts.
pub(crate) struct Parsed<'x> {
    bytes: &'x [u8],
    pub(crate) message: Message<'x>,
}

impl<'x> Parsed<'x> {
    /// Parses.
    pub(crate) fn new(bytes: &'x [u8]) -> Self {
        Self {
            bytes,
            message: PARSER.parse(bytes).unwrap_or_default(),
        }
    }

    /// Its own `Message-ID`s.
    pub(crate) fn own_ids(&self) -> impl Iterator<Item = String> {
        ids(self.message.header("Message-ID")).into_iter()
    }

    /// Every `Message-ID` it names, the nearest first.
    pub(crate) fn named_ids(&self) -> impl Iterator<Item = String> {
        let mut all = ids(self.message.header("References"));
        all.extend(ids(self.message.header("In-Reply-To")));
        all.reverse();
        all.extend(self.own_ids());
        all.into_iter()
    }

    /// The subject without `Re:` and the like.
    pub(crate) fn base_subject(&self) -> String {
        self.message
            .thread_name()
            .unwrap_or_default()
            .trim()
            .to_lowercase()
    }

    /// The root part.
    pub(crate) fn root(&self) -> Option<&MessagePart<'x>> {
        self.message.parts.first()
    }

    /// A part by its number.
    pub(crate) fn part(&self, number: u32) -> Option<&MessagePart<'x>> {
        self.message.parts.get(number as usize)
    }

    /// A header of the message as RFC 8621 section 4.1.2 and 4.1.3 parse it; null when absent.
    pub(crate) fn convenient(&self, property: &str) -> Value {
        let (name, form) = match property {
            "messageId" => ("Message-ID", "MessageIds"),
            "inReplyTo" => ("In-Reply-To", "MessageIds"),
            "references" => ("References", "MessageIds"),
            "sender" => ("Sender", "Addresses"),
            "from" => ("From", "Addresses"),
            "to" => ("To", "Addresses"),
            "cc" => ("Cc", "Addresses"),
            "bcc" => ("Bcc", "Addresses"),
            "replyTo" => ("Reply-To", "Addresses"),
            "subject" => ("Subject", "Text"),
            _ => ("Date", "Date"),
        };
        self.root().map_or(Value::Null, |root| {
            header::last(root, self.bytes, name, form)
        })
    }

    /// A `header:…` property of a part.
    pub(crate) fn header_property(
        &self,
        part: &MessagePart<'_>,
        property: &header::Property,
    ) -> Value {
        property.value(part, self.bytes)
    }

    /// All headers of a part, raw.
    pub(crate) fn headers(&self, part: &MessagePart<'_>) -> Value {
        header::all(part, self.bytes)
    }

    /// The bytes of a part after its transfer encoding is undone.
    pub(crate) fn decoded(&self, part: &MessagePart<'_>) -> Vec<u8> {
        if let PartType::Message(inner) = &part.body {
            return inner.raw_message.to_vec();
        }
        let raw = self
            .bytes
            .get(part.offset_body as usize..part.offset_end as usize)
            .unwrap_or_default();
        match part.encoding {
            Encoding::None => raw.to_vec(),
            Encoding::Base64 => base64_decode(raw).unwrap_or_else(|| part.contents().to_vec()),
            Encoding::QuotedPrintable => {
                quoted_printable_decode(raw).unwrap_or_else(|| part.contents().to_vec())
            }
        }
    }

    /// Whether a person would say it has files.
    pub(crate) fn has_attachment(&self) -> bool {
        self.message
            .attachments
            .iter()
            .filter_map(|n| self.part(*n))
            .any(|part| {
                let inline = part
                    .content_disposition()
                    .is_some_and(mail_parser::ContentType::is_inline);
                !inline
                    && !part.is_content_type("text", "calendar")
                    && !part.is_content_type("application", "pgp-signature")
            })
    }

    /// The first words somebody wrote: no greeting, no quotes, at most 256 characters.
    pub(crate) fn preview(&self) -> String {
        let text = self.message.body_text(0).unwrap_or_default();
        let mut out = String::new();
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|l| !l.is_empty())
            .collect();
        for (n, line) in lines.iter().enumerate() {
            let quoted = |l: &&str| l.starts_with('>');
            let greeting = n == 0 && lines.len() > 1 && is_greeting(line);
            let introduces = line.ends_with([':', '：']) && lines.get(n + 1).is_some_and(quoted);
            if greeting || introduces || quoted(line) {
                continue;
            }
            if *line == "--" {
                break;
            }
            for word in line.split_whitespace() {
                if !out.is_empty() {
                    out.push(' ');
                }
                out.push_str(word);
            }
            if out.chars().count() > 256 {
                break;
            }
        }
        out.chars().take(256).collect()
    }

    /// A part and the parts inside it as `EmailBodyPart`s.
    pub(crate) fn structure(&self, number: u32, blob: &str, wanted: &[BodyProperty]) -> Value {
        let Some(part) = self.part(number) else {
            return Value::Null;
        };
        let mut value = self.body_part(number, part, blob, wanted);
        if let (PartType::Multipart(inside), Some(value)) = (&part.body, value.as_object_mut()) {
            let parts: Vec<Value> = inside
                .iter()
                .map(|n| self.structure(*n, blob, wanted))
                .collect();
            value.insert("subParts".to_owned(), Value::Array(parts));
        }
        value
    }

    /// One `EmailBodyPart` without sub-parts.
    pub(crate) fn body_part(
        &self,
        number: u32,
        part: &MessagePart<'_>,
        blob: &str,
        wanted: &[BodyProperty],
    ) -> Value {
        let multipart = matches!(part.body, PartType::Multipart(_));
        let mut out = Map::new();
        for property in wanted {
            let value = match property.name.as_str() {
                "partId" if multipart => Value::Null,
                "partId" => number.to_string().into(),
                "blobId" if multipart => Value::Null,
                "blobId" => format!("{blob}-{number}").into(),
                "size" if multipart => 0.into(),
                "size" => self.decoded(part).len().into(),
                "name" => part.attachment_name().map_or(Value::Null, Into::into),
                "type" => media_type(part).into(),
                "charset" => charset(part),
                "disposition" => part
                    .content_disposition()
                    .map_or(Value::Null, |d| d.ctype().to_ascii_lowercase().into()),
                "cid" => part
                    .content_id()
                    .map_or(Value::Null, |id| id.trim_matches(['<', '>']).into()),
                "language" => match part.content_language() {
                    HeaderValue::Empty => Value::Null,
                    language => language.as_text_list().map_or(Value::Null, |l| json!(l)),
                },
                "location" => part.content_location().map_or(Value::Null, Into::into),
                "headers" => self.headers(part),
                "subParts" => Value::Null,
                _ => property
                    .header
                    .as_ref()
                    .map_or(Value::Null, |h| h.value(part, self.bytes)),
            };
            out.insert(property.name.clone(), value);
        }
        Value::Object(out)
    }

    /// The text of a part, as `EmailBodyValue`.
    pub(crate) fn body_value(&self, part: &MessagePart<'_>, most: usize) -> Option<Value> {
        let text = match &part.body {
            PartType::Text(text) | PartType::Html(text) => text.replace("\r\n", "\n"),
            _ if media_type(part).starts_with("text/") => {
                String::from_utf8_lossy(part.contents()).replace("\r\n", "\n")
            }
            _ => return None,
        };
        let truncated = most > 0 && text.len() > most;
        let mut end = if truncated { most } else { text.len() };
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let value = text.get(..end).unwrap_or_default();
        Some(
            json!({ "value": value, "isEncodingProblem": part.is_encoding_problem, "isTruncated": truncated }),
        )
    }

    /// Everything a person could search for in the body.
    pub(crate) fn searchable_body(&self) -> String {
        let mut out = String::new();
        for n in 0..self.message.text_body_count() {
            if let Some(text) = self.message.body_text(n) {
                out.push_str(&text);
                out.push(' ');
            }
        }
        out
    }

    /// All addresses of a header as words.
    pub(crate) fn address_words(&self, name: &'static str) -> String {
        let address = self.message.header(name).and_then(HeaderValue::as_address);
        let mut out = String::new();
        for one in address.into_iter().flat_map(Address::iter) {
            for word in [one.name.as_deref(), one.address.as_deref()]
                .into_iter()
                .flatten()
            {
                out.push_str(word);
                out.push(' ');
            }
        }
        out
    }
}

/// A short line that ends as greetings do in many languages.
fn is_greeting(line: &str) -> bool {
    let ends = [",", "，", "、", ":", "：", "!", "！", "،", "さん"];
    line.chars().count() < 30 && ends.iter().any(|end| line.ends_with(end))
}

/// A property of a body part.
#[derive(Debug)]
pub(crate) struct BodyProperty {
    name: String,
    header: Option<header::Property>,
}

impl BodyProperty {
    /// Reads a name; `None` for one RFC 8621 does not have.
    pub(crate) fn read(name: &str) -> Option<Self> {
        let known = [
            "partId",
            "blobId",
            "size",
            "name",
            "type",
            "charset",
            "disposition",
            "cid",
            "language",
            "location",
            "headers",
            "subParts",
        ];
        let header = header::Property::read(name);
        (known.contains(&name) || header.is_some()).then(|| Self {
            name: name.to_owned(),
            header,
        })
    }
}

/// Media type, lower case; `text/plain` where none is given.
pub(crate) fn media_type(part: &MessagePart<'_>) -> String {
    part.content_type().map_or_else(
        || {
            if part.is_message() {
                "message/rfc822".to_owned()
            } else {
                "text/plain".to_owned()
            }
        },
        |t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or("plain")).to_ascii_lowercase(),
    )
}

fn charset(part: &MessagePart<'_>) -> Value {
    if !media_type(part).starts_with("text/") {
        return Value::Null;
    }
    part.content_type()
        .and_then(|t| t.attribute("charset"))
        .unwrap_or("us-ascii")
        .into()
}

fn ids(value: Option<&HeaderValue<'_>>) -> Vec<String> {
    value
        .and_then(HeaderValue::as_text_list)
        .map(|list| list.iter().map(|id| id.to_string()).collect())
        .unwrap_or_default()
}
