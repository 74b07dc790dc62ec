//! Both servers together: started, described, and stopped as one.

mod control;
mod description;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::clock::Clock;
use crate::faults::{Faults, Server, control_router, with_faults};
use crate::listener::{CuttableListener, Shears};
use crate::mail_server::{MailServer, MailServerConfig, MailServerError};
use crate::people::{Linking, extra_people};
use crate::state_dir::{StateDir, StateDirError};
use crate::tenant::{ProviderCredentials, Tenant, TenantConfig};
use description::describe;
pub use description::{ConnectionDescription, Description, PersonDescription};

/// The file that remembers the ports, because a tenant at another port is another tenant to its clients.
const PORTS_FILE: &str = "ports.json";
/// How long open connections may take to end when the rehearsal stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// How to start a rehearsal.
#[derive(Debug, Clone)]
pub struct RehearsalConfig {
    /// Where to remember everything; nothing is remembered when absent.
    pub state_dir: Option<PathBuf>,
    /// The tenant's port; 0 takes the one it had last time, or a free one.
    pub port: u16,
    /// The seed the mail is made from.
    pub seed: u64,
    /// Messages in each account.
    pub size: usize,
    /// The faults to obey.
    pub faults: Faults,
    /// The time to go by.
    pub clock: Clock,
    /// The address clients reach the tenant at, when something stands in front of it.
    pub public_login_url: Option<Url>,
    /// Where people may be sent back to after a sign-in, besides loopback.
    pub redirect_urls: Vec<Url>,
    /// How long access tokens live; the contract's 24 hours when absent.
    pub access_token_life: Option<Duration>,
    /// How long a session can be continued after its last renewal; the contract's 30 days when absent.
    pub session_life: Option<Duration>,
    /// Whether other programs may set faults and drive the tenant, on a loopback address of its own.
    pub control: bool,
    /// People besides the three, each with an account of this size: see
    /// [`extra_people`](crate::people::extra_people).
    pub extra_people: usize,
    /// Whether every mail account has the same ids (account, messages, conversations, blobs, mailboxes) and
    /// other words, each message with its account's [`canary`](crate::people::canary).
    pub identical_ids: bool,
    /// Whether there is a second mail server with the same mail that takes the providers' credentials
    /// (`GET /api/session/credentials`) and no tokens of the tenant.
    pub provider_mail: bool,
    /// How connections link, where other than [`connections`](crate::people::connections) says.
    pub linking: BTreeMap<String, Linking>,
}

impl Default for RehearsalConfig {
    fn default() -> Self {
        Self {
            state_dir: None,
            port: 0,
            seed: 1,
            size: 2000,
            faults: Faults::none(),
            clock: Clock::real(),
            public_login_url: None,
            redirect_urls: Vec::new(),
            access_token_life: None,
            session_life: None,
            control: false,
            extra_people: 0,
            identical_ids: false,
            provider_mail: false,
            linking: BTreeMap::new(),
        }
    }
}

