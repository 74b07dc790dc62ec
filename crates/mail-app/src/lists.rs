//! Lists as the page sees them: which accounts and mailboxes a scope means, and their feed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use mail_engine::{
    Attention, ListDiff, ListMember, ListSnapshot, MergedKey, MergedList, MergedRow,
};
use mail_model::{AccountId, Filter, Keyword, ListMode, MailboxId, MailboxRole, RowKey};
use mail_store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::account::{Account, OpenAccount};
use crate::app::App;
use crate::contract::{
    Empty, ErrorCode, FoundView, ListEvent, ListRequest, ListWindowRequest, RowView, Scope, UiError,
};
use crate::feed::{FeedSink, OpenFeed};
use crate::searching;

/// Rows of a list's first window.
const FIRST_WINDOW: u64 = 60;

/// The lists that are open, by the page's own names for them.
#[derive(Default)]
pub(crate) struct Lists(Mutex<HashMap<String, Arc<Window>>>);

/// The window of one open list: moved by a call, obeyed by the feed.
#[derive(Default)]
pub(crate) struct Window {
    rows: Mutex<Option<std::ops::Range<u64>>>,
    list: Mutex<Option<MergedList>>,
    /// The page has opened another list under this one's name.
    replaced: CancellationToken,
}

impl Window {
    pub(crate) fn range(&self) -> std::ops::Range<u64> {
        self.rows
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .unwrap_or(0..FIRST_WINDOW)
    }

    /// The range is written before the list is looked for, and [`Window::hold`] reads it while
    /// it holds the list: whichever comes second, the list gets it.
    fn set(&self, range: std::ops::Range<u64>) {
        *self.rows.lock().unwrap_or_else(PoisonError::into_inner) = Some(range.clone());
        if let Some(list) = self
            .list
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            list.set_window(range);
        }
    }

    pub(crate) fn hold(&self, list: MergedList) {
        let mut held = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.set_window(self.range());
        *held = Some(list);
    }
}

/// Takes a list's name away when its feed ends.
pub(crate) struct Named {
    pub(crate) app: App,
    pub(crate) name: String,
    pub(crate) window: Arc<Window>,
}

