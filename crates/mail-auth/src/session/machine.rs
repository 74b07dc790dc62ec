//! The session machine: what can happen to a sign-in, and what then has to be done.
//!
//! Pure. Times come in with events, work goes out as effects, and the driver turns the outcome
//! of an effect into the next event. Every pair of state and event is written down; what makes
//! no sense is refused and changes nothing.

use mail_model::UnixTime;

use super::state::{Effect, Event, NeedsSignIn, Origin, Refused, State, Validity};

/// A token that replaced a refused one and is itself refused within this time, in seconds, shows
/// that renewing does not help.
const FRESH: i64 = 10 * 60;

type Step = Result<(State, Vec<Effect>), Refused>;

/// What an event makes of a state.
///
/// # Errors
/// [`Refused`] where the event makes no sense; the state stays.
pub fn step(state: State, event: Event) -> Step {
    match state {
        State::SignedOut => signed_out(event),
        State::Authorizing { from } => authorizing(from, event),
        State::Exchanging { from } => exchanging(from, event),
        State::SignedIn {
            validity,
            not_before,
            replaced,
        } => signed_in(validity, not_before, replaced, event),
        State::Renewing { validity, refused } => renewing(validity, refused, event),
        State::NeedsSignIn { why } => needs_sign_in(why, event),
        State::VaultUnavailable => vault_unavailable(event),
        State::LockedByPerson => locked_by_person(event),
        State::Sealed => sealed(event),
    }
}

const fn fresh(validity: Validity) -> State {
    State::SignedIn {
        validity,
        not_before: None,
        replaced: None,
    }
}

fn adopted(validity: Validity) -> Step {
    let effects = vec![
        Effect::UseCredentials,
        Effect::AnswerWaiting,
        Effect::Publish,
    ];
    Ok((fresh(validity), effects))
}

fn signed_out_for_good() -> Step {
    let effects = vec![
        Effect::EndRemoteSession,
        Effect::ForgetCredentials,
        Effect::ForgetKey,
        Effect::DeleteStored,
        Effect::AnswerWaiting,
        Effect::Publish,
    ];
    Ok((State::SignedOut, effects))
}

/// What both putting aside and locking take out of memory.
fn forgotten(state: State) -> Step {
    let effects = vec![
        Effect::ForgetCredentials,
        Effect::ForgetKey,
        Effect::AnswerWaiting,
        Effect::Publish,
    ];
    Ok((state, effects))
}

fn put_aside() -> Step {
    forgotten(State::Sealed)
}

fn locked() -> Step {
    forgotten(State::LockedByPerson)
}

fn over(why: NeedsSignIn) -> Step {
    let effects = vec![
        Effect::ForgetCredentials,
        Effect::NoteOver,
        Effect::AnswerWaiting,
        Effect::Publish,
    ];
    Ok((State::NeedsSignIn { why }, effects))
}

