//! What would be set aside: counted here and at the server, settled, and planned for a program.

use std::sync::Arc;
use std::time::Duration;

use mail_model::MessageId;
use mail_model::remote::MailSource;
use mail_store::Holdings;

use super::flow::{Flow, Mark};
use super::machine::Event;
use crate::account::{Account, OpenAccount};
use crate::app::App;
use crate::contract::{
    ErrorCode, LinkCountsView, LinkMailboxView, LinkPlanView, LinkTroubleView, SettleHow, UiError,
    Unsettled,
};

/// How long the server is asked for figures; what it has not said by then is left out.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages of one page of the server's inventory.
const PAGE: usize = 500;

/// Figures, and what they were counted of.
pub(super) struct Looked {
    pub(super) counts: LinkCountsView,
    pub(super) mark: Mark,
    pub(super) mailbox: (u64, Option<i64>, u64),
    /// Whether the server took part.
    pub(super) by_server: bool,
}

/// What the server says of an account.
struct Heard {
    outbox: u64,
    messages: u64,
    attachment_bytes: u64,
    identities: Option<u64>,
}

impl App {
    /// Counts what would be set aside, and what is kept, and shows it.
    pub(super) async fn look_at(&self, flow: &Arc<Flow>) -> (Event, Option<LinkTroubleView>) {
        let Ok((kept, set_aside)) = self.both(flow) else {
            return (Event::CannotCount, None);
        };
        let kept_mailbox = mailbox(&kept).await;
        let Some(open) = set_aside.open() else {
            self.show_nothing(flow, &set_aside);
            return (Event::CannotCount, None);
        };
        let looked = match look(&open, self.0.linking.now().seconds()).await {
            Ok(looked) => looked,
            Err(error) => {
                tracing::warn!(%error, "a mailbox cannot be counted");
                self.show_nothing(flow, &set_aside);
                return (Event::CannotCount, None);
            }
        };
        let by_server = looked.by_server;
        flow.with(|now| {
            // The person has chosen the other mailbox meanwhile: these are not its figures.
            if now.set_aside.id != set_aside.id {
                return;
            }
            // A copy of what is no longer so is no copy of it.
            if now
                .mark
                .as_ref()
                .is_some_and(|mark| mark.state != looked.mark.state)
                && let Some(copy) = &mut now.copy
            {
                copy.whole = false;
            }
            now.counts = Some(looked.counts);
            now.mark = Some(looked.mark);
            show(&mut now.set_aside.view, looked.mailbox);
            show(&mut now.kept.view, kept_mailbox);
        });
        if by_server {
            (Event::Counted, None)
        } else {
            (Event::CannotCount, None)
        }
    }

    fn show_nothing(&self, flow: &Flow, set_aside: &Account) {
        let none = nothing(self.0.linking.now().seconds());
        flow.with(|now| {
            if now.set_aside.id == set_aside.id {
                now.counts = Some(none);
            }
        });
    }

    /// Sends or drops what has not left this computer, as the person said.
    pub(super) async fn settle_unsent(&self, flow: &Arc<Flow>) -> (Event, Option<LinkTroubleView>) {
        let (what, how) = flow.now().settle;
        let open = self.both(flow).ok().and_then(|(_, aside)| aside.open());
        let Some(open) = open else {
            return (Event::Settled { all: false }, None);
        };
        let left = match (what, how) {
            (Unsettled::Queue, SettleHow::Send) => {
                open.engine.settle_queue().await.map(|settled| settled.left)
            }
            (Unsettled::Queue, SettleHow::Drop) => open.engine.drop_queued().await.map(|_| 0),
            (Unsettled::Outbox, how) => Ok(outbox(&*open.source, how).await),
        };
        let left = left.unwrap_or_else(|error| {
            tracing::warn!(%error, "what waits could not be settled");
            1
        });
        flow.with(|now| {
            if let Some(counts) = &mut now.counts {
                match what {
                    Unsettled::Queue => counts.queued = left,
                    Unsettled::Outbox => counts.outbox = left,
                }
            }
        });
        (Event::Settled { all: left == 0 }, None)
    }

    /// The preview by itself. Changes nothing, and needs no proof: it only reads.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::BadRequest`] for twice the same account,
    /// [`ErrorCode::VaultLocked`] for one that is not open, [`ErrorCode::LinkingForbidden`] where
    /// the organisation's file forbids the change itself.
    pub async fn link_plan(&self, kept: &str, set_aside: &str) -> Result<LinkPlanView, UiError> {
        self.may_join_sign_ins()?;
        let (kept, set_aside) = (self.account(kept)?, self.account(set_aside)?);
        if kept.id == set_aside.id {
            return Err(UiError::new(ErrorCode::BadRequest));
        }
        let open = set_aside
            .open()
            .ok_or_else(|| UiError::new(ErrorCode::VaultLocked))?;
        let looked = look(&open, self.0.linking.now().seconds()).await?;
        let mut kept_view = self.side_of(&kept).await.view;
        let mut set_aside_view = self.side_of(&set_aside).await.view;
        show(&mut kept_view, mailbox(&kept).await);
        show(&mut set_aside_view, looked.mailbox);
        Ok(LinkPlanView {
            kept: kept_view,
            set_aside: set_aside_view,
            counts: looked.counts,
        })
    }
}

