//! The words of the session machine: states, events, effects.

use mail_model::UnixTime;

/// A token with less time left is renewed before it is given out, in seconds. Tokens that live
/// less than twice as long are renewed at half their life.
const EARLY: i64 = 5 * 60;
/// A token with less time left is treated as spent, in seconds.
const SPENT: i64 = 10;
/// How long the token in hand is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From here on it is renewed before it is given out.
    pub renew_at: UnixTime,
    /// Its end.
    pub expires: UnixTime,
}

impl Validity {
    /// Of a token that was got at `now`.
    #[must_use]
    pub fn from(now: UnixTime, expires: UnixTime) -> Self {
        let life = expires.seconds().saturating_sub(now.seconds()).max(0);
        Self {
            renew_at: UnixTime::from_seconds(expires.seconds().saturating_sub(EARLY.min(life / 2))),
            expires,
        }
    }

    /// Whether a mail server would still take it, with a little time for the way there.
    #[must_use]
    pub const fn is_good(self, now: UnixTime) -> bool {
        self.expires.seconds().saturating_sub(now.seconds()) > SPENT
    }
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nobody is signed in.
    SignedOut,
    /// The browser is asked; on failure everything is as in `from`.
    Authorizing {
        /// Where the person came from.
        from: Origin,
    },
    /// A code is being turned into tokens; on failure everything is as in `from`.
    Exchanging {
        /// Where the person came from.
        from: Origin,
    },
    /// A token is in hand.
    SignedIn {
        /// Its times.
        validity: Validity,
        /// No renewal before this, because the last one failed or the server asked to wait.
        not_before: Option<UnixTime>,
        /// When the token in hand replaced one that a mail server had refused, if it did.
        replaced: Option<UnixTime>,
    },
    /// A renewal is under way, exactly one.
    Renewing {
        /// The times of the token in hand.
        validity: Validity,
        /// Whether a mail server refused the token in hand.
        refused: bool,
    },
    /// The session is over until the person signs in again.
    NeedsSignIn {
        /// Why.
        why: NeedsSignIn,
    },
    /// The vault or the disk is in the way; nothing is lost.
    VaultUnavailable,
    /// The person has locked the account: neither key nor token is in memory.
    LockedByPerson,
    /// Put aside by removal or linking.
    Sealed,
}

/// Where a sign-in was begun, to go back to when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody was signed in.
    SignedOut,
    /// The session was over.
    NeedsSignIn {
        /// Why.
        why: NeedsSignIn,
    },
}

/// Why the person has to sign in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedsSignIn {
    /// The login service ended the session.
    SessionEnded,
    /// The mail server refuses even fresh tokens.
    MailServerRefuses,
    /// Nothing is stored for this account.
    NothingStored,
    /// What is stored belongs to another key: the keyring was changed or its entry replaced.
    KeyChanged,
    /// What is stored is damaged.
    Damaged,
    /// The login service now knows the session as another person.
    OtherPerson,
    /// The account was put aside and has come back.
    PutBack,
}

impl NeedsSignIn {
    /// A sentence for the person.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SessionEnded => "Your sign-in has ended. Sign in again to get new mail.",
            Self::MailServerRefuses => {
                "The mail server does not accept this sign-in any more. Sign in again."
            }
            Self::NothingStored => "This account is not signed in on this computer. Sign in again.",
            Self::KeyChanged => {
                "The keyring has changed since the last sign-in. Sign in again; your mail is kept."
            }
            Self::Damaged => "The stored sign-in cannot be read. Sign in again; your mail is kept.",
            Self::OtherPerson => {
                "The login service answered for somebody else. Sign in again as yourself."
            }
            Self::PutBack => "This account was put aside and is back. Sign in again.",
        }
    }
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The person begins to sign in.
    Begin,
    /// The redirect brought a code.
    CodeArrived,
    /// The person gave up, or the attempt failed.
    AttemptFailed,
    /// New credentials of a sign-in are verified and stored.
    Adopted {
        /// The new token's times.
        validity: Validity,
    },
    /// Somebody wants a token.
    TokenWanted {
        /// The time of asking.
        now: UnixTime,
    },
    /// A mail server refused the token in hand.
    TokenRefused {
        /// The time of the refusal.
        now: UnixTime,
    },
    /// New credentials of a renewal are verified and stored.
    Renewed {
        /// The time of it.
        now: UnixTime,
        /// The new token's times.
        validity: Validity,
    },
    /// The login service was not reached, or asked to wait.
    RenewalPostponed {
        /// No renewal before this.
        until: UnixTime,
    },
    /// The session is over, in the login service's own words or by what it answered.
    SessionOver {
        /// Why.
        why: NeedsSignIn,
    },
    /// The vault or the disk did not let the session be read or stored.
    VaultFailed,
    /// The session was read from disk.
    Loaded {
        /// The stored token's times.
        validity: Validity,
    },
    /// The person signs out.
    SignOut,
    /// The account is put aside.
    Seal,
    /// The account comes back.
    Unseal,
    /// The person locks the account.
    Lock,
    /// The person unlocks it again.
    Unlock,
}

/// What has to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Exchange the code.
    ExchangeCode,
    /// Close the redirect address and forget the attempt.
    ForgetAttempt,
    /// Give the token in hand.
    GiveToken,
    /// Start the one renewal.
    Renew,
    /// Wait for the renewal under way.
    AwaitRenewal,
    /// Read the session from disk, or store again what could not be stored.
    TryVault,
    /// Say that the person has to sign in.
    RefuseSignIn,
    /// Say that the login service is not reachable.
    RefuseUnreachable,
    /// Say that the vault is in the way.
    RefuseVault,
    /// Use the new credentials from now on.
    UseCredentials,
    /// Tell everybody who waits for the renewal.
    AnswerWaiting,
    /// Say that the person has locked the account.
    RefuseLocked,
    /// Forget tokens and cookies in memory.
    ForgetCredentials,
    /// Forget what the session file is sealed with, and have the vault forget it too.
    ForgetKey,
    /// Note on disk that the session is over.
    NoteOver,
    /// Tell the login service that the session has ended.
    EndRemoteSession,
    /// Delete the session file.
    DeleteStored,
    /// Show the new state.
    Publish,
}

/// An event that makes no sense in a state; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the event does not belong into this state")]
pub struct Refused;

impl Origin {
    pub(super) const fn state(self) -> State {
        match self {
            Self::SignedOut => State::SignedOut,
            Self::NeedsSignIn { why } => State::NeedsSignIn { why },
        }
    }
}
