//! The sessions page: who is signed in, how, and what to do where it is not well.

use std::fmt::Write as _;

use mail_auth::{Device, SettingsPage};
use mail_engine::Arrival;
use mail_model::HostContact;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::account::Account;
use crate::accounts::session_error;
use crate::app::{App, now};
use crate::contract::{
    AccountRequest, AccountView, ArrivalView, DeviceRequest, DeviceView, DevicesView, Empty,
    ErrorCode, Fix, HealthView, HostView, SessionView, SessionsView, TextView, UiError,
};
use crate::read::rfc3339;

impl App {
    pub(crate) async fn sessions(&self, _: Empty) -> Result<SessionsView, UiError> {
        Ok(SessionsView {
            sessions: self.sessions_now().await,
        })
    }

    /// Every account's session, in the person's order.
    pub async fn sessions_now(&self) -> Vec<SessionView> {
        let mut sessions = Vec::new();
        for view in self.accounts_now().await {
            let Some(account) = self.0.accounts.find(&view.id) else {
                continue;
            };
            sessions.push(self.session_of(&account, view).await);
        }
        sessions
    }

    pub(crate) async fn session_of(&self, account: &Account, view: AccountView) -> SessionView {
        let record = account.record();
        let details = account.session.details();
        let open = account.open();
        let connection = match details.connection.as_ref().or(record.connection.as_ref()) {
            Some(id) => self.connection_name(id).await,
            None => None,
        };
        let arrival = open.as_ref().map(|open| open.engine.status().borrow().push);
        SessionView {
            account: view.id,
            person: details.identity.and_then(|identity| identity.name),
            email: view.email,
            issuer: host_of(&record.issuer),
            user: record.subject,
            connection,
            signed_in_at: details.signed_in_at.map(|at| at.seconds()),
            token_ends_at: details.token_until.map(|at| at.seconds()),
            session_ends_at: details.session_until.map(|at| at.seconds()),
            renewed_at: details.renewed_at.map(|at| at.seconds()),
            synced_at: view.synced_at,
            arrival: arrival_of(&view.health, arrival),
            queued: view.queued,
            octets: open.map_or(0, |open| open.store.sizes().total()),
            hosts: hosts_of(account).await,
            fix: fix_of(&view.health),
            health: view.health,
        }
    }

    pub(crate) async fn support_text(&self, request: AccountRequest) -> Result<TextView, UiError> {
        let account = self.account(&request.account)?;
        let views = self.accounts_now().await;
        let view = views.into_iter().find(|view| view.id == request.account);
        let view = view.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let letter = view.letter.clone();
        let session = self.session_of(&account, view).await;
        let key_ready = matches!(
            *self.0.vault.watch().borrow(),
            crate::contract::VaultView::Ready | crate::contract::VaultView::SessionOnly
        );
        let text = support_text(&session, &letter, key_ready, now().seconds());
        Ok(TextView { text })
    }

    pub(crate) async fn devices(&self, request: AccountRequest) -> Result<DevicesView, UiError> {
        let account = self.account(&request.account)?;
        let devices = account.session.devices().await.map_err(session_error)?;
        Ok(DevicesView {
            devices: devices.map(|devices| devices.into_iter().map(device_view).collect()),
        })
    }

    pub(crate) async fn remove_device(
        &self,
        request: DeviceRequest,
    ) -> Result<DevicesView, UiError> {
        let account = self.account(&request.account)?;
        let removed = account.session.remove_device(&request.device).await;
        removed.map_err(session_error)?;
        let account = request.account;
        self.devices(AccountRequest { account }).await
    }

    pub(crate) async fn open_settings_page(
        &self,
        request: AccountRequest,
    ) -> Result<Empty, UiError> {
        let account = self.account(&request.account)?;
        // The app listens for nobody now: from its settings the person comes back to the service.
        let back = Url::parse(&account.record().issuer).map_err(UiError::bug)?;
        let url = account.session.settings_url(SettingsPage::Profile, &back);
        self.host().open_url(&url).await.map_err(|error| {
            tracing::warn!(%error, "the settings page could not be opened");
            UiError::new(ErrorCode::Browser)
        })?;
        Ok(Empty {})
    }
}

