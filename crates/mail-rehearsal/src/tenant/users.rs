//! Which identity opens which user: arriving, linking, setting aside and bringing back. Rules only, no HTTP.
//!
//! A user is set aside when another user takes its only identity. Nothing of it is deleted: the record lies
//! beside the others with its time, its mail account stays on the mail server, and no token opens either,
//! until an administrator brings the user back. Whoever signs in with an identity that nobody has opens a
//! new user with an empty mail account; an old one never comes back that way.
//!
//! The contract says that linking detaches the other account and that it can be recovered. The rest is ours:
//! that a user with several identities is never set aside (`IdentityConflict`), and when an unproven
//! identity may be taken.

use serde::{Deserialize, Serialize};

use super::ledger::{Device, Identity, Ledger, Stage, User};
use super::refusal::Refusal;
use crate::people::{Linking, Person};

/// A user nobody can sign in as, since another user has its identities.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct SetAside {
    pub(super) user: User,
    /// Seconds since 1970.
    pub(super) at: i64,
    /// The user who took the identities.
    pub(super) kept: String,
}

/// What may happen to an identity that another user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is moved, and the other user set aside, if that was the other's only identity.
    Moved,
    /// It stays where it is.
    Refused,
}

impl Identity {
    fn of(person: &Person, now: i64) -> Self {
        Self {
            connection: person.connection.clone(),
            connection_user_id: person.connection_user_id.clone(),
            linked: now,
        }
    }

    pub(super) fn is(&self, connection: &str, connection_user_id: &str) -> bool {
        self.connection == connection && self.connection_user_id == connection_user_id
    }
}

impl User {
    fn new(person: Person, now: i64) -> Self {
        Self {
            identities: vec![Identity::of(&person, now)],
            person: Some(person),
            devices: Vec::new(),
            credentials: std::collections::BTreeMap::new(),
            before: None,
        }
    }

    /// Changes the identities and remembers how they were, for reads that lag behind.
    fn change_identities(&mut self, changing: impl FnOnce(&mut Vec<Identity>)) {
        self.before = Some(self.identities.clone());
        changing(&mut self.identities);
        let left = &self.identities;
        self.credentials
            .retain(|connection, _| left.iter().any(|one| one.connection == *connection));
    }
}

impl Ledger {
    /// Makes sure everybody who lives in the rehearsal is known.
    pub(super) fn welcome(&mut self, people: &[Person], now: i64) {
        for person in people {
            if self.set_aside.contains_key(&person.user) {
                continue;
            }
            let known = self.users.entry(person.user.clone()).or_insert_with(|| {
                let mut user = User::new(person.clone(), now);
                // One of them has second factors, so that there is something to show and to remove.
                if person.account == "Personal" {
                    user.devices = [
                        ("device_phone", "Ana's phone"),
                        ("device_key", "Security key"),
                    ]
                    .map(|(device_id, name)| Device {
                        device_id: device_id.to_owned(),
                        name: name.to_owned(),
                    })
                    .into();
                }
                user
            });
            known.person.get_or_insert_with(|| person.clone());
        }
    }

    /// The person behind a user id.
    pub(super) fn person(&self, user: &str) -> Option<&Person> {
        self.users.get(user)?.person.as_ref()
    }

    /// The user an identity opens.
    pub(super) fn owner_of(&self, connection: &str, connection_user_id: &str) -> Option<&str> {
        self.users
            .iter()
            .find(|(_, user)| {
                user.identities
                    .iter()
                    .any(|identity| identity.is(connection, connection_user_id))
            })
            .map(|(id, _)| id.as_str())
    }

    /// Signs `person` in: gives the user their identity opens, a new one where it opens none.
    pub(super) fn arrive(
        &mut self,
        person: &Person,
        linking: impl Fn(&str) -> Linking,
        now: i64,
    ) -> String {
        if let Some(owner) = self.owner_of(&person.connection, &person.connection_user_id) {
            return owner.to_owned();
        }
        if linking(&person.connection) == Linking::Automatic {
            let same = self.users.iter_mut().find(|(_, user)| {
                let address = user.person.as_ref().map(|known| &known.email);
                address == Some(&person.email)
                    && user
                        .identities
                        .iter()
                        .any(|identity| linking(&identity.connection) != Linking::Off)
            });
            if let Some((id, user)) = same {
                let id = id.clone();
                user.change_identities(|all| all.push(Identity::of(person, now)));
                return id;
            }
        }
        let new = self.unused(person);
        let id = new.user.clone();
        let mut user = User::new(new, now);
        // The record is the tenant's, the identity is the provider's.
        user.identities = vec![Identity::of(person, now)];
        self.users.insert(id.clone(), user);
        id
    }

