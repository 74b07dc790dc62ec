//! RFC 8621 section 4: `Email`.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use mail_model::remote::{MessageUpdate, RawEntry, SourceError};
use mail_model::{
    Address, BlobId, Keyword, Keywords, MailboxId, Message, MessageId, ThreadId, UnixTime,
};
use serde::Deserialize;

use crate::fault::bad_answer;

/// Everything a list and a conversation's fold need.
pub(crate) const PROPERTIES: [&str; 18] = [
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
    "from",
    "to",
    "cc",
    "bcc",
    "replyTo",
    "subject",
    "preview",
    "hasAttachment",
];

/// All that ever changes of a message.
pub(crate) const CHANGING_PROPERTIES: [&str; 3] = ["id", "mailboxIds", "keywords"];

/// What a copy of a message's bytes needs.
pub(crate) const RAW_PROPERTIES: [&str; 7] = [
    "id",
    "blobId",
    "size",
    "mailboxIds",
    "keywords",
    "receivedAt",
    "hasAttachment",
];

pub(crate) const BODY_PROPERTIES: [&str; 5] =
    ["id", "textBody", "htmlBody", "attachments", "bodyValues"];

pub(crate) const PART_PROPERTIES: [&str; 7] = [
    "partId",
    "blobId",
    "size",
    "name",
    "type",
    "disposition",
    "cid",
];

/// A preview is at most this many characters (section 4.1.4).
const PREVIEW_LIMIT: usize = 256;

