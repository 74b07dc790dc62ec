//! One file a command, more or less.

mod account;
mod life;
mod link;
mod list;
pub(crate) mod rehearsal;
mod search;
mod sign_in;
mod trouble;

use std::sync::Arc;

use mail_app::{AccountView, App, Config, DataChoice, Paths, Start, VaultChoice};

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;
use crate::output::Output;
use crate::terminal::Terminal;

/// What the rehearsal plans without names: the second of these into the first.
const PLANNED: [&str; 2] = ["Personal", "Choir"];

/// Starts the app the arguments ask for.
pub(crate) async fn start(arguments: &Arguments) -> Result<App, Exit> {
    let mut start = Start::of_person(Arc::new(Terminal));
    if let Some(folder) = &arguments.folder {
        start.paths = Some(Paths::below(folder));
    }
    if let Some(people) = &arguments.rehearsal {
        if arguments.folder.is_none() {
            start.paths = None;
            start.fresh = true;
            start.vault = VaultChoice::SessionOnly;
        }
        start.config = Some(Config {
            rehearsal: true,
            ..Config::default()
        });
        start.rehearse.clone_from(people);
        if matches!(arguments.command, Command::Link { kept: None, .. }) {
            start.rehearse = PLANNED.map(str::to_owned).to_vec();
        }
    }
    App::start(start)
        .await
        .map_err(|error| Exit::Because(error.to_string()))
}

/// Does what was asked for.
pub(crate) async fn run(app: &App, command: &Command, output: &Output) -> Result<(), Exit> {
    match command {
        Command::Accounts => account::accounts(app, output).await,
        Command::Health => account::health(app, output).await,
        Command::SignIn {
            connection,
            account,
            name,
        } => {
            sign_in::run(
                app,
                connection.clone(),
                account.as_deref(),
                name.clone(),
                output,
            )
            .await
        }
        Command::SignOut { account, wipe } => {
            let data = if *wipe {
                DataChoice::Wiped
            } else {
                DataChoice::Sealed
            };
            life::sign_out(app, account, data, output).await
        }
        Command::Seal { account } => life::sign_out(app, account, DataChoice::Sealed, output).await,
        Command::Restore { copy } => life::restore(app, copy.as_deref(), output).await,
        Command::Pause { account } => life::step(app, account, life::Step::Pause, output).await,
        Command::Resume { account } => life::step(app, account, life::Step::Resume, output).await,
        Command::Lock { account } => life::step(app, account, life::Step::Lock, output).await,
        Command::Unlock { account } => life::step(app, account, life::Step::Unlock, output).await,
        Command::Texts {
            account,
            days,
            size,
        } => account::texts(app, account, (*days, *size), output).await,
        Command::Remove { account, yes } => account::remove(app, account, *yes, output).await,
        Command::Identities { account } => link::identities(app, account.as_deref(), output).await,
        Command::Link {
            kept,
            set_aside,
            plan,
            export,
            ..
        } => {
            let [first, second] = PLANNED;
            let kept = kept.as_deref().unwrap_or(first);
            let set_aside = set_aside.as_deref().unwrap_or(second);
            if *plan {
                app.settled().await;
                return link::plan(app, kept, set_aside, output).await;
            }
            let way = link::Way {
                copy: export.as_deref(),
                rehearsed: app.rehearsal_control().await.is_some(),
            };
            link::link(app, kept, set_aside, way, output).await
        }
        Command::Unlink { account, identity } => link::unlink(app, account, identity, output).await,
        Command::Export {
            account,
            destination,
            eml,
            passphrase_file,
        } => {
            let passphrase_file = passphrase_file.as_deref();
            link::export(
                app,
                account,
                destination.clone(),
                *eml,
                passphrase_file,
                output,
            )
            .await
        }
        Command::Sync => list::sync(app, output).await,
        Command::List {
            mailbox,
            account,
            filter,
            conversations,
            limit,
        } => {
            let query = list::Query {
                role: (*mailbox).into(),
                account: account.as_deref(),
                filter: (*filter).into(),
                conversations: *conversations,
                limit: *limit,
            };
            list::list(app, &query, output).await
        }
        Command::Show { account, message } => {
            list::show(app, account.as_deref(), *message, output).await
        }
        Command::Search {
            text,
            account,
            limit,
        } => {
            let wanted = search::Wanted {
                text: &text.join(" "),
                account: account.as_deref(),
                limit: *limit,
            };
            search::search(app, &wanted, output).await
        }
        Command::Rehearsal { .. } => Ok(()),
    }
}

/// The account of that name or id.
async fn account_named(app: &App, named: &str) -> Result<AccountView, Exit> {
    app.accounts_now()
        .await
        .into_iter()
        .find(|account| account.id == named || account.name.eq_ignore_ascii_case(named))
        .ok_or(Exit::NotFound("account"))
}