/// Every host the account has ever spoken to; of a closed one, those of this run.
pub(crate) async fn hosts_of(account: &Account) -> Vec<HostView> {
    let kept = match account.open() {
        Some(open) => open.engine.hosts().await.map_err(|error| {
            tracing::warn!(account = %account.id, %error, "hosts cannot be read");
        }),
        None => Err(()),
    };
    let hosts = kept.unwrap_or_else(|()| account.session.hosts().contacts());
    hosts.into_iter().map(host_view).collect()
}

fn host_view(contact: HostContact) -> HostView {
    HostView {
        host: contact.host,
        first_at: contact.first_at.seconds(),
        last_at: contact.last_at.seconds(),
        requests: contact.requests,
    }
}

fn device_view(device: Device) -> DeviceView {
    let name = device.name.filter(|name| !name.trim().is_empty());
    DeviceView {
        name: name.or(device.kind).unwrap_or_else(|| device.id.clone()),
        id: device.id,
    }
}

fn host_of(issuer: &str) -> String {
    Url::parse(issuer)
        .ok()
        .and_then(|url| url.host_str().map(ToOwned::to_owned))
        .unwrap_or_default()
}

/// The one thing that helps.
pub(crate) const fn fix_of(health: &HealthView) -> Fix {
    match health {
        // It goes on by itself.
        HealthView::Current
        | HealthView::Working
        | HealthView::Waiting { .. }
        | HealthView::Rebuilding => Fix::Nothing,
        HealthView::SignInNeeded | HealthView::SignedOut => Fix::SignIn,
        HealthView::VaultLocked => Fix::Keyring,
        HealthView::Paused => Fix::Resume,
        HealthView::Locked => Fix::Unlock,
        HealthView::Offline | HealthView::Refused { .. } | HealthView::Fault => Fix::Retry,
        HealthView::DiskFull => Fix::Disk,
    }
}

fn arrival_of(health: &HealthView, arrival: Option<Arrival>) -> ArrivalView {
    match (health, arrival) {
        (
            HealthView::SignInNeeded
            | HealthView::SignedOut
            | HealthView::Paused
            | HealthView::Locked
            | HealthView::VaultLocked,
            _,
        )
        | (_, None) => ArrivalView::Off,
        (_, Some(Arrival::Push)) => ArrivalView::Push,
        (_, Some(Arrival::Polling)) => ArrivalView::Polling,
    }
}

/// The kind of trouble, without anybody's own words.
const fn health_word(health: &HealthView) -> &'static str {
    match health {
        HealthView::Current => "current",
        HealthView::Working => "working",
        HealthView::Offline => "offline",
        HealthView::Waiting { .. } => "asked to wait",
        HealthView::SignInNeeded => "sign-in needed",
        HealthView::SignedOut => "signed out",
        HealthView::Paused => "paused",
        HealthView::Locked => "locked",
        HealthView::VaultLocked => "keyring locked",
        HealthView::Refused { .. } => "refused by the server",
        HealthView::Rebuilding => "rebuilding",
        HealthView::DiskFull => "disk full",
        HealthView::Fault => "fault",
    }
}

/// Enough to tell whether two texts are about the same, and no more.
fn shortened(id: &str) -> String {
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(4).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        if write!(hex, "{byte:02x}").is_err() {
            hex.clear();
        }
        hex
    })
}

