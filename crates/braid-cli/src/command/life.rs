//! An account's life on this computer: paused, locked, sealed, brought back.

use mail_app::{
    AccountRequest, App, DataChoice, SealedRequest, SealedView, SignOutRequest, rfc3339,
};

use super::account_named;
use crate::exit::Exit;
use crate::output::Output;

/// What to do with an account that stays.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Pause,
    Resume,
    Lock,
    Unlock,
}

pub(super) async fn step(app: &App, named: &str, step: Step, output: &Output) -> Result<(), Exit> {
    let account = account_named(app, named).await?;
    let request = AccountRequest {
        account: account.id.clone(),
    };
    let (key, words) = match step {
        Step::Pause => {
            app.pause_account(request).await?;
            ("paused", "is paused: no traffic; its mail can be read")
        }
        Step::Resume => {
            app.resume_account(request).await?;
            ("resumed", "goes on")
        }
        Step::Lock => {
            app.lock_account(request).await?;
            ("locked", "is locked: its mail is not shown")
        }
        Step::Unlock => {
            app.unlock_account(request).await?;
            ("unlocked", "is unlocked")
        }
    };
    output.answer(&serde_json::json!({ key: account.id }), |_| {
        format!("{} {words}.", account.name)
    })
}

/// Ends a session; the mail is kept sealed or wiped.
pub(super) async fn sign_out(
    app: &App,
    named: &str,
    data: DataChoice,
    output: &Output,
) -> Result<(), Exit> {
    let account = account_named(app, named).await?;
    let request = SignOutRequest {
        account: account.id.clone(),
        data,
    };
    let view = app.sign_out(request).await?;
    output.answer(&view, |view| {
        let mut text = format!("{} is signed out.", account.name);
        if !view.session_ended {
            text.push_str(
                " The login service could not be told; the session ends there by itself.",
            );
        }
        if let Some(copy) = &view.sealed {
            text.push_str(&format!("\n{}", copy_in_words(copy)));
        }
        if let Some(receipt) = &view.receipt {
            text.push_str(&format!(
                "\nIts mail is deleted from this computer: {} files, {} KB.",
                receipt.files,
                receipt.octets / 1024
            ));
        }
        text
    })
}

/// Brings a sealed copy back; without a name it says which there are.
pub(super) async fn restore(app: &App, named: Option<&str>, output: &Output) -> Result<(), Exit> {
    let copies = app.sealed_now().await?;
    let Some(named) = named else {
        return output.answer(&copies, |copies| {
            if copies.is_empty() {
                return "There are no sealed copies.".into();
            }
            let lines = copies.iter().map(copy_in_words);
            lines.collect::<Vec<_>>().join("\n")
        });
    };
    let mut copies = copies.into_iter();
    let copy = copies
        .find(|copy| copy.id == named || copy.name.eq_ignore_ascii_case(named))
        .ok_or(Exit::NotFound("sealed copy"))?;
    let sealed = copy.id.clone();
    app.restore_sealed(SealedRequest { sealed }).await?;
    output.answer(&serde_json::json!({ "restored": copy.id }), |_| {
        format!(
            "{} is back. Sign in again to get new mail: braid-cli sign-in --account {}",
            copy.name, copy.id
        )
    })
}

fn copy_in_words(copy: &SealedView) -> String {
    let until = copy.keep_until.map_or_else(
        || "until it is deleted".into(),
        |at| format!("until {}", rfc3339(at)),
    );
    let mut text = format!(
        "A sealed copy of {} <{}> is kept {until}: {} KB, {}",
        copy.name,
        copy.email,
        copy.octets / 1024,
        copy.id
    );
    if copy.until_quit {
        text.push_str(". No keyring has its key: nobody can open it after this program has ended");
    }
    text
}
