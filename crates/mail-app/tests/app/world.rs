//! A tenant, a mail server, folders and a vault, and somebody who clicks in the browser.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mail_app::rehearsal::Rehearsal;
use mail_app::{
    AccountView, App, BeginSignInRequest, Config, ConfirmSignInRequest, Host, HostError,
    MemoryVault, Paths, SignInView, Start, TenantSettings, Vault, VaultChoice,
};
use mail_rehearsal::RehearsalConfig;
use mail_rehearsal::mail_server::NewMail;
use tempfile::TempDir;
use url::Url;

/// What keeps a wrong test from hanging; never what is measured.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// A browser with somebody in front of it.
#[derive(Default)]
pub(crate) struct Browser {
    /// The query that chooses who signs in; nobody clicks without it.
    pub(crate) person: Mutex<Option<String>>,
    pub(crate) opened: Mutex<Vec<Url>>,
    pub(crate) saves_to: Mutex<Option<PathBuf>>,
    /// The picture that is chosen.
    pub(crate) opens_from: Mutex<Option<PathBuf>>,
    /// Whether there is no browser at all.
    pub(crate) missing: AtomicBool,
    /// Files that were opened.
    pub(crate) files: Mutex<Vec<PathBuf>>,
}

#[mail_app::async_trait]
impl Host for Browser {
    async fn open_url(&self, url: &Url) -> Result<(), HostError> {
        if self.missing.load(Ordering::Relaxed) {
            return Err(HostError::CannotOpen(None));
        }
        self.opened.lock().unwrap().push(url.clone());
        let person = self.person.lock().unwrap().clone();
        if let Some(query) = person {
            mail_app::rehearsal::follow(url, &query).await.unwrap();
        }
        Ok(())
    }

    async fn open_file(&self, path: &Path) -> Result<(), HostError> {
        self.files.lock().unwrap().push(path.to_path_buf());
        Ok(())
    }

    async fn ask_save_path(&self, _: &str) -> Result<Option<PathBuf>, HostError> {
        Ok(self.saves_to.lock().unwrap().clone())
    }

    async fn ask_open_path(&self, _: &[&str]) -> Result<Option<PathBuf>, HostError> {
        Ok(self.opens_from.lock().unwrap().clone())
    }

    fn frame_origin(&self) -> &str {
        "mail://localhost"
    }

    fn page_origins(&self) -> &str {
        "tauri://localhost"
    }
}

