//! The built-in rehearsal: a login service and a mail server on loopback, and a way to sign
//! its people in without a browser.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mail_rehearsal::RehearsalConfig;
pub use mail_rehearsal::{Description, Rehearsal, RehearsalError};
use url::Url;

use crate::config::{ConnectionConfig, MailLocation, TenantSettings};

/// Starts both servers alone, with so many people beside the three.
///
/// # Errors
/// A port or the state folder cannot be used.
pub async fn serve(
    port: u16,
    size: u32,
    extra_people: u8,
    state: Option<PathBuf>,
) -> Result<Rehearsal, RehearsalError> {
    let config = RehearsalConfig {
        state_dir: state,
        port,
        size: usize::try_from(size).unwrap_or(usize::MAX),
        extra_people: extra_people.into(),
        control: true,
        ..RehearsalConfig::default()
    };
    Rehearsal::start(config).await
}

/// Forgets everything a rehearsal kept in a folder.
///
/// # Errors
/// The folder is in use, is not a rehearsal's, or cannot be emptied.
pub fn reset(state: &Path) -> Result<(), RehearsalError> {
    Ok(Rehearsal::reset(state)?)
}

/// The rehearsal as a tenant like any other.
#[must_use]
pub fn settings(description: &Description) -> TenantSettings {
    let connections = description
        .connections
        .iter()
        .map(|connection| ConnectionConfig {
            id: connection.connection_id.clone(),
            name: connection.name.clone(),
            mail: None,
            properties: std::collections::BTreeMap::new(),
        });
    let mut settings = TenantSettings::typed(
        description.login_url.clone(),
        description.application_id.clone(),
    );
    settings.redirect_ports = vec![0];
    settings.connections = connections.collect();
    settings.mail = Url::parse(&description.mail_url).ok().map(MailLocation::at);
    settings
}

/// Why a rehearsal's person could not be signed in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The address cannot be extended.
    #[error("the sign-in address is not usable")]
    Address(#[from] url::ParseError),
    /// The servers did not answer.
    #[error("the rehearsal does not answer")]
    Http(#[from] reqwest::Error),
    /// The redirects did not end well.
    #[error("the sign-in ended with status {0}")]
    Status(u16),
}

/// Signs somebody in as a browser would: opens the address, chooses the person by the query
/// the rehearsal documents, and follows the redirects back to this program.
///
/// # Errors
/// See [`FollowError`].
pub async fn follow(authentication_url: &Url, sign_in_query: &str) -> Result<(), FollowError> {
    let joined = authentication_url.query().map_or_else(
        || sign_in_query.trim_start_matches('&').to_owned(),
        |query| format!("{query}{sign_in_query}"),
    );
    let mut url = authentication_url.clone();
    url.set_query(Some(&joined));
    let browser = reqwest::Client::builder()
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .redirect(reqwest::redirect::Policy::limited(5))
        .build()?;
    let status = browser.get(url).send().await?.status();
    if status.is_success() {
        Ok(())
    } else {
        Err(FollowError::Status(status.as_u16()))
    }
}