    /// `person` under ids no user has or had.
    fn unused(&self, person: &Person) -> Person {
        let taken = |id: &str| self.users.contains_key(id) || self.set_aside.contains_key(id);
        let mut new = person.clone();
        let mut number = 1u32;
        while taken(&new.user) {
            number = number.saturating_add(1);
            new.user = format!("{}~{number}", person.user);
            new.mail_account = format!("{}-{number}", person.mail_account);
        }
        new
    }

    /// Makes `person`'s identity open the user `kept` as well.
    ///
    /// # Errors
    /// `NotFound` without such a user, `IdentityConflict` when another user has the identity and keeps it.
    pub(super) fn link(
        &mut self,
        kept: &str,
        person: &Person,
        taken: Taken,
        now: i64,
    ) -> Result<(), Refusal> {
        if !self.users.contains_key(kept) {
            return Err(Refusal::NotFound);
        }
        let owner = self.owner_of(&person.connection, &person.connection_user_id);
        if owner == Some(kept) {
            return Ok(());
        }
        if let Some(other) = owner.map(str::to_owned) {
            let several = self
                .users
                .get(&other)
                .is_some_and(|user| user.identities.len() > 1);
            if several || taken == Taken::Refused {
                return Err(Refusal::IdentityConflict);
            }
            self.put_aside(&other, kept, now);
        }
        if let Some(user) = self.users.get_mut(kept) {
            user.change_identities(|all| all.push(Identity::of(person, now)));
        }
        Ok(())
    }

    /// Takes a user out of use: its sessions, tokens and codes end.
    fn put_aside(&mut self, user: &str, kept: &str, now: i64) {
        let Some(record) = self.users.remove(user) else {
            return;
        };
        self.end_everything_of(user);
        let set_aside = SetAside {
            user: record,
            at: now,
            kept: kept.to_owned(),
        };
        self.set_aside.insert(user.to_owned(), set_aside);
    }

    /// Ends every session, token, code and link under way of a user.
    pub(super) fn end_everything_of(&mut self, user: &str) {
        self.sessions.retain(|_, session| session.user != user);
        self.tokens.retain(|_, token| token.user != user);
        for request in self.requests.values_mut() {
            let theirs = matches!(&request.stage, Stage::Code { user: whose, .. } if whose == user);
            if theirs || request.link.as_deref() == Some(user) {
                request.stage = Stage::Over;
            }
        }
    }

    /// Takes an identity, named by its connection or by the provider's id for the user, away from a user.
    ///
    /// # Errors
    /// `NotFound` when the user has no such identity, `LastIdentity` when it is the only one.
    pub(super) fn unlink(&mut self, user: &str, named: &str) -> Result<(), Refusal> {
        let user = self.users.get_mut(user).ok_or(Refusal::NotFound)?;
        let place = user
            .identities
            .iter()
            .position(|one| one.connection_user_id == named)
            .or_else(|| {
                user.identities
                    .iter()
                    .position(|one| one.connection == named)
            })
            .ok_or(Refusal::NotFound)?;
        if user.identities.len() == 1 {
            return Err(Refusal::LastIdentity);
        }
        user.change_identities(|all| {
            all.remove(place);
        });
        Ok(())
    }

    /// Puts a user who was set aside back into use with the identities it had.
    ///
    /// Whoever has these identities now loses them, and the sessions begun with them. A user who is left
    /// without any is set aside in turn.
    ///
    /// # Errors
    /// `NotFound` when no such user is set aside.
    pub(super) fn bring_back(&mut self, user: &str, now: i64) -> Result<(), Refusal> {
        let back = self.set_aside.remove(user).ok_or(Refusal::NotFound)?;
        for identity in &back.user.identities {
            let holder = self.owner_of(&identity.connection, &identity.connection_user_id);
            let Some(holder) = holder.map(str::to_owned) else {
                continue;
            };
            self.sessions.retain(|_, session| {
                session.user != holder || session.connection != identity.connection
            });
            self.tokens
                .retain(|_, token| token.user != holder || token.connection != identity.connection);
            if self
                .users
                .get(&holder)
                .is_some_and(|record| record.identities.len() == 1)
            {
                self.put_aside(&holder, user, now);
            } else if let Some(record) = self.users.get_mut(&holder) {
                record.change_identities(|all| {
                    all.retain(|one| !one.is(&identity.connection, &identity.connection_user_id));
                });
            }
        }
        self.users.insert(user.to_owned(), back.user);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::{newcomers, people};

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.welcome(&people(), 1);
        ledger
    }

