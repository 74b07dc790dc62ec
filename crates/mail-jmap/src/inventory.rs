//! Every id of the account with its changeable parts, page by page.
//!
//! What is missing here counts as gone, so a page must not skip a message because another one
//! before it was deleted meanwhile. A page therefore begins with the last message of the one
//! before it (an anchor, RFC 8620 section 5.5), not at a number; that message is then dropped.

use std::sync::{Mutex, PoisonError};

use mail_model::StateString;
use mail_model::remote::{MessageUpdate, RawPage, SourceError};
use serde::de::DeserializeOwned;
use serde_json::Map;

use crate::fault::Fault;
use crate::listing::{MOST_IN_PIECE, Piece, piece};
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::email::{CHANGING_PROPERTIES, ChangingWire, HasId, RAW_PROPERTIES, RawWire};

/// So many messages at the seam may be deleted between two pages.
const ANCHORS: usize = 16;

/// Where the last page ended.
#[derive(Debug, Default, Clone)]
pub(crate) struct InventoryPlace {
    position: u64,
    /// The page's last ids, the very last one at the end.
    last: Vec<String>,
}

pub(crate) async fn page(
    source: &JmapSource,
    session: &Session,
    position: u64,
    limit: usize,
) -> Result<(StateString, Vec<MessageUpdate>), Fault> {
    let place = &source.inventory_place;
    let piece = read(
        source,
        session,
        place,
        &CHANGING_PROPERTIES,
        position,
        limit,
    )
    .await?;
    let state = session.mark_state(&piece.state)?;
    let updates = finish(place, position, piece, ChangingWire::take)?;
    Ok((state, updates))
}

/// The same walk with what a copy of the bytes needs.
pub(crate) async fn raw_page(
    source: &JmapSource,
    session: &Session,
    position: u64,
    limit: usize,
) -> Result<RawPage, Fault> {
    let place = &source.raw_place;
    let piece = read(source, session, place, &RAW_PROPERTIES, position, limit).await?;
    Ok(RawPage {
        state: session.mark_state(&piece.state)?,
        total: piece.query.total,
        entries: finish(place, position, piece, RawWire::take)?,
    })
}

async fn read<T: DeserializeOwned + HasId>(
    source: &JmapSource,
    session: &Session,
    place: &Mutex<InventoryPlace>,
    properties: &[&str],
    position: u64,
    limit: usize,
) -> Result<Piece<T>, Fault> {
    let place = place.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let most = session.limits.objects_in_get.min(MOST_IN_PIECE);
    let mut size = most.min(limit).max(1);
    loop {
        // A page after an anchor needs room for the anchor itself.
        let goes_on = position > 0 && place.position == position && !place.last.is_empty();
        let read = if goes_on && most > 1 {
            let size = size.saturating_add(1).min(most);
            after_anchor(source, session, &place.last, properties, size).await
        } else {
            at_position(source, session, position, properties, size).await
        };
        match read {
            Err(Fault::TooLarge(_)) if size > 1 => size /= 2,
            other => return other,
        }
    }
}

async fn at_position<T: DeserializeOwned + HasId>(
    source: &JmapSource,
    session: &Session,
    position: u64,
    properties: &[&str],
    size: usize,
) -> Result<Piece<T>, Fault> {
    let mut arguments = Map::new();
    arguments.insert("position".into(), position.into());
    arguments.insert("calculateTotal".into(), (position == 0).into());
    piece(source, session, &arguments, properties, size).await
}

/// Begins after the latest of these messages that still exists; what lies between it and the
/// seam is gone, or is read twice, which is harmless.
///
/// Only a page that begins with its anchor is believed: Cyrus answers an anchor that is gone
/// with an empty page, which would look like the end.
async fn after_anchor<T: DeserializeOwned + HasId>(
    source: &JmapSource,
    session: &Session,
    anchors: &[String],
    properties: &[&str],
    size: usize,
) -> Result<Piece<T>, Fault> {
    for anchor in anchors.iter().rev() {
        let mut arguments = Map::new();
        arguments.insert("anchor".into(), anchor.as_str().into());
        arguments.insert("anchorOffset".into(), 0.into());
        match piece::<T>(source, session, &arguments, properties, size).await {
            Err(Fault::AnchorNotFound) => {}
            Ok(mut piece) if piece.query.ids.first() == Some(anchor) => {
                piece.query.ids.remove(0);
                piece.objects.retain(|object| object.id() != anchor);
                return Ok(piece);
            }
            Ok(_) => {}
            Err(fault) => return Err(fault),
        }
    }
    Err(SourceError::CannotCalculateChanges.into())
}

/// An empty page means the end to the caller, so one whose messages all vanished while it was
/// read must not look like it.
fn finish<T, U>(
    place: &Mutex<InventoryPlace>,
    position: u64,
    piece: Piece<T>,
    take: impl Fn(T) -> Result<U, SourceError>,
) -> Result<Vec<U>, Fault> {
    let queried = piece.query.ids.len();
    let entries: Vec<U> = piece
        .objects
        .into_iter()
        .map(take)
        .collect::<Result<_, _>>()?;
    if entries.is_empty() && queried > 0 {
        return Err(SourceError::Busy {
            retry_after: None,
            reason: "messages vanished while they were read".into(),
        }
        .into());
    }
    let mut last = piece.query.ids;
    last.drain(..last.len().saturating_sub(ANCHORS));
    *place.lock().unwrap_or_else(PoisonError::into_inner) = InventoryPlace {
        position: position.saturating_add(entries.len() as u64),
        last,
    };
    Ok(entries)
}
