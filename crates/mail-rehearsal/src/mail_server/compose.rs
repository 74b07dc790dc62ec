//! Messages made by the server: drafts from `Email/set` parts (RFC 8621 section 4.6), mail of the
//! drivers, and the copy that is delivered.

use encoding_rs::UTF_8;
use serde_json::{Map, Value};

use super::driver::NewMail;
use super::email_set::{keyword_names, mailbox_numbers};
use super::error::SetError;
use super::header::Property;
use super::request::Turn;
use super::{blob, header};
use crate::corpus::mime::{self, Leaf, Part, Transfer, Writer};
use crate::corpus::when;
use crate::people::Person;

/// A message to be put into an account.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    pub(crate) mailboxes: Vec<u32>,
    pub(crate) keywords: Vec<String>,
    pub(crate) received_at: i64,
}

/// Properties that say where the message goes and not what it is.
const PLACING: [&str; 3] = ["mailboxIds", "keywords", "receivedAt"];
const BODY: [&str; 5] = [
    "bodyStructure",
    "bodyValues",
    "textBody",
    "htmlBody",
    "attachments",
];
const ADDRESSES: [(&str, &str); 6] = [
    ("sender", "Sender"),
    ("from", "From"),
    ("to", "To"),
    ("cc", "Cc"),
    ("bcc", "Bcc"),
    ("replyTo", "Reply-To"),
];
const IDS: [(&str, &str); 3] = [
    ("messageId", "Message-ID"),
    ("inReplyTo", "In-Reply-To"),
    ("references", "References"),
];

/// Makes a message out of a created `Email` object.
pub(crate) fn draft(turn: &Turn<'_>, object: Map<String, Value>) -> Result<Made, SetError> {
    let wrong = |p: &str| SetError::properties(&[p]);
    let mailboxes = mailbox_numbers(turn, object.get("mailboxIds").unwrap_or(&Value::Null))?;
    let keywords = object
        .get("keywords")
        .map_or(Ok(Vec::new()), keyword_names)?;
    let received_at = match object.get("receivedAt") {
        None => turn.now,
        Some(value) => time(value).ok_or_else(|| wrong("receivedAt"))?,
    };
    let mut writer = Writer::default();
    let mut named: Vec<String> = Vec::new();
    for (property, value) in &object {
        if PLACING.contains(&property.as_str())
            || BODY.contains(&property.as_str())
            || value.is_null()
        {
            continue;
        }
        let (name, text) = header_line(property, value).ok_or_else(|| wrong(property))?;
        let lower = name.to_ascii_lowercase();
        if named.contains(&lower) || lower.starts_with("content-") {
            return Err(wrong(property));
        }
        named.push(lower);
        writer.header(&name, &text);
    }
    if !named.iter().any(|n| n == "date") {
        writer.header("Date", &when::header(turn.now, 0));
    }
    if !named.iter().any(|n| n == "message-id") {
        writer.header(
            "Message-ID",
            &format!(
                "<{:x}.{:x}@rehearsal.example>",
                turn.account.next_email(),
                turn.now
            ),
        );
    }
    let body = body(turn, &object)?;
    let seed =
        u64::from(turn.account.next_email()) << 32 | u64::from(turn.now.unsigned_abs() as u32);
    Ok(Made {
        bytes: writer.body(&body, seed),
        mailboxes,
        keywords,
        received_at,
    })
}

fn time(value: &Value) -> Option<i64> {
    value
        .as_str()?
        .parse::<jiff::Timestamp>()
        .ok()
        .map(jiff::Timestamp::as_second)
}

/// Name and value of the header a property stands for.
fn header_line(property: &str, value: &Value) -> Option<(String, String)> {
    if let Some((_, name)) = ADDRESSES.iter().find(|(p, _)| *p == property) {
        return Some(((*name).to_owned(), addresses(value)?));
    }
    if let Some((_, name)) = IDS.iter().find(|(p, _)| *p == property) {
        return Some(((*name).to_owned(), message_ids(value)?));
    }
    match property {
        "subject" => return Some(("Subject".to_owned(), words(value)?)),
        "sentAt" => return Some(("Date".to_owned(), when::header(time(value)?, 0))),
        _ => {}
    }
    let header = Property::read(property).filter(|h| !h.is_all())?;
    let text = match header.form() {
        "Raw" => safe(value.as_str()?)?.trim_start().to_owned(),
        "Text" => words(value)?,
        "Addresses" => addresses(value)?,
        "MessageIds" => message_ids(value)?,
        "Date" => when::header(time(value)?, 0),
        "URLs" => {
            let urls = value
                .as_array()?
                .iter()
                .map(|u| Some(format!("<{}>", safe(u.as_str()?)?)))
                .collect::<Option<Vec<_>>>()?;
            urls.join(", ")
        }
        _ => return None,
    };
    Some((header.header_name().to_owned(), text))
}