fn show(view: &mut LinkMailboxView, (messages, oldest, octets): (u64, Option<i64>, u64)) {
    view.messages = messages;
    view.oldest = oldest;
    view.octets = octets;
}

async fn mailbox(account: &Account) -> (u64, Option<i64>, u64) {
    let Some(open) = account.open() else {
        return (0, None, 0);
    };
    let holdings = open.store.holdings().await.unwrap_or_default();
    (
        holdings.messages,
        holdings.oldest.map(mail_model::UnixTime::seconds),
        open.store.sizes().total(),
    )
}

fn nothing(counted_at: i64) -> LinkCountsView {
    LinkCountsView {
        counted_at,
        at_least: true,
        conversations: 0,
        messages: 0,
        unread: 0,
        drafts: 0,
        outbox: 0,
        queued: 0,
        attachment_bytes: None,
        identities: None,
        rules: None,
    }
}

/// Brings the local copy up to date and counts it; asks the server for the rest.
pub(super) async fn look(open: &OpenAccount, now: i64) -> Result<Looked, UiError> {
    let synced = tokio::time::timeout(PATIENCE, open.engine.sync()).await;
    let heard = tokio::time::timeout(PATIENCE, hear(&*open.source)).await;
    let heard = match heard {
        Ok(Ok(heard)) => Some(heard),
        Ok(Err(error)) => {
            tracing::info!(%error, "the server does not say what it holds");
            None
        }
        Err(_) => None,
    };
    let (mark, holdings) = mark(open, heard.as_ref().map_or(0, |heard| heard.outbox)).await?;
    let complete = synced.is_ok()
        && holdings.complete
        && heard
            .as_ref()
            .is_some_and(|heard| heard.messages <= holdings.messages);
    Ok(Looked {
        counts: LinkCountsView {
            counted_at: now,
            at_least: !complete,
            conversations: holdings.conversations,
            messages: holdings.messages,
            unread: holdings.unread_messages,
            drafts: holdings.drafts,
            outbox: mark.outbox,
            queued: holdings.queued,
            attachment_bytes: heard.as_ref().map(|heard| heard.attachment_bytes),
            identities: heard.as_ref().and_then(|heard| heard.identities),
            rules: None,
        },
        mailbox: (
            holdings.messages,
            holdings.oldest.map(mail_model::UnixTime::seconds),
            open.store.sizes().total(),
        ),
        mark,
        by_server: heard.is_some(),
    })
}

async fn mark(open: &OpenAccount, outbox: u64) -> Result<(Mark, Holdings), UiError> {
    let holdings = open.store.holdings().await?;
    let progress = open.store.progress().await?;
    let mark = Mark {
        holdings,
        outbox,
        state: progress.message_state.map(|state| state.to_string()),
    };
    Ok((mark, holdings))
}

/// What waits at the server after what the person wants was done.
async fn outbox(source: &dyn MailSource, how: SettleHow) -> u64 {
    if how == SettleHow::Drop {
        for waiting in pending(source).await.unwrap_or_default() {
            if let Err(error) = source.cancel_submission(&waiting).await {
                tracing::warn!(%error, "a waiting message could not be taken back");
            }
        }
    }
    pending(source).await.map_or(1, |left| left.len() as u64)
}

async fn pending(
    source: &dyn MailSource,
) -> Result<Vec<mail_model::SubmissionId>, mail_model::remote::SourceError> {
    let pending = source.submissions_pending().await?.unwrap_or_default();
    Ok(pending.into_iter().map(|waiting| waiting.id).collect())
}

async fn hear(source: &dyn MailSource) -> Result<Heard, mail_model::remote::SourceError> {
    let outbox = pending(source).await?.len() as u64;
    let mut with_files: Vec<MessageId> = Vec::new();
    let mut messages = 0_u64;
    loop {
        let page = source.raw_inventory(messages, PAGE).await?;
        if page.entries.is_empty() {
            break;
        }
        messages += page.entries.len() as u64;
        let entries = page.entries.into_iter();
        with_files.extend(
            entries
                .filter(|entry| entry.has_attachment)
                .map(|entry| entry.id),
        );
    }
    let attachment_bytes = source.attachment_octets(&with_files).await?;
    let identities = source.identities().await.ok();
    Ok(Heard {
        outbox,
        messages,
        attachment_bytes,
        identities: identities.map(|all| all.len() as u64),
    })
}
