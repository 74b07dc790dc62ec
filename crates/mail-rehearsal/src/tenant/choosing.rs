//! The choices of the hosted login page: the connections, and the people of one.

use axum::response::Response;

use super::TenantConfig;
use super::page::{Choice, choices};
use crate::people::{Connection, connections};

pub(super) fn choose_connection(id: &str) -> Response {
    let all: Vec<Choice> = connections()
        .iter()
        .map(|connection| Choice {
            letter: connection.name.chars().take(1).collect(),
            color: color_of(connection.connection_id),
            title: format!("Continue with {}", connection.name),
            detail: connection.domain.to_owned(),
            href: link(
                "/login",
                &[("state", id), ("connection", connection.connection_id)],
            ),
        })
        .collect();
    choices(
        "Sign in",
        "Choose how you sign in to Braid.",
        &all,
        &link("/login/cancel", &[("state", id)]),
    )
}

pub(super) fn choose_person(config: &TenantConfig, id: &str, connection: &Connection) -> Response {
    let here = config
        .everybody()
        .filter(|person| person.connection == connection.connection_id);
    let all: Vec<Choice> = here
        .map(|person| Choice {
            letter: person.account.chars().take(1).collect(),
            color: color_of(&person.connection),
            href: link(
                "/login",
                &[
                    ("state", id),
                    ("connection", &person.connection),
                    ("person", &person.user),
                ],
            ),
            title: person.name.clone(),
            detail: person.email.clone(),
        })
        .collect();
    let lead = format!(
        "Choose the account to sign in to Braid with {}.",
        connection.name
    );
    choices(
        "Choose an account",
        &lead,
        &all,
        &link("/login/cancel", &[("state", id)]),
    )
}

fn link(path: &str, query: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(query)
        .finish();
    format!("{path}?{query}")
}

/// The account colour of the people who sign in with a connection.
fn color_of(connection: &str) -> u8 {
    let place = connections()
        .iter()
        .position(|known| known.connection_id == connection);
    place
        .and_then(|place| u8::try_from(place).ok())
        .map_or(1, |place| place.saturating_add(1))
}
