//! Adding an account, or signing one in again, in the person's browser.

use mail_app::{
    App, AttemptRequest, BeginSignInRequest, ConfirmSignInRequest, SignInView, UiError,
};

use super::account_named;
use crate::exit::Exit;
use crate::output::Output;

pub(super) async fn run(
    app: &App,
    connection: Option<String>,
    account: Option<&str>,
    name: Option<String>,
    output: &Output,
) -> Result<(), Exit> {
    let account = match account {
        Some(named) => Some(account_named(app, named).await?.id),
        None => None,
    };
    let attempt = app
        .begin_sign_in(BeginSignInRequest {
            connection,
            account,
        })
        .await?
        .attempt;
    let mut phases = app.sign_in_phases(&attempt)?;
    let cancelled = tokio::signal::ctrl_c();
    tokio::pin!(cancelled);
    loop {
        let phase = phases.borrow_and_update().clone();
        match phase {
            SignInView::Preparing | SignInView::Waiting | SignInView::Finishing => {}
            SignInView::Confirm {
                email,
                name: suggested,
                color,
                sealed,
                replaces,
                ..
            } => {
                output.note(&format!("You are adding {email}."));
                for account in &replaces {
                    output.note(&format!("{} is signed out for it.", account.name));
                }
                if sealed.is_some() {
                    output.note("The sealed copy of this account's mail comes back.");
                }
                let name = name.clone().unwrap_or(suggested);
                app.confirm_sign_in(ConfirmSignInRequest {
                    attempt: attempt.clone(),
                    name,
                    color,
                    restore: sealed.is_some(),
                    replaced_data: None,
                })
                .await?;
            }
            SignInView::Added { account } => {
                return output.answer(&serde_json::json!({ "added": account }), |_| {
                    "The account is added.".into()
                });
            }
            SignInView::Renewed { account } => {
                return output.answer(&serde_json::json!({ "renewed": account }), |_| {
                    "This account was here already; it is signed in again.".into()
                });
            }
            SignInView::AlreadyHere { account }
            | SignInView::AlreadyOpens { account, .. }
            | SignInView::LinkedByItself { account, .. }
            | SignInView::IdentityAdded { account, .. }
            | SignInView::Proved { account } => {
                return output.answer(&serde_json::json!({ "unchanged": account }), |_| {
                    "This sign-in opens an account that is here already; nothing has changed."
                        .into()
                });
            }
            SignInView::OtherPerson { expected, found } => {
                return Err(Exit::Because(format!(
                    "{found} signed in, but this is the account of {expected}; nothing has changed"
                )));
            }
            SignInView::Failed { code, detail } => return Err(UiError { code, detail }.into()),
            SignInView::Cancelled => return Err(Exit::Interrupted),
        }
        tokio::select! {
            changed = phases.changed() => changed.map_err(|_| Exit::Failed)?,
            _ = &mut cancelled => {
                app.cancel_sign_in(AttemptRequest { attempt: attempt.clone() }).await?;
                return Err(Exit::Interrupted);
            }
        }
    }
}
