//! Answers for programs: what a page learns by feeds, asked for once.

use mail_model::MessageKey;
use serde::Serialize;

use crate::app::App;
use crate::contract::{AccountView, ErrorCode, Fix, HealthView, SessionView, UiError, VaultView};

/// One message in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadMessage {
    /// Id of its account.
    pub account: String,
    /// Its key.
    pub message: i64,
    /// `Name <address>`.
    pub from: String,
    /// `Name <address>` each.
    pub to: Vec<String>,
    /// May be empty.
    pub subject: String,
    /// RFC 3339, UTC.
    pub received_at: String,
    /// Not read yet.
    pub unread: bool,
    /// Plain text; of an HTML mail, its text.
    pub text: String,
    /// Files.
    pub attachments: Vec<ReadAttachment>,
}

/// One file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadAttachment {
    /// A safe name.
    pub name: String,
    /// As claimed.
    pub media_type: String,
    /// Octets.
    pub size: u64,
}

/// How everything is, without mail and without secrets.
#[derive(Debug, Clone, Serialize)]
pub struct HealthReport {
    /// Whether keys can be kept.
    pub vault_ready: bool,
    /// Every account.
    pub accounts: Vec<AccountHealth>,
}

/// How one account is.
#[derive(Debug, Clone, Serialize)]
pub struct AccountHealth {
    /// Its local id.
    pub id: String,
    /// What the person calls it.
    pub name: String,
    /// How it is.
    pub health: HealthView,
    /// Messages here.
    pub messages: u64,
    /// Changes that wait for the server.
    pub queued: u64,
    /// Last time everything was asked for and here, Unix seconds.
    pub synced_at: Option<i64>,
    /// Octets on disk.
    pub octets: u64,
    /// Hosts it has spoken to.
    pub hosts: Vec<String>,
    /// Whether kept counts equal a recount.
    pub counts_true: bool,
    /// Its session, as the sessions page shows it.
    pub session: SessionView,
    /// Whether it cannot go on without the person: to sign in, to open the keyring, to make
    /// space, or because its server refuses it. What the person has paused or locked is as they
    /// want it, and what is offline goes on by itself.
    pub needs_person: bool,
}

fn needs_person(session: &SessionView) -> bool {
    match session.fix {
        Fix::SignIn | Fix::Keyring | Fix::Disk => true,
        Fix::Retry => !matches!(session.health, HealthView::Offline),
        Fix::Nothing | Fix::Resume | Fix::Unlock => false,
    }
}

fn with_name(address: &mail_model::Address) -> String {
    if address.name.is_empty() {
        address.email.clone()
    } else {
        format!("{} <{}>", address.name, address.email)
    }
}

/// Unix seconds as RFC 3339 in UTC.
#[must_use]
pub fn rfc3339(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |at| at.to_string())
}

impl App {
    /// Waits until every account has everything its server told, or cannot go on by itself.
    pub async fn settled(&self) -> Vec<AccountView> {
        let mut changed = self.0.accounts.watch();
        loop {
            changed.mark_unchanged();
            let accounts = self.accounts_now().await;
            let busy = |account: &AccountView| {
                matches!(account.health, HealthView::Working | HealthView::Rebuilding)
            };
            if !accounts.iter().any(busy) || changed.changed().await.is_err() {
                return accounts;
            }
        }
    }

    /// `Name <address>` of who wrote a message.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn sender_of(&self, account: &str, message: i64) -> Result<String, UiError> {
        let not_found = || UiError::new(ErrorCode::NotFound);
        let open = self.account(account)?.open().ok_or_else(not_found)?;
        let stored = open
            .store
            .message(MessageKey::new(message))
            .await?
            .ok_or_else(not_found)?;
        Ok(stored
            .message
            .from
            .first()
            .map(with_name)
            .unwrap_or_default())
    }

    /// Messages of an account that are here.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub async fn message_count(&self, account: &str) -> Result<u64, UiError> {
        match self.account(account)?.open() {
            Some(open) => Ok(open.store.message_count().await?),
            None => Ok(0),
        }
    }

    /// Reads one message, fetching its body if need be.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], and what fetching meets.
    pub async fn read(&self, account: &str, message: i64) -> Result<ReadMessage, UiError> {
        let not_found = || UiError::new(ErrorCode::NotFound);
        let account = self.account(account)?;
        let open = account.open().ok_or_else(not_found)?;
        let key = MessageKey::new(message);
        let stored = open.store.message(key).await?.ok_or_else(not_found)?;
        let mut body = open.store.body(key).await?;
        if body.is_none() {
            let fetched = open.engine.fetch_body(key).await;
            fetched.map_err(|error| UiError::new(crate::error::fetch_error(&error)))?;
            body = open.store.body(key).await?;
        }
        let body = body.ok_or_else(not_found)?;
        let text = match (&body.text, &body.html) {
            (Some(text), _) => text.clone(),
            (None, Some(html)) => mail_mime::text::of_html(html),
            (None, None) => String::new(),
        };
        let mail = stored.message;
        Ok(ReadMessage {
            account: account.id.to_string(),
            message,
            from: mail.from.first().map(with_name).unwrap_or_default(),
            to: mail.to.iter().map(with_name).collect(),
            subject: mail.subject,
            received_at: rfc3339(mail.received_at.seconds()),
            unread: !mail.keywords.is_seen(),
            text,
            attachments: body
                .attachments
                .iter()
                .map(|file| ReadAttachment {
                    name: mail_mime::file_name::safe(&file.name, &file.media_type),
                    media_type: file.media_type.clone(),
                    size: file.size,
                })
                .collect(),
        })
    }

    /// How everything is.
    pub async fn health_now(&self) -> HealthReport {
        let mut accounts = Vec::new();
        for view in self.settled().await {
            let Some(account) = self.0.accounts.find(&view.id) else {
                continue;
            };
            let session = self.session_of(&account, view.clone()).await;
            let (messages, octets, counts_true) = match account.open() {
                Some(open) => (
                    open.store.message_count().await.unwrap_or_default(),
                    open.store.sizes().total(),
                    open.store
                        .recount()
                        .await
                        .is_ok_and(|wrong| wrong.is_empty()),
                ),
                None => (0, 0, false),
            };
            accounts.push(AccountHealth {
                id: view.id,
                name: view.name,
                health: view.health,
                messages,
                queued: view.queued,
                synced_at: view.synced_at,
                octets,
                hosts: session.hosts.iter().map(|host| host.host.clone()).collect(),
                counts_true,
                needs_person: needs_person(&session),
                session,
            });
        }
        let vault = *self.0.vault.watch().borrow();
        HealthReport {
            vault_ready: matches!(vault, VaultView::Ready | VaultView::SessionOnly),
            accounts,
        }
    }
}
