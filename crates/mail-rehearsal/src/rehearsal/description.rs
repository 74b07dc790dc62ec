//! What a rehearsal tells about itself: one line of JSON is all another program needs.

use std::net::SocketAddr;

use serde::Serialize;

use crate::people::{Connection, Linking, Person, connections};
use crate::tenant::TenantConfig;

/// What another program needs to know to use a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Description {
    /// The tenant's address: what clients are configured with, and every token's `iss`.
    pub login_url: String,
    /// Where the tenant listens: the same, unless something stands in front of it.
    pub login_listener_url: String,
    /// The tenant's application.
    pub application_id: String,
    /// The mail server's address.
    pub mail_url: String,
    /// The address of the mail server that takes providers' credentials, when that was asked for.
    pub provider_mail_url: Option<String>,
    /// Where faults can be set, when that was asked for.
    pub control_url: Option<String>,
    /// The ways to sign in.
    pub connections: Vec<ConnectionDescription>,
    /// Who can sign in.
    pub people: Vec<PersonDescription>,
    /// Who the providers know and the tenant has not met: identities to link to somebody.
    pub newcomers: Vec<PersonDescription>,
}

/// A way to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionDescription {
    /// The `connectionId` to ask for.
    pub connection_id: String,
    /// The name shown to people.
    pub name: String,
    /// Whether its identities can be linked, as the rehearsal begins.
    pub linking: Linking,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PersonDescription {
    /// The user id, the `sub` of the tokens.
    pub user: String,
    /// The name shown to people.
    pub name: String,
    /// The person's address.
    pub email: String,
    /// `Work`, `Personal`, `Choir`, or that of an extra person or newcomer.
    pub account: String,
    /// The connection this person signs in with.
    pub connection: String,
    /// What the provider behind the connection calls this person.
    pub connection_user_id: String,
    /// The id of the person's account in the rehearsal's mail server.
    pub mail_account: String,
    /// Where this person's JMAP session begins.
    pub jmap_session_url: String,
    /// What to add to an `authenticationUrl` to sign this person in without a browser.
    pub sign_in_query: String,
    /// The same in words.
    pub sign_in: String,
}

/// Describes a tenant and a mail server; the addresses of what is optional are left to the caller.
pub(super) fn describe(tenant: &TenantConfig, login: SocketAddr, mail: SocketAddr) -> Description {
    let mail_url = format!("http://{mail}");
    let describe_person = |person: &Person| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("connection", &person.connection)
            .append_pair("person", &person.user);
        let sign_in_query = format!("&{}", query.finish());
        PersonDescription {
            sign_in: format!(
                "append {sign_in_query} to the authenticationUrl and follow the redirects"
            ),
            sign_in_query,
            user: person.user.clone(),
            name: person.name.clone(),
            email: person.email.clone(),
            account: person.account.clone(),
            connection: person.connection.clone(),
            connection_user_id: person.connection_user_id.clone(),
            mail_account: person.mail_account.clone(),
            jmap_session_url: format!("{mail_url}/.well-known/jmap"),
        }
    };
    let named = |connection: Connection| ConnectionDescription {
        connection_id: connection.connection_id.to_owned(),
        name: connection.name.to_owned(),
        linking: tenant
            .linking
            .get(connection.connection_id)
            .copied()
            .unwrap_or(connection.linking),
    };
    Description {
        login_url: tenant.issuer_text(),
        login_listener_url: format!("http://{login}"),
        application_id: tenant.application_id.clone(),
        provider_mail_url: None,
        control_url: None,
        connections: connections().into_iter().map(named).collect(),
        people: tenant.people.iter().map(describe_person).collect(),
        newcomers: tenant.newcomers.iter().map(describe_person).collect(),
        mail_url,
    }
}
