//! `Email/get` (RFC 8621 section 4.2).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::error::MethodError;
use super::get::once;
use super::header;
use super::ids;
use super::message::{BodyProperty, Parsed};
use super::request::{Turn, arguments, check_get};

const DEFAULT: [&str; 24] = [
    "id",
    "blobId",
    "threadId",
    "mailboxIds",
    "keywords",
    "size",
    "receivedAt",
    "messageId",
    "inReplyTo",
    "references",
    "sender",
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "sentAt",
    "hasAttachment",
    "preview",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
];
const DEFAULT_BODY: [&str; 10] = [
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
];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    ids: Option<Vec<String>>,
    #[serde(default)]
    properties: Option<Vec<String>>,
    #[serde(default)]
    body_properties: Option<Vec<String>>,
    #[serde(default)]
    fetch_text_body_values: bool,
    #[serde(default, rename = "fetchHTMLBodyValues")]
    fetch_html_body_values: bool,
    #[serde(default)]
    fetch_all_body_values: bool,
    #[serde(default)]
    max_body_value_bytes: usize,
}

/// What is wanted of each message.
struct Wanted {
    properties: Vec<String>,
    headers: BTreeMap<String, header::Property>,
    body: Vec<BodyProperty>,
    given: Arguments,
}

impl Wanted {
    fn read(given: Arguments) -> Result<Self, MethodError> {
        let unknown = |p: &str| MethodError::InvalidArguments(format!("there is no property {p}"));
        let mut properties: Vec<String> = given
            .properties
            .clone()
            .unwrap_or_else(|| DEFAULT.iter().map(|p| (*p).to_owned()).collect());
        if !properties.iter().any(|p| p == "id") {
            properties.push("id".to_owned());
        }
        let mut headers = BTreeMap::new();
        for property in &properties {
            if DEFAULT.contains(&property.as_str())
                || ["bodyStructure", "headers"].contains(&property.as_str())
            {
                continue;
            }
            let read = header::Property::read(property).ok_or_else(|| unknown(property))?;
            headers.insert(property.clone(), read);
        }
        let names = given
            .body_properties
            .clone()
            .unwrap_or_else(|| DEFAULT_BODY.iter().map(|p| (*p).to_owned()).collect());
        let body = names
            .iter()
            .map(|p| BodyProperty::read(p).ok_or_else(|| unknown(p)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            properties,
            headers,
            body,
            given,
        })
    }

    /// Whether the words of the message are needed at all.
    fn needs_message(&self) -> bool {
        self.properties.iter().any(|p| {
            ![
                "id",
                "blobId",
                "threadId",
                "mailboxIds",
                "keywords",
                "receivedAt",
            ]
            .contains(&p.as_str())
        })
    }
}

/// `Email/get`.
pub(crate) fn get(turn: &mut Turn<'_>, given: Map<String, Value>) -> Result<Value, MethodError> {
    let given: Arguments = arguments(given)?;
    let account = &*turn.account;
    let asked = match &given.ids {
        Some(ids) => once(ids),
        None if account.order().len() > super::session::MOST_IN_GET => {
            return Err(MethodError::RequestTooLarge);
        }
        None => account.order().iter().map(|n| ids::email(*n)).collect(),
    };
    check_get(asked.len())?;
    let wanted = Wanted::read(given)?;
    let (mut list, mut not_found) = (Vec::new(), Vec::new());
    for id in asked {
        let number = ids::number('M', &id).filter(|n| account.record(*n).is_some());
        match number.and_then(|n| object(account, n, &wanted)) {
            Some(value) => list.push(value),
            None => not_found.push(id),
        }
    }
    Ok(json!({ "state": account.logs.email.state(), "list": list, "notFound": not_found }))
}

fn object(account: &Account, number: u32, wanted: &Wanted) -> Option<Value> {
    let record = account.record(number)?;
    let bytes = if wanted.needs_message() {
        account.bytes(number)?
    } else {
        Vec::new()
    };
    let parsed = Parsed::new(&bytes);
    let blob = ids::message_blob(number);
    let mut out = Map::new();
    for property in &wanted.properties {
        let value = match property.as_str() {
            "id" => ids::email(number).into(),
            "blobId" => blob.clone().into(),
            "threadId" => ids::thread(record.thread).into(),
            "mailboxIds" => account
                .folders_of(record.mailboxes)
                .map(|id| (ids::mailbox(id), Value::Bool(true)))
                .collect::<Map<_, _>>()
                .into(),
            "keywords" => account
                .keyword_names(record.keywords)
                .map(|k| (k.to_owned(), Value::Bool(true)))
                .collect::<Map<_, _>>()
                .into(),
            "receivedAt" => utc(record.received_at).into(),
            "size" => bytes.len().into(),
            "hasAttachment" => parsed.has_attachment().into(),
            "preview" => parsed.preview().into(),
            "headers" => parsed
                .root()
                .map_or(Value::Null, |root| parsed.headers(root)),
            "bodyStructure" => parsed.structure(0, &blob, &wanted.body),
            "bodyValues" => body_values(&parsed, &wanted.given),
            "textBody" => parts(&parsed, &parsed.message.text_body, &blob, &wanted.body),
            "htmlBody" => parts(&parsed, &parsed.message.html_body, &blob, &wanted.body),
            "attachments" => parts(&parsed, &parsed.message.attachments, &blob, &wanted.body),
            name => match (wanted.headers.get(name), parsed.root()) {
                (Some(header), Some(root)) => parsed.header_property(root, header),
                (Some(_), None) => Value::Null,
                (None, _) => parsed.convenient(name),
            },
        };
        out.insert(property.clone(), value);
    }
    Some(Value::Object(out))
}

fn parts(parsed: &Parsed<'_>, numbers: &[u32], blob: &str, wanted: &[BodyProperty]) -> Value {
    numbers
        .iter()
        .filter_map(|n| Some(parsed.body_part(*n, parsed.part(*n)?, blob, wanted)))
        .collect()
}

fn body_values(parsed: &Parsed<'_>, given: &Arguments) -> Value {
    let mut numbers: Vec<u32> = Vec::new();
    if given.fetch_text_body_values || given.fetch_all_body_values {
        numbers.extend(&parsed.message.text_body);
    }
    if given.fetch_html_body_values || given.fetch_all_body_values {
        numbers.extend(&parsed.message.html_body);
    }
    if given.fetch_all_body_values {
        let texts = (0u32..)
            .zip(&parsed.message.parts)
            .filter(|(_, part)| super::message::media_type(part).starts_with("text/"));
        numbers.extend(texts.map(|(n, _)| n));
    }
    let mut out = Map::new();
    for number in numbers {
        let part = parsed.part(number);
        if let Some(value) =
            part.and_then(|part| parsed.body_value(part, given.max_body_value_bytes))
        {
            out.insert(number.to_string(), value);
        }
    }
    Value::Object(out)
}

/// A `UTCDate`.
pub(crate) fn utc(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .map(|t| t.to_string())
        .unwrap_or_default()
}
