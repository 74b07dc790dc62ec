//! The people who live in the rehearsal, and the connections they sign in with.
//!
//! One woman, three lives: the same Ana Moreau reads mail at work, at home and for her choir, and each life
//! has its own login, its own connection and its own mail account. Names and ids are fixed so that two runs,
//! two tests and two programs mean the same person.

use serde::Serialize;

/// One person-account: a login at the tenant and the mail account that login opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The tenant's user id, the `sub` of every token, for example `northwind|ana.moreau`.
    pub user: String,
    /// The name shown to people.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// What the account is called: `Work`, `Personal` or `Choir`.
    pub account: &'static str,
    /// The connection this person signs in with, the `azp` of every token.
    pub connection: String,
    /// What the provider behind the connection calls this person.
    pub connection_user_id: String,
    /// The id of the person's account on the mail server.
    pub mail_account: String,
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
    /// Whether identities of this connection may be linked to another user.
    pub linking: bool,
}

/// Every person, in the order Work, Personal, Choir.
#[must_use]
pub fn people() -> Vec<Person> {
    let person = |account,
                  user: &str,
                  email: &str,
                  connection: &str,
                  connection_user_id: &str,
                  mail_account: &str| Person {
        user: user.to_owned(),
        name: "Ana Moreau".to_owned(),
        email: email.to_owned(),
        account,
        connection: connection.to_owned(),
        connection_user_id: connection_user_id.to_owned(),
        mail_account: mail_account.to_owned(),
    };
    vec![
        person(
            "Work",
            "northwind|ana.moreau",
            "ana@northwind.example",
            "northwind-sso",
            "ana.moreau",
            "u-work",
        ),
        person(
            "Personal",
            "google|104822617305",
            "ana.m@mail.example",
            "google",
            "104822617305",
            "u-personal",
        ),
        person(
            "Choir",
            "github|4417208",
            "ana@choir.example",
            "github",
            "4417208",
            "u-choir",
        ),
    ]
}

/// Every connection, in the order of the people who use them.
#[must_use]
pub fn connections() -> Vec<Connection> {
    vec![
        Connection {
            connection_id: "northwind-sso",
            name: "Northwind",
            domain: "northwind.example",
            linking: false,
        },
        Connection {
            connection_id: "google",
            name: "Google",
            domain: "mail.example",
            linking: true,
        },
        Connection {
            connection_id: "github",
            name: "GitHub",
            domain: "choir.example",
            linking: true,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_person_signs_in_with_a_known_connection_of_their_own_domain() {
        for person in people() {
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
        let all = people();
        for (n, one) in all.iter().enumerate() {
            for other in all.iter().skip(n + 1) {
                assert_ne!(one.user, other.user);
                assert_ne!(one.email, other.email);
                assert_ne!(one.mail_account, other.mail_account);
                assert_ne!(one.account, other.account);
            }
        }
    }
}
