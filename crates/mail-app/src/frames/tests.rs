use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::FutureExt as _;
use mail_model::{Attachment, BlobId, Disposition};
use url::Url;

use super::*;
use crate::host::HostError;

struct Nowhere;

#[async_trait::async_trait]
impl Host for Nowhere {
    async fn open_url(&self, _: &Url) -> Result<(), HostError> {
        Ok(())
    }

    async fn open_file(&self, _: &Path) -> Result<(), HostError> {
        Ok(())
    }

    async fn ask_save_path(&self, _: &str) -> Result<Option<PathBuf>, HostError> {
        Ok(None)
    }

    async fn ask_open_path(&self, _: &[&str]) -> Result<Option<PathBuf>, HostError> {
        Ok(None)
    }

    fn frame_origin(&self) -> &str {
        "mail://localhost"
    }

    fn page_origins(&self) -> &str {
        "tauri://localhost"
    }
}

struct Parts(Vec<&'static [u8]>);

impl PartSource for Parts {
    fn part(&self, index: usize) -> futures::future::BoxFuture<'_, Option<ByteStream>> {
        let bytes = self.0.get(index).copied();
        async move {
            bytes.map(|bytes| {
                futures::stream::iter([Ok(Bytes::from_static(bytes))]).boxed() as ByteStream
            })
        }
        .boxed()
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0";

fn with_picture(bytes: &'static [u8]) -> (Body, Arc<dyn PartSource>) {
    let attachment = Attachment {
        blob: BlobId::new("B1").unwrap(),
        name: "a.png".into(),
        media_type: "image/png".into(),
        size: 12,
        content_id: Some("logo@northwind.example".into()),
        disposition: Disposition::Inline,
    };
    let body = Body {
        html: Some(
            "<p>Hello</p><img src=\"cid:logo@northwind.example\" width=40 height=40>".into(),
        ),
        attachments: vec![attachment],
        ..Body::default()
    };
    (body, Arc::new(Parts(vec![bytes])))
}

fn path(frame: &Frame, rest: &str) -> String {
    format!("/{}/{rest}", frame.name)
}

#[tokio::test]
async fn a_message_is_served_while_it_is_shown_and_not_after() {
    let frames = Frames::default();
    let (body, parts) = with_picture(PNG);
    let frame = frames.show(body, parts);
    let address = path(&frame, "body");
    let reply = frames.serve(&address, &Nowhere).await;
    assert_eq!(reply.status, 200);
    assert!(String::from_utf8(reply.body).unwrap().contains("Hello"));
    drop(frame);
    assert_eq!(frames.serve(&address, &Nowhere).await.status, 404);
}

#[tokio::test]
async fn a_picture_of_the_message_is_served_by_its_content() {
    let frames = Frames::default();
    let (body, parts) = with_picture(PNG);
    let frame = frames.show(body, parts);
    let reply = frames.serve(&path(&frame, "img/0"), &Nowhere).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .headers
            .contains(&("Content-Type", "image/png".into()))
    );
}

#[tokio::test]
async fn what_only_claims_to_be_a_picture_is_not_served() {
    let frames = Frames::default();
    for bytes in [
        &b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..],
        b"<html>",
        b"",
        b"\x89PNG",
    ] {
        let (body, parts) = with_picture(bytes);
        let frame = frames.show(body, parts);
        assert_eq!(
            frames.serve(&path(&frame, "img/0"), &Nowhere).await.status,
            404
        );
    }
}

#[tokio::test]
async fn one_message_cannot_name_another_ones_pictures() {
    let frames = Frames::default();
    let (body, parts) = with_picture(PNG);
    let _other = frames.show(body, parts);
    let plain = Body {
        text: Some("no pictures".into()),
        ..Body::default()
    };
    let frame = frames.show(plain, Arc::new(Parts(vec![])));
    for rest in ["img/0", "img/1", "img/../../x", "img/-1", "other"] {
        assert_eq!(
            frames.serve(&path(&frame, rest), &Nowhere).await.status,
            404,
            "{rest}"
        );
    }
}

#[tokio::test]
async fn odd_addresses_are_not_found() {
    let frames = Frames::default();
    for address in [
        "",
        "/",
        "//",
        "/x",
        "/x/",
        "/../body",
        "/%00/body",
        "?theme=dark",
    ] {
        assert_eq!(
            frames.serve(address, &Nowhere).await.status,
            404,
            "{address:?}"
        );
    }
}
