//! Sign-ins that open a mailbox, and opening one mailbox with two of them.

use std::path::{Path, PathBuf};

use mail_app::{
    AccountRequest, AccountView, App, AttemptRequest, IdentitiesView, LinkBeginRequest,
    LinkConfirmRequest, LinkExportView, LinkGoOnRequest, LinkPlanView, LinkProveRequest,
    LinkRequest, LinkSide, LinkStageView, LinkView, RemoveIdentityRequest, SignInView, UiError,
};
use serde_json::json;

use super::account_named;
use super::trouble::reason;
use crate::exit::Exit;
use crate::output::Output;

/// How a change is made.
pub(crate) struct Way<'a> {
    /// Where a copy goes; none if none is wanted.
    pub(crate) copy: Option<&'a Path>,
    /// Signs in by the rehearsal's own way.
    pub(crate) rehearsed: bool,
}

/// The sign-ins of one account, or of all.
pub(super) async fn identities(
    app: &App,
    named: Option<&str>,
    output: &Output,
) -> Result<(), Exit> {
    let accounts = match named {
        Some(named) => vec![account_named(app, named).await?],
        None => app.accounts_now().await,
    };
    let mut all: Vec<(AccountView, IdentitiesView)> = Vec::new();
    for account in accounts {
        let request = AccountRequest {
            account: account.id.clone(),
        };
        all.push((account, app.identities(request).await?));
    }
    let views: Vec<_> = all.iter().map(|(_, view)| view).collect();
    output.answer(&views, |_| {
        let mut text = String::new();
        for (account, view) in &all {
            text.push_str(&format!("{} ({})\n", account.name, account.email));
            for identity in &view.identities {
                text.push_str(&format!(
                    "  {:<16} {:<28} {}{}\n",
                    identity.connection_name,
                    identity.person.as_deref().unwrap_or_default(),
                    identity.id,
                    if identity.current {
                        "   this session"
                    } else {
                        ""
                    },
                ));
            }
        }
        text
    })
}

/// Says what would be set aside. Changes nothing.
pub(super) async fn plan(
    app: &App,
    kept: &str,
    set_aside: &str,
    output: &Output,
) -> Result<(), Exit> {
    let kept = account_named(app, kept).await?;
    let set_aside = account_named(app, set_aside).await?;
    let plan = app.link_plan(&kept.id, &set_aside.id).await?;
    let counts = serde_json::to_value(&plan.counts).map_err(|_| Exit::Failed)?;
    let mut answer = json!({ "kept": plan.kept, "set_aside": plan.set_aside });
    if let (Some(answer), Some(counts)) = (answer.as_object_mut(), counts.as_object()) {
        answer.extend(counts.clone());
    }
    output.answer(&answer, |_| in_words(&plan))
}

fn in_words(plan: &LinkPlanView) -> String {
    let counts = &plan.counts;
    let least = if counts.at_least { "at least " } else { "" };
    format!(
        "{} would open {}, and {} would be set aside: {least}{} conversations, {} messages, {} unread, {} drafts, {} waiting to be sent, {} changes not on the server, {} of files. Nothing was changed.",
        plan.set_aside.email,
        plan.kept.name,
        plan.set_aside.name,
        counts.conversations,
        counts.messages,
        counts.unread,
        counts.drafts,
        counts.outbox,
        counts.queued,
        match counts.attachment_bytes {
            Some(octets) => format!("{} KB", octets / 1024),
            None => "an unknown amount".into(),
        },
    )
}

/// Opens one mailbox with two sign-ins.
pub(super) async fn link(
    app: &App,
    kept: &str,
    set_aside: &str,
    way: Way<'_>,
    output: &Output,
) -> Result<(), Exit> {
    let kept = account_named(app, kept).await?;
    let set_aside = account_named(app, set_aside).await?;
    let begun = app
        .begin_link(LinkBeginRequest {
            kept: kept.id.clone(),
            set_aside: set_aside.id.clone(),
        })
        .await?;
    let flow = begun.flow.clone();
    let done = tokio::select! {
        done = go_through(app, &flow, &set_aside, &way, output) => done,
        _ = tokio::signal::ctrl_c() => Err(Exit::Interrupted),
    };
    let view = match done {
        Ok(view) => view,
        Err(why) => give_up(app, begun, why).await?,
    };
    output.answer(&view, |view| match &view.stage {
        LinkStageView::Done { .. } => format!(
            "{} opens {} now. {} is set aside; a sealed copy of it is kept here.",
            view.set_aside.email, view.kept.name, view.set_aside.name
        ),
        _ => reason(view),
    })?;
    match view.stage {
        LinkStageView::Done { .. } => Ok(()),
        _ => Err(Exit::Unknown),
    }
}

/// Ends a change that is not gone on with. Where it had come to its end meanwhile, or cannot be
/// stopped any more, gives how it stands: the next start goes on with it then.
async fn give_up(app: &App, flow: LinkRequest, why: Exit) -> Result<LinkView, Exit> {
    let view = app.link_views(&flow.flow)?.borrow().clone();
    if matches!(view.stage, LinkStageView::Done { .. }) {
        return Ok(view);
    }
    match (app.cancel_link(flow).await, why) {
        (Ok(_), Exit::Interrupted) => Err(Exit::GivenUp),
        (Ok(_), why) => Err(why),
        (Err(_), _) => Ok(view),
    }
}