/// A text without the line breaks that would begin another header.
fn safe(text: &str) -> Option<&str> {
    (!text.contains(['\r', '\n', '\0'])).then_some(text)
}

fn words(value: &Value) -> Option<String> {
    Some(mime::words(safe(value.as_str()?)?, UTF_8))
}

fn addresses(value: &Value) -> Option<String> {
    let list = value.as_array()?.iter().map(|one| {
        let email = safe(one.get("email")?.as_str()?)?;
        let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
        Some(mime::mailbox(safe(name)?, email, UTF_8))
    });
    Some(list.collect::<Option<Vec<_>>>()?.join(", "))
}

fn message_ids(value: &Value) -> Option<String> {
    let list = value
        .as_array()?
        .iter()
        .map(|id| Some(format!("<{}>", safe(id.as_str()?)?)));
    Some(list.collect::<Option<Vec<_>>>()?.join(" "))
}

fn body(turn: &Turn<'_>, object: &Map<String, Value>) -> Result<Part, SetError> {
    let given = |p: &str| object.get(p).filter(|v| !v.is_null());
    if let Some(structure) = given("bodyStructure") {
        if ["textBody", "htmlBody", "attachments"]
            .iter()
            .any(|p| given(p).is_some())
        {
            return Err(SetError::properties(&["bodyStructure"]).because("parts are given twice"));
        }
        return part(turn, object, structure, "bodyStructure", None);
    }
    let single = |name: &'static str, media_type: &'static str| -> Result<Option<Part>, SetError> {
        let Some(value) = given(name) else {
            return Ok(None);
        };
        match value.as_array().map(Vec::as_slice) {
            Some([one]) => part(turn, object, one, name, Some(media_type)).map(Some),
            _ => Err(SetError::properties(&[name]).because("exactly one part is wanted")),
        }
    };
    let texts = [
        single("textBody", "text/plain")?,
        single("htmlBody", "text/html")?,
    ];
    let mut texts: Vec<Part> = texts.into_iter().flatten().collect();
    let main = match texts.len() {
        0 => mime::text("plain", "", "", UTF_8, Transfer::SevenBit),
        1 => texts.remove(0),
        _ => Part::Multi {
            subtype: "alternative",
            params: "",
            parts: texts,
        },
    };
    let Some(files) = given("attachments")
        .and_then(Value::as_array)
        .filter(|f| !f.is_empty())
    else {
        return Ok(main);
    };
    let mut parts = vec![main];
    for file in files {
        parts.push(part(turn, object, file, "attachments", None)?);
    }
    Ok(Part::Multi {
        subtype: "mixed",
        params: "",
        parts,
    })
}

