//! How much of each account's texts stays on this computer: asked and said. What goes is only a
//! copy; the server keeps its own, and a text that is opened is fetched again.

use mail_store::Retention;

use crate::app::App;
use crate::contract::{AccountRequest, Empty, ErrorCode, KeepTextsRequest, KeptTextsView, UiError};

/// Below this, what is opened would push out what was opened a minute before.
const LEAST_OCTETS: u64 = 16_000_000;

impl App {
    /// How much of an account's texts stays here, and what they take now.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Locked`] while its files are closed.
    pub async fn kept_texts(&self, request: AccountRequest) -> Result<KeptTextsView, UiError> {
        let account = self.account(&request.account)?;
        let open = account.open().ok_or(UiError::new(ErrorCode::Locked))?;
        let Retention { days, octets } = open.store.retention().await?;
        Ok(KeptTextsView {
            days,
            octets,
            used: open.store.body_octets().await?,
        })
    }

    /// Says how much of an account's texts stays here. Holds from now on.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; [`ErrorCode::Locked`] while its files are closed;
    /// [`ErrorCode::BadRequest`] for no days, or for less room than 16 MB.
    pub async fn keep_texts(&self, request: KeepTextsRequest) -> Result<Empty, UiError> {
        let account = self.account_at_rest(&request.account)?;
        let open = account.open().ok_or(UiError::new(ErrorCode::Locked))?;
        let KeepTextsRequest { days, octets, .. } = request;
        if days == Some(0) || octets.is_some_and(|octets| octets < LEAST_OCTETS) {
            return Err(UiError::new(ErrorCode::BadRequest));
        }
        open.engine
            .set_retention(Retention { days, octets })
            .await?;
        Ok(Empty {})
    }
}