async fn go_through(
    app: &App,
    flow: &str,
    set_aside: &AccountView,
    way: &Way<'_>,
    output: &Output,
) -> Result<LinkView, Exit> {
    let mut views = app.link_views(flow)?;
    loop {
        let view = views.borrow_and_update().clone();
        let flow = flow.to_owned();
        match &view.stage {
            LinkStageView::Blocked | LinkStageView::NotChanged => {
                return Err(Exit::Because(format!(
                    "nothing was changed: {}",
                    reason(&view)
                )));
            }
            LinkStageView::Done { .. } | LinkStageView::Unknown { .. } => return Ok(view),
            LinkStageView::Prove { side } => prove(app, &flow, *side, way, output).await?,
            LinkStageView::Preview if view.counts.as_ref().is_some_and(is_unsettled) => {
                return Err(Exit::Because(
                    "something has not left this computer; settle it first".into(),
                ));
            }
            LinkStageView::Direction | LinkStageView::Preview => {
                let understood = true;
                app.go_on_link(LinkGoOnRequest { flow, understood }).await?;
            }
            LinkStageView::Export => match way.copy {
                _ if view.trouble.is_some() => return Err(Exit::Because(reason(&view))),
                Some(folder) => {
                    app.export_link_to(&flow, folder.to_path_buf(), false, None)
                        .await?;
                }
                None => {
                    let understood = true;
                    app.go_on_link(LinkGoOnRequest { flow, understood }).await?;
                }
            },
            LinkStageView::Exported => {
                if view.trouble.is_some() {
                    return Err(Exit::Because(reason(&view)));
                }
                let understood = false;
                app.go_on_link(LinkGoOnRequest { flow, understood }).await?;
            }
            LinkStageView::Confirm { type_this } => {
                if view.trouble.is_some() {
                    return Err(Exit::Because(reason(&view)));
                }
                // Said on the command line, and compared with the account that was named there.
                if *type_this != set_aside.email {
                    return Err(Exit::Failed);
                }
                let typed = set_aside.email.clone();
                app.confirm_link(LinkConfirmRequest { flow, typed }).await?;
            }
            LinkStageView::Counting
            | LinkStageView::Settling
            | LinkStageView::Exporting { .. }
            | LinkStageView::Working { .. } => {}
        }
        // A step of ours has been taken already when the call returned.
        if *views.borrow() == view {
            views.changed().await.map_err(|_| Exit::Failed)?;
        }
    }
}

fn is_unsettled(counts: &mail_app::LinkCountsView) -> bool {
    counts.outbox > 0 || counts.queued > 0
}

async fn prove(
    app: &App,
    flow: &str,
    side: LinkSide,
    way: &Way<'_>,
    output: &Output,
) -> Result<(), Exit> {
    output.note(match side {
        LinkSide::Kept => "Sign in to the mailbox that is kept.",
        LinkSide::SetAside => "Sign in to the mailbox that is set aside.",
    });
    let request = LinkProveRequest {
        flow: flow.to_owned(),
        side,
    };
    let begun = if way.rehearsed {
        app.rehearse_proof(request).await?
    } else {
        app.prove_link(request).await?
    };
    let attempt = begun.attempt;
    let mut phases = app.sign_in_phases(&attempt)?;
    let ended = phases
        .wait_for(|phase| {
            !matches!(
                phase,
                SignInView::Preparing | SignInView::Waiting | SignInView::Finishing
            )
        })
        .await;
    let ended = match ended {
        Ok(ended) => ended.clone(),
        Err(_) => return Err(Exit::Failed),
    };
    match ended {
        SignInView::Proved { .. } => Ok(()),
        SignInView::OtherPerson { expected, found } => Err(Exit::Because(format!(
            "{found} signed in, but this is the account of {expected}; nothing has changed"
        ))),
        SignInView::Failed { code, detail } => Err(UiError { code, detail }.into()),
        SignInView::Cancelled => {
            app.cancel_sign_in(AttemptRequest { attempt })
                .await
                .unwrap_or_default();
            Err(Exit::Interrupted)
        }
        _ => Err(Exit::Because(
            "this sign-in opens the kept mailbox already; nothing has changed".into(),
        )),
    }
}

/// Removes a sign-in from an account.
pub(super) async fn unlink(
    app: &App,
    named: &str,
    identity: &str,
    output: &Output,
) -> Result<(), Exit> {
    let account = account_named(app, named).await?;
    let request = AccountRequest {
        account: account.id.clone(),
    };
    let all = app.identities(request).await?;
    let found = all
        .identities
        .into_iter()
        .find(|known| known.id == identity)
        .ok_or(Exit::NotFound("sign-in"))?;
    let left = app
        .remove_identity(RemoveIdentityRequest {
            account: account.id,
            identity: found.id,
            connection: found.connection,
        })
        .await?;
    output.answer(&left, |_| {
        format!(
            "{} no longer opens {}. It does not bring back a mailbox that was set aside; it may open a new, empty one.",
            found.connection_name, account.name
        )
    })
}

/// Takes a copy of an account's mail.
pub(super) async fn export(
    app: &App,
    named: &str,
    folder: PathBuf,
    eml: bool,
    passphrase_file: Option<&Path>,
    output: &Output,
) -> Result<(), Exit> {
    let account = account_named(app, named).await?;
    let secret = match passphrase_file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Exit::Because(format!("{}: {error}", file.display())))?;
            let secret = text.trim_end_matches(['\r', '\n']).to_owned();
            if secret.is_empty() {
                return Err(Exit::Because("the pass-phrase is empty".into()));
            }
            Some(secret)
        }
        None => None,
    };
    let copy: LinkExportView = app.export_account(&account.id, folder, eml, secret).await?;
    let whole = copy.missing.is_empty();
    output.answer(&copy, |copy| {
        format!(
            "{}: {} of {} messages, {} KB, read back and compared. SHA-256 of its list: {}",
            copy.name,
            copy.written,
            copy.expected,
            copy.octets / 1024,
            copy.digest
        )
    })?;
    if whole {
        Ok(())
    } else {
        Err(Exit::Because(
            "some messages could not be copied; run it again for these".into(),
        ))
    }
}
