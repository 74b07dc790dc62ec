//! Serves cleaned mail to the frames that show it.
//!
//! Every message that is shown gets a random name that dies with its view, so that no mail can
//! name another mail's pictures, and no address can be guessed. The same documents go out by
//! the window's own scheme and, in tests, by loopback.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::BytesMut;
use futures::StreamExt as _;
use mail_mime::clean::{CleanHtml, ImageSource};
use mail_mime::frame::{self, Content, Place};
use mail_mime::text::{Flow, TextHtml};
use mail_mime::{CleanOptions, Theme};
use mail_model::Body;
use mail_model::remote::ByteStream;

use crate::host::Host;

/// Answer to one request of a frame.
#[derive(Debug)]
pub struct FrameReply {
    /// HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: Vec<(&'static str, String)>,
    /// The document or picture.
    pub body: Vec<u8>,
}

/// Gives the bytes of one attachment of the message that is shown.
pub(crate) trait PartSource: Send + Sync {
    /// The part at that place of [`Body::attachments`].
    fn part(&self, index: usize) -> futures::future::BoxFuture<'_, Option<ByteStream>>;
}

enum Shown {
    Html(CleanHtml),
    Text(TextHtml),
}

struct Rendered {
    shown: Shown,
    body: Body,
    parts: Arc<dyn PartSource>,
}

/// What has a name: a mail, or the picture on an account's tile.
enum Named {
    Mail(Weak<Rendered>),
    Tile(Weak<Tile>),
}

impl Named {
    fn is_shown(&self) -> bool {
        match self {
            Self::Mail(rendered) => rendered.strong_count() > 0,
            Self::Tile(tile) => tile.strong_count() > 0,
        }
    }
}

/// The picture on an account's tile, servable as long as it is held.
pub(crate) struct Tile {
    name: String,
    media_type: &'static str,
    bytes: Vec<u8>,
}

impl Tile {
    pub(crate) fn url(&self, host: &dyn Host) -> String {
        format!("{}/{}/tile", host.frame_origin(), self.name)
    }
}

/// What is shown at the moment.
#[derive(Default)]
pub(crate) struct Frames(Mutex<HashMap<String, Named>>);

/// Keeps one message servable; dropping it ends that.
pub(crate) struct Frame {
    name: String,
    rendered: Arc<Rendered>,
}

impl Frame {
    pub(crate) fn url(&self, host: &dyn Host) -> String {
        format!("{}/{}/", host.frame_origin(), self.name)
    }

    pub(crate) fn blocked_images(&self) -> u32 {
        match &self.rendered.shown {
            Shown::Html(html) => html.blocked_images,
            Shown::Text(_) => 0,
        }
    }

    pub(crate) fn trackers(&self) -> u32 {
        match &self.rendered.shown {
            Shown::Html(html) => html.trackers,
            Shown::Text(_) => 0,
        }
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.rendered.body.truncated
            || match &self.rendered.shown {
                Shown::Html(html) => html.limited,
                Shown::Text(text) => text.left_out > 0,
            }
    }
}

impl Frames {
    /// Cleans a message and makes it servable until the frame is dropped. Takes processor
    /// time in proportion to the message: call it where blocking is allowed.
    pub(crate) fn show(&self, body: Body, parts: Arc<dyn PartSource>) -> Frame {
        let shown = match (&body.html, &body.text) {
            (Some(html), _) => Shown::Html(mail_mime::clean::clean(html, &CleanOptions::default())),
            (None, text) => {
                let text = text.as_deref().unwrap_or_default();
                Shown::Text(mail_mime::text::to_html(text, Flow::Fixed, false))
            }
        };
        let rendered = Arc::new(Rendered { shown, body, parts });
        let name = new_name();
        self.name(name.clone(), Named::Mail(Arc::downgrade(&rendered)));
        Frame { name, rendered }
    }

    /// Makes a tile's picture servable until it is dropped. Nothing but a picture by its content
    /// is served.
    pub(crate) fn show_tile(
        &self,
        bytes: Vec<u8>,
    ) -> Result<Arc<Tile>, mail_mime::picture::PictureError> {
        let media_type = mail_mime::picture::inspect(&bytes)?.media_type;
        let tile = Arc::new(Tile {
            name: new_name(),
            media_type,
            bytes,
        });
        self.name(tile.name.clone(), Named::Tile(Arc::downgrade(&tile)));
        Ok(tile)
    }

