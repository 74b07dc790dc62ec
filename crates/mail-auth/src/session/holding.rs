//! Holding an account still: pausing it and locking it.

use super::SessionError;
use super::live::Session;
use super::machine::step;
use super::state::{Effect, Event, State};

impl Session {
    /// Stops asking the login service by itself: until [`Session::resume`], whoever wants a
    /// token is told that the account is paused. A renewal that is under way is finished, but
    /// not tried again; [`Session::settled`] waits for it. Not remembered over a restart.
    pub fn pause(&self) {
        self.0.live().paused = true;
    }

    /// Gives tokens again.
    pub fn resume(&self) {
        self.0.live().paused = false;
    }

    /// Whether the session is paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.0.live().paused
    }

    /// Returns when no renewal is under way: at once, or after its answer is stored. Before the
    /// account's folder is moved or another [`Session`] is opened on its file, pause and wait
    /// for this: the answer may hold the only copy of the next cookie.
    pub async fn settled(&self) {
        let under_way = self.0.live().under_way.clone();
        if let Some(mut under_way) = under_way {
            while under_way.changed().await.is_ok() {}
        }
    }

    /// Locks the account for the person: tokens, cookies and what the session file is sealed
    /// with leave memory, and the vault is made to forget the key ([`crate::Vault::forget`]).
    /// The file stays. No token is given and nothing is renewed until [`Session::unlock_key`].
    /// A renewal under way is finished in the background: its answer is stored, then forgotten.
    ///
    /// # Errors
    /// [`SessionError::NotStored`], [`SessionError::Vault`], [`SessionError::NoKey`]: what came
    /// with the last answer could not be stored yet, so that locking would lose the session;
    /// nothing is locked. [`SessionError::Sealed`].
    pub async fn lock(&self) -> Result<(), SessionError> {
        self.0.save_unsaved().await?;
        self.0.keep_jar().await?;
        let mut live = self.0.live();
        if step(live.state, Event::Lock).is_err() {
            return Err(SessionError::Sealed);
        }
        self.0.apply(&mut live, Event::Lock);
        drop(live);
        tracing::info!(account = %self.0.parts.account, "the account is locked");
        Ok(())
    }

    /// Takes the lock away and reads the session from disk, which asks the vault for the key.
    /// [`Session::state`] says how it went. Does nothing if the account is not locked.
    pub async fn unlock_key(&self) {
        self.read_again(State::LockedByPerson, Event::Unlock).await;
    }

    /// Puts the account aside: no token is given and nothing is renewed. The file stays, but what
    /// a renewal under way still brings is not stored in it: pause and wait for
    /// [`Session::settled`] first.
    pub fn seal(&self) {
        let mut live = self.0.live();
        live.epoch += 1;
        self.0.apply(&mut live, Event::Seal);
    }

    /// Takes an account back that was put aside, once its file and its key are back in their
    /// places: a session that is stored there goes on, otherwise the person has to sign in
    /// ([`NeedsSignIn::PutBack`]). [`Session::state`] says how it went.
    ///
    /// [`NeedsSignIn::PutBack`]: super::NeedsSignIn::PutBack
    pub async fn unseal(&self) {
        self.read_again(State::Sealed, Event::Unseal).await;
    }

    async fn read_again(&self, from: State, event: Event) {
        self.settled().await;
        let effects = {
            let mut live = self.0.live();
            if live.state != from {
                return;
            }
            self.0.apply(&mut live, event)
        };
        if effects.contains(&Effect::TryVault) {
            self.0.load(from == State::Sealed).await;
        }
    }
}