/// An object that says which message it is.
pub(crate) trait HasId {
    fn id(&self) -> &str;
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmailWire {
    id: String,
    mailbox_ids: BTreeMap<String, bool>,
    keywords: BTreeMap<String, bool>,
    blob_id: String,
    thread_id: String,
    size: u64,
    received_at: String,
    message_id: Option<Vec<String>>,
    in_reply_to: Option<Vec<String>>,
    references: Option<Vec<String>>,
    from: Option<Vec<AddressWire>>,
    to: Option<Vec<AddressWire>>,
    cc: Option<Vec<AddressWire>>,
    bcc: Option<Vec<AddressWire>>,
    reply_to: Option<Vec<AddressWire>>,
    subject: Option<String>,
    preview: String,
    has_attachment: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangingWire {
    id: String,
    mailbox_ids: BTreeMap<String, bool>,
    keywords: BTreeMap<String, bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RawWire {
    id: String,
    blob_id: String,
    size: u64,
    mailbox_ids: BTreeMap<String, bool>,
    keywords: BTreeMap<String, bool>,
    received_at: String,
    has_attachment: bool,
}

/// A message's files without anything else of it.
#[derive(Debug, Deserialize)]
pub(crate) struct FilesWire {
    id: String,
    pub(crate) attachments: Vec<FileWire>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct FileWire {
    pub(crate) size: u64,
}

/// The names of a message's files.
#[derive(Debug, Deserialize)]
pub(crate) struct FileNamesWire {
    pub(crate) id: String,
    attachments: Vec<FileNameWire>,
}

#[derive(Debug, Deserialize)]
struct FileNameWire {
    name: Option<String>,
}

impl FileNamesWire {
    pub(crate) fn names(&self) -> Vec<String> {
        let files = self.attachments.iter();
        files.filter_map(|file| file.name.clone()).collect()
    }
}

#[derive(Debug, Deserialize)]
struct AddressWire {
    name: Option<String>,
    email: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EmailBodyWire {
    pub(crate) id: String,
    pub(crate) text_body: Vec<PartWire>,
    pub(crate) html_body: Vec<PartWire>,
    pub(crate) attachments: Vec<PartWire>,
    pub(crate) body_values: HashMap<String, BodyValueWire>,
}

/// `EmailBodyPart` (section 4.1.4).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PartWire {
    pub(crate) part_id: Option<String>,
    pub(crate) blob_id: Option<String>,
    pub(crate) size: u64,
    pub(crate) name: Option<String>,
    #[serde(rename = "type")]
    pub(crate) media_type: String,
    pub(crate) disposition: Option<String>,
    pub(crate) cid: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BodyValueWire {
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) is_truncated: bool,
}

impl HasId for EmailWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for ChangingWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for RawWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for FilesWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for FileNamesWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl HasId for EmailBodyWire {
    fn id(&self) -> &str {
        &self.id
    }
}

impl EmailWire {
    pub(crate) fn take(self) -> Result<Message, SourceError> {
        let MessageUpdate {
            id,
            mailboxes,
            keywords,
        } = ChangingWire {
            id: self.id,
            mailbox_ids: self.mailbox_ids,
            keywords: self.keywords,
        }
        .take()?;
        Ok(Message {
            id,
            blob: blob_id(self.blob_id)?,
            thread: ThreadId::new(self.thread_id)
                .map_err(|_| bad_answer("a thread id is malformed"))?,
            mailboxes,
            keywords,
            received_at: utc_date(&self.received_at)?,
            size: self.size,
            from: addresses(self.from),
            to: addresses(self.to),
            cc: addresses(self.cc),
            bcc: addresses(self.bcc),
            reply_to: addresses(self.reply_to),
            subject: self.subject.unwrap_or_default(),
            preview: shortened(&self.preview),
            message_ids: self.message_id.unwrap_or_default(),
            in_reply_to: self.in_reply_to.unwrap_or_default(),
            references: self.references.unwrap_or_default(),
            has_attachment: self.has_attachment,
        })
    }
}

impl ChangingWire {
    pub(crate) fn take(self) -> Result<MessageUpdate, SourceError> {
        if !self
            .mailbox_ids
            .values()
            .chain(self.keywords.values())
            .all(|is_set| *is_set)
        {
            return Err(bad_answer("a mailbox or keyword of a message is not true"));
        }
        if self.mailbox_ids.is_empty() {
            return Err(bad_answer("a message lies in no mailbox"));
        }
        Ok(MessageUpdate {
            id: message_id(self.id)?,
            mailboxes: self
                .mailbox_ids
                .into_keys()
                .map(|id| MailboxId::new(id).map_err(|_| bad_answer("a mailbox id is malformed")))
                .collect::<Result<_, _>>()?,
            keywords: self
                .keywords
                .into_keys()
                .map(Keyword::from)
                .collect::<Keywords>(),
        })
    }
}

impl RawWire {
    pub(crate) fn take(self) -> Result<RawEntry, SourceError> {
        let MessageUpdate {
            id,
            mailboxes,
            keywords,
        } = ChangingWire {
            id: self.id,
            mailbox_ids: self.mailbox_ids,
            keywords: self.keywords,
        }
        .take()?;
        Ok(RawEntry {
            id,
            blob: blob_id(self.blob_id)?,
            size: self.size,
            mailboxes,
            keywords,
            received_at: utc_date(&self.received_at)?,
            has_attachment: self.has_attachment,
        })
    }
}

fn blob_id(id: String) -> Result<BlobId, SourceError> {
    BlobId::new(id).map_err(|_| bad_answer("a blob id is malformed"))
}

pub(crate) fn message_id(id: String) -> Result<MessageId, SourceError> {
    MessageId::new(id).map_err(|_| bad_answer("a message id is malformed"))
}

fn addresses(list: Option<Vec<AddressWire>>) -> Vec<Address> {
    list.unwrap_or_default()
        .into_iter()
        .map(|address| Address {
            name: address.name.unwrap_or_default(),
            email: address.email.unwrap_or_default(),
        })
        .collect()
}

fn shortened(text: &str) -> String {
    let mut text = text.trim().to_owned();
    if let Some((end, _)) = text.char_indices().nth(PREVIEW_LIMIT) {
        text.truncate(end);
    }
    text
}

/// A `UTCDate` (RFC 8620 section 1.4).
pub(crate) fn utc_date(text: &str) -> Result<UnixTime, SourceError> {
    let time: Timestamp = text
        .parse()
        .map_err(|_| bad_answer("a time is malformed"))?;
    let seconds = time.as_second();
    let floor = if time.subsec_nanosecond() < 0 {
        seconds.saturating_sub(1)
    } else {
        seconds
    };
    Ok(UnixTime::from_seconds(floor))
}

/// That time as a `UTCDate`; one beyond all calendars becomes the nearest there is.
pub(crate) fn utc_text(time: UnixTime) -> String {
    let time = Timestamp::from_second(time.seconds()).unwrap_or(if time.seconds() < 0 {
        Timestamp::UNIX_EPOCH
    } else {
        LAST
    });
    time.to_string()
}

/// 9999-12-30T22:00:00Z, about the last second a `UTCDate` can name.
const LAST: Timestamp = Timestamp::constant(253_402_207_200, 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_second_before() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-03-03T10:00:00.999Z", 1_772_532_000),
            ("1969-12-31T23:59:59.5Z", -1),
        ] {
            assert_eq!(utc_date(text).unwrap().seconds(), seconds, "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-03-03"] {
            assert!(utc_date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_written_as_utc_dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_772_532_000, "2026-03-03T10:00:00Z"),
            (i64::MAX, "9999-12-30T22:00:00Z"),
        ] {
            assert_eq!(utc_text(UnixTime::from_seconds(seconds)), text);
        }
    }

    #[test]
    fn a_preview_is_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(300)).chars().count(), PREVIEW_LIMIT);
        assert_eq!(shortened(" short\n"), "short");
    }
}
