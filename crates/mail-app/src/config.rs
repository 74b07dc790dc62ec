//! Configuration: which tenant, which application, where each connection's mail lies.
//!
//! Four layers, the later one wins: built-in defaults, the person's `braid.toml`, the
//! environment (`BRAID_…`), the organisation's read-only file. What an organisation sets
//! cannot be changed from the window.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// Where an organisation puts its settings, on every Unix.
pub const ORGANISATION_FILE: &str = "/etc/braid/braid.toml";

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A file is there but cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A file has a mistake.
    #[error("{path} has a mistake: {source}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// An environment variable has a mistake.
    #[error("the environment variable {name} cannot be understood")]
    Environment {
        /// Which one.
        name: &'static str,
    },
    /// The file cannot be written.
    #[error("{path} cannot be written")]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The configuration cannot be put into words.
    #[error("the configuration cannot be written as TOML")]
    Unserialisable(#[source] toml::ser::Error),
}

/// Where a connection's mail lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MailLocation {
    /// JMAP session address, or the address of a server with `/.well-known/jmap`.
    pub jmap: Url,
    /// Whose token the server takes.
    #[serde(default, skip_serializing_if = "MailCredentials::is_usual")]
    pub credentials: MailCredentials,
}

impl MailLocation {
    /// A server that takes the login service's tokens.
    #[must_use]
    pub const fn at(jmap: Url) -> Self {
        Self {
            jmap,
            credentials: MailCredentials::Authress,
        }
    }
}

/// Whose token a mail server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailCredentials {
    /// The login service's own.
    #[default]
    Authress,
    /// That of the identity provider behind the connection, which the login service keeps.
    Provider,
}

impl MailCredentials {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// A way in, and where the mail behind it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ConnectionConfig {
    /// The connection id at the tenant.
    pub id: String,
    /// The name to show.
    pub name: String,
    /// Its mail; without it the tenant's own location counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailLocation>,
    /// Passed to the identity provider, such as `prompt` or `scope`.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub properties: std::collections::BTreeMap<String, String>,
}

/// Where people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TenantSettings {
    /// Login address of the tenant.
    pub login_host: String,
    /// The application's id there.
    pub application_id: String,
    /// Ports of `127.0.0.1` to wait on for the browser's return, tried in order; 0 is any.
    #[serde(default = "default_ports")]
    pub redirect_ports: Vec<u16>,
    /// Ways in to offer. Without any, the tenant's own page lists them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionConfig>,
    /// Where mail lies for connections that do not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailLocation>,
}

fn default_ports() -> Vec<u16> {
    vec![49_471, 49_472, 49_473]
}

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The tenant; none before the first run is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantSettings>,
    /// Use the built-in rehearsal instead of a tenant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// One account at a time: signing in to another signs the first one out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_account: Option<bool>,
    /// Whether one mailbox may be opened with several sign-ins. Only the organisation says so:
    /// what stands in the person's own file does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linking: Option<bool>,
    /// The organisation has set the tenant: nobody changes it from the window.
    #[serde(skip)]
    pub managed: bool,
    /// The organisation has set whether there is one account at a time.
    #[serde(skip)]
    pub one_account_managed: bool,
}

impl Config {
    /// Reads all layers. A file that is not there is an empty layer.
    ///
    /// # Errors
    /// A file that is there but cannot be read or understood is an error, never an empty
    /// layer: starting with other settings than written would surprise.
    pub fn load(
        person: &Path,
        organisation: &Path,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ConfigError> {
        let mut config = read(person)?.unwrap_or_default();
        config.overlay_environment(environment)?;
        let organisation = read(organisation)?.unwrap_or_default();
        if let Some(tenant) = organisation.tenant {
            config.tenant = Some(tenant);
            config.rehearsal = false;
            config.managed = true;
        }
        if let Some(one_account) = organisation.one_account {
            config.one_account = Some(one_account);
            config.one_account_managed = true;
        }
        config.linking = organisation.linking;
        Ok(config)
    }

    /// Changes the person's layer and nothing else: what comes from the environment or the
    /// organisation is not written down as theirs.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn change(person: &Path, change: impl FnOnce(&mut Self)) -> Result<(), ConfigError> {
        let mut config = read(person)?.unwrap_or_default();
        change(&mut config);
        config.save(person)
    }