fn part(
    turn: &Turn<'_>,
    object: &Map<String, Value>,
    value: &Value,
    property: &str,
    wanted: Option<&str>,
) -> Result<Part, SetError> {
    let wrong = |why: &str| SetError::properties(&[property]).because(why);
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let media_type = text("type")
        .or(wanted)
        .unwrap_or(if text("partId").is_some() {
            "text/plain"
        } else {
            "application/octet-stream"
        })
        .to_ascii_lowercase();
    if wanted.is_some_and(|w| w != media_type) {
        return Err(wrong("the part has another type"));
    }
    if safe(&media_type).is_none()
        || ["name", "cid", "disposition"]
            .iter()
            .any(|p| text(p).is_some_and(|t| safe(t).is_none() || t.contains('"')))
    {
        return Err(wrong("a value holds characters that cannot be there"));
    }
    if let Some(subtype) = media_type.strip_prefix("multipart/") {
        let inner = value
            .get("subParts")
            .and_then(Value::as_array)
            .ok_or_else(|| wrong("subParts are missing"))?;
        let parts = inner
            .iter()
            .map(|v| part(turn, object, v, property, None))
            .collect::<Result<_, _>>()?;
        let subtype = ["alternative", "related", "signed", "report"]
            .into_iter()
            .find(|s| *s == subtype)
            .unwrap_or("mixed");
        return Ok(Part::Multi {
            subtype,
            params: "",
            parts,
        });
    }
    if let Some(id) = text("partId") {
        let content = object
            .get("bodyValues")
            .and_then(|v| v.get(id))
            .ok_or_else(|| SetError::properties(&["bodyValues"]))?;
        if ["isEncodingProblem", "isTruncated"]
            .iter()
            .any(|p| content.get(p) == Some(&Value::Bool(true)))
            || value.get("charset").is_some_and(|c| !c.is_null())
        {
            return Err(SetError::properties(&["bodyValues"]));
        }
        let content = content
            .get("value")
            .and_then(Value::as_str)
            .ok_or_else(|| SetError::properties(&["bodyValues"]))?;
        let subtype = media_type
            .strip_prefix("text/")
            .ok_or_else(|| wrong("only texts have a bodyValue"))?;
        return Ok(mime::text(
            subtype,
            "",
            content,
            UTF_8,
            Transfer::QuotedPrintable,
        ));
    }
    let id = text("blobId").ok_or_else(|| wrong("neither partId nor blobId"))?;
    let missing = || SetError::new("blobNotFound").with("notFound", serde_json::json!([id]));
    let bytes =
        blob::load(turn.account, turn.resolve(id).unwrap_or_default()).ok_or_else(missing)?;
    Ok(Part::Leaf(leaf(
        &media_type,
        text("name"),
        text("disposition"),
        text("cid"),
        bytes,
    )))
}

fn leaf(
    media_type: &str,
    name: Option<&str>,
    disposition: Option<&str>,
    cid: Option<&str>,
    body: Vec<u8>,
) -> Leaf {
    let named = name
        .map(|name| mime::parameter("filename", name))
        .unwrap_or_default();
    Leaf {
        content_type: media_type.to_owned(),
        disposition: Some(format!("{}{named}", disposition.unwrap_or("attachment"))),
        content_id: cid.map(str::to_owned),
        transfer: if media_type == "message/rfc822" {
            Transfer::EightBit
        } else {
            Transfer::Base64
        },
        body,
    }
}

/// A plain message of a driver.
pub(crate) fn plain(mail: &NewMail<'_>, to: &Person, now: i64, id: &str) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.header("Date", &when::header(now, 0));
    writer.header("From", &mime::mailbox(mail.from_name, mail.from, UTF_8));
    writer.header("To", &mime::mailbox(&to.name, &to.email, UTF_8));
    writer.words("Subject", mail.subject, UTF_8);
    writer.header("Message-ID", &format!("<{id}>"));
    if let Some(answers) = mail.answers {
        writer.header("In-Reply-To", &format!("<{answers}>"));
        writer.header("References", &format!("<{answers}>"));
    }
    writer.body(
        &mime::text("plain", "", mail.text, UTF_8, Transfer::QuotedPrintable),
        0,
    )
}

/// The copy a recipient gets: traced, and without `Bcc`.
pub(crate) fn delivered(bytes: &[u8], from: &str, to: &str, now: i64) -> Vec<u8> {
    let mut out = format!("Return-Path: <{from}>\r\nReceived: from rehearsal.example by rehearsal.example with ESMTPSA\r\n for <{to}>; {}\r\n", when::header(now, 0)).into_bytes();
    let mut skipping = false;
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        let blank = line.iter().all(|b| b"\r\n".contains(b));
        if blank {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            skipping = line
                .get(..4)
                .is_some_and(|name| name.eq_ignore_ascii_case(b"bcc:"));
        }
        if !skipping {
            out.extend_from_slice(line);
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out
}

/// The addresses of a header of a message.
pub(crate) fn addresses_of(parsed: &super::message::Parsed<'_>, name: &str) -> Vec<String> {
    let value = parsed.root().map_or(Value::Null, |root| {
        header::last(root, &parsed.message.raw_message, name, "Addresses")
    });
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|a| a.get("email")?.as_str())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blind_copies_do_not_see_each_other() {
        let bytes = b"From: a@x.example\r\nBCC: b@x.example,\r\n c@x.example\r\nSubject: Bcc: no\r\n\r\nBcc: stays\r\n";
        let text = String::from_utf8(delivered(bytes, "a@x.example", "b@x.example", 0)).unwrap();
        assert!(!text.contains("c@x.example"));
        assert!(text.contains("Subject: Bcc: no\r\n\r\nBcc: stays\r\n"));
        assert!(text.starts_with("Return-Path: <a@x.example>\r\nReceived: "));
    }
}
