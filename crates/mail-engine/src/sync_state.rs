//! The sync machine of one account: where it stands, and what follows from what happens.
//!
//! Pure: no clock, no input or output, nothing asynchronous. Every pair of state and event is in
//! the one `match` below without a catch-all arm; the table in `docs/sync-machine.md` is printed
//! from it by a test. The loop in `account_loop` runs the effects and turns results into events.

use crate::clock::Moment;

/// Why only somebody outside can help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The session is over.
    SignInNeeded,
    /// The keyring does not answer.
    VaultLocked,
    /// The server refuses for good, or has no mail for this account.
    Refused {
        /// Its own words or error type.
        detail: String,
    },
    /// There is no room on the disk.
    DiskFull,
    /// The local copy is damaged; it has to be opened anew, which sets the damage aside.
    Damaged,
    /// The session gives no token out while the person has it paused.
    Paused,
}

/// Where one account's synchronisation stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not started.
    Idle,
    /// A round was begun and nothing was answered yet.
    Connecting {
        /// Failed rounds before this one.
        tries: u32,
    },
    /// The server answers and there is something to fetch.
    CatchingUp {
        /// Messages fetched.
        done: u64,
        /// Messages to fetch in all, if known.
        of: Option<u64>,
        /// Failed rounds before this one that made no progress.
        tries: u32,
    },
    /// Everything is here; waiting for a hint or for the next poll.
    Watching,
    /// No connection.
    Offline {
        /// When it is tried again.
        retry_at: Moment,
        /// Failures in a row.
        tries: u32,
    },
    /// The server is busy.
    Waiting {
        /// When it is tried again.
        until: Moment,
        /// Failures in a row.
        tries: u32,
        /// Whether the server named the time; then nobody can cut it short.
        asked: bool,
    },
    /// Only somebody outside can help.
    Blocked(Block),
    /// The person wants no traffic.
    Paused,
    /// Ended, for good.
    Stopping,
}

impl State {
    /// Failures in a row up to now.
    #[must_use]
    pub const fn tries(&self) -> u32 {
        match self {
            Self::Connecting { tries }
            | Self::CatchingUp { tries, .. }
            | Self::Offline { tries, .. }
            | Self::Waiting { tries, .. } => *tries,
            Self::Idle | Self::Watching | Self::Blocked(_) | Self::Paused | Self::Stopping => 0,
        }
    }
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The engine was started.
    Start,
    /// A person asks, the network is back, or a session was renewed.
    Woken,
    /// Something may have changed: a push hint, or a mark of the person waits.
    Hinted,
    /// The timer has run out.
    TimeUp,
    /// The first request of a round was answered.
    Answered,
    /// A batch was fetched and committed.
    Advanced {
        /// Messages fetched.
        done: u64,
        /// Messages to fetch in all, if known.
        of: Option<u64>,
        /// Whether none of it has to be fetched again after a failure.
        lasting: bool,
    },
    /// The round is over; everything the server told is here.
    Finished,
    /// The round failed: no connection, or an answer that made no sense.
    Lost {
        /// When to try again.
        retry_at: Moment,
    },
    /// The round failed: the server is busy.
    Busy {
        /// When to try again.
        until: Moment,
        /// Whether the server named the time.
        asked: bool,
    },
    /// The round failed: only somebody outside can help.
    Barred {
        /// Who, and why.
        block: Block,
        /// When to look whether somebody did; none where only a sign-in helps.
        look_at: Option<Moment>,
    },
    /// The account was paused; whatever was under way was dropped.
    Pause,
    /// The account is no longer paused.
    Resume,
    /// The engine is being stopped.
    Stop,
}

/// What the loop has to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Run a round of synchronisation.
    BeginRound,
    /// Let the timer run out then.
    SetTimer(Moment),
    /// Let the timer run out when the next poll is due.
    SetPollTimer,
    /// Stop the timer.
    ClearTimer,
    /// Keep a push channel open.
    OpenPush,
    /// Keep no push channel open.
    ClosePush,
    /// End the loop.
    Finish,
}