    fn overlay_environment(
        &mut self,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<(), ConfigError> {
        let host = environment("BRAID_LOGIN_HOST");
        let application = environment("BRAID_APPLICATION_ID");
        let mail = environment("BRAID_JMAP_URL")
            .map(|url| Url::parse(&url).map(MailLocation::at))
            .transpose()
            .map_err(|_| ConfigError::Environment {
                name: "BRAID_JMAP_URL",
            })?;
        match (host, application) {
            (Some(login_host), Some(application_id)) => {
                self.tenant = Some(TenantSettings {
                    login_host,
                    application_id,
                    redirect_ports: default_ports(),
                    connections: Vec::new(),
                    mail,
                });
                self.rehearsal = false;
            }
            (Some(_), None) => {
                return Err(ConfigError::Environment {
                    name: "BRAID_APPLICATION_ID",
                });
            }
            (None, Some(_)) => {
                return Err(ConfigError::Environment {
                    name: "BRAID_LOGIN_HOST",
                });
            }
            (None, None) => {
                if let (Some(tenant), Some(mail)) = (self.tenant.as_mut(), mail) {
                    tenant.mail = Some(mail);
                }
            }
        }
        Ok(())
    }

    /// Writes the person's layer.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`].
    pub fn save(&self, person: &Path) -> Result<(), ConfigError> {
        let text = toml::to_string_pretty(self).map_err(ConfigError::Unserialisable)?;
        crate::paths::write_atomically(person, text.as_bytes()).map_err(|source| {
            ConfigError::Unwritable {
                path: person.to_path_buf(),
                source,
            }
        })
    }
}

impl TenantSettings {
    /// A tenant as typed in the first run.
    #[must_use]
    pub fn typed(login_host: String, application_id: String) -> Self {
        Self {
            login_host,
            application_id,
            redirect_ports: default_ports(),
            connections: Vec::new(),
            mail: None,
        }
    }

    /// Where the mail of a connection lies; `None` asks for discovery.
    #[must_use]
    pub fn mail_of(&self, connection: Option<&str>) -> Option<&MailLocation> {
        self.connections
            .iter()
            .find(|known| Some(known.id.as_str()) == connection)
            .and_then(|known| known.mail.as_ref())
            .or(self.mail.as_ref())
    }

