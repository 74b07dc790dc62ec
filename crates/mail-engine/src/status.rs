//! How one account is doing, as one value that is watched.
//!
//! Derived from the sync machine and never read back by it: this is what a person is shown.

use mail_model::UnixTime;
use mail_store::AccountStore;
use tokio::sync::watch;

use crate::sync_state::{Block, State};

/// How an account is, in the words of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Everything the server has told is here.
    Current,
    /// Looking, or fetching.
    Working,
    /// No connection; tried again by itself.
    Offline,
    /// The server asks to wait.
    Waiting {
        /// Not before this time.
        until: UnixTime,
    },
    /// The session has ended.
    SignInNeeded,
    /// The person wants no traffic; what is here can be read and changed.
    Paused,
    /// The keyring is locked or gone.
    VaultLocked,
    /// The server refuses, or has no mail for this account.
    Refused {
        /// The server's own words, or its error type.
        detail: String,
    },
    /// The local copy was damaged and is being built anew.
    Rebuilding,
    /// The disk is full.
    DiskFull,
    /// A fault of ours; the part that failed is started again by itself.
    Fault,
}

/// How far a fetch of many messages is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Messages here.
    pub done: u64,
    /// Messages on the server, if it says.
    pub total: Option<u64>,
}

/// How the account learns of new mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// The server tells.
    Push,
    /// By asking again and again.
    Polling,
}

/// How an account is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountStatus {
    /// Its health.
    pub health: Health,
    /// The first fetch or a rebuild, while it goes on.
    pub progress: Option<Progress>,
    /// When everything was last asked for and here.
    pub synced_at: Option<UnixTime>,
    /// Changes of the person that wait for the server.
    pub queued: u64,
    /// How new mail is noticed.
    pub push: Arrival,
}

/// What the parts of an account's engine know, put together into one status.
#[derive(Debug)]
pub(crate) struct StatusBoard {
    notes: std::sync::Mutex<Notes>,
    status: watch::Sender<AccountStatus>,
}

#[derive(Debug)]
struct Notes {
    state: State,
    rebuilding: bool,
    faults: u32,
    status: AccountStatus,
}

impl Notes {
    fn health(&self) -> Health {
        if self.faults > 0 {
            return Health::Fault;
        }
        match &self.state {
            State::Idle
            | State::Connecting { .. }
            | State::CatchingUp { .. }
            | State::Watching
            | State::Stopping
                if self.rebuilding =>
            {
                Health::Rebuilding
            }
            State::Idle | State::Connecting { .. } | State::CatchingUp { .. } => Health::Working,
            State::Watching | State::Stopping => Health::Current,
            State::Offline { .. } => Health::Offline,
            State::Waiting { until, .. } => Health::Waiting {
                until: until.unix(),
            },
            State::Paused | State::Blocked(Block::Paused) => Health::Paused,
            State::Blocked(Block::SignInNeeded) => Health::SignInNeeded,
            State::Blocked(Block::VaultLocked) => Health::VaultLocked,
            State::Blocked(Block::Refused { detail }) => Health::Refused {
                detail: detail.clone(),
            },
            State::Blocked(Block::DiskFull) => Health::DiskFull,
            State::Blocked(Block::Damaged) => Health::Rebuilding,
        }
    }

    const fn progress(&self) -> Option<Progress> {
        match &self.state {
            State::CatchingUp { done, of, .. } if *done > 0 || of.is_some() => Some(Progress {
                done: *done,
                total: *of,
            }),
            _ => None,
        }
    }
}

impl StatusBoard {
    pub(crate) fn new(state: State, rebuilding: bool) -> Self {
        let mut notes = Notes {
            state,
            rebuilding,
            faults: 0,
            status: AccountStatus {
                health: Health::Working,
                progress: None,
                synced_at: None,
                queued: 0,
                push: Arrival::Polling,
            },
        };
        notes.status.health = notes.health();
        let status = watch::Sender::new(notes.status.clone());
        Self {
            notes: std::sync::Mutex::new(notes),
            status,
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<AccountStatus> {
        self.status.subscribe()
    }

    pub(crate) fn push(&self) -> Arrival {
        self.status.borrow().push
    }

    pub(crate) fn set_state(&self, state: &State) {
        self.note(|notes| notes.state.clone_from(state));
    }

    pub(crate) fn set_synced_at(&self, at: UnixTime) {
        self.note(|notes| notes.status.synced_at = Some(at));
    }

    /// Counts what is queued. Who comes last also reads last, so no older count stays.
    pub(crate) fn note_queue(&self, store: &AccountStore) {
        self.note(|notes| notes.status.queued = store.queued());
    }

    pub(crate) fn set_push(&self, push: Arrival) {
        self.note(|notes| notes.status.push = push);
    }

    /// The local copy is whole again.
    pub(crate) fn rebuilt(&self) {
        self.note(|notes| notes.rebuilding = false);
    }

    pub(crate) fn fault(&self) {
        self.note(|notes| notes.faults += 1);
    }

    pub(crate) fn fault_over(&self) {
        self.note(|notes| notes.faults = notes.faults.saturating_sub(1));
    }

    /// Changes one note and publishes the status if it differs from the last one.
    fn note(&self, change: impl FnOnce(&mut Notes)) {
        let mut notes = self
            .notes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut notes);
        let next = AccountStatus {
            health: notes.health(),
            progress: notes.progress(),
            ..notes.status.clone()
        };
        self.status.send_if_modified(|status| {
            let differs = *status != next;
            if differs {
                status.clone_from(&next);
            }
            differs
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;

    #[test]
    fn a_fault_hides_the_state_until_it_is_over() {
        let board = StatusBoard::new(State::Idle, false);
        let status = board.watch();
        board.set_state(&State::Watching);
        board.fault();
        assert_eq!(status.borrow().health, Health::Fault);
        board.fault_over();
        assert_eq!(status.borrow().health, Health::Current);
    }

    #[test]
    fn a_rebuild_never_hides_that_the_account_is_offline() {
        let board = StatusBoard::new(State::Idle, true);
        let status = board.watch();
        board.set_state(&State::Connecting { tries: 0 });
        assert_eq!(status.borrow().health, Health::Rebuilding);
        board.set_state(&State::Offline {
            retry_at: Moment::from_millis(0),
            tries: 1,
        });
        assert_eq!(status.borrow().health, Health::Offline);
        board.rebuilt();
        board.set_state(&State::Watching);
        assert_eq!(status.borrow().health, Health::Current);
    }

    #[test]
    fn a_note_that_changes_nothing_wakes_nobody() {
        let board = StatusBoard::new(State::Idle, false);
        let mut status = board.watch();
        status.mark_unchanged();
        board.set_push(Arrival::Polling);
        assert_eq!(status.has_changed().ok(), Some(false));
        board.set_push(Arrival::Push);
        assert_eq!(status.has_changed().ok(), Some(true));
    }
}