/// What follows from an event.
#[must_use]
pub fn step(state: State, event: Event) -> (State, Vec<Effect>) {
    use Effect as F;
    use Event as E;
    use State as S;

    match (state, event) {
        (S::Stopping, E::Start | E::Woken | E::Hinted | E::TimeUp | E::Answered)
        | (S::Stopping, E::Advanced { .. } | E::Finished | E::Lost { .. } | E::Busy { .. })
        | (S::Stopping, E::Barred { .. } | E::Pause | E::Resume | E::Stop) => (S::Stopping, vec![]),
        (
            S::Idle
            | S::Connecting { .. }
            | S::CatchingUp { .. }
            | S::Watching
            | S::Offline { .. }
            | S::Waiting { .. }
            | S::Blocked(_)
            | S::Paused,
            E::Stop,
        ) => (S::Stopping, vec![F::ClearTimer, F::ClosePush, F::Finish]),
        (
            S::Idle
            | S::Connecting { .. }
            | S::CatchingUp { .. }
            | S::Watching
            | S::Offline { .. }
            | S::Waiting { .. }
            | S::Blocked(_),
            E::Pause,
        ) => (S::Paused, vec![F::ClearTimer, F::ClosePush]),

        (S::Paused, E::Resume) => connect(0),
        // Nothing is under way here, and nothing begins.
        (
            S::Paused,
            E::Start
            | E::Woken
            | E::Hinted
            | E::TimeUp
            | E::Answered
            | E::Advanced { .. }
            | E::Finished
            | E::Lost { .. }
            | E::Busy { .. }
            | E::Barred { .. }
            | E::Pause,
        ) => (S::Paused, vec![]),

        (S::Idle, E::Start) => connect(0),
        (
            S::Idle,
            E::Woken
            | E::Hinted
            | E::TimeUp
            | E::Answered
            | E::Advanced { .. }
            | E::Finished
            | E::Lost { .. }
            | E::Busy { .. }
            | E::Barred { .. }
            | E::Resume,
        ) => (S::Idle, vec![]),

        // A round is under way: the loop itself looks for hints between its requests.
        (S::Connecting { tries }, E::Start | E::Woken | E::Hinted | E::TimeUp | E::Resume) => {
            (S::Connecting { tries }, vec![])
        }
        (
            S::CatchingUp { done, of, tries },
            E::Start | E::Woken | E::Hinted | E::TimeUp | E::Resume,
        ) => (S::CatchingUp { done, of, tries }, vec![]),
        (S::Connecting { tries }, E::Answered) => (
            S::CatchingUp {
                done: 0,
                of: None,
                tries,
            },
            vec![F::OpenPush],
        ),
        (S::CatchingUp { done, of, tries }, E::Answered) => {
            (S::CatchingUp { done, of, tries }, vec![])
        }
        (S::Connecting { tries }, E::Advanced { done, of, lasting }) => {
            let tries = if lasting { 0 } else { tries };
            (S::CatchingUp { done, of, tries }, vec![F::OpenPush])
        }
        (S::CatchingUp { tries, .. }, E::Advanced { done, of, lasting }) => {
            let tries = if lasting { 0 } else { tries };
            (S::CatchingUp { done, of, tries }, vec![])
        }
        (S::Watching, E::Advanced { done, of, .. }) => {
            (S::CatchingUp { done, of, tries: 0 }, vec![])
        }
        (S::Connecting { .. } | S::CatchingUp { .. } | S::Watching, E::Finished) => {
            (S::Watching, vec![F::OpenPush, F::SetPollTimer])
        }

        (S::Watching, E::Woken) => connect(0),
        (S::Watching, E::Hinted | E::TimeUp) => (S::Watching, vec![F::ClearTimer, F::BeginRound]),
        (S::Watching, E::Start | E::Answered | E::Resume) => (S::Watching, vec![]),

        (S::Connecting { tries } | S::CatchingUp { tries, .. }, E::Lost { retry_at }) => {
            lose(retry_at, tries)
        }
        (S::Watching, E::Lost { retry_at }) => lose(retry_at, 0),
        (S::Connecting { tries } | S::CatchingUp { tries, .. }, E::Busy { until, asked }) => {
            wait(until, asked, tries)
        }
        (S::Watching, E::Busy { until, asked }) => wait(until, asked, 0),
        (
            S::Connecting { .. } | S::CatchingUp { .. } | S::Watching,
            E::Barred { block, look_at },
        ) => {
            let timer = look_at.map_or(F::ClearTimer, F::SetTimer);
            (S::Blocked(block), vec![F::ClosePush, timer])
        }

        // Whoever wakes us knows something new, so the count of failures starts again.
        (S::Offline { .. } | S::Blocked(_) | S::Waiting { asked: false, .. }, E::Woken) => {
            connect(0)
        }
        (S::Offline { tries, .. } | S::Waiting { tries, .. }, E::TimeUp) => connect(tries),
        (S::Blocked(_), E::TimeUp) => connect(0),
        (
            S::Waiting {
                until,
                tries,
                asked: true,
            },
            E::Woken,
        ) => (
            S::Waiting {
                until,
                tries,
                asked: true,
            },
            vec![],
        ),

        // No round is under way here: nothing that a round reports can concern it.
        (
            S::Offline { retry_at, tries },
            E::Start
            | E::Hinted
            | E::Answered
            | E::Advanced { .. }
            | E::Finished
            | E::Lost { .. }
            | E::Busy { .. }
            | E::Barred { .. }
            | E::Resume,
        ) => (S::Offline { retry_at, tries }, vec![]),
        (
            S::Waiting {
                until,
                tries,
                asked,
            },
            E::Start
            | E::Hinted
            | E::Answered
            | E::Advanced { .. }
            | E::Finished
            | E::Lost { .. }
            | E::Busy { .. }
            | E::Barred { .. }
            | E::Resume,
        ) => (
            S::Waiting {
                until,
                tries,
                asked,
            },
            vec![],
        ),
        (
            S::Blocked(block),
            E::Start
            | E::Hinted
            | E::Answered
            | E::Advanced { .. }
            | E::Finished
            | E::Lost { .. }
            | E::Busy { .. }
            | E::Barred { .. }
            | E::Resume,
        ) => (S::Blocked(block), vec![]),
    }
}

fn connect(tries: u32) -> (State, Vec<Effect>) {
    (
        State::Connecting { tries },
        vec![Effect::ClearTimer, Effect::BeginRound],
    )
}

fn lose(retry_at: Moment, tries: u32) -> (State, Vec<Effect>) {
    let tries = tries.saturating_add(1);
    (
        State::Offline { retry_at, tries },
        vec![Effect::ClosePush, Effect::SetTimer(retry_at)],
    )
}

fn wait(until: Moment, asked: bool, tries: u32) -> (State, Vec<Effect>) {
    let tries = tries.saturating_add(1);
    (
        State::Waiting {
            until,
            tries,
            asked,
        },
        vec![Effect::ClosePush, Effect::SetTimer(until)],
    )
}

#[cfg(test)]
mod tests;
