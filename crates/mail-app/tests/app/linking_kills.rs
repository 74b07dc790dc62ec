//! A change that is cut short: by a kill after each step, by the network, by the service.
//!
//! A kill is one: the test runs itself as a child, which makes the change and stops for good at
//! the step it was told; there it is killed. Then the app is started anew on what is on the disk.
//! The login service and the mail server are the test's own and live on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use mail_app::{
    App, Config, LinkSide, LinkStageView, LinkTrouble, Paths, Start, TenantSettings, Vault,
    VaultChoice,
};
use mail_auth::{AccountKey, VaultError};
use mail_model::AccountId;
use mail_rehearsal::faults::Rule;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

use crate::flow::{
    Later, QUESTION, Two, begin, browser, go_on, prove, start, type_address, until_stage,
    until_view, why,
};
use crate::world::{LIMIT, World};

const ORDER: &str = "BRAID_TEST_KILL_LINK";
const STEP: &str = "mail_app::step";

/// Every step of a change that is made, in its order, and whether the service has been asked.
const STEPS: [(&str, bool); 11] = [
    ("prepared", false),
    ("frozen", false),
    ("folder sealed", false),
    ("key sealed", false),
    ("sealed", false),
    ("asked", false),
    ("answered", true),
    ("committed", true),
    ("copy kept", true),
    ("done", true),
    ("end", true),
];
/// The same for one that is refused: from "answered" on everything is brought back.
const WAY_BACK: [&str; 5] = [
    "refused",
    "key brought back",
    "folder brought back",
    "undone",
    "end",
];

/// Keys in a file, so that they outlive a child.
struct FileVault(PathBuf, Mutex<()>);

impl FileVault {
    fn at(folder: &Path) -> Arc<Self> {
        Arc::new(Self(folder.join("keys.json"), Mutex::default()))
    }

    fn with<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        let _turn = self.1.lock().unwrap();
        let mut keys = match std::fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Err(_) => BTreeMap::new(),
        };
        let before = keys.clone();
        let out = change(&mut keys);
        if keys != before {
            let draft = self.0.with_extension("new");
            std::fs::write(&draft, serde_json::to_vec(&keys).unwrap()).unwrap();
            std::fs::rename(draft, &self.0).unwrap();
        }
        out
    }

    fn read(&self, name: &str) -> Option<AccountKey> {
        let bytes = self.with(|keys| keys.get(name).cloned())?;
        Some(AccountKey::from_bytes(bytes.try_into().unwrap()))
    }

    fn moved(&self, from: &str, to: &str) -> Result<(), VaultError> {
        self.with(|keys| match keys.remove(from) {
            Some(key) => {
                keys.insert(to.to_owned(), key);
                Ok(())
            }
            None if keys.contains_key(to) => Ok(()),
            None => Err(VaultError::NoKey),
        })
    }
}

fn sealed_name(account: &AccountId) -> String {
    format!("sealed:{account}")
}

#[mail_app::async_trait]
impl Vault for FileVault {
    async fn key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.read(account.as_str()))
    }

    async fn create_key(&self, account: &AccountId) -> Result<AccountKey, VaultError> {
        let key = AccountKey::random()?;
        self.with(|keys| keys.insert(account.to_string(), key.expose().to_vec()));
        Ok(key)
    }

    async fn delete_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.with(|keys| keys.remove(account.as_str()));
        Ok(())
    }

    async fn replace_damaged_key(&self, _: &AccountId) -> Result<AccountKey, VaultError> {
        Err(VaultError::AlreadyThere)
    }

    async fn seal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.moved(account.as_str(), &sealed_name(account))
    }

    async fn unseal_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.moved(&sealed_name(account), account.as_str())
    }

    async fn sealed_key(&self, account: &AccountId) -> Result<Option<AccountKey>, VaultError> {
        Ok(self.read(&sealed_name(account)))
    }

    async fn delete_sealed_key(&self, account: &AccountId) -> Result<(), VaultError> {
        self.with(|keys| keys.remove(&sealed_name(account)));
        Ok(())
    }

    async fn sealed_names(&self) -> Result<Vec<AccountId>, VaultError> {
        Ok(Vec::new())
    }

    fn forget(&self, _: &AccountId) {}

    async fn names(&self) -> Result<Vec<AccountId>, VaultError> {
        let names = self.with(|keys| keys.keys().cloned().collect::<Vec<_>>());
        let live = names
            .into_iter()
            .filter(|name| !name.starts_with("sealed:"));
        Ok(live.map(|name| AccountId::new(name).unwrap()).collect())
    }

    fn is_lasting(&self) -> bool {
        true
    }
}

/// Stops the child at a step.
struct StopAt(String);

struct Said(String);

impl Visit for Said {
    fn record_str(&mut self, _: &Field, value: &str) {
        value.clone_into(&mut self.0);
    }

    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        self.0 = format!("{value:?}");
    }
}

impl<S: Subscriber> Layer<S> for StopAt {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != STEP {
            return;
        }
        let mut said = Said(String::new());
        event.record(&mut said);
        if said.0 == self.0 {
            stop_here();
        }
    }
}

