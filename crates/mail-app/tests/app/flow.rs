//! A person who opens one mailbox with two sign-ins, page by page.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use mail_app::{
    AccountView, App, Clock, Config, LinkBeginRequest, LinkConfirmRequest, LinkGoOnRequest,
    LinkProveRequest, LinkSide, LinkStageView, LinkTrouble, LinkView, SignInView, Start,
    SystemClock, Vault, VaultChoice,
};
use mail_model::UnixTime;
use mail_rehearsal::faults::Server;

use crate::world::{Browser, LIMIT, World, finish};

/// The service's request that joins a sign-in to a user.
pub(crate) const QUESTION: &str = "/v1/users/*/identities";

/// The machine's clock, moved on by hand.
#[derive(Default)]
pub(crate) struct Later(pub(crate) AtomicI64);

impl Clock for Later {
    fn now(&self) -> UnixTime {
        let ahead = self.0.load(Ordering::SeqCst);
        UnixTime::from_seconds(SystemClock.now().seconds() + ahead)
    }
}

/// An app with Personal, which is kept, and Choir, which is set aside.
pub(crate) struct Two {
    pub(crate) world: World,
    pub(crate) app: App,
    pub(crate) kept: AccountView,
    pub(crate) aside: AccountView,
    pub(crate) clock: Arc<Later>,
}

pub(crate) async fn start(world: &World, vault: Arc<dyn Vault>, clock: Arc<Later>) -> App {
    start_at(world, vault, clock).await
}

pub(crate) async fn start_at(world: &World, vault: Arc<dyn Vault>, clock: Arc<dyn Clock>) -> App {
    App::start(start_of(world, vault, clock)).await.unwrap()
}

/// How that app is started.
pub(crate) fn start_of(world: &World, vault: Arc<dyn Vault>, clock: Arc<dyn Clock>) -> Start {
    Start {
        paths: Some(world.paths()),
        config: Some(Config {
            tenant: Some(mail_app::rehearsal::settings(world.rehearsal.description())),
            ..Config::default()
        }),
        vault: VaultChoice::Given(vault),
        clock,
        ..Start::of_person(world.browser.clone())
    }
}

/// Whoever has that account, a newcomer too, clicks from now on.
pub(crate) fn clicks(world: &World, account: &str) -> String {
    let description = world.rehearsal.description();
    let mut people = description.people.iter().chain(&description.newcomers);
    let person = people.find(|person| person.account == account).unwrap();
    *world.browser.person.lock().unwrap() = Some(person.sign_in_query.clone());
    person.connection.clone()
}

impl Two {
    pub(crate) async fn new() -> Self {
        let world = World::with_messages(40).await;
        let vault: Arc<dyn Vault> = world.vault.clone();
        Self::over(world, vault).await
    }

    pub(crate) async fn over(world: World, vault: Arc<dyn Vault>) -> Self {
        let clock = Arc::new(Later::default());
        let start = start_of(&world, vault, clock.clone());
        Self::started(world, start, clock).await
    }

    /// Over an app that is started in a way of its own.
    pub(crate) async fn started(world: World, start: Start, clock: Arc<Later>) -> Self {
        let app = App::start(start).await.unwrap();
        for account in ["Personal", "Choir"] {
            let ended = world.sign_in(&app, account, None).await;
            assert!(matches!(ended, SignInView::Added { .. }), "{ended:?}");
        }
        let accounts = tokio::time::timeout(LIMIT, app.settled()).await.unwrap();
        let [kept, aside] = <[AccountView; 2]>::try_from(accounts).unwrap();
        Self {
            world,
            app,
            kept,
            aside,
            clock,
        }
    }

    pub(crate) async fn begin(&self) -> String {
        begin(&self.app, &self.kept.id, &self.aside.id).await
    }

    /// Up to the page on which the mailbox is chosen.
    pub(crate) async fn proved(&self) -> String {
        let flow = self.begin().await;
        clicks(&self.world, "Choir");
        prove(&self.app, &flow, LinkSide::SetAside).await;
        flow
    }

    /// Up to the page with the figures.
    pub(crate) async fn preview(&self) -> String {
        let flow = self.proved().await;
        go_on(&self.app, &flow, false).await;
        until_stage(&self.app, &flow, |stage| *stage == LinkStageView::Preview).await;
        flow
    }

    /// Up to the address, without a copy.
    pub(crate) async fn confirm(&self) -> String {
        let flow = self.preview().await;
        go_on(&self.app, &flow, false).await;
        go_on(&self.app, &flow, true).await;
        until_stage(&self.app, &flow, |stage| {
            matches!(stage, LinkStageView::Confirm { .. })
        })
        .await;
        flow
    }

    /// Does it, and waits for the end.
    pub(crate) async fn commit(&self, flow: &str) -> LinkView {
        type_address(&self.app, flow, &self.aside.email).await;
        ended(&self.app, flow).await
    }

