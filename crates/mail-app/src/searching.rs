//! Searches as the page sees them: which accounts are searched for what, and their feed.
//!
//! One search an account, each by itself; the list over them is a merged list like any other.
//! Searches go on while accounts come and go, so that the list keeps its place.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::{self, BoxStream, SelectAll};
use jiff::tz::TimeZone;
use mail_engine::{AccountSearch, ListMember, MergedList, SearchState, Wanted};
use mail_model::search::{Criterion, Hint, Query, parse};
use mail_model::{Filter, MailboxId};

use crate::account::{Account, OpenAccount};
use crate::app::App;
use crate::contract::{
    ListEvent, ListRequest, RowView, Scope, SearchHint, SearchView, SearchedAccountView,
    ServerSearch, UiError,
};
use crate::feed::FeedSink;
use crate::lists::{self, Named, first_rows};

/// How long the first rows of a list wait for accounts that have not found any yet; what comes
/// later is put in where it belongs.
const FIRST_RESULTS: Duration = Duration::from_millis(100);
/// How long an answer that is given once waits for accounts that are not done.
const SETTLED: Duration = Duration::from_secs(60);

/// What is looked for, in any account.
struct Wish {
    /// None where nothing was typed that says what.
    query: Option<Query>,
    /// Only in this mailbox.
    mailbox: Option<MailboxId>,
    hints: Vec<SearchHint>,
}

impl Wish {
    fn read(scope: &Scope, filter: Filter) -> Self {
        let Scope::Search { text, mailbox, .. } = scope else {
            return Self {
                query: None,
                mailbox: None,
                hints: Vec::new(),
            };
        };
        let parsed = parse(text);
        let named = (parsed.query != Query::everything()).then_some(parsed.query);
        Self {
            query: named.map(|query| narrowed(query, filter)),
            mailbox: mailbox
                .as_ref()
                .and_then(|id| MailboxId::new(id.clone()).ok()),
            hints: parsed.hints.into_iter().map(SearchHint::from).collect(),
        }
    }

    /// What it means for one account; none where it rules the account out.
    fn of(&self, account: &Account) -> Option<Wanted> {
        let record = account.record();
        let query = self.query.as_ref()?;
        let query = query.for_account(&record.name, &record.email);
        let wanted = Wanted {
            within: self.mailbox.clone(),
            query,
        };
        (wanted.query != Query::nothing()).then_some(wanted)
    }
}

fn narrowed(query: Query, filter: Filter) -> Query {
    let criterion = match filter {
        Filter::All => return query,
        Filter::Unread => Criterion::Unread,
        Filter::Starred => Criterion::Starred,
        Filter::Files => Criterion::HasFile,
    };
    // In front, so that the last word stays the one that is still being typed.
    Query::All(vec![Query::Is(criterion), query])
}

impl From<Hint> for SearchHint {
    fn from(hint: Hint) -> Self {
        match hint {
            Hint::DateExpected => Self::DateExpected,
            Hint::SizeExpected => Self::SizeExpected,
            Hint::WordUnknown => Self::WordUnknown,
        }
    }
}

impl From<mail_engine::ServerSearch> for ServerSearch {
    fn from(server: mail_engine::ServerSearch) -> Self {
        match server {
            mail_engine::ServerSearch::NotNeeded => Self::NotNeeded,
            mail_engine::ServerSearch::Asking => Self::Asking,
            mail_engine::ServerSearch::Asked => Self::Asked,
            mail_engine::ServerSearch::Unreachable => Self::Unreachable,
            mail_engine::ServerSearch::Refused => Self::Refused,
            mail_engine::ServerSearch::NoRoom => Self::NoRoom,
        }
    }
}

/// The search of one account.
struct Running {
    account: Arc<Account>,
    open: Arc<OpenAccount>,
    wanted: Wanted,
    search: AccountSearch,
}

impl Running {
    fn begin(account: Arc<Account>, open: Arc<OpenAccount>, wanted: Wanted) -> Self {
        let search = open.engine.search(wanted.clone(), TimeZone::system());
        Self {
            account,
            open,
            wanted,
            search,
        }
    }

    fn view(&self) -> SearchedAccountView {
        let state = *self.search.state().borrow();
        SearchedAccountView {
            account: self.account.id.to_string(),
            searching: state.searching,
            to_index: state.coverage.to_index,
            all_mail: state.coverage.all_mail,
            mail_since: state.coverage.mail_since.map(|since| since.seconds()),
            texts_since: state.coverage.texts_since.map(|since| since.seconds()),
            server: state.server.into(),
            more: state.more,
            left_out: state.left_out,
        }
    }

    /// Returns once `holds`, or when the search has ended with its account.
    async fn until(&self, holds: impl FnMut(&SearchState) -> bool) {
        let _held = self.search.state().wait_for(holds).await.is_ok();
    }
}

