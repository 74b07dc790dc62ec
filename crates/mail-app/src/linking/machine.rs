//! The states of a change, and what each event makes of them. Pure.
//!
//! Before [`State::Sealing`] everything can be given up and leaves nothing behind. From there on
//! only answers move it, the service is asked once, and what is not clear is looked up, never
//! asked again. Timers move nothing: a proof that has run out is asked for again, and the page
//! the person was on comes back with everything they chose.

use crate::contract::{LinkSide, LinkTrouble};

/// Where a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum State {
    /// Looking whether it can be done at all.
    Checking,
    /// It cannot.
    Blocked,
    /// A side has to sign in; then it goes on there.
    Proving { side: LinkSide, then: Then },
    /// Which mailbox is kept.
    Direction,
    /// Counting what would be set aside.
    Counting,
    /// What would be set aside.
    Preview,
    /// Sending or dropping what has not left this computer.
    Settling,
    /// Whether a copy is taken along.
    Export,
    /// The copy is being made.
    Exporting,
    /// The copy was made and compared.
    Exported,
    /// The address has to be typed.
    Confirm,
    /// Everything is looked at once more, then the mailbox is sealed here.
    Sealing,
    /// The service is asked.
    Asking,
    /// The service's list is read.
    Looking,
    /// The old session is ended.
    Closing,
    /// It is done.
    Done,
    /// It came to nothing; everything is as before.
    NotChanged,
    /// Not known yet; looked for again and again.
    Unknown,
    /// It came to nothing, but not everything is back on this computer; tried again and again.
    Undoing,
    /// Given up, or closed after its end.
    Over,
}

/// What comes after a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Then {
    /// The first time.
    Direction,
    /// A proof had run out when the person confirmed.
    Confirm,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// It can be done; whether the kept side has signed in just now.
    Eligible { kept_is_fresh: bool },
    /// It cannot be done.
    Ineligible(LinkTrouble),
    /// A side was proved.
    Proved(LinkSide),
    /// A proof came to nothing, or to somebody else.
    NotProved(LinkTrouble),
    /// The person takes the other mailbox.
    Swap,
    /// The person goes on, having ticked what was to be ticked.
    GoOn { understood: bool },
    /// The person goes back.
    Back,
    /// The person looks again.
    LookAgain,
    /// The figures are there.
    Counted,
    /// Only what is here could be counted.
    CannotCount,
    /// The person settles what has not left this computer.
    Settle,
    /// What came of it is counted.
    Settled { all: bool },
    /// The person takes a copy.
    Export,
    /// The copy was made; whether it is whole.
    Copied { whole: bool },
    /// The copy could not be made.
    NotCopied(LinkTrouble),
    /// The person confirms; whether what was typed is the address.
    Confirm { typed: bool },
    /// The last look before: a side's proof has run out.
    ProofOver(LinkSide),
    /// The last look before: it is another mailbox than the one that was looked at.
    Changed,
    /// The last look before did not succeed.
    NotReady(LinkTrouble),
    /// The mailbox is sealed here.
    Sealed,
    /// It could not be.
    NotSealed(LinkTrouble),
    /// The service said yes.
    Accepted,
    /// The service said no.
    Refused(LinkTrouble),
    /// The service has no such question; it asks in the browser instead.
    OtherWay,
    /// It was not asked.
    NotAsked(LinkTrouble),
    /// Nobody knows what became of the question.
    Unclear(LinkTrouble),
    /// The service's list has it.
    Present,
    /// The service's list does not have it.
    Absent(LinkTrouble),
    /// The list cannot be read, or is not believed yet.
    CannotTell(LinkTrouble),
    /// Not everything could be brought back.
    NotUndone(LinkTrouble),
    /// Now it is back; why it came to nothing.
    Undone(LinkTrouble),
    /// The old session is over; none if it could not be ended.
    Closed { ended: bool },
    /// The sealed copy is not in the list of accounts yet.
    NotClosed,
    /// The person gives it up, or closes the page after its end.
    Cancel,
}

