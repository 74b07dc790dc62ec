//! What a test, or a program at the control endpoint, does to a tenant from outside.

use std::sync::PoisonError;

use serde::Serialize;

use super::Tenant;
use super::ledger::Identity;
use super::linking::modes;
use super::refusal::Refusal;
use super::users::Taken;
use crate::people::Linking;

/// A user nobody can sign in as, because another user took its identities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SetAsideUser {
    /// The user id.
    pub user: String,
    /// The name shown to people.
    pub name: String,
    /// The address.
    pub email: String,
    /// The mail account that lies sealed.
    pub mail_account: String,
    /// Seconds since 1970.
    pub at: i64,
    /// The user who took the identities.
    pub kept: String,
    /// The identities that will open it again: connection, and the provider's id for the person.
    pub identities: Vec<(String, String)>,
}

/// What a client has shown for tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchanged {
    /// The authorisation code.
    pub code: String,
    /// The PKCE verifier.
    pub verifier: String,
}

/// Why a user was not brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSetAside {
    /// No such user is set aside.
    #[error("no such user is set aside")]
    Unknown,
    /// The tenant's state could not be saved.
    #[error("the tenant could not remember this")]
    NotRemembered,
}

impl Tenant {
    /// Changes how a connection links, from now on and after a restart.
    ///
    /// Gives whether the tenant has such a connection and could remember the change.
    #[must_use = "an unknown connection is not changed"]
    pub fn set_linking(&self, connection: &str, linking: Linking) -> bool {
        self.change(|ledger| {
            if !modes(self.config(), ledger).contains_key(connection) {
                return Err(Refusal::NotFound);
            }
            ledger.linking.insert(connection.to_owned(), linking);
            Ok(())
        })
        .is_ok()
    }

    /// How a connection links now; `None` without such a connection.
    #[must_use]
    pub fn linking(&self, connection: &str) -> Option<Linking> {
        self.read(|ledger| modes(self.config(), ledger).get(connection).copied())
    }

    /// The identities of a user, the oldest first: connection, and the provider's id for the person. Empty
    /// for an unknown user and for one who was set aside.
    #[must_use]
    pub fn identities_of(&self, user: &str) -> Vec<(String, String)> {
        self.read(|ledger| {
            ledger
                .users
                .get(user)
                .map(|user| pairs(&user.identities))
                .unwrap_or_default()
        })
    }

    /// The user an identity opens; `None` when it belongs to nobody.
    #[must_use]
    pub fn user_of(&self, connection: &str, connection_user_id: &str) -> Option<String> {
        self.read(|ledger| {
            ledger
                .owner_of(connection, connection_user_id)
                .map(str::to_owned)
        })
    }

    /// Every user who was set aside.
    #[must_use]
    pub fn set_aside(&self) -> Vec<SetAsideUser> {
        self.read(|ledger| {
            ledger
                .set_aside
                .iter()
                .filter_map(|(id, aside)| {
                    let person = aside.user.person.as_ref()?;
                    Some(SetAsideUser {
                        user: id.clone(),
                        name: person.name.clone(),
                        email: person.email.clone(),
                        mail_account: person.mail_account.clone(),
                        at: aside.at,
                        kept: aside.kept.clone(),
                        identities: pairs(&aside.user.identities),
                    })
                })
                .collect()
        })
    }

    /// Brings a user back who was set aside, as an administrator does: its identities open it again, and
    /// nobody else. A user who is left without an identity by that is set aside in turn.
    ///
    /// # Errors
    /// [`NotSetAside`] when there is no such user, or nothing can be saved.
    pub fn bring_back(&self, user: &str) -> Result<(), NotSetAside> {
        let now = self.now();
        self.change(|ledger| ledger.bring_back(user, now))
            .map_err(|refused| match refused {
                Refusal::NotRemembered => NotSetAside::NotRemembered,
                _ => NotSetAside::Unknown,
            })
    }

    /// Makes an identity open a user, too, as if that user had asked for it on another device; a user who is
    /// left without an identity by that is set aside.
    ///
    /// Gives whether it opens that user now.
    #[must_use = "an identity that another user keeps is not joined"]
    pub fn join(&self, user: &str, connection: &str, connection_user_id: &str) -> bool {
        let Some(person) = self.config().person_at(connection, connection_user_id) else {
            return false;
        };
        let now = self.now();
        self.change(|ledger| ledger.link(user, person, Taken::Moved, now))
            .is_ok()
    }

    /// Every code and verifier that was shown for tokens in this run, good or not: for a test that looks
    /// whether they got anywhere else. They are kept in memory only.
    #[must_use]
    pub fn exchanged(&self) -> Vec<Exchanged> {
        self.inner
            .exchanged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes what was shown for tokens.
    pub(super) fn note_exchange(&self, code: Option<&str>, verifier: Option<&str>) {
        let shown = Exchanged {
            code: code.unwrap_or_default().to_owned(),
            verifier: verifier.unwrap_or_default().to_owned(),
        };
        let mut all = self
            .inner
            .exchanged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.push(shown);
    }

    /// Ends every session, token and sign-in under way of one user, as an administrator can.
    pub fn end_sessions_of(&self, user: &str) {
        let ended = self.change(|ledger| {
            ledger.end_everything_of(user);
            Ok(())
        });
        if let Err(error) = ended {
            tracing::warn!(%error, "the end of a user's sessions could not be saved");
        }
    }
}

fn pairs(identities: &[Identity]) -> Vec<(String, String)> {
    identities
        .iter()
        .map(|one| (one.connection.clone(), one.connection_user_id.clone()))
        .collect()
}
