//! Accounts: who, how, and away with them.

use mail_app::{
    AccountHealth, AccountRequest, AccountView, App, ArrivalView, Fix, HealthView,
    KeepTextsRequest, rfc3339,
};
use serde::Serialize;

use super::account_named;
use crate::arguments::Bound;
use crate::exit::Exit;
use crate::output::Output;

#[derive(Serialize)]
struct AccountLine {
    id: String,
    name: String,
    email: String,
    connection: Option<String>,
    unread: u64,
    messages: u64,
    health: HealthView,
}

impl AccountLine {
    fn of(account: AccountView, messages: u64) -> Self {
        Self {
            messages,
            id: account.id,
            name: account.name,
            email: account.email,
            connection: account.connection,
            unread: account.unread,
            health: account.health,
        }
    }
}

fn in_words(health: &HealthView) -> String {
    match health {
        HealthView::Current => "up to date".into(),
        HealthView::Working => "fetching".into(),
        HealthView::Offline => "no connection".into(),
        HealthView::Waiting { .. } => "the server asks to wait".into(),
        HealthView::SignInNeeded => "sign in again".into(),
        HealthView::SignedOut => "signed out".into(),
        HealthView::Paused => "paused".into(),
        HealthView::Locked => "locked".into(),
        HealthView::VaultLocked => "the keyring is locked".into(),
        HealthView::Refused { detail } => format!("refused: {detail}"),
        HealthView::Rebuilding => "rebuilding its local copy".into(),
        HealthView::DiskFull => "the disk is full".into(),
        HealthView::Fault => "a fault of Braid's".into(),
    }
}

pub(super) async fn accounts(app: &App, output: &Output) -> Result<(), Exit> {
    let mut lines = Vec::new();
    for account in app.accounts_now().await {
        // A closed account is listed all the same.
        let messages = app.message_count(&account.id).await.unwrap_or_default();
        lines.push(AccountLine::of(account, messages));
    }
    output.answer(&lines, |lines| {
        if lines.is_empty() {
            return "Nobody is signed in.".into();
        }
        let mut text = String::new();
        for line in lines {
            text.push_str(&format!(
                "{:<12} {:<32} {:>5} unread   {}\n",
                line.name,
                line.email,
                line.unread,
                in_words(&line.health)
            ));
        }
        text
    })
}

/// Says how every account is; ends with [`Exit::PersonNeeded`] where one cannot go on by itself.
pub(super) async fn health(app: &App, output: &Output) -> Result<(), Exit> {
    let report = app.health_now().await;
    output.answer(&report, |report| {
        let mut text = String::new();
        for account in &report.accounts {
            text.push_str(&account_in_words(account));
        }
        text.push_str(&format!(
            "Keyring: {}\n",
            if report.vault_ready {
                "ready"
            } else {
                "not ready"
            }
        ));
        text
    })?;
    let waiting: Vec<_> = report
        .accounts
        .into_iter()
        .filter(|account| account.needs_person)
        .map(|account| account.name)
        .collect();
    if waiting.is_empty() {
        Ok(())
    } else {
        Err(Exit::PersonNeeded(waiting))
    }
}

fn account_in_words(account: &AccountHealth) -> String {
    let session = &account.session;
    let time = |at: Option<i64>| at.map_or_else(|| "not known".to_owned(), rfc3339);
    let arrival = match session.arrival {
        ArrivalView::Push => "told by the server",
        ArrivalView::Polling => "asked for",
        ArrivalView::Off => "not looked for",
    };
    let fix = match session.fix {
        Fix::Nothing => "nothing to do",
        Fix::SignIn => "sign in again",
        Fix::Keyring => "unlock the system keyring",
        Fix::Resume => "resume it when you like",
        Fix::Unlock => "unlock it when you like",
        Fix::Retry => "try again",
        Fix::Disk => "make space on the disk",
    };
    format!(
        "{name}: {health}; {fix}\n  {email}, by {connection} at {issuer}\n  signed in {since}, \
         token until {token}, session until {end}, renewed {renewed}\n  synchronised {synced}, \
         new mail {arrival}\n  {messages} messages, {queued} waiting to be sent, {kilobytes} KB \
         on disk; speaks to {hosts}\n",
        name = account.name,
        health = in_words(&account.health),
        email = session.email,
        connection = session
            .connection
            .as_deref()
            .unwrap_or("an unnamed sign-in"),
        issuer = session.issuer,
        since = time(session.signed_in_at),
        token = time(session.token_ends_at),
        end = time(session.session_ends_at),
        renewed = session
            .renewed_at
            .map_or_else(|| "never".to_owned(), rfc3339),
        synced = time(session.synced_at),
        messages = account.messages,
        queued = account.queued,
        kilobytes = account.octets / 1024,
        hosts = account.hosts.join(", "),
    )
}

/// How much of an account's texts stays here: age in days and size in megabytes, where said.
pub(super) async fn texts(
    app: &App,
    named: &str,
    (days, size): (Option<Bound>, Option<Bound>),
    output: &Output,
) -> Result<(), Exit> {
    const MEGABYTE: u64 = 1_000_000;
    let account = account_named(app, named).await?;
    let asked = || AccountRequest {
        account: account.id.clone(),
    };
    let mut kept = app.kept_texts(asked()).await?;
    if days.is_some() || size.is_some() {
        let octets = size.map(|Bound(most)| most.map(|most| u64::from(most) * MEGABYTE));
        app.keep_texts(KeepTextsRequest {
            account: account.id.clone(),
            days: days.map_or(kept.days, |Bound(most)| most),
            octets: octets.unwrap_or(kept.octets),
        })
        .await?;
        kept = app.kept_texts(asked()).await?;
    }
    output.answer(&kept, |kept| {
        let age = kept.days.map_or_else(
            || "of any age".to_owned(),
            |days| format!("of the last {days} days"),
        );
        let most = kept.octets.map_or_else(
            || "without a limit".to_owned(),
            |octets| format!("up to {} MB", octets / MEGABYTE),
        );
        format!(
            "Texts of {} {age} stay on this computer, {most}. They take {} MB now.",
            account.name,
            kept.used.div_ceil(MEGABYTE)
        )
    })
}

pub(super) async fn remove(app: &App, named: &str, yes: bool, output: &Output) -> Result<(), Exit> {
    let account = account_named(app, named).await?;
    let request = AccountRequest {
        account: account.id.clone(),
    };
    if !yes {
        let removal = app.removal(request).await?;
        return output.answer(&removal, |removal| {
            format!(
                "Removing {} would delete from this computer: {} messages, {} changes that wait to be sent, {} KB. The server keeps its mail. Add --yes to do it.",
                account.name, removal.messages, removal.queued, removal.octets / 1024
            )
        });
    }
    let receipt = app.remove_account(request).await?;
    output.answer(&receipt, |receipt| {
        format!(
            "{} is removed: {} files, {} KB. {}",
            account.name,
            receipt.files,
            receipt.octets / 1024,
            if receipt.key_deleted {
                "Its key is gone from the keyring."
            } else {
                "Its key could not be deleted from the keyring."
            }
        )
    })
}
