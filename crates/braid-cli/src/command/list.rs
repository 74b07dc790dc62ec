//! Fetching, listing and reading.

use mail_app::{
    AccountView, App, Filter, HealthView, ListMode, MailboxRole, ReadMessage, RowView, Scope,
};
use serde::Serialize;

use super::account_named;
use crate::exit::Exit;
use crate::output::Output;

/// What `list` was asked for.
pub(super) struct Query<'a> {
    pub(super) role: MailboxRole,
    pub(super) account: Option<&'a str>,
    pub(super) filter: Filter,
    pub(super) conversations: bool,
    pub(super) limit: usize,
}

#[derive(Serialize)]
struct Line {
    account: String,
    from: String,
    subject: String,
    /// RFC 3339, UTC.
    received_at: String,
    unread: bool,
    starred: bool,
    files: bool,
    messages: u32,
    message: i64,
    thread: i64,
    preview: String,
}

#[derive(Serialize)]
struct Synced {
    account: String,
    messages: u64,
    unread: u64,
    health: HealthView,
}

fn mailbox_of(account: &AccountView, role: MailboxRole) -> Result<Scope, Exit> {
    let mailbox = account
        .mailboxes
        .iter()
        .find(|mailbox| mailbox.role == Some(role));
    let mailbox = mailbox.ok_or(Exit::NotFound("mailbox"))?;
    Ok(Scope::Mailbox {
        account: account.id.clone(),
        mailbox: mailbox.id.clone(),
    })
}

/// The servers are asked; what is here already is shown even if they do not answer.
pub(super) async fn settled(app: &App, output: &Output) -> Result<Vec<AccountView>, Exit> {
    let accounts = app.settled().await;
    for account in &accounts {
        if !matches!(account.health, HealthView::Current) {
            output.note(&format!("{} may not be up to date.", account.name));
        }
    }
    Ok(accounts)
}

pub(super) async fn sync(app: &App, output: &Output) -> Result<(), Exit> {
    let mut lines = Vec::new();
    for account in settled(app, output).await? {
        lines.push(Synced {
            messages: app.message_count(&account.id).await?,
            account: account.name,
            unread: account.unread,
            health: account.health,
        });
    }
    output.answer(&lines, |lines| {
        let words = lines.iter().map(|line| {
            format!(
                "{:<12} {:>8} messages, {} unread conversations in the inbox",
                line.account, line.messages, line.unread
            )
        });
        words.collect::<Vec<_>>().join("\n")
    })
}

async fn rows(app: &App, query: &Query<'_>) -> Result<Vec<RowView>, Exit> {
    let scope = match query.account {
        Some(named) => mailbox_of(&account_named(app, named).await?, query.role)?,
        None => Scope::Merged {
            role: query.role,
            group: None,
        },
    };
    let mode = if query.conversations {
        ListMode::Conversations
    } else {
        ListMode::Messages
    };
    Ok(app.rows_now(scope, mode, query.filter, query.limit).await?)
}

pub(super) async fn list(app: &App, query: &Query<'_>, output: &Output) -> Result<(), Exit> {
    let accounts = settled(app, output).await?;
    let name_of = |id: &str| {
        accounts
            .iter()
            .find(|account| account.id == id)
            .map_or_else(|| id.to_owned(), |account| account.name.clone())
    };
    let mut lines = Vec::new();
    for row in rows(app, query).await? {
        lines.push(Line {
            account: name_of(&row.account),
            from: app.sender_of(&row.account, row.message).await?,
            received_at: mail_app::rfc3339(row.received_at),
            unread: row.unread > 0,
            subject: row.subject,
            starred: row.starred,
            files: row.files,
            messages: row.messages,
            message: row.message,
            thread: row.thread,
            preview: row.preview,
        });
    }
    output.answer(&lines, |lines| {
        let words = lines.iter().map(|line| {
            format!(
                "{} {:<10} {:<28.28} {}",
                if line.unread { "*" } else { " " },
                line.account,
                line.from,
                if line.subject.is_empty() {
                    "(no subject)"
                } else {
                    &line.subject
                },
            )
        });
        words.collect::<Vec<_>>().join("\n")
    })
}

pub(super) async fn show(
    app: &App,
    account: Option<&str>,
    message: Option<i64>,
    output: &Output,
) -> Result<(), Exit> {
    settled(app, output).await?;
    let (account, message) = match (account, message) {
        (Some(named), Some(message)) => (account_named(app, named).await?.id, message),
        _ => {
            let query = Query {
                role: MailboxRole::Inbox,
                account,
                filter: Filter::All,
                conversations: false,
                limit: 1,
            };
            let newest = rows(app, &query)
                .await?
                .into_iter()
                .next()
                .ok_or(Exit::NotFound("message"))?;
            (newest.account, newest.message)
        }
    };
    let read: ReadMessage = app.read(&account, message).await?;
    output.answer(&read, |read| {
        let mut text = format!(
            "From: {}\nTo: {}\nDate: {}\nSubject: {}\n\n{}\n",
            read.from,
            read.to.join(", "),
            read.received_at,
            read.subject,
            read.text
        );
        for file in &read.attachments {
            text.push_str(&format!(
                "[{} — {}, {} octets]\n",
                file.name, file.media_type, file.size
            ));
        }
        text
    })
}
