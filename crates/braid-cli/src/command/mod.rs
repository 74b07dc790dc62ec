//! One file a command, more or less.

mod account;
mod list;
pub(crate) mod rehearsal;
mod sign_in;

use std::sync::Arc;

use mail_app::{AccountView, App, Config, Paths, Start, VaultChoice};

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;
use crate::output::Output;
use crate::terminal::Terminal;

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
        Command::SignOut { account } => account::sign_out(app, account, output).await,
        Command::Remove { account, yes } => account::remove(app, account, *yes, output).await,
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
