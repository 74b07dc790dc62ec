//! One account's server: the session it is at, the way to it, and the traits it stands behind.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::tz::TimeZone;
use mail_model::remote::{
    ByteStream, CancelOutcome, EditOutcome, MailSource, MailSubmitter, MailboxSnapshot,
    MessageDelta, MessagePage, MessageUpdate, PendingSubmission, PushStream, RawPage, RemoteEdit,
    SearchPage, SourceError, TokenSource,
};
use mail_model::search::Query;
use mail_model::{
    BlobId, Body, HostLog, Identity, IdentityId, Keywords, MailboxId, Message, MessageId,
    StateString, SubmissionId, UnixTime,
};
use tokio::sync::Mutex;

use crate::batch::{Answers, Batch};
use crate::config::JmapConfig;
use crate::fault::Fault;
use crate::http::{Outgoing, Transport};
use crate::inventory::InventoryPlace;
use crate::pace::Window;
use crate::session::{Session, using};
use crate::wire::core::{RequestWire, ResponseWire};
use crate::{blob, bodies, changes, edit, inventory, listing, mailboxes, push, search, submit};

/// One account's mail over JMAP.
///
/// Calls may run at the same time; the server's limit on concurrent requests is kept across
/// all of them. Dropping a call's future abandons its request and leaves nothing half done here.
pub struct JmapSource {
    config: JmapConfig,
    transport: Transport,
    session: Mutex<Option<Arc<Session>>>,
    /// The server's account this source speaks for, from the first session on.
    account: StdMutex<Option<String>>,
    /// A session state for which the session was fetched anew already.
    renewed_for: StdMutex<Option<String>>,
    pub(crate) inventory_place: StdMutex<InventoryPlace>,
    /// As above, for copies: both walks may be under way at once.
    pub(crate) raw_place: StdMutex<InventoryPlace>,
    channels: Arc<push::Channels>,
    window: StdMutex<Window>,
}

/// Runs a call with the session, and once more with a new one if the old one no longer fits.
macro_rules! with_session {
    ($source:ident, |$session:ident| $call:expr) => {{
        let $session = &*$source.session().await?;
        match $call.await {
            Err(Fault::StaleSession) => {
                $source.forget($session).await;
                let $session = &*$source.session().await?;
                $call.await.map_err(SourceError::from)
            }
            other => other.map_err(SourceError::from),
        }
    }};
}

impl JmapSource {
    /// A source that opens no connection until it is asked for something, so it can be made
    /// while offline.
    ///
    /// # Errors
    /// [`SourceError::NoService`] for an address that is not https (other than on this machine);
    /// [`SourceError::Unreachable`] when the system's TLS cannot be set up.
    pub fn new(config: JmapConfig, tokens: Arc<dyn TokenSource>) -> Result<Self, SourceError> {
        Ok(Self {
            transport: Transport::new(&config, tokens)?,
            config,
            session: Mutex::new(None),
            account: StdMutex::default(),
            renewed_for: StdMutex::new(None),
            inventory_place: StdMutex::new(InventoryPlace::default()),
            raw_place: StdMutex::new(InventoryPlace::default()),
            channels: Arc::default(),
            window: StdMutex::default(),
        })
    }

    /// As [`JmapSource::new`], and finds the session right away: for checking an address that a
    /// person has just given.
    ///
    /// # Errors
    /// As for every call, see [`SourceError`]; [`SourceError::NoService`] says why the address
    /// is none of a mail server for this account.
    pub async fn connect(
        config: JmapConfig,
        tokens: Arc<dyn TokenSource>,
    ) -> Result<Self, SourceError> {
        let source = Self::new(config, tokens)?;
        source.session().await?;
        Ok(source)
    }

    pub(crate) const fn config(&self) -> &JmapConfig {
        &self.config
    }

