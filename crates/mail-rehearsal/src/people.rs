//! The people who live in the rehearsal, and the connections they sign in with.
//!
//! One woman, three lives: the same Ana Moreau reads mail at work, at home and for her choir, and each life
//! has its own login, its own connection and its own mail account. Names and ids are fixed so that two runs,
//! two tests and two programs mean the same person. A [newcomer](newcomers) is somebody a provider knows and
//! the tenant has not met; [extra people](extra_people) are for rehearsals that need many accounts.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One person-account: a login at the tenant and the mail account that login opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The tenant's user id, the `sub` of every token, for example `northwind|ana.moreau`.
    pub user: String,
    /// The name shown to people.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// What the account is called: `Work`, `Personal`, `Choir`, or `Account 4` and so on.
    pub account: String,
    /// The connection this person signs in with, the `azp` of every token.
    pub connection: String,
    /// What the provider behind the connection calls this person.
    pub connection_user_id: String,
    /// The id of the person's account on the mail server.
    pub mail_account: String,
}

/// Whether identities of a connection may be joined to a user that has others. Both connections have to
/// allow it, the one of the user and the one of the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linking {
    /// Never.
    Off,
    /// When the user asks for it.
    Explicit,
    /// Also by itself: whoever signs in for the first time with the verified address of a user becomes that
    /// user.
    Automatic,
}

/// A way to sign in: a provider as the tenant knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The id clients name, for example `northwind-sso`.
    pub connection_id: &'static str,
    /// The name shown to people.
    pub name: &'static str,
    /// The mail domain whose people sign in here, in lower case.
    pub domain: &'static str,
    /// Whether identities of this connection may be linked, unless the tenant is told otherwise.
    pub linking: Linking,
}

struct Known {
    account: &'static str,
    user: &'static str,
    email: &'static str,
    connection: &'static str,
    connection_user_id: &'static str,
    mail_account: &'static str,
}

impl Known {
    fn person(&self) -> Person {
        Person {
            user: self.user.to_owned(),
            name: "Ana Moreau".to_owned(),
            email: self.email.to_owned(),
            account: self.account.to_owned(),
            connection: self.connection.to_owned(),
            connection_user_id: self.connection_user_id.to_owned(),
            mail_account: self.mail_account.to_owned(),
        }
    }
}

/// Every person, in the order Work, Personal, Choir.
#[must_use]
pub fn people() -> Vec<Person> {
    [
        Known {
            account: "Work",
            user: "northwind|ana.moreau",
            email: "ana@northwind.example",
            connection: "northwind-sso",
            connection_user_id: "ana.moreau",
            mail_account: "u-work",
        },
        Known {
            account: "Personal",
            user: "google|104822617305",
            email: "ana.m@mail.example",
            connection: "google",
            connection_user_id: "104822617305",
            mail_account: "u-personal",
        },
        Known {
            account: "Choir",
            user: "github|4417208",
            email: "ana@choir.example",
            connection: "github",
            connection_user_id: "4417208",
            mail_account: "u-choir",
        },
    ]
    .iter()
    .map(Known::person)
    .collect()
}

/// People the tenant has not met: their identities belong to no user until they sign in or are linked.
///
/// There is one, a second GitHub account of Ana's whose verified address is her personal one. Linked, it
/// opens Personal; signed in with, it opens a new and empty account, or Personal where GitHub links by itself.
#[must_use]
pub fn newcomers() -> Vec<Person> {
    vec![
        Known {
            account: "Sketchbook",
            user: "github|9913046",
            email: "ana.m@mail.example",
            connection: "github",
            connection_user_id: "9913046",
            mail_account: "u-sketchbook",
        }
        .person(),
    ]
}

/// `count` more people, called `Account 4` and so on, all of whom sign in with Google.
#[must_use]
pub fn extra_people(count: usize) -> Vec<Person> {
    let first = people().len().saturating_add(1);
    (first..first.saturating_add(count))
        .map(|number| Person {
            user: format!("google|2000000{number:05}"),
            name: "Ana Moreau".to_owned(),
            email: format!("account-{number:02}@mail.example"),
            account: format!("Account {number}"),
            connection: "google".to_owned(),
            connection_user_id: format!("2000000{number:05}"),
            mail_account: format!("u-{number:02}"),
        })
        .collect()
}

/// A word that stands in every message of one mail account and in no other account's, where
/// [`RehearsalConfig::identical_ids`](crate::RehearsalConfig::identical_ids) asks for it: letters only, so
/// that it survives folding and can be searched for.
#[must_use]
pub fn canary(mail_account: &str) -> String {
    let letters = Sha256::digest(mail_account)
        .iter()
        .take(10)
        .map(|byte| char::from(b'a'.saturating_add(byte % 26)))
        .collect::<String>();
    format!("canary{letters}")
}

/// Every connection, in the order of the people who use them.
#[must_use]
pub fn connections() -> Vec<Connection> {
    vec![
        Connection {
            connection_id: "northwind-sso",
            name: "Northwind",
            domain: "northwind.example",
            linking: Linking::Off,
        },
        Connection {
            connection_id: "google",
            name: "Google",
            domain: "mail.example",
            linking: Linking::Explicit,
        },
        Connection {
            connection_id: "github",
            name: "GitHub",
            domain: "choir.example",
            linking: Linking::Explicit,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_person_signs_in_with_a_known_connection_of_their_own_domain() {
        for person in people().into_iter().chain(extra_people(9)) {
            let connection = connections()
                .into_iter()
                .find(|c| c.connection_id == person.connection)
                .unwrap();
            assert!(
                person.email.ends_with(&format!("@{}", connection.domain)),
                "{}",
                person.email
            );
        }
    }

    #[test]
    fn no_two_people_share_an_id() {
        let all: Vec<Person> = people().into_iter().chain(extra_people(30)).collect();
        for (n, one) in all.iter().enumerate() {
            for other in all.iter().skip(n + 1) {
                assert_ne!(one.user, other.user);
                assert_ne!(one.email, other.email);
                assert_ne!(one.mail_account, other.mail_account);
                assert_ne!(one.account, other.account);
                assert_ne!(one.connection_user_id, other.connection_user_id);
                assert_ne!(canary(&one.mail_account), canary(&other.mail_account));
            }
        }
    }

    #[test]
    fn a_newcomer_has_an_identity_of_their_own_and_somebody_elses_address() {
        let known = people();
        for newcomer in newcomers() {
            assert!(known.iter().any(|person| person.email == newcomer.email));
            assert!(known.iter().all(|person| person.user != newcomer.user));
        }
    }
}