    /// How often the service was asked.
    pub(crate) fn asked(&self) -> u64 {
        self.world
            .rehearsal
            .faults()
            .requests(Server::Login, "PATCH", QUESTION)
    }

    /// Whether the service has joined them.
    pub(crate) fn is_linked(&self) -> bool {
        let opened = self.world.rehearsal.tenant().user_of("github", "4417208");
        opened.as_deref() == Some("google|104822617305")
    }

    /// Both accounts are here, with all their mail and their sessions.
    pub(crate) async fn assert_as_before(&self, app: &App) {
        let accounts = match tokio::time::timeout(LIMIT, app.settled()).await {
            Ok(accounts) => accounts,
            Err(_) => panic!("not settled: {:?}", app.accounts_now().await),
        };
        let now: Vec<_> = accounts.iter().map(|account| &account.id).collect();
        assert_eq!(now, [&self.kept.id, &self.aside.id]);
        for account in &accounts {
            assert_eq!(
                account.health,
                mail_app::HealthView::Current,
                "{}",
                account.name
            );
            assert!(!account.read_only, "{}", account.name);
            assert!(app.message_count(&account.id).await.unwrap() >= 40);
        }
        assert!(app.sealed_now().await.unwrap().is_empty());
        let sealed = self
            .world
            .paths()
            .data()
            .join("sealed")
            .join(&self.aside.id);
        assert!(!sealed.exists(), "nothing is sealed without reason");
    }

    /// The kept account is here and the other one is a sealed copy with all its mail.
    pub(crate) async fn assert_set_aside(&self, app: &App) {
        let accounts = app.accounts_now().await;
        let now: Vec<_> = accounts.iter().map(|account| &account.id).collect();
        assert_eq!(now, [&self.kept.id]);
        assert!(!accounts[0].read_only);
        let sealed = app.sealed_now().await.unwrap();
        assert_eq!(sealed.len(), 1);
        assert_eq!(sealed[0].id, self.aside.id);
        assert_eq!(sealed[0].why, mail_app::SealedWhy::SetAside);
        assert!(sealed[0].journal.is_some() && sealed[0].octets > 0);
        let folder = self
            .world
            .paths()
            .data()
            .join("sealed")
            .join(&self.aside.id);
        assert!(folder.join("mail.sqlite").exists() && folder.join("local.sqlite").exists());
        assert!(
            !folder.join("session.sealed").exists(),
            "its session is over"
        );
        assert!(!self.world.paths().accounts().join(&self.aside.id).exists());
    }
}

pub(crate) async fn begin(app: &App, kept: &str, set_aside: &str) -> String {
    let request = LinkBeginRequest {
        kept: kept.to_owned(),
        set_aside: set_aside.to_owned(),
    };
    let flow = app.begin_link(request).await.unwrap().flow;
    until_stage(app, &flow, |stage| *stage != LinkStageView::Counting).await;
    flow
}

pub(crate) async fn prove(app: &App, flow: &str, side: LinkSide) -> SignInView {
    let request = LinkProveRequest {
        flow: flow.to_owned(),
        side,
    };
    let attempt = app.prove_link(request).await.unwrap().attempt;
    finish(app, attempt, "").await
}

pub(crate) async fn go_on(app: &App, flow: &str, understood: bool) {
    let flow = flow.to_owned();
    app.go_on_link(LinkGoOnRequest { flow, understood })
        .await
        .unwrap();
}

pub(crate) async fn type_address(app: &App, flow: &str, typed: &str) {
    let request = LinkConfirmRequest {
        flow: flow.to_owned(),
        typed: typed.to_owned(),
    };
    app.confirm_link(request).await.unwrap();
}

pub(crate) async fn until_view(
    app: &App,
    flow: &str,
    there: impl FnMut(&LinkView) -> bool,
) -> LinkView {
    let mut views = app.link_views(flow).unwrap();
    let waited = tokio::time::timeout(LIMIT, views.wait_for(there)).await;
    match waited {
        Ok(view) => view.unwrap().clone(),
        Err(_) => panic!("it stays at {:?}", *app.link_views(flow).unwrap().borrow()),
    }
}

pub(crate) async fn until_stage(
    app: &App,
    flow: &str,
    mut there: impl FnMut(&LinkStageView) -> bool,
) -> LinkView {
    until_view(app, flow, |view| there(&view.stage)).await
}

/// The end of a change, or that it is not known.
pub(crate) async fn ended(app: &App, flow: &str) -> LinkView {
    until_stage(app, flow, |stage| {
        matches!(
            stage,
            LinkStageView::Done { .. } | LinkStageView::NotChanged
        )
    })
    .await
}

pub(crate) fn why(view: &LinkView) -> Option<LinkTrouble> {
    view.trouble.as_ref().map(|trouble| trouble.kind)
}

/// A browser for a program that was told who clicks.
pub(crate) fn browser(query: &str) -> Arc<Browser> {
    let browser = Browser::default();
    *browser.person.lock().unwrap() = Some(query.to_owned());
    Arc::new(browser)
}
