//! Bytes from the server and to it (RFC 8620 section 6).

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use mail_model::BlobId;
use mail_model::remote::{ByteStream, SourceError};

use crate::fault::{Fault, bad_answer};
use crate::http::Outgoing;
use crate::pace::PacedBody;
use crate::session::Session;
use crate::source::JmapSource;
use crate::wire::core::UploadWire;

/// Opens a blob; the stream ends with an error if the connection breaks, ends early or crawls.
pub(crate) async fn download(
    source: &JmapSource,
    session: &Session,
    blob: &BlobId,
) -> Result<ByteStream, Fault> {
    let transport = source.transport();
    let url = session.download_url(blob.as_str(), transport)?;
    let answer = transport.authorised(&Outgoing::get(url, "*/*")).await?;
    let answer = transport.successful(answer).await?;
    let body = PacedBody::new(answer, transport.timeouts());
    let pieces = stream::unfold(Some(body), |body| async move {
        let mut body = body?;
        match body.next().await {
            Ok(Some(piece)) => Some((Ok(piece), Some(body))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    Ok(pieces.boxed())
}

/// Puts a message's bytes on the server; gives the blob's id.
pub(crate) async fn upload(
    source: &JmapSource,
    session: &Session,
    message: Bytes,
) -> Result<String, Fault> {
    if message.len() > session.limits.size_upload {
        return Err(SourceError::Refused {
            reason: "maxSizeUpload".into(),
        }
        .into());
    }
    let size = message.len() as u64;
    let transport = source.transport();
    let url = session.upload_url(transport)?;
    let _permit = session
        .uploads
        .acquire()
        .await
        .map_err(|_| SourceError::Unreachable(None))?;
    let answer: UploadWire = transport
        .json(&Outgoing::post(url, "message/rfc822", message))
        .await?;
    if answer.account_id != session.account {
        return Err(bad_answer("it answers for another account").into());
    }
    if answer.size != size {
        return Err(bad_answer("the server kept another number of octets").into());
    }
    Ok(answer.blob_id)
}