/// Says so and waits for the end.
fn stop_here() -> ! {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nsaid stopped").unwrap();
    out.flush().unwrap();
    drop(out);
    loop {
        std::thread::park();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by a_change_killed_after_any_step_ends_in_the_true_state"]
async fn child() {
    if std::env::var_os(ORDER).is_none() {
        return;
    }
    let mut order = String::new();
    std::io::stdin().read_line(&mut order).unwrap();
    let order: Value = serde_json::from_str(&order).unwrap();
    let text = |name: &str| order[name].as_str().unwrap().to_owned();
    let stop = StopAt(text("stop"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(stop)).unwrap();
    let folder = PathBuf::from(text("folder"));
    let settings: TenantSettings = serde_json::from_value(order["tenant"].clone()).unwrap();
    let browser = browser(&text("query"));
    let start = Start {
        paths: Some(Paths::below(&folder)),
        config: Some(Config {
            tenant: Some(settings),
            ..Config::default()
        }),
        vault: VaultChoice::Given(FileVault::at(&folder)),
        ..Start::of_person(browser.clone())
    };
    let app = App::start(start).await.unwrap();
    let (kept, aside) = (text("kept"), text("aside"));
    let flow = begin(&app, &kept, &aside).await;
    // The sign-ins of the parent are fresh: only the other side has to be proved.
    prove(&app, &flow, LinkSide::SetAside).await;
    go_on(&app, &flow, false).await;
    until_stage(&app, &flow, |stage| *stage == LinkStageView::Preview).await;
    go_on(&app, &flow, true).await;
    go_on(&app, &flow, true).await;
    type_address(&app, &flow, "ana@choir.example").await;
    until_stage(&app, &flow, |stage| {
        matches!(
            stage,
            LinkStageView::Done { .. } | LinkStageView::NotChanged
        )
    })
    .await;
    stop_here();
}

/// A child at work, killed when it goes out of scope.
struct Changing {
    child: Child,
    _stdin: ChildStdin,
}

impl Changing {
    /// Runs the change in a child until it stops at that step.
    async fn until(world: &World, stop: &str, kept: &str, aside: &str) -> Self {
        let description = world.rehearsal.description();
        let choir = description
            .people
            .iter()
            .find(|person| person.account == "Choir")
            .unwrap();
        let order = json!({
            "stop": stop, "folder": world.folder.path(), "kept": kept, "aside": aside,
            "tenant": mail_app::rehearsal::settings(description), "query": choir.sign_in_query,
        });
        let started = tokio::task::spawn_blocking(move || {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args([
                    "linking_kills::child",
                    "--exact",
                    "--ignored",
                    "--nocapture",
                ])
                .env(ORDER, "1")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            writeln!(stdin, "{order}").unwrap();
            let out = BufReader::new(child.stdout.take().unwrap());
            let changing = Self {
                child,
                _stdin: stdin,
            };
            let stopped = out
                .lines()
                .map_while(Result::ok)
                .any(|line| line == "said stopped");
            (changing, stopped)
        });
        let (changing, stopped) = tokio::time::timeout(LIMIT, started).await.unwrap().unwrap();
        assert!(stopped, "the child came to {stop:?}");
        changing
    }
}

impl Drop for Changing {
    /// SIGKILL on Unix.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// One line of the table.
struct Line {
    case: String,
    asked: u64,
    end: &'static str,
}

/// Waits until nothing is under way, and judges the end by the service's own list.
async fn judge(two: &Two, app: &App) -> &'static str {
    if let Some(flow) = open_change(app).await {
        until_view(app, &flow, |view| {
            matches!(
                view.stage,
                LinkStageView::Done { .. } | LinkStageView::NotChanged
            )
        })
        .await;
    }
    if two.is_linked() {
        two.assert_set_aside(app).await;
        "opened with both"
    } else {
        two.assert_as_before(app).await;
        "as before"
    }
}

/// What the app says is under way.
async fn open_change(app: &App) -> Option<String> {
    let event = crate::life::first(app, "app", json!({})).await;
    event["app"]["linking"].as_str().map(str::to_owned)
}

async fn killed_at(step: &str, rule: Option<Rule>) -> Line {
    let world = World::with_messages(40).await;
    let vault = FileVault::at(world.folder.path());
    let Two {
        world,
        app,
        kept,
        aside,
        clock,
    } = Two::over(world, vault.clone()).await;
    app.stop().await;
    // The child needs the folder to itself.
    drop(app);
    if let Some(rule) = rule {
        world.rehearsal.faults().add(rule);
    }
    drop(Changing::until(&world, step, &kept.id, &aside.id).await);
    let two = Two {
        app: start(&world, vault, Arc::new(Later::default())).await,
        world,
        kept,
        aside,
        clock,
    };
    let end = judge(&two, &two.app).await;
    two.app.stop().await;
    Line {
        case: format!("killed after \"{step}\""),
        asked: two.asked(),
        end,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_killed_after_any_step_ends_in_the_true_state() {
    let mut lines = Vec::new();
    for (step, linked) in STEPS {
        let line = killed_at(step, None).await;
        assert_eq!(line.end == "opened with both", linked, "{step}");
        let asked = u64::from(linked);
        assert_eq!(line.asked, asked, "asked once at most, at {step}");
        lines.push(line);
    }
    for step in WAY_BACK {
        let rule = Rule::refused(QUESTION, 403, "LinkingNotAllowed", 1).method("PATCH");
        let mut line = killed_at(step, Some(rule)).await;
        assert_eq!((line.end, line.asked), ("as before", 1), "{step}");
        line.case = format!("refused by the service, {}", line.case);
        lines.push(line);
    }
    write_table("kills", &lines);
}

/// What the service or the network does to the question, and what has to come of it.
struct Case {
    name: &'static str,
    rule: Option<Rule>,
    /// Reads that lag behind.
    lag: u32,
    linked: bool,
    why: Option<LinkTrouble>,
}

fn cases() -> Vec<Case> {
    let case = |name, rule: Rule, linked, why| Case {
        name,
        rule: Some(rule.method("PATCH")),
        lag: 0,
        linked,
        why,
    };
    vec![
        Case {
            name: "answered 200",
            rule: None,
            lag: 0,
            linked: true,
            why: None,
        },
        Case {
            name: "answered 200, shown only at the third look",
            rule: None,
            lag: 2,
            linked: true,
            why: None,
        },
        case(
            "the network was cut before the request arrived",
            Rule::lose_request(QUESTION, 1),
            false,
            Some(LinkTrouble::NoAnswer),
        ),
        case(
            "the answer was lost",
            Rule::lose_answer(QUESTION, 1),
            true,
            None,
        ),
        case(
            "the answer was cut short",
            Rule::cut_after(QUESTION, 3, 1),
            true,
            None,
        ),
        case(
            "done, and answered 500",
            Rule::status_after(QUESTION, 500, 1),
            true,
            None,
        ),
        case(
            "not done, and answered 500",
            Rule::status(QUESTION, 500, 1),
            false,
            Some(LinkTrouble::ServerFault),
        ),
        case(
            "not done, and answered 200",
            Rule::pretend(QUESTION, 1),
            false,
            Some(LinkTrouble::ServerFault),
        ),
        case(
            "answered 401",
            Rule::refused(QUESTION, 401, "Unauthorized", 1),
            false,
            Some(LinkTrouble::KeptExpired),
        ),
        case(
            "answered 403",
            Rule::refused(QUESTION, 403, "LinkingNotAllowed", 1),
            false,
            Some(LinkTrouble::Forbidden),
        ),
        case(
            "answered 409",
            Rule::refused(QUESTION, 409, "IdentityConflict", 1),
            false,
            Some(LinkTrouble::BelongsElsewhere),
        ),
        case(
            "answered 429",
            Rule::rate_limit(QUESTION, 40, 1),
            false,
            Some(LinkTrouble::TooMany),
        ),
        case(
            "answered with an unknown code",
            Rule::refused(QUESTION, 418, "SomethingNew", 1),
            false,
            Some(LinkTrouble::Unexpected),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_service_and_the_network_do_it_ends_in_the_true_state() {
    let mut lines = Vec::new();
    for case in cases() {
        let two = Two::new().await;
        let flow = two.confirm().await;
        if let Some(rule) = case.rule {
            two.world.rehearsal.faults().add(rule);
        }
        two.world.rehearsal.faults().lag_profile(case.lag);
        let view = two.commit(&flow).await;
        assert_eq!(why(&view), case.why, "{}", case.name);
        if case.why == Some(LinkTrouble::TooMany) {
            assert_eq!(view.trouble.unwrap().number, Some(40));
        }
        let end = judge(&two, &two.app).await;
        assert_eq!(two.is_linked(), case.linked, "{}", case.name);
        assert_eq!(two.asked(), 1, "asked once: {}", case.name);
        lines.push(Line {
            case: case.name.to_owned(),
            asked: two.asked(),
            end,
        });
        two.app.stop().await;
    }
    write_table("answers", &lines);
}

/// Prints the table, and puts it between its marks in the page where that was asked for.
#[allow(clippy::print_stdout, reason = "the table is what the test is for")]
fn write_table(mark: &str, lines: &[Line]) {
    let mut table = String::from("| Case | Asked | Ends |\n|---|---:|---|\n");
    for line in lines {
        writeln!(table, "| {} | {} | {} |", line.case, line.asked, line.end).unwrap();
    }
    println!("{table}");
    if std::env::var_os("BRAID_WRITE_DOCS").is_none() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reliability.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (from, to) = (
        format!("<!-- linking {mark} -->\n"),
        format!("<!-- end of linking {mark} -->"),
    );
    let (head, rest) = page.split_once(&from).unwrap();
    let (_, tail) = rest.split_once(&to).unwrap();
    std::fs::write(&path, format!("{head}{from}{table}{to}{tail}")).unwrap();
}