/// What somebody who helps needs. Built of versions, states, times, hosts and figures only: no
/// field of a session that holds a name, an address, or anybody's own words goes in.
fn support_text(session: &SessionView, letter: &str, key_ready: bool, now: i64) -> String {
    let time = |at: Option<i64>| at.map_or_else(|| "unknown".to_owned(), rfc3339);
    let arrival = match session.arrival {
        ArrivalView::Push => "push",
        ArrivalView::Polling => "polling",
        ArrivalView::Off => "off",
    };
    let mut lines = vec![
        format!("Braid {}", env!("CARGO_PKG_VERSION")),
        format!(
            "System: {} {}",
            std::env::consts::OS,
            std::env::consts::ARCH
        ),
        format!("Written: {}", rfc3339(now)),
        format!("Keyring: {}", if key_ready { "ready" } else { "not ready" }),
        format!("Login service: {}", session.issuer),
        format!("Account: {letter} {}", shortened(&session.account)),
        format!("User: {}", shortened(&session.user)),
        format!("State: {}", health_word(&session.health)),
        format!("Signed in: {}", time(session.signed_in_at)),
        format!("Token ends: {}", time(session.token_ends_at)),
        format!("Session ends: {}", time(session.session_ends_at)),
        format!("Last renewal: {}", time(session.renewed_at)),
        format!("Last synchronisation: {}", time(session.synced_at)),
        format!("New mail: {arrival}"),
        format!("Waiting to be sent: {}", session.queued),
        format!("On disk: {} octets", session.octets),
        "Hosts:".to_owned(),
    ];
    lines.extend(session.hosts.iter().map(|host| {
        format!(
            "  {}: {} requests, last {}",
            host.host,
            host.requests,
            rfc3339(host.last_at)
        )
    }));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(health: HealthView) -> SessionView {
        SessionView {
            account: "canary-account-id".into(),
            person: Some("canary-person".into()),
            email: "canary-email@canary.example".into(),
            issuer: "login.northwind.example".into(),
            user: "canary-user".into(),
            connection: Some("canary-connection".into()),
            signed_in_at: Some(1_700_000_000),
            token_ends_at: Some(1_700_086_400),
            session_ends_at: None,
            renewed_at: None,
            synced_at: Some(1_700_000_100),
            arrival: ArrivalView::Push,
            queued: 7,
            octets: 4096,
            hosts: vec![HostView {
                host: "mail.example".into(),
                first_at: 1,
                last_at: 1_700_000_050,
                requests: 12,
            }],
            fix: fix_of(&health),
            health,
        }
    }

    #[test]
    fn no_name_address_id_or_foreign_word_of_a_session_reaches_the_support_text() {
        let refused = HealthView::Refused {
            detail: "canary-detail for canary-email@canary.example".into(),
        };
        let text = support_text(&session(refused), "W", true, 1_700_000_200);
        assert!(!text.contains("canary"), "{text}");
        for needed in [
            "login.northwind.example",
            "mail.example: 12 requests, last 2023-11-14T22:14:10Z",
            "State: refused by the server",
            "Signed in: 2023-11-14T22:13:20Z",
            "Session ends: unknown",
            "Waiting to be sent: 7",
            "Account: W ",
            env!("CARGO_PKG_VERSION"),
        ] {
            assert!(text.contains(needed), "{needed} in {text}");
        }
    }

    #[test]
    fn a_shortened_id_is_the_same_for_the_same_id_and_does_not_hold_it() {
        assert_eq!(shortened("abc"), "ba7816bf");
        assert_ne!(shortened("abc"), shortened("abd"));
    }

    #[test]
    fn every_trouble_has_one_fix_and_health_has_none() {
        assert_eq!(fix_of(&HealthView::Current), Fix::Nothing);
        assert_eq!(fix_of(&HealthView::Waiting { until: 1 }), Fix::Nothing);
        assert_eq!(fix_of(&HealthView::SignInNeeded), Fix::SignIn);
        assert_eq!(fix_of(&HealthView::VaultLocked), Fix::Keyring);
        assert_eq!(fix_of(&HealthView::Paused), Fix::Resume);
        assert_eq!(fix_of(&HealthView::Locked), Fix::Unlock);
        assert_eq!(fix_of(&HealthView::Offline), Fix::Retry);
        assert_eq!(fix_of(&HealthView::DiskFull), Fix::Disk);
    }

    #[test]
    fn a_device_without_a_name_is_called_by_its_kind_and_then_by_its_id() {
        let device = |name: Option<&str>, kind: Option<&str>| Device {
            id: "d1".into(),
            name: name.map(ToOwned::to_owned),
            kind: kind.map(ToOwned::to_owned),
        };
        let names = [
            device_view(device(Some("Key"), Some("WebAuthN"))).name,
            device_view(device(Some(" "), Some("WebAuthN"))).name,
            device_view(device(None, None)).name,
        ];
        assert_eq!(names, ["Key", "WebAuthN", "d1"]);
    }
}
