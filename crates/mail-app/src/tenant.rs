//! The tenant in use: an organisation's, or the built-in rehearsal's.

use std::sync::Arc;

use mail_auth::{Connection, Session, SignInParts, TenantConfig, TenantError};
use mail_jmap::{JmapConfig, ServerAddress};
use mail_model::HostLog;
use mail_model::remote::TokenSource;
use url::Url;

use crate::config::{MailCredentials, TenantSettings};
use crate::contract::{ConnectionView, ErrorCode, TenantView, UiError};
use crate::rehearsal::{self, Rehearsal};

/// A tenant, ready for sign-ins.
pub(crate) struct Tenant {
    settings: TenantSettings,
    parts: SignInParts,
    rehearsal: Option<Rehearsal>,
}

/// Why a tenant cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableTenant {
    /// Its address or application id is wrong, or it does not answer.
    #[error(transparent)]
    Tenant(#[from] TenantError),
}

impl From<UnusableTenant> for UiError {
    fn from(error: UnusableTenant) -> Self {
        Self::new(match error {
            UnusableTenant::Tenant(TenantError::ApplicationId) => ErrorCode::ApplicationId,
            UnusableTenant::Tenant(TenantError::NotALoginHost) => ErrorCode::TenantNotAuthress,
            UnusableTenant::Tenant(TenantError::NotAnAddress | TenantError::NotSecure) => {
                ErrorCode::TenantAddress
            }
            UnusableTenant::Tenant(_) => ErrorCode::TenantUnreachable,
        })
    }
}

fn auth_config(settings: &TenantSettings) -> Result<TenantConfig, TenantError> {
    let mut config = TenantConfig::new(&settings.login_host, &settings.application_id)?;
    config.redirect_ports.clone_from(&settings.redirect_ports);
    config.connections = settings
        .connections
        .iter()
        .map(|known| Connection {
            id: known.id.clone(),
            name: known.name.clone(),
        })
        .collect();
    Ok(config)
}

impl Tenant {
    /// Takes settings as they are. Contacts nobody.
    pub(crate) fn new(settings: TenantSettings) -> Result<Self, UnusableTenant> {
        let parts = SignInParts::new(auth_config(&settings)?);
        Ok(Self {
            settings,
            parts,
            rehearsal: None,
        })
    }

    /// Asks the tenant whether it is one, before it is kept.
    pub(crate) async fn checked(settings: TenantSettings) -> Result<Self, UnusableTenant> {
        auth_config(&settings)?.check().await?;
        Self::new(settings)
    }

    /// The rehearsal that has just been started.
    pub(crate) fn of_rehearsal(rehearsal: Rehearsal) -> Result<Self, UnusableTenant> {
        let mut tenant = Self::new(rehearsal::settings(rehearsal.description()))?;
        tenant.rehearsal = Some(rehearsal);
        Ok(tenant)
    }

    /// What every token's `iss` is.
    pub(crate) fn issuer(&self) -> String {
        self.parts.tenant.issuer().to_owned()
    }

    pub(crate) const fn settings(&self) -> &TenantSettings {
        &self.settings
    }

    pub(crate) const fn rehearsal(&self) -> Option<&Rehearsal> {
        self.rehearsal.as_ref()
    }

    pub(crate) fn into_rehearsal(self) -> Option<Rehearsal> {
        self.rehearsal
    }

    /// What a sign-in by this connection works with, its own properties included.
    pub(crate) fn sign_in_parts(&self, connection: Option<&str>) -> SignInParts {
        let mut parts = self.parts.clone();
        let known = self
            .settings
            .connections
            .iter()
            .find(|known| Some(known.id.as_str()) == connection);
        if let Some(known) = known.filter(|known| !known.properties.is_empty()) {
            let mut config = TenantConfig::clone(&parts.tenant);
            config
                .connection_properties
                .extend(known.properties.clone());
            parts.tenant = Arc::new(config);
        }
        parts
    }

    /// The same, and whose token the server takes.
    pub(crate) fn mail_of(&self, connection: Option<&str>) -> MailAt {
        let settings = self.settings.mail_of(connection);
        let is_provider =
            settings.is_some_and(|mail| mail.credentials == MailCredentials::Provider);
        MailAt {
            address: self.mail_address(connection),
            provider_of: connection.filter(|_| is_provider).map(ToOwned::to_owned),
        }
    }

    /// Where the mail of a connection lies. Without a word in the settings it is looked for at
    /// the tenant's own origin.
    pub(crate) fn mail_address(&self, connection: Option<&str>) -> Url {
        self.settings.mail_of(connection).map_or_else(
            || self.parts.tenant.login_host().clone(),
            |mail| mail.jmap.clone(),
        )
    }

    pub(crate) fn view(&self) -> TenantView {
        let connections = self.settings.connections.iter();
        TenantView {
            host: self
                .parts
                .tenant
                .login_host()
                .host_str()
                .unwrap_or_default()
                .to_owned(),
            application_id: self.settings.application_id.clone(),
            rehearsal: self.rehearsal.is_some(),
            managed: false,
            connections: connections
                .map(|known| ConnectionView {
                    id: known.id.clone(),
                    name: known.name.clone(),
                })
                .collect(),
        }
    }
}

/// One account's mail server.
#[derive(PartialEq, Eq)]
pub(crate) struct MailAt {
    address: Url,
    /// The connection whose provider's token the server takes; else it takes the login service's.
    provider_of: Option<String>,
}

impl MailAt {
    /// How it is spoken to; hosts are noted in the account's own log.
    pub(crate) fn config(&self, hosts: &HostLog) -> JmapConfig {
        JmapConfig {
            hosts: hosts.clone(),
            ..JmapConfig::new(ServerAddress::of(self.address.clone()))
        }
    }

    /// The account's tokens for it.
    pub(crate) fn tokens(&self, session: &Session) -> Arc<dyn TokenSource> {
        match &self.provider_of {
            Some(connection) => Arc::new(session.connection_tokens(connection)),
            None => Arc::new(session.clone()),
        }
    }
}