pub(crate) struct World {
    pub(crate) rehearsal: Rehearsal,
    pub(crate) browser: Arc<Browser>,
    pub(crate) vault: Arc<MemoryVault>,
    pub(crate) folder: TempDir,
    settings: TenantSettings,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_messages(120).await
    }

    pub(crate) async fn with_messages(size: usize) -> Self {
        Self::of(RehearsalConfig {
            size,
            ..RehearsalConfig::default()
        })
        .await
    }

    pub(crate) async fn of(config: RehearsalConfig) -> Self {
        let rehearsal = Rehearsal::start(config).await.unwrap();
        Self {
            settings: mail_app::rehearsal::settings(rehearsal.description()),
            rehearsal,
            browser: Arc::default(),
            vault: Arc::new(MemoryVault::new()),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Takes the mail from somewhere else than the rehearsal.
    pub(crate) fn mail_at(&mut self, jmap: Url) {
        self.settings.mail = Some(mail_app::MailLocation::at(jmap));
    }

    /// The mail of people who sign in with that connection lies at the second mail server, which
    /// takes their provider's credentials.
    pub(crate) fn provider_mail_for(&mut self, connection: &str) {
        let second = self.rehearsal.description().provider_mail_url.clone();
        let jmap = Url::parse(&second.unwrap()).unwrap();
        let mut connections = self.settings.connections.iter_mut();
        let known = connections.find(|known| known.id == connection).unwrap();
        known.mail = Some(mail_app::MailLocation {
            jmap,
            credentials: mail_app::MailCredentials::Provider,
        });
    }

    /// What an account's sealed session holds: its token and its cookies.
    pub(crate) async fn sealed_session(&self, account: &str) -> serde_json::Value {
        use mail_auth::Vault as _;

        let account = mail_model::AccountId::new(account).unwrap();
        let key = self.vault.key(&account).await.unwrap().unwrap();
        let file = self.paths().session(&account);
        let sealed = mail_auth::SealedFile::new(&file, &account, &key);
        serde_json::from_slice(&sealed.read().unwrap().unwrap()).unwrap()
    }

    /// The token an account has at the moment.
    pub(crate) async fn access_token(&self, account: &str) -> String {
        let session = self.sealed_session(account).await;
        session["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn paths(&self) -> Paths {
        Paths::below(self.folder.path())
    }

    pub(crate) async fn start(&self) -> App {
        self.start_with(self.vault.clone()).await
    }

    pub(crate) async fn start_with(&self, vault: Arc<dyn Vault>) -> App {
        let start = Start {
            paths: Some(self.paths()),
            config: Some(Config {
                tenant: Some(self.settings.clone()),
                ..Config::default()
            }),
            vault: VaultChoice::Given(vault),
            ..Start::of_person(self.browser.clone())
        };
        App::start(start).await.unwrap()
    }

    /// Starts with a configuration that somebody has changed.
    pub(crate) async fn start_configured(&self, change: impl FnOnce(Config) -> Config) -> App {
        let config = Config {
            tenant: Some(self.settings.clone()),
            ..Config::default()
        };
        let start = Start {
            paths: Some(self.paths()),
            config: Some(change(config)),
            vault: VaultChoice::Given(self.vault.clone()),
            ..Start::of_person(self.browser.clone())
        };
        App::start(start).await.unwrap()
    }

    pub(crate) fn settings(&self) -> TenantSettings {
        self.settings.clone()
    }

    /// Whoever has that account clicks from now on.
    pub(crate) fn at_the_browser(&self, account: &str) -> String {
        let people = &self.rehearsal.description().people;
        let person = people
            .iter()
            .find(|person| person.account == account)
            .unwrap();
        *self.browser.person.lock().unwrap() = Some(person.sign_in_query.clone());
        person.connection.clone()
    }

    /// Signs somebody in and gives what came of it.
    pub(crate) async fn sign_in(
        &self,
        app: &App,
        account: &str,
        again: Option<&str>,
    ) -> SignInView {
        let connection = self.at_the_browser(account);
        let request = BeginSignInRequest {
            connection: Some(connection),
            account: again.map(ToOwned::to_owned),
        };
        let attempt = app.begin_sign_in(request).await.unwrap().attempt;
        finish(app, attempt, account).await
    }

    /// Adds somebody and lets `choose` say what is confirmed.
    pub(crate) async fn sign_in_as(
        &self,
        app: &App,
        account: &str,
        choose: impl Fn(&SignInView, &mut ConfirmSignInRequest),
    ) -> SignInView {
        let connection = self.at_the_browser(account);
        let request = BeginSignInRequest {
            connection: Some(connection),
            account: None,
        };
        let attempt = app.begin_sign_in(request).await.unwrap().attempt;
        finish_as(app, attempt, account, choose).await
    }

    /// Signs two people in and waits until their mail is here.
    pub(crate) async fn two_accounts(&self, app: &App) -> (AccountView, AccountView) {
        for account in ["Work", "Personal"] {
            let ended = self.sign_in(app, account, None).await;
            assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
        }
        let accounts = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
        let [work, personal] = <[AccountView; 2]>::try_from(accounts).unwrap();
        assert_eq!(
            (work.name.as_str(), personal.name.as_str()),
            ("Work", "Personal")
        );
        (work, personal)
    }

    pub(crate) fn deliver(&self, account: &str, subject: &str, text: &str) -> String {
        let mail = NewMail {
            from_name: "Noor Haddad",
            from: "noor@northwind.example",
            subject,
            text,
            answers: None,
        };
        self.rehearsal.mail().deliver(account, &mail).unwrap()
    }
}

/// Confirms what is asked, under that name, and waits for the end of an attempt.
pub(crate) async fn finish(app: &App, attempt: String, name: &str) -> SignInView {
    finish_as(app, attempt, name, |_, _| {}).await
}

/// The same, with what `choose` says.
pub(crate) async fn finish_as(
    app: &App,
    attempt: String,
    name: &str,
    choose: impl Fn(&SignInView, &mut ConfirmSignInRequest),
) -> SignInView {
    let mut phases = app.sign_in_phases(&attempt).unwrap();
    let wait = async {
        loop {
            let phase = phases.borrow_and_update().clone();
            match &phase {
                SignInView::Preparing | SignInView::Waiting | SignInView::Finishing => {}
                SignInView::Confirm { color, .. } => {
                    let name = name.to_owned();
                    let color = *color;
                    let mut request = ConfirmSignInRequest {
                        attempt: attempt.clone(),
                        name,
                        color,
                        restore: false,
                        replaced_data: None,
                    };
                    choose(&phase, &mut request);
                    app.confirm_sign_in(request).await.unwrap();
                }
                _ => return phase,
            }
            phases.changed().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .expect("the sign-in ends")
}

/// Looks again whenever an account changes, until `look` is satisfied.
pub(crate) async fn until(app: &App, what: &str, look: impl AsyncFn(&[AccountView]) -> bool) {
    let (seen, mut events) = tokio::sync::mpsc::unbounded_channel();
    let sink = mail_app::FeedSink::new(move |event| seen.send(event).is_ok());
    let feed = app
        .open("accounts", serde_json::json!({}), sink)
        .await
        .unwrap();
    let wait = async {
        while !look(&app.accounts_now().await).await {
            events.recv().await.unwrap();
        }
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .unwrap_or_else(|_| panic!("did not come: {what}"));
    drop(feed);
}

/// Looks again and again at what no feed tells.
pub(crate) async fn eventually(what: &str, look: impl AsyncFn() -> bool) {
    let wait = async {
        while !look().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, wait)
        .await
        .unwrap_or_else(|_| panic!("did not come: {what}"));
}

/// Starts somewhere else than in a world's own folder.
pub(crate) async fn start_at(
    paths: Paths,
    tenant: TenantSettings,
    vault: Arc<dyn Vault>,
    browser: Arc<Browser>,
) -> App {
    let start = Start {
        paths: Some(paths),
        config: Some(Config {
            tenant: Some(tenant),
            ..Config::default()
        }),
        vault: VaultChoice::Given(vault),
        ..Start::of_person(browser)
    };
    App::start(start).await.unwrap()
}