/// Why a rehearsal did not start.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// No loopback port could be had.
    #[error("no port on this computer could be opened")]
    Port(#[source] io::Error),
    /// What was remembered cannot be used.
    #[error(transparent)]
    State(#[from] StateDirError),
    /// The mail cannot be had.
    #[error(transparent)]
    Mail(#[from] MailServerError),
    /// The tenant would have no usable address.
    #[error("the sign-in address is not a web address")]
    Address(#[from] url::ParseError),
}

/// The ports of last time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Ports {
    login: u16,
    mail: u16,
    #[serde(default)]
    provider_mail: u16,
    /// Where faults are set this time, for whoever may read the folder; 0 when nowhere.
    #[serde(default)]
    control: u16,
}

/// A running rehearsal. Dropping it ends both servers at once; [`Rehearsal::stop`] lets answers finish.
pub struct Rehearsal {
    description: Description,
    faults: Faults,
    clock: Clock,
    tenant: Tenant,
    mail: MailServer,
    cancel: CancellationToken,
    servers: Vec<JoinHandle<()>>,
}

impl Rehearsal {
    /// Starts both servers on loopback.
    ///
    /// # Errors
    /// [`RehearsalError`] when a port, the state or an address cannot be used. Nothing runs then.
    pub async fn start(config: RehearsalConfig) -> Result<Self, RehearsalError> {
        let state_dir = match &config.state_dir {
            Some(path) => StateDir::open(path)?,
            None => StateDir::in_memory(),
        };
        let before: Ports = state_dir.load(PORTS_FILE)?.unwrap_or_default();
        let login = listen(config.port, before.login)
            .await
            .map_err(RehearsalError::Port)?;
        let mail = listen(0, before.mail).await.map_err(RehearsalError::Port)?;
        let provider_mail = match config.provider_mail {
            true => Some(
                listen(0, before.provider_mail)
                    .await
                    .map_err(RehearsalError::Port)?,
            ),
            false => None,
        };
        let control = match config.control {
            true => Some(listen(0, 0).await.map_err(RehearsalError::Port)?),
            false => None,
        };
        let address = |listener: &TcpListener| listener.local_addr().map_err(RehearsalError::Port);
        let (login_at, mail_at) = (address(&login)?, address(&mail)?);
        let provider_at = provider_mail.as_ref().map(address).transpose()?;
        let control_at = control.as_ref().map(address).transpose()?;
        state_dir.save(
            PORTS_FILE,
            &Ports {
                login: login_at.port(),
                mail: mail_at.port(),
                provider_mail: provider_at.map_or(before.provider_mail, |at| at.port()),
                control: control_at.map_or(0, |at| at.port()),
            },
        )?;

        let issuer = config
            .public_login_url
            .clone()
            .map_or_else(|| Url::parse(&format!("http://{login_at}")), Ok)?;
        let mut tenant_config = TenantConfig::new(issuer);
        tenant_config
            .redirect_urls
            .clone_from(&config.redirect_urls);
        if let Some(life) = config.access_token_life {
            tenant_config.access_token_life = life;
        }
        if let Some(life) = config.session_life {
            tenant_config.session_life = life;
        }
        tenant_config
            .people
            .extend(extra_people(config.extra_people));
        tenant_config.linking.clone_from(&config.linking);
        let people = tenant_config.people.clone();
        let mut description = describe(&tenant_config, login_at, mail_at);
        description.control_url = control_at.map(|at| format!("http://{at}"));
        description.provider_mail_url = provider_at.map(|at| format!("http://{at}"));
        let tenant = Tenant::open(
            tenant_config,
            config.clock.clone(),
            config.faults.clone(),
            state_dir,
        )?;

        let cancel = CancellationToken::new();
        let mail_server = open_mail(MailServerConfig {
            origin: format!("http://{mail_at}"),
            state_dir: config.state_dir.clone(),
            seed: config.seed,
            size: u32::try_from(config.size).unwrap_or(u32::MAX),
            people,
            identical_ids: config.identical_ids,
            clock: config.clock.clone(),
            faults: config.faults.clone(),
            verifier: Arc::new(tenant.clone()),
            cancel: cancel.clone(),
        })
        .await?;
        let mail_routes = with_faults(mail_server.router(), config.faults.clone(), Server::Mail);
        let mut servers = vec![
            serve(login, tenant.router(), &cancel),
            serve(mail, mail_routes, &cancel),
        ];
        servers.extend(provider_mail.zip(provider_at).map(|(listener, at)| {
            let verifier = Arc::new(ProviderCredentials::of(&tenant));
            let routes = mail_server.router_for(verifier, format!("http://{at}"));
            let faults = config.faults.clone();
            serve(
                listener,
                with_faults(routes, faults, Server::ProviderMail),
                &cancel,
            )
        }));
        servers.extend(control.map(|listener| {
            let more = control::routes(tenant.clone(), mail_server.clone());
            serve(
                listener,
                control_router(config.faults.clone(), more),
                &cancel,
            )
        }));
        Ok(Self {
            description,
            faults: config.faults,
            clock: config.clock,
            tenant,
            mail: mail_server,
            cancel,
            servers,
        })
    }

    /// Forgets everything a rehearsal kept in `state_dir`.
    ///
    /// # Errors
    /// [`StateDirError`] when the folder is in use, not a rehearsal's, or cannot be emptied.
    pub fn reset(state_dir: &std::path::Path) -> Result<(), StateDirError> {
        StateDir::reset(state_dir)
    }

    /// What other programs need to know.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The faults, to switch while it runs.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The time it goes by.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The tenant, as something that knows whose token is whose.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The mail server, to make things happen in it.
    #[must_use]
    pub fn mail(&self) -> &MailServer {
        &self.mail
    }

    /// Lets answers under way finish, for two seconds at most, and ends both servers.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        let servers = std::mem::take(&mut self.servers);
        let ends: Vec<_> = servers.iter().map(JoinHandle::abort_handle).collect();
        if tokio::time::timeout(FAREWELL, futures::future::join_all(servers))
            .await
            .is_err()
        {
            for end in ends {
                end.abort();
            }
        }
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        self.cancel.cancel();
        for server in &self.servers {
            server.abort();
        }
    }
}

/// Makes the mail away from the threads that answer requests: a million messages take seconds.
async fn open_mail(config: MailServerConfig) -> Result<MailServer, RehearsalError> {
    match tokio::task::spawn_blocking(move || MailServer::open(config)).await {
        Ok(opened) => Ok(opened?),
        Err(failed) => Err(MailServerError::Files(io::Error::other(failed)).into()),
    }
}

/// A loopback listener at `wanted`, or else at `before` if that is still free, or else anywhere.
async fn listen(wanted: u16, before: u16) -> io::Result<TcpListener> {
    let at = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    if wanted != 0 {
        return at(wanted).await;
    }
    match at(before).await {
        Ok(listener) => Ok(listener),
        Err(error) if before != 0 => {
            tracing::warn!(%error, port = before, "the port of last time is taken; accounts have to be added anew");
            at(0).await
        }
        Err(error) => Err(error),
    }
}

fn serve(listener: TcpListener, routes: Router, cancel: &CancellationToken) -> JoinHandle<()> {
    let serving = axum::serve(
        CuttableListener(listener),
        routes.into_make_service_with_connect_info::<Shears>(),
    )
    .with_graceful_shutdown(cancel.clone().cancelled_owned());
    tokio::spawn(async move {
        if let Err(error) = serving.into_future().await {
            tracing::warn!(%error, "a server of the rehearsal ended");
        }
    })
}
