//! Searching one account: what is here at once, what only its server has after that.
//!
//! | part | owns |
//! |---|---|
//! | [`AccountSearch`] | one search of one account, for as long as somebody looks at it |
//! | `found` | what was found so far, as a member of a merged list |
//! | `matching` | what is looked for, and which of what was found is it |
//! | `local` | looking through the local index, newest first, page by page |
//! | `server` | asking the server for what is not here |
//! | `need` | whether it has to be asked, and for what: pure |
//! | `indexing` | keeping the index up with the mail |
//! | `turns` | which account is indexed when |
//!
//! A search only reads, but for one thing: messages the server names that are not here are stored
//! as synchronisation would store them (see `server`). It knows one account; several are put
//! together by [`crate::MergedList`].

mod asking;
mod found;
pub(crate) mod indexing;
mod local;
mod matching;
mod need;
mod server;
#[cfg(test)]
mod tests;
mod turns;

use std::sync::Arc;

use jiff::tz::TimeZone;
use mail_model::AccountId;
use mail_store::SearchCoverage;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::AccountEngine;
use crate::list_view::ListMember;
use crate::supervisor::keep_looking;
use asking::Search;
use found::FoundList;

pub use matching::Wanted;
pub(crate) use turns::LookedAt;
pub use turns::{Attention, IndexTurns};

/// The most matches of one account that a list takes; beyond it [`SearchState::more`] is set.
pub const MOST_FOUND: usize = 2_000;

/// What an account's mail server adds to a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerSearch {
    /// Everything is here, so it is not asked.
    NotNeeded,
    /// It is being asked, or will be once the first local results are there.
    Asking,
    /// It has answered; what it found is in the list.
    Asked,
    /// It cannot be asked now. It is asked by itself once it can be.
    Unreachable,
    /// It refuses this search, or cannot search so. What is here is still shown.
    Refused,
    /// It has answered, and the disk has no room for what it found. It is asked again by itself.
    NoRoom,
}

/// How a search of one account stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchState {
    /// Whether the local index has not been looked through once.
    pub searching: bool,
    /// How complete the local index was when it was last looked through.
    pub coverage: SearchCoverage,
    /// What the server adds.
    pub server: ServerSearch,
    /// Whether there are more matches than the list takes.
    pub more: bool,
    /// Whether messages that are here were left out, because something must not be in their text
    /// and their text is not here. Of these the server may have found some.
    pub left_out: bool,
}

/// A search of one account. Dropping it ends the search at once.
pub struct AccountSearch {
    list: Arc<FoundList>,
    state: watch::Receiver<SearchState>,
    _attention: Attention,
    _ends: DropGuard,
}

impl AccountSearch {
    /// Its matches as a member of a merged list, newest first. The unread ones among them are not
    /// counted: the list's own count of them is 0.
    #[must_use]
    pub fn member(&self, account: AccountId) -> ListMember {
        ListMember {
            account,
            changes: self.list.changes(),
            source: Arc::clone(&self.list) as _,
        }
    }

    /// How it stands, now and from now on.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<SearchState> {
        self.state.clone()
    }
}

impl AccountEngine {
    /// Begins to look for messages. The newest matches of the local index come first and are
    /// there at once; the server is asked for what is not here, after that and beside it. As long
    /// as the search is kept, it follows every commit.
    ///
    /// Days of the query begin where `zone` says. A server that cannot be asked, or refuses, is
    /// an entry in [`SearchState::server`] and no error. Where the local index cannot be read, the
    /// member fails as any list's does, and the search begins again by itself.
    #[must_use]
    pub fn search(&self, wanted: Wanted, zone: TimeZone) -> AccountSearch {
        let shared = Arc::clone(&self.shared);
        let list = Arc::new(FoundList::new(
            Arc::new(shared.store.clone()),
            wanted.query.clone(),
        ));
        let (search, state) = Search::new(shared, Arc::clone(&list), wanted, zone);
        let search = Arc::new(search);
        let ended = CancellationToken::new();
        let running = keep_looking(Arc::clone(&self.shared), "search", move || {
            Arc::clone(&search).run()
        });
        tokio::spawn(ended.clone().run_until_cancelled_owned(running));
        AccountSearch {
            list,
            state,
            _attention: self.look_at(),
            _ends: ended.drop_guard(),
        }
    }

    /// The person looks at this account: it is indexed before others for as long as that is kept.
    #[must_use]
    pub fn look_at(&self) -> Attention {
        self.shared.looked_at.look()
    }

    /// From now on the search index follows the mail. An engine that was started paused waits for
    /// this or for [`Self::resume`], so that a window's first rows come before its index.
    pub fn index(&self) {
        self.shared.indexing.send_replace(true);
    }
}