impl Event {
    /// Whether everything has to be back before this is said.
    pub(crate) const fn brings_back(self) -> bool {
        matches!(
            self,
            Self::Refused(_) | Self::NotAsked(_) | Self::Absent(_) | Self::NotSealed(_)
        )
    }
}

/// Whether the person can still give it up.
pub(crate) const fn may_be_cancelled(state: State) -> bool {
    !matches!(
        state,
        State::Sealing
            | State::Asking
            | State::Looking
            | State::Closing
            | State::Unknown
            | State::Undoing
            | State::Over
    )
}

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    /// Count what would be set aside.
    Count,
    /// Send or drop what has not left this computer.
    Settle,
    /// Make the copy.
    Copy,
    /// Forget copy and figures: they are of the other mailbox.
    Forget,
    /// Look at everything once more, write it down, and seal.
    Seal,
    /// Ask the service, once.
    Ask,
    /// Let the browser ask, where the service has no other way.
    AskInBrowser,
    /// Read the service's list.
    Look,
    /// Read it again later.
    LookLater,
    /// Bring everything back.
    Unseal,
    /// Try again now to bring everything back.
    Undo,
    /// The same after a while, as often as it takes.
    UndoLater,
    /// Keep the sealed copy, and end the old session.
    Close,
    /// The same after a while.
    CloseLater,
    /// Stop what is under way.
    Stop,
}

/// What a decision needs to know beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Facts {
    /// Something has not left this computer.
    pub(crate) unsettled: bool,
    /// The figures may be too small.
    pub(crate) at_least: bool,
    /// The mailbox that is set aside has several sign-ins.
    pub(crate) several: bool,
    /// A copy is here and whole.
    pub(crate) copied: bool,
    /// A copy is here and has gaps.
    pub(crate) gaps: bool,
    /// The person wants no copy.
    pub(crate) declined: bool,
}

/// What an event makes of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) state: State,
    pub(crate) effect: Option<Effect>,
    pub(crate) trouble: Option<LinkTrouble>,
}

impl Step {
    const fn to(state: State) -> Option<Self> {
        Some(Self {
            state,
            effect: None,
            trouble: None,
        })
    }

    const fn doing(state: State, effect: Effect) -> Option<Self> {
        Some(Self {
            state,
            effect: Some(effect),
            trouble: None,
        })
    }

    const fn told(state: State, trouble: LinkTrouble) -> Option<Self> {
        Some(Self {
            state,
            effect: None,
            trouble: Some(trouble),
        })
    }

    const fn with(state: State, effect: Effect, trouble: LinkTrouble) -> Option<Self> {
        Some(Self {
            state,
            effect: Some(effect),
            trouble: Some(trouble),
        })
    }
}

/// The next state, or nothing when the event does not belong there: it is refused, and nothing
/// changes.
pub(crate) fn step(state: State, event: Event, facts: Facts) -> Option<Step> {
    match (state, event) {
        (State::Over, _) => None,
        (_, Event::Cancel) => cancel(state),
        (State::Checking, _) => checking(event),
        (State::Proving { side, then }, _) => proving(side, then, event),
        (
            State::Direction
            | State::Counting
            | State::Preview
            | State::Settling
            | State::Export
            | State::Exporting
            | State::Exported,
            _,
        ) => looking_first(state, event, facts),
        (State::Confirm, _) => confirm(event, facts),
        (State::Sealing, _) => sealing(event),
        (State::Asking, _) => asking(event),
        (State::Looking | State::Unknown, _) => looking(state, event),
        (State::Undoing, _) => undoing(event),
        (State::Closing, Event::Closed { ended: true }) => Step::to(State::Done),
        (State::Closing, Event::Closed { ended: false }) => {
            Step::told(State::Done, LinkTrouble::SessionLeft)
        }
        // Nobody may take the copy for an account's files before the list says what it is.
        (State::Closing, Event::NotClosed) => Step::doing(State::Closing, Effect::CloseLater),
        // Once more from the figures: they may be others now.
        (State::NotChanged, Event::LookAgain) => Step::doing(State::Counting, Effect::Count),
        (State::Blocked | State::Closing | State::Done | State::NotChanged, _) => None,
    }
}