    pub(crate) const fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) const fn channels(&self) -> &Arc<push::Channels> {
        &self.channels
    }

    /// How many messages to ask for at once.
    pub(crate) fn window(&self) -> Window {
        *self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_window(&self, next: impl FnOnce(Window) -> Window) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        *window = next(*window);
    }

    /// The session, fetched once for any number of callers.
    ///
    /// # Errors
    /// [`SourceError::AccountChanged`] when it names another account than before.
    async fn session(&self) -> Result<Arc<Session>, SourceError> {
        self.session_of(false).await
    }

    /// As above; `any` takes whatever account it names from now on.
    async fn session_of(&self, any: bool) -> Result<Arc<Session>, SourceError> {
        let mut kept = self.session.lock().await;
        if let Some(session) = &*kept {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(Session::discover(&self.transport, &self.config.address).await?);
        {
            let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
            if !any
                && account
                    .as_ref()
                    .is_some_and(|account| *account != session.account)
            {
                // What is stored locally came from the other account; mixing them is worse than
                // stopping.
                return Err(SourceError::AccountChanged);
            }
            *account = Some(session.account.clone());
        }
        tracing::debug!(limits = ?session.limits, "session found");
        *kept = Some(Arc::clone(&session));
        Ok(session)
    }

    async fn forget(&self, session: &Session) {
        let mut kept = self.session.lock().await;
        if kept.as_deref().is_some_and(|k| std::ptr::eq(k, session)) {
            *kept = None;
        }
    }

    /// Drops the session when the server has another state of it, but only once for one state:
    /// a server that never agrees with itself must not double every request.
    async fn note_state(&self, session: &Session, state: String) {
        if state == session.state {
            return;
        }
        {
            let mut renewed_for = self
                .renewed_for
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if renewed_for.as_ref() == Some(&state) {
                return;
            }
            *renewed_for = Some(state);
        }
        self.forget(session).await;
    }

    /// Asks a batch: in one request, or call by call where the server takes no more.
    pub(crate) async fn call(&self, session: &Session, batch: Batch) -> Result<Answers, Fault> {
        let submission = batch.submission;
        if batch.calls().len() <= session.limits.calls_in_request {
            return self.request(session, batch.calls(), submission).await;
        }
        let mut answers = Answers::default();
        for (method, mut arguments, id) in batch.into_calls() {
            answers.resolve(&mut arguments)?;
            let call = [(method, arguments, id)];
            answers.join(self.request(session, &call, submission).await?);
        }
        Ok(answers)
    }

    async fn request(
        &self,
        session: &Session,
        calls: &[(&'static str, serde_json::Value, String)],
        submission: bool,
    ) -> Result<Answers, Fault> {
        let request = RequestWire {
            using: using(submission),
            method_calls: calls,
        };
        let body = serde_json::to_vec(&request).map_err(|error| SourceError::Refused {
            reason: error.to_string(),
        })?;
        if body.len() > session.limits.size_request {
            return Err(Fault::TooLarge("maxSizeRequest"));
        }
        let outgoing = Outgoing::post(session.api.clone(), "application/json", body.into());
        let response: ResponseWire = {
            let _permit = session
                .requests
                .acquire()
                .await
                .map_err(|_| SourceError::Unreachable(None))?;
            match self.transport.json(&outgoing).await {
                Err(Fault::Source(SourceError::NotFound)) => return Err(Fault::StaleSession),
                other => other?,
            }
        };
        let state = response.session_state.clone();
        let answers = Answers::of(response, calls)?;
        self.note_state(session, state).await;
        Ok(answers)
    }
}

#[async_trait]
impl MailSource for JmapSource {
    async fn fits(&self, state: Option<&StateString>) -> Result<bool, SourceError> {
        let session = self.session_of(true).await?;
        Ok(state.is_none_or(|state| session.own_state(state).is_some()))
    }

    async fn mailboxes(&self) -> Result<MailboxSnapshot, SourceError> {
        with_session!(self, |session| mailboxes::all(self, session))
    }

    async fn mailboxes_since(
        &self,
        state: &StateString,
    ) -> Result<Option<MailboxSnapshot>, SourceError> {
        with_session!(self, |session| mailboxes::since(self, session, state))
    }

    async fn newest(&self, position: u64, limit: usize) -> Result<MessagePage, SourceError> {
        with_session!(self, |session| listing::page(
            self, session, None, position, limit
        ))
    }

    async fn older_than(
        &self,
        before: UnixTime,
        position: u64,
        limit: usize,
    ) -> Result<MessagePage, SourceError> {
        with_session!(self, |session| listing::page(
            self,
            session,
            Some(before),
            position,
            limit
        ))
    }

    async fn search(
        &self,
        query: &Query,
        zone: &TimeZone,
        position: u64,
        limit: usize,
    ) -> Result<SearchPage, SourceError> {
        with_session!(self, |session| search::page(
            self, session, query, zone, position, limit
        ))
    }

    async fn message_changes(
        &self,
        since: &StateString,
        max: usize,
    ) -> Result<MessageDelta, SourceError> {
        with_session!(self, |session| changes::since(self, session, since, max))
    }

    async fn inventory(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<(StateString, Vec<MessageUpdate>), SourceError> {
        with_session!(self, |session| inventory::page(
            self, session, position, limit
        ))
    }

    async fn raw_inventory(&self, position: u64, limit: usize) -> Result<RawPage, SourceError> {
        with_session!(self, |session| inventory::raw_page(
            self, session, position, limit
        ))
    }

    async fn attachment_octets(&self, ids: &[MessageId]) -> Result<u64, SourceError> {
        with_session!(self, |session| bodies::attachment_octets(
            self, session, ids
        ))
    }

    async fn messages(&self, ids: &[MessageId]) -> Result<Vec<Message>, SourceError> {
        with_session!(self, |session| listing::by_ids(self, session, ids))
    }

    async fn bodies(&self, ids: &[MessageId]) -> Result<Vec<(MessageId, Body)>, SourceError> {
        with_session!(self, |session| bodies::by_ids(self, session, ids))
    }

    async fn blob(&self, blob: &BlobId) -> Result<ByteStream, SourceError> {
        with_session!(self, |session| blob::download(self, session, blob))
    }

    async fn edit(&self, edits: &[RemoteEdit]) -> Result<Vec<EditOutcome>, SourceError> {
        with_session!(self, |session| edit::send(self, session, edits))
    }

    async fn push(&self) -> Result<Option<PushStream>, SourceError> {
        with_session!(self, |session| push::open(self, session))
    }

    fn forget_connections(&self) {
        self.transport.forget_connections();
    }

    async fn identities(&self) -> Result<Vec<Identity>, SourceError> {
        with_session!(self, |session| submit::identities(self, session))
    }

    async fn submissions_pending(&self) -> Result<Option<Vec<PendingSubmission>>, SourceError> {
        with_session!(self, |session| submit::pending(self, session))
    }

    async fn cancel_submission(&self, id: &SubmissionId) -> Result<CancelOutcome, SourceError> {
        with_session!(self, |session| submit::cancel(self, session, id))
    }

    fn hosts(&self) -> &HostLog {
        self.transport.hosts()
    }
}

#[async_trait]
impl MailSubmitter for JmapSource {
    async fn import(
        &self,
        message: Bytes,
        mailbox: &MailboxId,
        keywords: &Keywords,
    ) -> Result<MessageId, SourceError> {
        with_session!(self, |session| submit::import(
            self,
            session,
            message.clone(),
            mailbox,
            keywords
        ))
    }

    async fn submit(
        &self,
        message: &MessageId,
        identity: &IdentityId,
        sent: Option<&MailboxId>,
    ) -> Result<(), SourceError> {
        with_session!(self, |session| submit::submit(
            self, session, message, identity, sent
        ))
    }
}
