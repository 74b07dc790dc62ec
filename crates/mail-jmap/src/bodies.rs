//! What a person reads of a message: one HTML text, one plain text, and files.

use std::collections::HashSet;

use mail_model::remote::SourceError;
use mail_model::{Attachment, BlobId, Body, Disposition, MessageId};
use serde_json::{Map, json};

use crate::fault::{Fault, bad_answer};
use crate::fetch::emails;
use crate::listing::distinct;
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::email::{
    BODY_PROPERTIES, EmailBodyWire, FilesWire, PART_PROPERTIES, PartWire, message_id,
};

/// Bodies may be long; a few in a request are enough.
const MOST_IN_PIECE: usize = 25;
/// The server has to take each message apart for its sizes.
const MOST_SIZES: usize = 100;

pub(crate) async fn by_ids(
    source: &JmapSource,
    session: &Session,
    ids: &[MessageId],
) -> Result<Vec<(MessageId, Body)>, Fault> {
    let mut arguments = Map::new();
    arguments.insert("properties".into(), json!(BODY_PROPERTIES));
    arguments.insert("bodyProperties".into(), json!(PART_PROPERTIES));
    arguments.insert("fetchTextBodyValues".into(), true.into());
    arguments.insert("fetchHTMLBodyValues".into(), true.into());
    arguments.insert(
        "maxBodyValueBytes".into(),
        source.config().body_octets.into(),
    );
    let ids = distinct(ids);
    let found: Vec<EmailBodyWire> =
        emails(source, session, &ids, &arguments, MOST_IN_PIECE).await?;
    Ok(found.into_iter().map(take).collect::<Result<_, _>>()?)
}

/// Octets of the files of these messages. Nothing of a file is fetched: sizes are said by the
/// server.
pub(crate) async fn attachment_octets(
    source: &JmapSource,
    session: &Session,
    ids: &[MessageId],
) -> Result<u64, Fault> {
    let mut arguments = Map::new();
    arguments.insert("properties".into(), json!(["id", "attachments"]));
    arguments.insert("bodyProperties".into(), json!(["size"]));
    let ids = distinct(ids);
    let found: Vec<FilesWire> = emails(source, session, &ids, &arguments, MOST_SIZES).await?;
    let sizes = found.iter().flat_map(|message| &message.attachments);
    Ok(sizes.fold(0, |sum: u64, file| sum.saturating_add(file.size)))
}

/// Chooses what is read. Several HTML parts are never joined, because one could reach into the
/// text of another; those not chosen are given as files, so nothing is lost.
fn take(email: EmailBodyWire) -> Result<(MessageId, Body), SourceError> {
    let mut body = Body::default();
    let mut shown: HashSet<Option<&str>> = HashSet::new();
    if let Some(part) = email.html_body.iter().find(|part| part.is("text/html")) {
        let value = value(&email, part)?;
        shown.insert(part.part_id.as_deref());
        body.truncated |= value.is_truncated;
        body.html = Some(value.value.clone());
    }
    let mut texts = Vec::new();
    for part in email.text_body.iter().filter(|part| part.is_plain_text()) {
        let value = value(&email, part)?;
        body.truncated |= value.is_truncated;
        texts.push(value.value.as_str());
        // Beside an HTML text only its alternative is redundant; see below.
        if body.html.is_none() || !email.html_body.iter().any(|other| other.is_same(part)) {
            shown.insert(part.part_id.as_deref());
        }
    }
    if !texts.is_empty() {
        body.text = Some(texts.join("\n"));
    }
    let parts = email.text_body.iter().chain(&email.html_body);
    let mut listed = HashSet::new();
    for part in parts
        .filter(|part| !shown.contains(&part.part_id.as_deref()))
        .chain(&email.attachments)
    {
        if listed.insert((part.part_id.as_deref(), part.blob_id.as_deref())) {
            body.attachments.push(attachment(part)?);
        }
    }
    Ok((message_id(email.id)?, body))
}

fn value<'a>(
    email: &'a EmailBodyWire,
    part: &PartWire,
) -> Result<&'a crate::wire::email::BodyValueWire, SourceError> {
    part.part_id
        .as_ref()
        .and_then(|id| email.body_values.get(id))
        .ok_or_else(|| bad_answer("the text of a body part is missing"))
}

impl PartWire {
    fn is(&self, media_type: &str) -> bool {
        self.media_type.eq_ignore_ascii_case(media_type)
    }

    /// Any text that is not HTML is shown as it stands.
    fn is_plain_text(&self) -> bool {
        !self.is("text/html")
            && self
                .media_type
                .get(..5)
                .is_some_and(|start| start.eq_ignore_ascii_case("text/"))
    }

    fn is_same(&self, other: &Self) -> bool {
        self.part_id == other.part_id
    }
}

fn attachment(part: &PartWire) -> Result<Attachment, SourceError> {
    let blob = part
        .blob_id
        .clone()
        .ok_or_else(|| bad_answer("a file has no bytes"))?;
    let disposition = match part.disposition.as_deref() {
        Some(text) if text.eq_ignore_ascii_case("inline") => Disposition::Inline,
        None if part.cid.is_some() => Disposition::Inline,
        _ => Disposition::Attachment,
    };
    Ok(Attachment {
        blob: BlobId::new(blob).map_err(|_| bad_answer("a blob id is malformed"))?,
        name: part.name.clone().unwrap_or_default(),
        media_type: part.media_type.to_ascii_lowercase(),
        size: part.size,
        content_id: part.cid.clone(),
        disposition,
    })
}
