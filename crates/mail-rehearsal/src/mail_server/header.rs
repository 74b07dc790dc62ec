//! `header:*` properties and the forms of a header (RFC 8621 section 4.1.2).

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, Address, HeaderValue, MessagePart};
use serde_json::{Value, json};

/// A `header:Name[:asForm][:all]` property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Property {
    name: String,
    form: String,
    all: bool,
}

/// Forms and the headers they are allowed for; an empty list allows every header that is not
/// named for another form only.
const FORMS: [&str; 7] = [
    "Raw",
    "Text",
    "Addresses",
    "GroupedAddresses",
    "MessageIds",
    "Date",
    "URLs",
];

impl Property {
    /// Reads a property name; `None` when it is none, or when the form does not fit the header.
    pub(crate) fn read(property: &str) -> Option<Self> {
        let mut parts = property.strip_prefix("header:")?.split(':');
        let name = parts
            .next()
            .filter(|n| !n.is_empty() && n.bytes().all(|b| (33..=126).contains(&b)))?;
        let mut form = "Raw";
        let mut all = false;
        for part in parts {
            match part.strip_prefix("as") {
                Some(named) if FORMS.contains(&named) && form == "Raw" && !all => form = named,
                None if part == "all" && !all => all = true,
                _ => return None,
            }
        }
        allowed(name, form).then(|| Self {
            name: name.to_owned(),
            form: form.to_owned(),
            all,
        })
    }

    /// Whether it names a header and not a form of one.
    pub(crate) fn header_name(&self) -> &str {
        &self.name
    }

    /// The form, such as `Text`.
    pub(crate) fn form(&self) -> &str {
        &self.form
    }

    /// Whether it takes all occurrences.
    pub(crate) const fn is_all(&self) -> bool {
        self.all
    }

    /// The value for a part.
    pub(crate) fn value(&self, part: &MessagePart<'_>, bytes: &[u8]) -> Value {
        if !self.all {
            return last(part, bytes, &self.name, &self.form);
        }
        let values: Vec<Value> = raw(part, bytes, &self.name)
            .map(|raw| form(raw, &self.form))
            .collect();
        Value::Array(values)
    }
}

fn allowed(name: &str, form: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is = |names: &[&str]| names.contains(&name.as_str());
    let addresses = is(&[
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "resent-from",
        "resent-sender",
        "resent-reply-to",
        "resent-to",
        "resent-cc",
        "resent-bcc",
    ]);
    let ids = is(&[
        "message-id",
        "in-reply-to",
        "references",
        "resent-message-id",
    ]);
    let dates = is(&["date", "resent-date"]);
    let urls = is(&[
        "list-help",
        "list-unsubscribe",
        "list-subscribe",
        "list-post",
        "list-owner",
        "list-archive",
    ]);
    let other_standard = is(&[
        "return-path",
        "received",
        "mime-version",
        "content-type",
        "content-disposition",
        "content-transfer-encoding",
        "content-id",
    ]);
    match form {
        "Raw" => true,
        "Text" => !(addresses || ids || dates || urls || other_standard && name != "content-id"),
        "Addresses" | "GroupedAddresses" => {
            !(ids
                || dates
                || urls
                || other_standard
                || is(&["subject", "comments", "keywords", "list-id"]))
        }
        "MessageIds" => {
            !(addresses || dates || urls || is(&["subject", "comments", "keywords", "list-id"]))
        }
        "Date" => {
            !(addresses || ids || urls || is(&["subject", "comments", "keywords", "list-id"]))
        }
        _ => !(addresses || ids || dates || is(&["subject", "comments", "keywords", "list-id"])),
    }
}

fn raw<'a>(
    part: &'a MessagePart<'_>,
    bytes: &'a [u8],
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> {
    part.headers
        .iter()
        .filter(move |h| h.name.as_str().eq_ignore_ascii_case(name))
        .map(|h| {
            let value = bytes
                .get(h.offset_start as usize..h.offset_end as usize)
                .unwrap_or_default();
            let value = value.strip_suffix(b"\n").unwrap_or(value);
            value.strip_suffix(b"\r").unwrap_or(value)
        })
}

/// The last occurrence in a form; null when there is none.
pub(crate) fn last(part: &MessagePart<'_>, bytes: &[u8], name: &str, named: &str) -> Value {
    raw(part, bytes, name)
        .last()
        .map_or(Value::Null, |raw| form(raw, named))
}