fn cancel(state: State) -> Option<Step> {
    match state {
        state if !may_be_cancelled(state) => None,
        State::Blocked | State::Done | State::NotChanged => Step::to(State::Over),
        _ => Step::doing(State::Over, Effect::Stop),
    }
}

fn checking(event: Event) -> Option<Step> {
    let side = match event {
        Event::Eligible {
            kept_is_fresh: true,
        } => LinkSide::SetAside,
        Event::Eligible {
            kept_is_fresh: false,
        } => LinkSide::Kept,
        Event::Ineligible(why) => return Step::told(State::Blocked, why),
        _ => return None,
    };
    Step::to(State::Proving {
        side,
        then: Then::Direction,
    })
}

fn proving(side: LinkSide, then: Then, event: Event) -> Option<Step> {
    match event {
        Event::Proved(proved) if proved == side => match (side, then) {
            // The set-aside side is proved in any case before anything is shown of it.
            (LinkSide::Kept, Then::Direction) => Step::to(State::Proving {
                side: LinkSide::SetAside,
                then,
            }),
            (LinkSide::SetAside, Then::Direction) => Step::to(State::Direction),
            (_, Then::Confirm) => Step::to(State::Confirm),
        },
        Event::NotProved(
            why @ (LinkTrouble::AlreadyOpens
            | LinkTrouble::LinkedByItself
            | LinkTrouble::Forbidden
            | LinkTrouble::SignInUnclear),
        ) => Step::told(State::Blocked, why),
        Event::NotProved(why) => Step::told(State::Proving { side, then }, why),
        Event::Back if then == Then::Confirm => Step::to(State::Confirm),
        _ => None,
    }
}

/// The pages on which the person makes up their mind.
fn looking_first(state: State, event: Event, facts: Facts) -> Option<Step> {
    match (state, event) {
        (State::Direction, Event::Swap) => Step::doing(State::Direction, Effect::Forget),
        (State::Direction, Event::GoOn { .. })
        | (State::Preview | State::Export | State::Exported, Event::LookAgain) => {
            Step::doing(State::Counting, Effect::Count)
        }
        (State::Counting, Event::Counted) if facts.several => {
            Step::told(State::Preview, LinkTrouble::BothAffected)
        }
        (State::Counting, Event::Counted) => Step::to(State::Preview),
        (State::Counting, Event::CannotCount) => {
            Step::told(State::Preview, LinkTrouble::CannotCount)
        }
        (State::Counting, Event::Back) => Step::doing(State::Direction, Effect::Stop),
        (State::Preview, Event::Settle) => Step::doing(State::Settling, Effect::Settle),
        (State::Settling, Event::Settled { all: true }) => {
            Step::doing(State::Counting, Effect::Count)
        }
        (State::Settling, Event::Settled { all: false }) => {
            Step::told(State::Preview, LinkTrouble::NotSettled)
        }
        (State::Preview, Event::GoOn { understood }) => {
            if facts.unsettled {
                Step::told(State::Preview, LinkTrouble::NotSettled)
            } else if facts.several && !understood {
                Step::told(State::Preview, LinkTrouble::BothAffected)
            } else if facts.at_least && !understood {
                Step::told(State::Preview, LinkTrouble::CannotCount)
            } else if facts.copied {
                Step::to(State::Exported)
            } else {
                Step::to(State::Export)
            }
        }
        (State::Preview, Event::Back) => Step::to(State::Direction),
        (State::Export | State::Exported, Event::Export) => {
            Step::doing(State::Exporting, Effect::Copy)
        }
        (State::Export | State::Exported, Event::Back) => Step::to(State::Preview),
        // Without a copy only in words.
        (State::Export, Event::GoOn { understood: true }) => Step::to(State::Confirm),
        (State::Export, Event::GoOn { understood: false }) => Step::to(State::Export),
        (State::Exporting, Event::Copied { whole: true }) => Step::to(State::Exported),
        (State::Exporting, Event::Copied { whole: false }) => {
            Step::told(State::Exported, LinkTrouble::ExportIncomplete)
        }
        (State::Exporting, Event::NotCopied(why)) => Step::told(State::Export, why),
        (State::Exporting, Event::Back) => Step::doing(State::Export, Effect::Stop),
        (State::Exported, Event::GoOn { understood }) => {
            if facts.copied || understood {
                Step::to(State::Confirm)
            } else {
                Step::told(State::Exported, LinkTrouble::ExportIncomplete)
            }
        }
        _ => None,
    }
}

