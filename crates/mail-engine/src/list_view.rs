//! A merged list as a feed: a snapshot, then numbered diffs.
//!
//! Owns one task per open list. The task looks again when one of its accounts says that rows may
//! have changed, when the window moves, and when accounts come or go; whatever happens while it
//! looks or while its receiver is busy leads to one more look, never to a queue of them. It writes
//! nothing.

use std::ops::Range;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt as _, StreamExt as _};
use mail_model::AccountId;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamMap;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::list_diff::{ListDiff, ListSnapshot, Look};
use crate::merge::{ListSource, MemberFailure, Merge};

/// The most rows one window can have.
pub const LARGEST_WINDOW: u64 = 400;

/// One account's part of a merged list.
pub struct ListMember {
    /// Which account.
    pub account: AccountId,
    /// Its rows.
    pub source: Arc<dyn ListSource>,
    /// Yields whenever its rows may have changed; listened to before anything was read.
    pub changes: BoxStream<'static, ()>,
}

/// An open list. Dropping it closes the list.
pub struct MergedList {
    window: watch::Sender<Range<u64>>,
    commands: mpsc::UnboundedSender<Command>,
    _closes: DropGuard,
}

/// A list that was just opened.
pub struct OpenList {
    /// What the window shows now.
    pub snapshot: ListSnapshot,
    /// What follows, in order.
    pub diffs: mpsc::Receiver<ListDiff>,
    /// Moves the window and closes the list.
    pub list: MergedList,
}

enum Command {
    Insert(ListMember),
    Remove(AccountId),
}

impl MergedList {
    /// Opens a list over some accounts and reads its first window.
    ///
    /// An account whose files cannot be read is named in the snapshot; the others are shown.
    pub async fn open(members: Vec<ListMember>, window: Range<u64>) -> OpenList {
        let mut viewer = Viewer::default();
        for member in members {
            viewer.insert(member);
        }
        let window = bounded(window);
        let look = viewer.look(window.clone()).await;
        let snapshot = look.snapshot();
        let (window, windows) = watch::channel(window);
        let (commands, received) = mpsc::unbounded_channel();
        // One diff may wait; while it does, everything else gathers in the next one.
        let (out, diffs) = mpsc::channel(1);
        let closed = CancellationToken::new();
        let task = viewer.run(look, windows, received, out);
        tokio::spawn(closed.clone().run_until_cancelled_owned(task));
        OpenList {
            snapshot,
            diffs,
            list: Self {
                window,
                commands,
                _closes: closed.drop_guard(),
            },
        }
    }

    /// Moves the window. Rows beyond [`LARGEST_WINDOW`] are cut off.
    pub fn set_window(&self, window: Range<u64>) {
        let window = bounded(window);
        self.window.send_if_modified(|current| {
            let differs = *current != window;
            current.clone_from(&window);
            differs
        });
    }

    /// Adds an account's rows, or replaces them.
    pub fn insert(&self, member: ListMember) {
        // The task can only have ended because this list is being dropped.
        let _sent = self.commands.send(Command::Insert(member)).is_ok();
    }

    /// Takes an account's rows out.
    pub fn remove(&self, account: AccountId) {
        let _sent = self.commands.send(Command::Remove(account)).is_ok();
    }
}

fn bounded(window: Range<u64>) -> Range<u64> {
    let end = window
        .end
        .min(window.start.saturating_add(LARGEST_WINDOW))
        .max(window.start);
    window.start..end
}

#[derive(Default)]
struct Viewer {
    merge: Merge,
    changes: StreamMap<AccountId, BoxStream<'static, ()>>,
}

impl Viewer {
    fn insert(&mut self, member: ListMember) {
        self.merge.insert(member.account.clone(), member.source);
        self.changes.insert(member.account, member.changes);
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Insert(member) => self.insert(member),
            Command::Remove(account) => {
                self.merge.remove(&account);
                self.changes.remove(&account);
            }
        }
    }

    async fn look(&mut self, window: Range<u64>) -> Look {
        let (window, failures) = self.merge.window(window).await;
        let mut failed: Vec<AccountId> = Vec::new();
        for MemberFailure { account, error } in failures {
            tracing::warn!(%account, %error, "an account is missing from a list");
            failed.push(account);
        }
        failed.sort();
        Look { window, failed }
    }

    async fn run(
        mut self,
        mut last: Look,
        mut windows: watch::Receiver<Range<u64>>,
        mut commands: mpsc::UnboundedReceiver<Command>,
        out: mpsc::Sender<ListDiff>,
    ) {
        let mut seq = last.snapshot().seq;
        loop {
            tokio::select! {
                moved = windows.changed() => match moved {
                    Ok(()) => (),
                    Err(_) => return,
                },
                Some(command) = commands.recv() => self.command(command),
                Some((account, ())) = self.changes.next(), if !self.changes.is_empty() => {
                    self.merge.changed(&account);
                }
            }
            // Whatever else has happened by now is part of the same look.
            while let Ok(command) = commands.try_recv() {
                self.command(command);
            }
            while let Some(Some((account, ()))) = self.changes.next().now_or_never() {
                self.merge.changed(&account);
            }
            let window = windows.borrow_and_update().clone();
            let look = self.look(window).await;
            if let Some(diff) = look.since(&last, seq + 1) {
                seq += 1;
                last = look;
                if out.send(diff).await.is_err() {
                    return;
                }
            }
        }
    }
}
