//! Mail bytes into headers, a body to read and files.
//!
//! The tree of parts is walked here, line by line and once, because the limits on it must hold for
//! any input; `mail-parser` reads the header fields and knows the charsets. A message inside a
//! message is a file of its own and is not descended into: it is opened by parsing its bytes.
//! Nothing is lost silently: what a limit keeps from being read stays reachable as bytes of a part,
//! and a [`Notice`] says so.

mod body;
mod decode;
mod headers;
mod walk;

use std::ops::Range;

use mail_model::{Address, Disposition, UnixTime};

use crate::text::Flow;

/// The deepest nesting of multiparts that is followed.
pub const MAX_NESTING: usize = 64;
/// The most parts that are told apart.
pub const MAX_PARTS: usize = 10_000;
/// The most octets of one header block that are read.
pub const MAX_HEADER_OCTETS: usize = 1 << 20;

/// Why bytes are not a message.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing in the bytes is a header field.
    #[error("the bytes have no header fields, so they are not a message")]
    NoHeaders,
    /// Offsets of 4 GiB and more are not told.
    #[error("the message is 4 GiB or larger")]
    TooLarge,
}

/// Something the person may need to know: the message was not read as its sender may have meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A header block is longer than [`MAX_HEADER_OCTETS`]; the rest of it was not read.
    HeadersCut,
    /// Parts lie deeper than [`MAX_NESTING`]; they are kept together as one file.
    TooDeep,
    /// There are more than [`MAX_PARTS`] parts; the rest is kept together as one file.
    TooManyParts,
    /// A multipart has no boundary that occurs; its content is shown as text.
    NoBoundary,
    /// A text names a charset nobody knows; it was read as UTF-8.
    UnknownCharset,
    /// A transfer encoding is broken; what could be decoded was kept.
    BrokenEncoding,
}

/// A message taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedMessage {
    /// The header fields other parts of Braid work with.
    pub headers: ParsedHeaders,
    /// What a person reads.
    pub body: ParsedBody,
    /// All parts that are not multiparts, in the order of the message.
    pub parts: Vec<ParsedPart>,
    /// What was left out or guessed; each kind once.
    pub notices: Vec<Notice>,
}

impl ParsedMessage {
    /// The parts that are files, pictures named by the HTML among them.
    pub fn attachments(&self) -> impl Iterator<Item = &ParsedPart> {
        self.parts.iter().filter(|part| part.is_attachment)
    }
}

/// Header fields, decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedHeaders {
    /// `From`, of all such fields. Members of a group are told one by one; an empty group is one
    /// address with only a name.
    pub from: Vec<Address>,
    /// `Sender`.
    pub sender: Vec<Address>,
    /// `To`.
    pub to: Vec<Address>,
    /// `Cc`.
    pub cc: Vec<Address>,
    /// `Bcc`.
    pub bcc: Vec<Address>,
    /// `Reply-To`.
    pub reply_to: Vec<Address>,
    /// `Subject`; empty when absent.
    pub subject: String,
    /// `Message-ID`, without angle brackets.
    pub message_ids: Vec<String>,
    /// `In-Reply-To`, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// `References`, without angle brackets.
    pub references: Vec<String>,
    /// `Date`, if it is one.
    pub date: Option<UnixTime>,
    /// `List-Id` as written, unfolded.
    pub list_id: Option<String>,
    /// `List-Unsubscribe` as written, unfolded.
    pub list_unsubscribe: Option<String>,
    /// `List-Unsubscribe-Post` as written, unfolded.
    pub list_unsubscribe_post: Option<String>,
    /// All fields in order: name as written, value unfolded but not decoded.
    pub all: Vec<(String, String)>,
}

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedBody {
    /// The plain text.
    pub text: Option<String>,
    /// How the plain text's lines are wrapped.
    pub flow: Flow,
    /// The HTML of one part. Parts are never joined, so that nothing in one can swallow another.
    pub html: Option<String>,
}

/// One part that is not a multipart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedPart {
    /// Its place among the parts, from 0.
    pub id: usize,
    /// Where its undecoded body lies in the message.
    pub range: Range<usize>,
    /// Its content, transfer encoding removed. Text is still in its own charset.
    pub bytes: Vec<u8>,
    /// The name the sender gave, decoded, not yet safe as a file name; empty when there is none.
    pub name: String,
    /// The media type the sender claims, lower case.
    pub media_type: String,
    /// The charset the sender claims, lower case.
    pub charset: Option<String>,
    /// `Content-ID` without angle brackets.
    pub content_id: Option<String>,
    /// How the sender wants it shown.
    pub disposition: Disposition,
    /// Whether it is a file rather than the text the person reads.
    pub is_attachment: bool,
}

impl ParsedPart {
    /// Size in octets after decoding.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// Takes a message apart. Linear in its size; memory is at most a few times that.
///
/// # Errors
/// [`ParseError::NoHeaders`] when nothing in the bytes is a header field,
/// [`ParseError::TooLarge`] from 4 GiB on. Anything else that is wrong becomes a [`Notice`].
pub fn parse(bytes: &[u8]) -> Result<ParsedMessage, ParseError> {
    if u32::try_from(bytes.len()).is_err() {
        return Err(ParseError::TooLarge);
    }
    let mut notices = Notices::default();
    let tree = walk::walk(bytes, &mut notices);
    let headers = headers::read(bytes, tree.header_block.clone());
    if headers.all.is_empty() {
        return Err(ParseError::NoHeaders);
    }
    let mut parts: Vec<ParsedPart> = tree
        .leaves
        .iter()
        .enumerate()
        .map(|(id, leaf)| decode::part(bytes, id, leaf, &mut notices))
        .collect();
    let body = body::choose(&tree, &mut parts, &mut notices);
    Ok(ParsedMessage {
        headers,
        body,
        parts,
        notices: notices.0,
    })
}

/// Each kind of notice once, in the order of the first.
#[derive(Debug, Default)]
struct Notices(Vec<Notice>);

impl Notices {
    fn add(&mut self, notice: Notice) {
        if !self.0.contains(&notice) {
            self.0.push(notice);
        }
    }
}