fn signed_out(event: Event) -> Step {
    match event {
        Event::Begin => Ok((
            State::Authorizing {
                from: Origin::SignedOut,
            },
            vec![],
        )),
        Event::Adopted { validity } => adopted(validity),
        Event::Loaded { validity } => Ok((
            fresh(validity),
            vec![Effect::UseCredentials, Effect::Publish],
        )),
        Event::SessionOver { why } => Ok((State::NeedsSignIn { why }, vec![Effect::Publish])),
        Event::VaultFailed => Ok((State::VaultUnavailable, vec![Effect::Publish])),
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((State::SignedOut, vec![Effect::RefuseSignIn]))
        }
        Event::SignOut => Ok((State::SignedOut, vec![])),
        Event::Seal => put_aside(),
        Event::Lock => locked(),
        Event::CodeArrived
        | Event::AttemptFailed
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn authorizing(from: Origin, event: Event) -> Step {
    match event {
        Event::CodeArrived => Ok((State::Exchanging { from }, vec![Effect::ExchangeCode])),
        Event::AttemptFailed => Ok((from.state(), vec![Effect::ForgetAttempt])),
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((State::Authorizing { from }, vec![Effect::RefuseSignIn]))
        }
        Event::SignOut => Ok((State::SignedOut, vec![Effect::ForgetAttempt])),
        Event::Begin
        | Event::Adopted { .. }
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::SessionOver { .. }
        | Event::VaultFailed
        | Event::Loaded { .. }
        | Event::Seal
        | Event::Lock
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn exchanging(from: Origin, event: Event) -> Step {
    match event {
        Event::Adopted { validity } => Ok((
            fresh(validity),
            vec![
                Effect::ForgetAttempt,
                Effect::UseCredentials,
                Effect::Publish,
            ],
        )),
        Event::AttemptFailed => Ok((from.state(), vec![Effect::ForgetAttempt])),
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((State::Exchanging { from }, vec![Effect::RefuseSignIn]))
        }
        // A second answer of the browser: the first one counts.
        Event::CodeArrived
        | Event::Begin
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::SessionOver { .. }
        | Event::VaultFailed
        | Event::Loaded { .. }
        | Event::SignOut
        | Event::Seal
        | Event::Lock
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn signed_in(
    validity: Validity,
    not_before: Option<UnixTime>,
    replaced: Option<UnixTime>,
    event: Event,
) -> Step {
    let same = State::SignedIn {
        validity,
        not_before,
        replaced,
    };
    match event {
        Event::TokenWanted { now } => {
            let must_wait = not_before.is_some_and(|until| now < until);
            if now < validity.renew_at || (must_wait && validity.is_good(now)) {
                Ok((same, vec![Effect::GiveToken]))
            } else if must_wait {
                Ok((same, vec![Effect::RefuseUnreachable]))
            } else {
                let renewing = State::Renewing {
                    validity,
                    refused: false,
                };
                Ok((renewing, vec![Effect::Renew, Effect::AwaitRenewal]))
            }
        }
        // A fresh token that is refused too: another one would be no better.
        Event::TokenRefused { now }
            if replaced.is_some_and(|at| now.seconds().saturating_sub(at.seconds()) < FRESH) =>
        {
            // The session itself is whole: it is kept for signing out, and the next start tries
            // anew, because the mail server may have mended.
            let why = NeedsSignIn::MailServerRefuses;
            Ok((State::NeedsSignIn { why }, vec![Effect::Publish]))
        }
        Event::TokenRefused { now } => {
            if not_before.is_some_and(|until| now < until) {
                Ok((same, vec![Effect::RefuseUnreachable]))
            } else {
                let renewing = State::Renewing {
                    validity,
                    refused: true,
                };
                Ok((renewing, vec![Effect::Renew, Effect::AwaitRenewal]))
            }
        }
        Event::Adopted { validity } => adopted(validity),
        Event::SignOut => signed_out_for_good(),
        Event::Seal => put_aside(),
        Event::Lock => locked(),
        Event::Begin
        | Event::CodeArrived
        | Event::AttemptFailed
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::SessionOver { .. }
        | Event::VaultFailed
        | Event::Loaded { .. }
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn renewing(validity: Validity, refused: bool, event: Event) -> Step {
    match event {
        Event::TokenWanted { .. } => Ok((
            State::Renewing { validity, refused },
            vec![Effect::AwaitRenewal],
        )),
        Event::TokenRefused { .. } => Ok((
            State::Renewing {
                validity,
                refused: true,
            },
            vec![Effect::AwaitRenewal],
        )),
        Event::Renewed { validity, now } => Ok((
            State::SignedIn {
                validity,
                not_before: None,
                replaced: refused.then_some(now),
            },
            vec![
                Effect::UseCredentials,
                Effect::AnswerWaiting,
                Effect::Publish,
            ],
        )),
        Event::RenewalPostponed { until } => Ok((
            State::SignedIn {
                validity,
                not_before: Some(until),
                replaced: None,
            },
            vec![Effect::AnswerWaiting],
        )),
        Event::SessionOver { why } => over(why),
        Event::VaultFailed => Ok((
            State::VaultUnavailable,
            vec![Effect::AnswerWaiting, Effect::Publish],
        )),
        Event::Adopted { validity } => adopted(validity),
        Event::SignOut => signed_out_for_good(),
        Event::Seal => put_aside(),
        Event::Lock => locked(),
        Event::Begin
        | Event::CodeArrived
        | Event::AttemptFailed
        | Event::Loaded { .. }
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn needs_sign_in(why: NeedsSignIn, event: Event) -> Step {
    let same = State::NeedsSignIn { why };
    match event {
        Event::Begin => Ok((
            State::Authorizing {
                from: Origin::NeedsSignIn { why },
            },
            vec![],
        )),
        Event::Adopted { validity } => adopted(validity),
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((same, vec![Effect::RefuseSignIn]))
        }
        Event::SignOut => signed_out_for_good(),
        Event::Seal => put_aside(),
        Event::Lock => locked(),
        Event::CodeArrived
        | Event::AttemptFailed
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::SessionOver { .. }
        | Event::VaultFailed
        | Event::Loaded { .. }
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn vault_unavailable(event: Event) -> Step {
    match event {
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((State::VaultUnavailable, vec![Effect::TryVault]))
        }
        Event::Loaded { validity } => Ok((
            fresh(validity),
            vec![Effect::UseCredentials, Effect::Publish],
        )),
        Event::VaultFailed => Ok((
            State::VaultUnavailable,
            vec![Effect::RefuseVault, Effect::Publish],
        )),
        Event::SessionOver { why } => Ok((
            State::NeedsSignIn { why },
            vec![Effect::ForgetCredentials, Effect::Publish],
        )),
        Event::Adopted { validity } => adopted(validity),
        Event::SignOut => signed_out_for_good(),
        Event::Seal => put_aside(),
        Event::Lock => locked(),
        Event::Begin
        | Event::CodeArrived
        | Event::AttemptFailed
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::Unseal
        | Event::Unlock => Err(Refused),
    }
}

fn locked_by_person(event: Event) -> Step {
    match event {
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((State::LockedByPerson, vec![Effect::RefuseLocked]))
        }
        // Nothing is shown until the vault has answered: its answer is the next event.
        Event::Unlock => Ok((State::VaultUnavailable, vec![Effect::TryVault])),
        Event::Lock => Ok((State::LockedByPerson, vec![])),
        Event::SignOut => signed_out_for_good(),
        Event::Seal => put_aside(),
        // A new sign-in is refused too: it would have to be sealed with the key that is locked.
        Event::Begin
        | Event::CodeArrived
        | Event::AttemptFailed
        | Event::Adopted { .. }
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::SessionOver { .. }
        | Event::VaultFailed
        | Event::Loaded { .. }
        | Event::Unseal => Err(Refused),
    }
}

fn sealed(event: Event) -> Step {
    match event {
        // What is on disk decides: a session that was put aside by mistake goes on.
        Event::Unseal => Ok((State::VaultUnavailable, vec![Effect::TryVault])),
        Event::TokenWanted { .. } | Event::TokenRefused { .. } => {
            Ok((State::Sealed, vec![Effect::RefuseSignIn]))
        }
        Event::SignOut => signed_out_for_good(),
        Event::Seal => Ok((State::Sealed, vec![])),
        Event::Begin
        | Event::CodeArrived
        | Event::AttemptFailed
        | Event::Adopted { .. }
        | Event::Renewed { .. }
        | Event::RenewalPostponed { .. }
        | Event::SessionOver { .. }
        | Event::VaultFailed
        | Event::Loaded { .. }
        | Event::Lock
        | Event::Unlock => Err(Refused),
    }
}

#[cfg(test)]
mod tests;