    fn name(&self, name: String, shown: Named) {
        let mut frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        frames.retain(|_, shown| shown.is_shown());
        frames.insert(name, shown);
    }

    /// Answers `/<name>/` (outer frame), `/<name>/body` (the mail), `/<name>/img/<n>`, and
    /// `/<name>/tile` (an account's picture).
    pub(crate) async fn serve(&self, path_and_query: &str, host: &dyn Host) -> FrameReply {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let mut steps = path.trim_start_matches('/').splitn(2, '/');
        let (Some(name), Some(rest)) = (steps.next(), steps.next()) else {
            return not_found();
        };
        let rendered = {
            let frames = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match frames.get(name) {
                Some(Named::Mail(rendered)) => rendered.upgrade(),
                Some(Named::Tile(tile)) if rest == "tile" => {
                    return tile.upgrade().map_or_else(not_found, |tile| FrameReply {
                        status: 200,
                        headers: frame::picture_headers(tile.media_type),
                        body: tile.bytes.clone(),
                    });
                }
                Some(Named::Tile(_)) | None => None,
            }
        };
        let Some(rendered) = rendered else {
            return not_found();
        };
        let ancestors: Vec<&str> = host.page_origins().split(' ').collect();
        let place = Place {
            source: source_of(host.frame_origin()),
            ancestors: &ancestors,
            page_origin: ancestors.first().copied().unwrap_or_default(),
        };
        let dark = query.split('&').any(|pair| pair == "theme=dark");
        match rest {
            "" => document(frame::shim(
                &place,
                if dark { "body?theme=dark" } else { "body" },
            )),
            "body" => {
                let content = match &rendered.shown {
                    Shown::Html(html) => Content::Html(html),
                    Shown::Text(text) => Content::Text(text),
                };
                document(frame::mail(
                    &place,
                    content,
                    if dark { Theme::Dark } else { Theme::Light },
                ))
            }
            other => match other.strip_prefix("img/").and_then(|n| n.parse().ok()) {
                Some(number) => picture(&rendered, number).await.unwrap_or_else(not_found),
                None => not_found(),
            },
        }
    }
}

/// A name that cannot be guessed.
fn new_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// What a Content-Security-Policy calls the frames' origin: an own scheme has only its name.
fn source_of(origin: &str) -> &str {
    match origin.split_once("://") {
        Some(("mail", _)) => "mail:",
        _ => origin.trim_end_matches("/mail"),
    }
}

fn document(document: mail_mime::Document) -> FrameReply {
    FrameReply {
        status: 200,
        headers: document.headers,
        body: document.html.into_bytes(),
    }
}

fn not_found() -> FrameReply {
    FrameReply {
        status: 404,
        headers: vec![
            ("Content-Type", "text/plain; charset=utf-8".into()),
            ("Content-Security-Policy", "default-src 'none'".into()),
            ("X-Content-Type-Options", "nosniff".into()),
            ("Cache-Control", "no-store".into()),
        ],
        body: Vec::new(),
    }
}

async fn picture(rendered: &Rendered, number: usize) -> Option<FrameReply> {
    let Shown::Html(html) = &rendered.shown else {
        return None;
    };
    let bytes = match html.images.get(number)? {
        ImageSource::Cid(id) => {
            let index = rendered
                .body
                .attachments
                .iter()
                .position(|part| part.content_id.as_deref() == Some(id.as_str()))?;
            collect(rendered.parts.part(index).await?).await?
        }
        ImageSource::Data(bytes) => bytes.clone(),
        // Nothing is fetched from outside.
        _ => return None,
    };
    // What a mail claims does not count, and SVG is not a picture.
    let picture = mail_mime::picture::inspect(&bytes).ok()?;
    Some(FrameReply {
        status: 200,
        headers: frame::picture_headers(picture.media_type),
        body: bytes,
    })
}

async fn collect(mut stream: ByteStream) -> Option<Vec<u8>> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.ok()?;
        if bytes.len() + chunk.len() > mail_mime::picture::MAX_OCTETS {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes.to_vec())
}

#[cfg(test)]
mod tests;
