//! Messages (RFC 8621 section 4) and what they are made of.

use serde::{Deserialize, Serialize};

use crate::{BlobId, Keywords, MailboxId, MessageId, ThreadId, UnixTime};

/// One mailbox address (RFC 5322 section 3.4), decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Address {
    /// The display name; empty when there is none.
    pub name: String,
    /// `local@domain` as written; may be malformed in mail from outside.
    pub email: String,
}

/// A message without its body: all a list and a conversation's fold need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The server's id.
    pub id: MessageId,
    /// The whole message as bytes on the server.
    pub blob: BlobId,
    /// The conversation it belongs to.
    pub thread: ThreadId,
    /// The mailboxes it lies in; at least one.
    pub mailboxes: Vec<MailboxId>,
    /// The person's marks.
    pub keywords: Keywords,
    /// When the server received it.
    pub received_at: UnixTime,
    /// Size of the whole message in octets.
    pub size: u64,
    /// `From`.
    pub from: Vec<Address>,
    /// `To`.
    pub to: Vec<Address>,
    /// `Cc`.
    pub cc: Vec<Address>,
    /// `Bcc`, on drafts and sent mail.
    pub bcc: Vec<Address>,
    /// `Reply-To`.
    pub reply_to: Vec<Address>,
    /// `Subject`, decoded; empty when absent.
    pub subject: String,
    /// The first words of the body.
    pub preview: String,
    /// The `Message-ID`s this message names itself by (one, in sane mail).
    pub message_ids: Vec<String>,
    /// `In-Reply-To`.
    pub in_reply_to: Vec<String>,
    /// `References`.
    pub references: Vec<String>,
    /// Whether a person would say it has files.
    pub has_attachment: bool,
}

/// How a part asks to be shown (RFC 2183).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// Part of the body, such as a picture named by `cid:`.
    Inline,
    /// A file of its own.
    Attachment,
}

/// One file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its bytes on the server.
    pub blob: BlobId,
    /// The name the sender gave, decoded, not yet safe as a file name; empty when there is none.
    pub name: String,
    /// The media type the sender claimed, lower case, such as `application/pdf`.
    pub media_type: String,
    /// Size in octets after decoding, as the server says.
    pub size: u64,
    /// `Content-ID` without its angle brackets.
    pub content_id: Option<String>,
    /// How the sender wanted it shown.
    pub disposition: Disposition,
}

/// What a person reads of one message. Hostile until cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Body {
    /// The plain text, if there is one or the message is only that.
    pub text: Option<String>,
    /// The HTML, exactly as sent, decoded to UTF-8.
    pub html: Option<String>,
    /// Files, in the order of the message; pictures named by the HTML are among them.
    pub attachments: Vec<Attachment>,
    /// Whether the server cut a text short.
    pub truncated: bool,
}
