//! Against Cyrus IMAPd, one server for all tests and a person for each.

mod changes;
mod files;
mod reading;
mod writing;

use std::sync::{Arc, OnceLock};

use mail_jmap::{JmapConfig, JmapSource, ServerAddress};
use mail_testkit::{Cyrus, Front, RawJmap};

use crate::tokens::Tokens;

/// The server; ended by its guard when this process ends.
fn server() -> Option<&'static Cyrus> {
    static SERVER: OnceLock<Option<Cyrus>> = OnceLock::new();
    SERVER.get_or_init(Cyrus::start).as_ref()
}

/// One person's account, seen by our client and by another one.
pub(crate) struct Account {
    person: String,
    cyrus: &'static Cyrus,
    front: Front,
    pub(crate) source: JmapSource,
    pub(crate) other: RawJmap,
}

impl Account {
    /// `None` where Cyrus is not wanted.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let cyrus = server()?;
        let person = format!("{name}@northwind.example");
        cyrus.add_person(&person);
        let token = format!("token of {name}");
        let front = {
            let (token, person) = (token.clone(), person.clone());
            Front::start(cyrus, move |given| (given == token).then(|| person.clone()))
        };
        let config = JmapConfig::new(ServerAddress::of(front.url()));
        let source = JmapSource::new(config, Arc::new(Tokens::only(&token))).unwrap();
        let other = cyrus.client(&person);
        Some(Self {
            person,
            cyrus,
            front,
            source,
            other,
        })
    }
}

/// A short message.
fn letter(subject: &str) -> Vec<u8> {
    format!(
        "From: Ben Ortiz <ben@mail.example>\r\n\
         To: Ana Moreau <ana@northwind.example>\r\n\
         Subject: {subject}\r\n\
         Message-ID: <{subject}@mail.example>\r\n\
         Date: Tue, 3 Mar 2026 10:00:00 +0000\r\n\
         \r\n\
         Hello Ana\r\n"
    )
    .into_bytes()
}