impl Drop for Named {
    fn drop(&mut self) {
        let mut lists = self
            .app
            .0
            .lists
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A page that reopens a list under its name has replaced this one already.
        if lists
            .get(&self.name)
            .is_some_and(|window| Arc::ptr_eq(window, &self.window))
        {
            lists.remove(&self.name);
        }
        *self
            .window
            .list
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl App {
    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_list_feed(
        &self,
        request: ListRequest,
        sink: FeedSink,
    ) -> Result<OpenFeed, UiError> {
        let window = Arc::new(Window::default());
        let name = request.list.clone();
        {
            let mut lists = self
                .0
                .lists
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // What it was looking for is not wanted any more.
            if let Some(replaced) = lists.insert(name.clone(), Arc::clone(&window)) {
                replaced.replaced.cancel();
            }
        }
        let replaced = window.replaced.clone();
        let named = Named {
            app: self.clone(),
            name,
            window,
        };
        // A scope that names an account or mailbox of nobody is refused before it is a feed.
        self.scope_accounts(&request.scope)?;
        Ok(OpenFeed::spawn(move |_| async move {
            let feed = async {
                if matches!(request.scope, Scope::Search { .. }) {
                    searching::feed(named, request, sink).await;
                } else {
                    feed(named, request, sink).await;
                }
            };
            // None: it was replaced.
            let _ended = replaced.run_until_cancelled(feed).await.is_some();
        }))
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn set_list_window(
        &self,
        request: ListWindowRequest,
    ) -> Result<Empty, UiError> {
        let window = {
            let lists = self
                .0
                .lists
                .0
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            lists.get(&request.list).cloned()
        };
        let window = window.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        window.set(request.from..request.to.max(request.from));
        Ok(Empty {})
    }

    /// The first rows of a list, at once.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] for an account or mailbox that is not here.
    pub async fn rows_now(
        &self,
        scope: Scope,
        mode: ListMode,
        filter: Filter,
        limit: usize,
    ) -> Result<Vec<RowView>, UiError> {
        if matches!(scope, Scope::Search { .. }) {
            let (rows, _) = self.search_now(scope, filter, limit).await?;
            return Ok(rows);
        }
        let members = self.members(&scope, mode, filter).await?.list;
        Ok(first_rows(members, limit).await)
    }

    async fn members(
        &self,
        scope: &Scope,
        mode: ListMode,
        filter: Filter,
    ) -> Result<Members, UiError> {
        let accounts = self.scope_accounts(scope)?;
        let mut members = Members::default();
        for account in accounts {
            let Some(open) = account.open() else {
                if account.is_unreadable() {
                    members.failed.push(account.id.to_string());
                }
                continue;
            };
            match mailboxes_of(scope, &open).await {
                Ok(mailboxes) if mailboxes.is_empty() => {}
                Ok(mailboxes) => {
                    let filter = match scope {
                        Scope::Starred { .. } => Filter::Starred,
                        _ => filter,
                    };
                    let member = member(&account.id, &open, mailboxes, mode, filter);
                    members.list.push(member);
                }
                Err(error) => {
                    tracing::warn!(account = %account.id, %error, "mailboxes cannot be read");
                    members.failed.push(account.id.to_string());
                }
            }
        }
        Ok(members)
    }

    /// Kept while a list of one account is open.
    fn attention(&self, scope: &Scope) -> Option<Attention> {
        let account = match scope {
            Scope::All { account } | Scope::Mailbox { account, .. } => account,
            Scope::Starred { account, .. } => account.as_ref()?,
            // A search is attention by itself.
            Scope::Merged { .. } | Scope::Search { .. } => return None,
        };
        let account = self.account(account).ok()?;
        Some(account.open()?.engine.look_at())
    }

    /// The accounts a scope is about.
    pub(crate) fn scope_accounts(&self, scope: &Scope) -> Result<Vec<Arc<Account>>, UiError> {
        if let Scope::Search {
            account, mailbox, ..
        } = scope
            && let Some(mailbox) = mailbox
            && (account.is_none() || MailboxId::new(mailbox.clone()).is_err())
        {
            return Err(UiError::new(ErrorCode::NotFound));
        }
        let (account, group) = match scope {
            Scope::Merged { group, .. } => (None, group.as_ref()),
            Scope::Starred { account, group } | Scope::Search { account, group, .. } => {
                (account.as_ref(), group.as_ref())
            }
            Scope::All { account } => (Some(account), None),
            Scope::Mailbox { account, mailbox } => {
                MailboxId::new(mailbox.clone()).map_err(|_| UiError::new(ErrorCode::NotFound))?;
                (Some(account), None)
            }
        };
        let mut accounts = match account {
            Some(id) => vec![self.account(id)?],
            None => self.0.accounts.all(),
        };
        if let Some(group) = group {
            accounts.retain(|account| account.is_in_group(group));
        }
        Ok(accounts)
    }
}

/// The first rows of a list.
pub(crate) async fn first_rows(members: Vec<ListMember>, limit: usize) -> Vec<RowView> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut open = MergedList::open(members, 0..limit.min(mail_engine::LARGEST_WINDOW)).await;
    let mut rows: Vec<RowView> = open.snapshot.rows.iter().map(row_view).collect();
    let wanted = limit.min(open.snapshot.total);
    while u64::try_from(rows.len()).unwrap_or(u64::MAX) < wanted {
        let from = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        open.list.set_window(from..wanted);
        let Some(diff) = open.diffs.recv().await else {
            break;
        };
        if diff.start != from {
            continue;
        }
        if diff.order.is_empty() {
            break;
        }
        let fresh: HashMap<_, _> = diff.rows.iter().map(|row| (row.key(), row)).collect();
        rows.extend(
            diff.order
                .iter()
                .filter_map(|key| fresh.get(key))
                .map(|row| row_view(row)),
        );
    }
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    rows
}

/// What a list is made of.
#[derive(Default)]
struct Members {
    list: Vec<ListMember>,
    /// Accounts that belong into it and are closed although the person has not locked them.
    failed: Vec<String>,
}

/// The mailboxes of one account that a scope means.
async fn mailboxes_of(scope: &Scope, open: &OpenAccount) -> Result<Vec<MailboxId>, StoreError> {
    match scope {
        Scope::Merged { role, .. } => {
            let found = open.store.role_mailbox(*role).await?;
            Ok(found.into_iter().collect())
        }
        Scope::Starred { .. } => kept_mailboxes(open).await,
        Scope::All { .. } => {
            let all = open.store.mailboxes().await?;
            Ok(all.into_iter().map(|(mailbox, _)| mailbox.id).collect())
        }
        // Looked for wherever it lies; see `searching`.
        Scope::Search { .. } => Ok(Vec::new()),
        Scope::Mailbox { mailbox, .. } => Ok(MailboxId::new(mailbox.clone()).into_iter().collect()),
    }
}

fn member(
    account: &AccountId,
    open: &OpenAccount,
    mailboxes: Vec<MailboxId>,
    mode: ListMode,
    filter: Filter,
) -> ListMember {
    ListMember::of_store(account.clone(), open.store.clone(), mailboxes, mode, filter)
}

/// Mailboxes whose starred mail counts: all but spam and trash.
async fn kept_mailboxes(open: &OpenAccount) -> Result<Vec<MailboxId>, StoreError> {
    let all = open.store.mailboxes().await?;
    let kept = all.into_iter().filter(|(mailbox, _)| {
        !matches!(mailbox.role, Some(MailboxRole::Junk | MailboxRole::Trash))
    });
    Ok(kept.map(|(mailbox, _)| mailbox.id).collect())
}

/// Sends a list's events; begins anew with a snapshot when accounts or their mailboxes come or go.
async fn feed(named: Named, request: ListRequest, sink: FeedSink) {
    let app = named.app.clone();
    let mut membership = app.0.accounts.watch_membership();
    loop {
        membership.mark_unchanged();
        // An account that is gone leaves an empty list, until the page closes it.
        let members = app
            .members(&request.scope, request.mode, request.filter)
            .await;
        let Members { list, failed } = members.unwrap_or_default();
        let _attention = app.attention(&request.scope);
        let mut open = MergedList::open(list, named.window.range()).await;
        // An account that was closed while it was read would be called unreadable.
        if membership.has_changed().unwrap_or(false) {
            continue;
        }
        if !sink.send(&snapshot(&open.snapshot, &failed)) {
            return;
        }
        let mut start = open.snapshot.start;
        named.window.hold(open.list);
        loop {
            tokio::select! {
                biased;
                changed = membership.changed() => {
                    if changed.is_err() { return }
                    break;
                }
                diff = open.diffs.recv() => {
                    let Some(diff) = diff else { break };
                    start = diff.start;
                    if !sink.send(&self::diff(&diff, &failed)) {
                        return;
                    }
                }
            }
        }
        tracing::trace!(list = %named.name, start, "a list begins anew");
    }
}

pub(crate) fn snapshot(snapshot: &ListSnapshot, closed: &[String]) -> ListEvent {
    ListEvent::Snapshot {
        seq: snapshot.seq,
        total: snapshot.total,
        unread: snapshot.unread,
        start: snapshot.start,
        rows: snapshot.rows.iter().map(row_view).collect(),
        failed: failed(closed, &snapshot.failed),
    }
}

pub(crate) fn diff(diff: &ListDiff, closed: &[String]) -> ListEvent {
    ListEvent::Diff {
        seq: diff.seq,
        total: diff.total,
        unread: diff.unread,
        start: diff.start,
        order: diff.order.iter().map(row_key).collect(),
        rows: diff.rows.iter().map(row_view).collect(),
        failed: failed(closed, &diff.failed),
    }
}

fn failed(closed: &[String], unreadable: &[AccountId]) -> Vec<String> {
    let unreadable = unreadable.iter().map(AccountId::to_string);
    closed.iter().cloned().chain(unreadable).collect()
}

fn row_key(key: &MergedKey) -> String {
    let kind = match key.row {
        RowKey::Thread(_) => 't',
        RowKey::Message(_) => 'm',
    };
    format!("{}/{kind}{}", key.account, key.row.get())
}

fn row_view(merged: &MergedRow) -> RowView {
    let row = &merged.row;
    RowView {
        key: row_key(&merged.key()),
        account: merged.account.to_string(),
        thread: row.thread.get(),
        message: row.latest.get(),
        received_at: row.received_at.seconds(),
        senders: row.senders.clone(),
        subject: row.subject.clone(),
        preview: row.preview.clone(),
        messages: row.message_count,
        unread: row.unread_count,
        starred: row.starred,
        files: row.has_attachment,
        answered: row.keywords.contains(&Keyword::answered()),
        draft: row.keywords.contains(&Keyword::draft()),
        found: row.found.as_deref().map(FoundView::from),
    }
}
