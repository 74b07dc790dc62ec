//! An account as the page sees it.

use mail_auth::{NeedsSignIn, SessionState};
use mail_engine::{AccountStatus, Health};
use mail_model::MailboxRole;
use mail_store::{AccountState, AccountStore};

use super::{Account, Closed};
use crate::contract::{AccountView, HealthView, MailboxView, ProgressView, UnreadMark};
use crate::host::Host;

impl Account {
    fn health(&self, state: AccountState, status: Option<&AccountStatus>) -> HealthView {
        let session = *self.session.state().borrow();
        if self.closed() == Some(Closed::Locked) || session == SessionState::LockedByPerson {
            return HealthView::Locked;
        }
        match self.closed() {
            Some(Closed::VaultLocked) => return HealthView::VaultLocked,
            Some(Closed::DiskFull) => return HealthView::DiskFull,
            _ => {}
        }
        match session {
            SessionState::VaultUnavailable { .. } => return HealthView::VaultLocked,
            _ if state == AccountState::Paused && self.open().is_some() => {
                return HealthView::Paused;
            }
            SessionState::SignedOut
            | SessionState::NeedsSignIn {
                why: NeedsSignIn::NothingStored | NeedsSignIn::PutBack,
            } => return HealthView::SignedOut,
            SessionState::NeedsSignIn { .. } | SessionState::Sealed => {
                return HealthView::SignInNeeded;
            }
            SessionState::LockedByPerson | SessionState::SignedIn { .. } => {}
        }
        match (status.map(|status| &status.health), self.closed()) {
            // Not by the person: what is here is kept as it is, or is about to be looked at.
            (Some(Health::Paused), None) if self.is_frozen() => HealthView::Current,
            (Some(Health::Paused), None) => HealthView::Working,
            (Some(health), None) => health_view(health),
            (_, Some(Closed::VaultLocked)) => HealthView::VaultLocked,
            (_, Some(Closed::KeyLost)) => HealthView::SignInNeeded,
            (_, Some(Closed::DiskFull)) => HealthView::DiskFull,
            (_, Some(Closed::Locked)) => HealthView::Locked,
            (_, Some(Closed::SetAside | Closed::Moving)) => HealthView::Working,
            (_, Some(Closed::Mending)) => HealthView::Rebuilding,
            (None, None) | (_, Some(Closed::Fault | Closed::Leaving)) => HealthView::Fault,
        }
    }

    /// The account as the page sees it.
    pub(crate) async fn view(
        &self,
        connection_name: Option<String>,
        host: &dyn Host,
    ) -> AccountView {
        let record = self.record();
        let open = self.open();
        let status = open
            .as_ref()
            .map(|open| open.engine.status().borrow().clone());
        let mailboxes = match &open {
            Some(open) => mailboxes(&open.store).await,
            None => Vec::new(),
        };
        let inbox = mailboxes
            .iter()
            .find(|mailbox| mailbox.role == Some(MailboxRole::Inbox));
        AccountView {
            id: record.id.to_string(),
            name: record.name,
            email: record.email,
            letter: record.letter,
            color: record.color,
            picture: open.as_ref().and_then(|open| open.tile_url(host)),
            group: record.group.map(|group| group.to_string()),
            unread_mark: record.unread_mark.into(),
            connection: connection_name,
            session_ends_at: self
                .session
                .details()
                .session_until
                .map(|until| until.seconds()),
            read_only: self.is_frozen(),
            health: self.health(record.state, status.as_ref()),
            may_miss_changes: open.as_ref().is_some_and(|open| {
                let salvaged = open.store.report().salvaged;
                salvaged.is_some_and(|salvaged| salvaged.incomplete)
            }),
            progress: status.as_ref().and_then(|status| {
                status.progress.map(|progress| ProgressView {
                    done: progress.done,
                    total: progress.total,
                })
            }),
            synced_at: status
                .as_ref()
                .and_then(|status| status.synced_at)
                .map(|at| at.seconds()),
            queued: status.as_ref().map_or(0, |status| status.queued),
            unread: inbox.map_or(0, |inbox| inbox.unread),
            mailboxes,
        }
    }
}

impl From<mail_store::UnreadMark> for UnreadMark {
    fn from(mark: mail_store::UnreadMark) -> Self {
        match mark {
            mail_store::UnreadMark::Number => Self::Number,
            mail_store::UnreadMark::Dot => Self::Dot,
            mail_store::UnreadMark::None => Self::None,
        }
    }
}

impl From<UnreadMark> for mail_store::UnreadMark {
    fn from(mark: UnreadMark) -> Self {
        match mark {
            UnreadMark::Number => Self::Number,
            UnreadMark::Dot => Self::Dot,
            UnreadMark::None => Self::None,
        }
    }
}

fn health_view(health: &Health) -> HealthView {
    match health {
        Health::Current => HealthView::Current,
        Health::Working => HealthView::Working,
        Health::Offline => HealthView::Offline,
        Health::Waiting { until } => HealthView::Waiting {
            until: until.seconds(),
        },
        Health::SignInNeeded => HealthView::SignInNeeded,
        Health::Paused => HealthView::Paused,
        Health::VaultLocked => HealthView::VaultLocked,
        Health::Refused { detail } => HealthView::Refused {
            detail: detail.clone(),
        },
        Health::Rebuilding => HealthView::Rebuilding,
        Health::DiskFull => HealthView::DiskFull,
        Health::Fault => HealthView::Fault,
    }
}

/// Mailboxes in the store's order, with each one's children right after it.
async fn mailboxes(store: &AccountStore) -> Vec<MailboxView> {
    let all = match store.mailboxes().await {
        Ok(all) => all,
        Err(error) => {
            tracing::warn!(%error, "mailboxes cannot be read");
            return Vec::new();
        }
    };
    let mut views = Vec::with_capacity(all.len());
    let roots = all.iter().filter(|(mailbox, _)| {
        let parent = mailbox.parent.as_ref();
        parent.is_none_or(|parent| !all.iter().any(|(other, _)| other.id == *parent))
    });
    let mut waiting: Vec<_> = roots.map(|found| (found, 0_u32)).collect();
    waiting.reverse();
    while let Some(((mailbox, counts), depth)) = waiting.pop() {
        // A parent that is its own descendant would never end; the depth of any real tree does.
        if depth > 32 {
            continue;
        }
        if views.len() >= all.len() {
            break;
        }
        views.push(MailboxView {
            id: mailbox.id.to_string(),
            name: mailbox.name.clone(),
            role: mailbox.role,
            depth,
            unread: counts.unread_threads,
            total: counts.threads,
        });
        let children = all
            .iter()
            .filter(|(other, _)| other.parent.as_ref() == Some(&mailbox.id));
        let mut children: Vec<_> = children.map(|found| (found, depth + 1)).collect();
        children.reverse();
        waiting.extend(children);
    }
    views
}