/// All headers, raw.
pub(crate) fn all(part: &MessagePart<'_>, bytes: &[u8]) -> Value {
    let list: Vec<Value> = part
        .headers
        .iter()
        .map(|h| {
            let name = bytes.get(h.offset_field as usize..h.offset_start as usize).unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            let value = bytes.get(h.offset_start as usize..h.offset_end as usize).unwrap_or_default();
            let value = String::from_utf8_lossy(value);
            json!({ "name": name.trim_end_matches([':', ' ']), "value": value.trim_end_matches(['\r', '\n']) })
        })
        .collect();
    Value::Array(list)
}

fn form(raw: &[u8], form: &str) -> Value {
    let mut ended = raw.to_vec();
    ended.extend_from_slice(b"\r\n");
    let mut stream = MessageStream::new(&ended);
    match form {
        "Raw" => String::from_utf8_lossy(raw).into(),
        "Text" => match stream.parse_unstructured() {
            HeaderValue::Text(text) => text.trim().into(),
            _ => "".into(),
        },
        "Addresses" => addresses(&stream.parse_address()),
        "GroupedAddresses" => grouped(&stream.parse_address()),
        "MessageIds" => stream
            .parse_id()
            .as_text_list()
            .map_or(Value::Null, |ids| json!(ids)),
        "Date" => stream
            .parse_date()
            .as_datetime()
            .filter(|d| d.is_valid())
            .map_or(Value::Null, |d| d.to_rfc3339().into()),
        _ => urls(raw),
    }
}

fn address(addr: &Addr<'_>) -> Value {
    json!({ "name": addr.name.as_deref(), "email": addr.address.as_deref().unwrap_or_default() })
}

fn addresses(value: &HeaderValue<'_>) -> Value {
    value
        .as_address()
        .map_or_else(|| json!([]), |a| a.iter().map(address).collect())
}

fn grouped(value: &HeaderValue<'_>) -> Value {
    match value.as_address() {
        Some(Address::List(list)) => json!([{ "name": null, "addresses": list.iter().map(address).collect::<Vec<_>>() }]),
        Some(Address::Group(groups)) => groups
            .iter()
            .map(|g| json!({ "name": g.name.as_deref(), "addresses": g.addresses.iter().map(address).collect::<Vec<_>>() }))
            .collect(),
        None => json!([]),
    }
}

fn urls(raw: &[u8]) -> Value {
    let text = String::from_utf8_lossy(raw).replace(['\r', '\n', '\t', ' '], "");
    let list: Vec<&str> = text
        .split(',')
        .filter_map(|one| one.strip_prefix('<')?.strip_suffix('>'))
        .collect();
    if list.is_empty() {
        Value::Null
    } else {
        json!(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    const MAIL: &[u8] = b"From: Mum <mum@mail.example>\r\nTo: Friends: a@mail.example, B <b@mail.example>;, c@mail.example\r\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?Q?_2?=\r\nX-Tag: one\r\nX-Tag:  two \r\nList-Unsubscribe: <https://x.example/a>,\r\n <mailto:u@x.example>\r\nDate: Tue, 24 Nov 2026 10:20:00 +0100\r\nMessage-ID: <1@mail.example>\r\n\r\nHi\r\n";

    fn value(property: &str) -> Value {
        let message = MessageParser::default().parse(MAIL).unwrap();
        Property::read(property)
            .unwrap()
            .value(&message.parts[0], MAIL)
    }

    #[test]
    fn every_form_is_parsed_as_rfc_8621_says() {
        assert_eq!(
            value("header:Subject"),
            json!(" =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?Q?_2?=")
        );
        assert_eq!(value("header:subject:asText"), json!("Grüße 2"));
        assert_eq!(value("header:X-Tag:asText"), json!("two"));
        assert_eq!(value("header:X-Tag:all"), json!([" one", "  two "]));
        assert_eq!(
            value("header:From:asAddresses"),
            json!([{ "name": "Mum", "email": "mum@mail.example" }])
        );
        assert_eq!(
            value("header:List-Unsubscribe:asURLs"),
            json!(["https://x.example/a", "mailto:u@x.example"])
        );
        assert_eq!(
            value("header:Date:asDate"),
            json!("2026-11-24T10:20:00+01:00")
        );
        assert_eq!(
            value("header:Message-ID:asMessageIds"),
            json!(["1@mail.example"])
        );
        assert_eq!(value("header:Missing"), Value::Null);
        assert_eq!(value("header:Missing:all"), json!([]));
        assert_eq!(value("header:To:asGroupedAddresses")[0]["name"], "Friends");
    }

    #[test]
    fn a_form_that_does_not_fit_is_refused() {
        for bad in [
            "header:",
            "header:From:asDate",
            "header:Subject:asAddresses",
            "header:X:asNothing",
            "header:X:all:asText",
            "header:Date:asText",
            "subject",
        ] {
            assert_eq!(Property::read(bad), None, "{bad}");
        }
    }
}