fn confirm(event: Event, facts: Facts) -> Option<Step> {
    match event {
        Event::Confirm { typed: true } => Step::doing(State::Sealing, Effect::Seal),
        Event::Confirm { typed: false } => Step::told(State::Confirm, LinkTrouble::TypedOther),
        Event::Swap => Step::doing(State::Direction, Effect::Forget),
        Event::Back if facts.copied || facts.gaps => Step::to(State::Exported),
        Event::Back => Step::to(State::Export),
        Event::LookAgain => Step::doing(State::Counting, Effect::Count),
        _ => None,
    }
}

fn sealing(event: Event) -> Option<Step> {
    match event {
        Event::ProofOver(side) => Step::told(
            State::Proving {
                side,
                then: Then::Confirm,
            },
            match side {
                LinkSide::Kept => LinkTrouble::KeptExpired,
                LinkSide::SetAside => LinkTrouble::ProofExpired,
            },
        ),
        Event::Changed => Step::told(State::Preview, LinkTrouble::Changed),
        Event::NotReady(LinkTrouble::NotSettled) => {
            Step::told(State::Preview, LinkTrouble::NotSettled)
        }
        Event::NotReady(LinkTrouble::ExportIncomplete) => {
            Step::told(State::Exported, LinkTrouble::ExportIncomplete)
        }
        Event::NotReady(why @ (LinkTrouble::AlreadyOpens | LinkTrouble::SignInUnclear)) => {
            Step::told(State::Blocked, why)
        }
        Event::NotReady(why) => Step::told(State::Confirm, why),
        Event::Sealed => Step::doing(State::Asking, Effect::Ask),
        Event::NotSealed(why) => Step::with(State::NotChanged, Effect::Unseal, why),
        Event::NotUndone(why) => Step::with(State::Undoing, Effect::UndoLater, why),
        _ => None,
    }
}

fn asking(event: Event) -> Option<Step> {
    match event {
        Event::Accepted => Step::doing(State::Looking, Effect::Look),
        Event::Unclear(why) => Step::with(State::Looking, Effect::Look, why),
        Event::Refused(why) | Event::NotAsked(why) => {
            Step::with(State::NotChanged, Effect::Unseal, why)
        }
        Event::NotUndone(why) => Step::with(State::Undoing, Effect::UndoLater, why),
        Event::OtherWay => Step::doing(State::Asking, Effect::AskInBrowser),
        _ => None,
    }
}

fn looking(state: State, event: Event) -> Option<Step> {
    match event {
        Event::Present => Step::doing(State::Closing, Effect::Close),
        Event::Absent(why) => Step::with(State::NotChanged, Effect::Unseal, why),
        Event::NotUndone(why) => Step::with(State::Undoing, Effect::UndoLater, why),
        // Whoever looks later goes on with that by themselves.
        Event::CannotTell(why) if state == State::Unknown => Step::told(State::Unknown, why),
        Event::CannotTell(why) => Step::with(State::Unknown, Effect::LookLater, why),
        Event::LookAgain if state == State::Unknown => Step::doing(State::Unknown, Effect::Look),
        _ => None,
    }
}

fn undoing(event: Event) -> Option<Step> {
    match event {
        Event::Undone(why) => Step::told(State::NotChanged, why),
        Event::NotUndone(why) => Step::told(State::Undoing, why),
        Event::LookAgain => Step::doing(State::Undoing, Effect::Undo),
        _ => None,
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