    fn personal() -> Person {
        people().remove(1)
    }

    fn choir() -> Person {
        people().remove(2)
    }

    fn explicit(_: &str) -> Linking {
        Linking::Explicit
    }

    fn opens(ledger: &Ledger, person: &Person) -> Option<String> {
        ledger
            .owner_of(&person.connection, &person.connection_user_id)
            .map(str::to_owned)
    }

    #[test]
    fn linking_sets_the_other_user_aside_and_bringing_back_undoes_it() {
        let (mut ledger, kept, other) = (ledger(), personal(), choir());
        ledger.begin_session(&other.user, ("github", None), &[], 100);
        ledger.link(&kept.user, &other, Taken::Moved, 7).unwrap();
        assert_eq!(opens(&ledger, &other), Some(kept.user.clone()));
        assert!(ledger.person(&other.user).is_none() && ledger.sessions.is_empty());
        let aside = &ledger.set_aside[&other.user];
        assert_eq!((aside.at, &aside.kept), (7, &kept.user));

        ledger.bring_back(&other.user, 9).unwrap();
        assert_eq!(opens(&ledger, &other), Some(other.user.clone()));
        assert_eq!(ledger.users[&kept.user].identities.len(), 1);
        assert!(ledger.set_aside.is_empty());
        assert_eq!(ledger.bring_back(&other.user, 9), Err(Refusal::NotFound));
    }

    #[test]
    fn after_an_unlink_the_identity_opens_a_new_user_and_not_the_old_one() {
        let (mut ledger, kept, other) = (ledger(), personal(), choir());
        ledger.link(&kept.user, &other, Taken::Moved, 7).unwrap();
        ledger.unlink(&kept.user, "github").unwrap();
        assert_eq!(opens(&ledger, &other), None);
        let new = ledger.arrive(&other, explicit, 8);
        assert_eq!(new, "github|4417208~2");
        assert_eq!(ledger.person(&new).unwrap().mail_account, "u-choir-2");
        assert_eq!(ledger.arrive(&other, explicit, 9), new);

        // Bringing the old one back sets the new one aside, since nobody could sign in as it any more.
        ledger.bring_back(&other.user, 10).unwrap();
        assert_eq!(opens(&ledger, &other), Some(other.user.clone()));
        assert_eq!(ledger.set_aside[&new].kept, other.user);
    }

    #[test]
    fn a_user_with_two_identities_is_never_set_aside() {
        let (mut ledger, work, other) = (ledger(), people().remove(0), choir());
        ledger
            .link(&other.user, &newcomers().remove(0), Taken::Refused, 2)
            .unwrap();
        for taken in [Taken::Moved, Taken::Refused] {
            assert_eq!(
                ledger.link(&work.user, &other, taken, 3),
                Err(Refusal::IdentityConflict)
            );
        }
        assert!(ledger.set_aside.is_empty());
    }

    #[test]
    fn linking_twice_is_linking_once() {
        let (mut ledger, kept, other) = (ledger(), personal(), choir());
        for _ in 0..2 {
            ledger.link(&kept.user, &other, Taken::Moved, 7).unwrap();
        }
        assert_eq!(ledger.users[&kept.user].identities.len(), 2);
        assert_eq!(ledger.set_aside.len(), 1);
    }

    #[test]
    fn a_newcomer_joins_by_address_only_where_that_is_automatic_and_allowed_on_both_sides() {
        let newcomer = newcomers().remove(0);
        let modes = |github, google| {
            move |connection: &str| {
                if connection == "github" {
                    github
                } else {
                    google
                }
            }
        };
        for (github, google, joins) in [
            (Linking::Automatic, Linking::Explicit, true),
            (Linking::Automatic, Linking::Off, false),
            (Linking::Explicit, Linking::Automatic, false),
            (Linking::Off, Linking::Automatic, false),
        ] {
            let user = ledger().arrive(&newcomer, modes(github, google), 5);
            assert_eq!(user == personal().user, joins, "{github:?} {google:?}");
        }
    }
}