    /// The name to show for a connection.
    #[must_use]
    pub fn connection_name(&self, connection: &str) -> Option<&str> {
        self.connections
            .iter()
            .find(|known| known.id == connection)
            .map(|known| known.name.as_str())
    }
}

fn read(path: &Path) -> Result<Option<Config>, ConfigError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(ConfigError::Unreadable {
                path: path.to_path_buf(),
                source,
            });
        }
    };
    toml::from_str(&text)
        .map(Some)
        .map_err(|source| ConfigError::Malformed {
            path: path.to_path_buf(),
            source: Box::new(source),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_written_configuration_reads_back_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("braid.toml");
        let mut tenant =
            TenantSettings::typed("https://login.northwind.example".into(), "app_mail".into());
        tenant.connections.push(ConnectionConfig {
            id: "google".into(),
            name: "Google".into(),
            mail: Some(MailLocation {
                jmap: Url::parse("https://jmap.mail.example").unwrap(),
                credentials: MailCredentials::Provider,
            }),
            properties: [("prompt".to_owned(), "select_account".to_owned())].into(),
        });
        let config = Config {
            tenant: Some(tenant),
            one_account: Some(true),
            ..Config::default()
        };
        config.save(&file).unwrap();
        let read = Config::load(&file, Path::new("/nonexistent"), nothing).unwrap();
        assert_eq!(read, config);
    }

    #[test]
    fn a_mail_server_takes_the_login_services_tokens_unless_it_is_said_to_want_the_providers() {
        let read = |more: &str| {
            let text = format!("jmap = \"https://mail.example\"{more}");
            toml::from_str::<MailLocation>(&text).map(|mail| mail.credentials)
        };
        assert_eq!(read("").unwrap(), MailCredentials::Authress);
        let provider = read("\ncredentials = \"provider\"").unwrap();
        assert_eq!(provider, MailCredentials::Provider);
        let authress = read("\ncredentials = \"authress\"").unwrap();
        assert_eq!(authress, MailCredentials::Authress);
        assert!(read("\ncredentials = \"google\"").is_err());
    }

    #[test]
    fn a_mistake_in_the_file_is_named_and_not_taken_for_an_empty_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("braid.toml");
        std::fs::write(&file, "[tenant]\nlogin-hots = 1").unwrap();
        assert!(matches!(
            Config::load(&file, Path::new("/nonexistent"), nothing),
            Err(ConfigError::Malformed { .. })
        ));
    }

    #[test]
    fn what_the_organisation_sets_wins_over_the_person_and_the_environment() {
        let dir = tempfile::tempdir().unwrap();
        let (person, organisation) = (dir.path().join("a.toml"), dir.path().join("b.toml"));
        Config {
            rehearsal: true,
            ..Config::default()
        }
        .save(&person)
        .unwrap();
        let managed = TenantSettings::typed("https://login.acme.example".into(), "app_acme".into());
        Config {
            tenant: Some(managed.clone()),
            ..Config::default()
        }
        .save(&organisation)
        .unwrap();
        let environment = |name: &str| match name {
            "BRAID_LOGIN_HOST" => Some("https://elsewhere.example".to_owned()),
            "BRAID_APPLICATION_ID" => Some("app_x".to_owned()),
            _ => None,
        };
        let config = Config::load(&person, &organisation, environment).unwrap();
        assert_eq!(config.tenant, Some(managed));
        assert!(!config.rehearsal && config.managed);
    }

    #[test]
    fn what_is_one_account_at_a_time_is_the_organisations_to_say() {
        let dir = tempfile::tempdir().unwrap();
        let (person, organisation) = (dir.path().join("a.toml"), dir.path().join("b.toml"));
        Config::change(&person, |config| config.one_account = Some(false)).unwrap();
        std::fs::write(&organisation, "one-account = true").unwrap();
        let own = Config::load(&person, Path::new("/nonexistent"), nothing).unwrap();
        assert_eq!(
            (own.one_account, own.one_account_managed),
            (Some(false), false)
        );
        let theirs = Config::load(&person, &organisation, nothing).unwrap();
        assert_eq!(
            (theirs.one_account, theirs.one_account_managed),
            (Some(true), true)
        );
        assert!(!theirs.managed);
    }

    #[test]
    fn whether_sign_ins_may_be_joined_is_the_organisations_alone_to_say() {
        let dir = tempfile::tempdir().unwrap();
        let (person, organisation) = (dir.path().join("a.toml"), dir.path().join("b.toml"));
        std::fs::write(&person, "linking = false").unwrap();
        let own = Config::load(&person, Path::new("/nonexistent"), nothing).unwrap();
        assert_eq!(own.linking, None);
        std::fs::write(&person, "linking = true").unwrap();
        std::fs::write(&organisation, "linking = false").unwrap();
        let theirs = Config::load(&person, &organisation, nothing).unwrap();
        assert_eq!(theirs.linking, Some(false));
    }

    #[test]
    fn half_an_environment_is_an_error() {
        let environment =
            |name: &str| (name == "BRAID_LOGIN_HOST").then(|| "https://x.example".to_owned());
        let missing = Path::new("/nonexistent");
        assert!(matches!(
            Config::load(missing, missing, environment),
            Err(ConfigError::Environment {
                name: "BRAID_APPLICATION_ID"
            })
        ));
    }
}
