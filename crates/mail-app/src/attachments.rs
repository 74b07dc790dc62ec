//! Attachments: shown with safe names, saved where the person says, opened if that is safe.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use mail_mime::Launch;
use mail_model::remote::ByteStream;
use mail_model::{Attachment, Body, Disposition, MessageKey};
use tokio::io::AsyncWriteExt as _;

use crate::account::OpenAccount;
use crate::app::App;
use crate::contract::{AttachmentRequest, AttachmentView, Empty, ErrorCode, SavedView, UiError};

/// The mode of files the person saves, less what their umask takes away.
const SAVED: u32 = 0o666;
/// The mode of files that are only lent to another program.
const PRIVATE: u32 = 0o600;
/// How much of a file tells what it is, in octets.
const HEAD: usize = 512;

/// The files of a message as they are shown: pictures that the text itself shows are not among
/// them.
pub(crate) fn attachment_views(body: &Body) -> Vec<AttachmentView> {
    let is_shown_in_text = |attachment: &Attachment| {
        attachment.disposition == Disposition::Inline
            && attachment.content_id.as_ref().is_some_and(|id| {
                body.html
                    .as_ref()
                    .is_some_and(|html| html.contains(&format!("cid:{id}")))
            })
    };
    let files = body.attachments.iter().enumerate();
    files
        .filter(|(_, attachment)| !is_shown_in_text(attachment))
        .map(|(index, attachment)| AttachmentView {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            name: shown_name(attachment),
            media_type: attachment.media_type.clone(),
            size: attachment.size,
            can_open: can_open(attachment, &[]),
        })
        .collect()
}

fn shown_name(attachment: &Attachment) -> String {
    if attachment.name.is_empty() {
        return mail_mime::file_name::safe(&attachment.name, &attachment.media_type);
    }
    mail_mime::launch::display_name(&attachment.name).text
}

fn can_open(attachment: &Attachment, head: &[u8]) -> bool {
    mail_mime::launch::verdict(&attachment.name, &attachment.media_type, head) == Launch::Open
}

/// The first bytes of a file: enough to see what it is.
async fn head_of(path: &Path) -> Result<Vec<u8>, UiError> {
    use tokio::io::AsyncReadExt as _;

    let mut head = Vec::with_capacity(HEAD);
    let file = tokio::fs::File::open(path).await.map_err(disk)?;
    file.take(HEAD as u64)
        .read_to_end(&mut head)
        .await
        .map_err(disk)?;
    Ok(head)
}

struct Found {
    folder: PathBuf,
    open: Arc<OpenAccount>,
    message: MessageKey,
    index: usize,
    attachment: Attachment,
}

impl Found {
    fn file_name(&self) -> String {
        mail_mime::file_name::safe(&self.attachment.name, &self.attachment.media_type)
    }

    async fn bytes(&self) -> Result<ByteStream, UiError> {
        let opened = self.open.engine.open_blob(self.message, self.index).await;
        let (_, bytes) = opened.map_err(|error| UiError::new(crate::error::fetch_error(&error)))?;
        Ok(bytes)
    }
}

impl App {
    async fn attachment(&self, request: &AttachmentRequest) -> Result<Found, UiError> {
        let not_found = || UiError::new(ErrorCode::NotFound);
        let account = self.account(&request.account)?;
        let open = account.open().ok_or_else(not_found)?;
        let message = MessageKey::new(request.message);
        let body = open.store.body(message).await?.ok_or_else(not_found)?;
        let index = usize::try_from(request.index).unwrap_or(usize::MAX);
        let attachment = body
            .attachments
            .into_iter()
            .nth(index)
            .ok_or_else(not_found)?;
        Ok(Found {
            folder: self.0.paths.opened_of(&account.id),
            open,
            message,
            index,
            attachment,
        })
    }

    /// Saves an attachment where the person says.
    pub(crate) async fn save_attachment(
        &self,
        request: AttachmentRequest,
    ) -> Result<SavedView, UiError> {
        let found = self.attachment(&request).await?;
        let asked = self.host().ask_save_path(&found.file_name()).await;
        let path = asked.map_err(|error| {
            tracing::warn!(%error, "nobody could be asked where to save");
            UiError::new(ErrorCode::Bug)
        })?;
        let Some(path) = path else {
            return Ok(SavedView { name: None });
        };
        write(&path, SAVED, found.bytes().await?).await?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Ok(SavedView { name })
    }

    /// Opens an attachment with the system's program for it. It lies in a folder that goes when
    /// the account is closed, readable by its owner only; what could be a program is never opened.
    pub(crate) async fn open_attachment(
        &self,
        request: AttachmentRequest,
    ) -> Result<Empty, UiError> {
        let found = self.attachment(&request).await?;
        let save_only = || UiError::new(ErrorCode::SaveOnly);
        if !can_open(&found.attachment, &[]) {
            return Err(save_only());
        }
        let folder = found.folder.join(uuid::Uuid::new_v4().to_string());
        crate::paths::make_private_folder(&folder).map_err(disk)?;
        let path = folder.join(found.file_name());
        write(&path, PRIVATE, found.bytes().await?).await?;
        // Closed while it was fetched: nothing of it stays behind.
        if found.open.closing.is_cancelled() {
            crate::app::delete_opened(&found.folder);
            return Err(UiError::new(ErrorCode::NotFound));
        }
        // Its content may tell another story than its name.
        if !can_open(&found.attachment, &head_of(&path).await?) {
            return Err(save_only());
        }
        self.host().open_file(&path).await.map_err(|error| {
            tracing::warn!(%error, "no program for an attachment");
            save_only()
        })?;
        Ok(Empty {})
    }
}

#[allow(clippy::needless_pass_by_value, reason = "used in map_err")]
fn disk(error: std::io::Error) -> UiError {
    tracing::warn!(%error, "a file could not be written");
    UiError::new(ErrorCode::Disk)
}

/// Saves a text where the person has said.
pub(crate) async fn save_text(path: &Path, text: &str) -> Result<(), UiError> {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    write(path, SAVED, stream::iter([Ok(bytes)]).boxed()).await
}

/// Writes beside the target first, so that a cut connection leaves no half file under its name.
async fn write(path: &Path, mode: u32, mut bytes: ByteStream) -> Result<(), UiError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let draft = tempfile::Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(disk)?;
    let (file, draft) = draft.into_parts();
    let mut file = tokio::fs::File::from_std(file);
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|error| crate::error::source_error(&error))?;
        file.write_all(&chunk).await.map_err(disk)?;
    }
    file.sync_all().await.map_err(disk)?;
    draft.persist(path).map_err(|error| disk(error.error))
}
