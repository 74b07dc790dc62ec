//! First run, keyring and preferences: what the page can change about the app itself.

use crate::app::App;
use crate::config::{Config, TenantSettings};
use crate::contract::{
    AppEvent, AppView, ConnectTenantRequest, Empty, ErrorCode, PaintedRequest, PreferencesView,
    TenantView, UiError,
};
use crate::feed::{FeedSink, OpenFeed};
use crate::tenant::Tenant;

impl App {
    /// Checks a tenant, keeps it, and uses it from now on.
    pub(crate) async fn connect_tenant(
        &self,
        request: ConnectTenantRequest,
    ) -> Result<Empty, UiError> {
        self.may_change_tenant()?;
        // Asks the network, so it takes no turn yet.
        let settings = TenantSettings::typed(
            request.login_host.trim().to_owned(),
            request.application_id.trim().to_owned(),
        );
        let tenant = Tenant::checked(settings.clone()).await?;
        let _turn = self.one_change().await;
        self.may_change_tenant()?;
        self.keep_config(|config| {
            config.tenant = Some(settings.clone());
            config.rehearsal = false;
        })?;
        self.replace_tenant(Some(tenant)).await;
        Ok(Empty {})
    }

    /// Starts the rehearsal and uses it from now on.
    pub(crate) async fn start_rehearsal(&self, _: Empty) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        if self
            .0
            .tenant
            .read()
            .await
            .as_ref()
            .is_some_and(|tenant| tenant.rehearsal().is_some())
        {
            return Ok(Empty {});
        }
        self.may_change_tenant()?;
        self.sign_ins().cancel_all();
        let before = self.with_config(|config| config.clone());
        self.keep_config(|config| {
            config.tenant = None;
            config.rehearsal = true;
        })?;
        if let Err(error) = self.begin_rehearsal().await {
            tracing::error!(%error, "the rehearsal does not start");
            self.keep_config(|config| {
                config.tenant.clone_from(&before.tenant);
                config.rehearsal = before.rehearsal;
            })?;
            return Err(UiError::with_detail(ErrorCode::Bug, error.to_string()));
        }
        Ok(Empty {})
    }

    /// Goes back to the first run.
    pub(crate) async fn forget_tenant(&self, _: Empty) -> Result<Empty, UiError> {
        let _turn = self.one_change().await;
        self.may_change_tenant()?;
        self.keep_config(|config| {
            config.tenant = None;
            config.rehearsal = false;
        })?;
        self.replace_tenant(None).await;
        Ok(Empty {})
    }

    /// Not while accounts are here, and never what the organisation has set.
    fn may_change_tenant(&self) -> Result<(), UiError> {
        if self.with_config(|config| config.managed) {
            return Err(UiError::new(ErrorCode::Managed));
        }
        if self.0.accounts.all().is_empty() {
            Ok(())
        } else {
            Err(UiError::new(ErrorCode::AccountsLeft))
        }
    }

    /// Changes the configuration, on the disk first.
    pub(crate) fn keep_config(&self, change: impl Fn(&mut Config)) -> Result<(), UiError> {
        Config::change(&self.0.paths.config_file(), &change).map_err(|error| {
            tracing::error!(%error, "the configuration could not be kept");
            UiError::new(ErrorCode::Disk)
        })?;
        self.with_config(|config| change(config));
        Ok(())
    }

    /// Sign-ins under way belong to the old tenant and end with it.
    async fn replace_tenant(&self, tenant: Option<Tenant>) {
        self.sign_ins().cancel_all();
        let old = std::mem::replace(&mut *self.0.tenant.write().await, tenant);
        self.tenant_has_changed();
        if let Some(rehearsal) = old.and_then(Tenant::into_rehearsal) {
            rehearsal.stop().await;
        }
    }

    /// Asks the keyring again and opens what it kept closed.
    pub(crate) async fn retry_vault(&self, _: Empty) -> Result<Empty, UiError> {
        let turn = self.one_change().await;
        self.0.vault.probe().await;
        let opening = self.0.accounts.all().into_iter().map(|account| async move {
            account.session.unlock().await;
            if account.open().is_none() {
                self.start_account(&account).await;
            }
        });
        futures::future::join_all(opening).await;
        self.0.accounts.members_changed();
        drop(turn);
        // Keys that could not be sealed while it was locked.
        if let Err(error) = self.tend_sealed().await {
            tracing::warn!(%error, "sealed copies could not be looked after");
        }
        Ok(Empty {})
    }

    /// Goes on without a keyring. Accounts whose keys lie in one stay closed.
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn use_session_only_vault(&self, _: Empty) -> Result<Empty, UiError> {
        self.0.vault.use_memory();
        Ok(Empty {})
    }

    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn set_preferences(
        &self,
        preferences: PreferencesView,
    ) -> Result<Empty, UiError> {
        self.0.preferences.set(preferences);
        Ok(Empty {})
    }

    /// Notes when the first rows were on the screen, for whoever measures: Unix milliseconds
    /// into the file `BRAID_PAINTED_FILE` names.
    #[allow(clippy::unused_async, reason = "one shape for all calls")]
    pub(crate) async fn painted(&self, request: PaintedRequest) -> Result<Empty, UiError> {
        tracing::info!(rows = request.rows, "the first rows are on the screen");
        self.0.painted.send_replace(true);
        if let Some(file) = std::env::var_os("BRAID_PAINTED_FILE") {
            let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            let at = at.map_or(0, |since| since.as_millis());
            let note = format!("{{\"at\":{at},\"rows\":{}}}\n", request.rows);
            if let Err(error) = std::fs::write(file, note) {
                tracing::warn!(%error, "the time of the first paint could not be noted");
            }
        }
        Ok(Empty {})
    }

    async fn app_view(&self) -> AppView {
        AppView {
            version: env!("CARGO_PKG_VERSION").into(),
            tenant: self
                .0
                .tenant
                .read()
                .await
                .as_ref()
                .map(|tenant| TenantView {
                    managed: self.with_config(|config| config.managed),
                    ..tenant.view()
                }),
            vault: *self.0.vault.watch().borrow(),
            one_account: self.one_account_view(),
            linking: self.0.linking.name(),
            linking_forbidden: self.is_linking_forbidden(),
            preferences: self.0.preferences.watch().borrow().clone(),
        }
    }

    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_app_feed(
        &self,
        _: Empty,
        sink: FeedSink,
    ) -> Result<OpenFeed, UiError> {
        let app = self.clone();
        let mut tenant = self.0.tenant_changed.subscribe();
        let mut vault = self.0.vault.watch();
        let mut preferences = self.0.preferences.watch();
        let mut accounts = self.0.accounts.watch_membership();
        let mut linking = self.0.linking.watch();
        Ok(OpenFeed::spawn(move |_| async move {
            let mut seq = 0;
            let mut sent = None;
            loop {
                tenant.mark_unchanged();
                vault.mark_unchanged();
                preferences.mark_unchanged();
                accounts.mark_unchanged();
                linking.mark_unchanged();
                let view = app.app_view().await;
                if sent.as_ref() != Some(&view) {
                    sent = Some(view.clone());
                    if !sink.send(&AppEvent { seq, app: view }) {
                        return;
                    }
                    seq += 1;
                }
                let alive = tokio::select! {
                    changed = tenant.changed() => changed.is_ok(),
                    changed = vault.changed() => changed.is_ok(),
                    changed = preferences.changed() => changed.is_ok(),
                    changed = accounts.changed() => changed.is_ok(),
                    changed = linking.changed() => changed.is_ok(),
                };
                if !alive {
                    return;
                }
            }
        }))
    }
}
