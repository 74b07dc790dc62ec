//! Braid on the command line: headless what the window does, through the same `mail-app`.

mod arguments;
mod command;
mod exit;
mod output;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::exit::Exit;
use crate::output::Output;

#[tokio::main]
async fn main() -> ExitCode {
    mail_app::log_to_stderr();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers, not mistakes.
            let code = if error.use_stderr() {
                Exit::NotUnderstood.code()
            } else {
                ExitCode::SUCCESS
            };
            return match error.print() {
                Ok(()) => code,
                Err(_) => Exit::Failed.code(),
            };
        }
    };
    let output = Output::new(arguments.json);
    match run(arguments, &output).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => {
            output.failure(&exit);
            exit.code()
        }
    }
}

/// Ctrl-C, unless the command ends by it in an order of its own.
async fn interrupted(command: &Command) {
    match command {
        Command::Link { plan: false, .. } => std::future::pending().await,
        // A program that cannot listen for it is ended by it.
        _ => tokio::signal::ctrl_c().await.unwrap_or(()),
    }
}

async fn run(arguments: Arguments, output: &Output) -> Result<(), Exit> {
    if let Command::Rehearsal { action } = &arguments.command {
        return command::rehearsal::run(action, output).await;
    }
    let app = command::start(&arguments).await?;
    let done = tokio::select! {
        done = command::run(&app, &arguments.command, output) => done,
        _ = interrupted(&arguments.command) => Err(Exit::Interrupted),
    };
    app.stop().await;
    done
}