/// The searches of a list's accounts, in the person's order.
#[derive(Default)]
struct Searches {
    running: Vec<Running>,
    /// Accounts that belong into it and are closed although the person has not locked them.
    failed: Vec<String>,
}

impl Searches {
    /// Begins the searches that are missing and ends those of accounts that are not open, or not
    /// there, any more. The others go on.
    fn meet(&mut self, accounts: Vec<Arc<Account>>, wish: &Wish) {
        let mut before = std::mem::take(&mut self.running);
        self.failed.clear();
        for account in accounts {
            let Some(wanted) = wish.of(&account) else {
                continue;
            };
            let Some(open) = account.open() else {
                if account.is_unreadable() {
                    self.failed.push(account.id.to_string());
                }
                continue;
            };
            let goes_on = before
                .iter()
                .position(|run| Arc::ptr_eq(&run.open, &open) && run.wanted == wanted);
            self.running.push(match goes_on {
                Some(at) => before.swap_remove(at),
                None => Running::begin(account, open, wanted),
            });
        }
    }

    fn members(&self) -> Vec<ListMember> {
        let running = self.running.iter();
        running
            .map(|run| run.search.member(run.account.id.clone()))
            .collect()
    }

    fn view(&self, wish: &Wish) -> SearchView {
        SearchView {
            accounts: self.running.iter().map(Running::view).collect(),
            hints: wish.hints.clone(),
        }
    }

    /// Yields whenever one of them stands differently.
    fn changes(&self) -> SelectAll<BoxStream<'static, ()>> {
        let states = self.running.iter().map(|run| run.search.state());
        stream::select_all(states.map(|state| {
            stream::unfold(state, |mut state| async move {
                state.changed().await.ok().map(|()| ((), state))
            })
            .boxed()
        }))
    }

    /// Waits until every one of them `holds`, but no longer than that.
    async fn until(&self, limit: Duration, holds: impl Fn(&SearchState) -> bool + Copy) {
        let all = join_all(self.running.iter().map(|run| run.until(holds)));
        let _in_time = tokio::time::timeout(limit, all).await.is_ok();
    }
}

/// Sends a search's events until the page closes it or opens another under its name. Begins anew
/// with a snapshot when accounts come or go; the searches of the others are kept.
pub(crate) async fn feed(named: Named, request: ListRequest, sink: FeedSink) {
    let app = named.app.clone();
    let wish = Wish::read(&request.scope, request.filter);
    let mut membership = app.0.accounts.watch_membership();
    let mut searches = Searches::default();
    let mut patience = Some(FIRST_RESULTS);
    loop {
        membership.mark_unchanged();
        // An account that is gone leaves an empty list, until the page closes it.
        let accounts = app.scope_accounts(&request.scope).unwrap_or_default();
        searches.meet(accounts, &wish);
        // Later on, rows that have to go do not wait for those that are still to come.
        if let Some(limit) = patience.take() {
            searches.until(limit, |state| !state.searching).await;
        }
        let mut changes = searches.changes();
        let mut open = MergedList::open(searches.members(), named.window.range()).await;
        // An account that was closed while it was read would be called unreadable.
        if membership.has_changed().unwrap_or(false) {
            continue;
        }
        let mut told = searches.view(&wish);
        if !sink.send(&lists::snapshot(&open.snapshot, &searches.failed))
            || !sink.send(&ListEvent::Search {
                search: told.clone(),
            })
        {
            return;
        }
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
                    if !sink.send(&lists::diff(&diff, &searches.failed)) {
                        return;
                    }
                }
                Some(()) = changes.next(), if !changes.is_empty() => {
                    let view = searches.view(&wish);
                    if view != told {
                        told = view.clone();
                        if !sink.send(&ListEvent::Search { search: view }) {
                            return;
                        }
                    }
                }
            }
        }
        tracing::trace!(list = %named.name, "a search begins anew");
    }
}

impl App {
    /// Looks for messages once: the first rows, newest first, and how complete they are. Waits
    /// until every account's index and server have answered, but not longer than a minute.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`](crate::ErrorCode::NotFound) for an account that is not here.
    pub async fn search_now(
        &self,
        scope: Scope,
        filter: Filter,
        limit: usize,
    ) -> Result<(Vec<RowView>, SearchView), UiError> {
        let wish = Wish::read(&scope, filter);
        let mut searches = Searches::default();
        searches.meet(self.scope_accounts(&scope)?, &wish);
        let is_settled = |state: &SearchState| {
            !state.searching
                && state.coverage.to_index == 0
                && state.server != mail_engine::ServerSearch::Asking
        };
        searches.until(SETTLED, is_settled).await;
        let rows = first_rows(searches.members(), limit).await;
        Ok((rows, searches.view(&wish)))
    }
}
