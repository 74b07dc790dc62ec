//! Opening one mailbox with two sign-ins: one of two mailboxes is kept, the other is set aside.
//!
//! | part | owns |
//! |---|---|
//! | [`machine`] | which event makes what of a state, pure |
//! | [`flow`] | one change under way, and what the page sees of it |
//! | [`journal`] | the record on the disk |
//! | [`proving`] | a side's fresh sign-in |
//! | [`looking`] | counting, settling, the plan |
//! | [`copying`] | the copy that is taken along |
//! | [`sealing`] | the last look, sealing and bringing back |
//! | [`asking`] | the one question, and what became of it |
//! | [`closing`] | what follows once it is made |
//! | [`recovery`] | the next start, and the pack for an administrator |
//!
//! One change at a time. Nothing is deleted by it, ever.

mod asking;
mod closing;
mod copying;
mod flow;
mod journal;
mod looking;
mod machine;
mod proving;
mod recovery;
mod sealing;

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mail_auth::Clock;
use mail_model::{AccountId, UnixTime};
use tokio::sync::watch;

use crate::app::App;
use crate::contract::{
    Empty, ErrorCode, LinkBeginRequest, LinkConfirmRequest, LinkEvent, LinkExportRequest,
    LinkGoOnRequest, LinkRequest, LinkSettleRequest, LinkTroubleView, LinkView, UiError,
};
use crate::feed::{FeedSink, OpenFeed};
use asking::FIRST_WAIT;
use flow::{Flow, Side};
use journal::Journal;
use machine::{Effect, Event, State};

/// The change under way, of which there is at most one.
pub(crate) struct Linking {
    flow: Mutex<Option<Arc<Flow>>>,
    /// Accounts that belong to a change whose end is not known.
    held: Mutex<Held>,
    journal: Journal,
    clock: Arc<dyn Clock>,
    free_space: fn(&Path) -> std::io::Result<u64>,
    changed: watch::Sender<u64>,
    /// Held by whoever removes a sign-in, from reading the list to reading it again.
    removing: tokio::sync::Mutex<()>,
    /// How many sign-ins are being added at the moment.
    adding: Arc<AtomicUsize>,
}

/// A sign-in is being added as long as this lives.
pub(crate) struct Adding(Arc<AtomicUsize>);

impl Drop for Adding {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Held {
    kept: HashSet<AccountId>,
    set_aside: HashSet<AccountId>,
}

impl Linking {
    /// With records below that folder; proofs are judged by that clock, and room for a copy by
    /// what `free_space` says.
    pub(crate) fn new(
        data: &Path,
        clock: Arc<dyn Clock>,
        free_space: fn(&Path) -> std::io::Result<u64>,
    ) -> Self {
        Self {
            flow: Mutex::default(),
            held: Mutex::default(),
            journal: Journal::below(data),
            clock,
            free_space,
            changed: watch::Sender::new(0),
            removing: tokio::sync::Mutex::default(),
            adding: Arc::default(),
        }
    }

    /// A turn to remove a sign-in: two at once could take the last one.
    pub(crate) async fn one_removal(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.removing.lock().await
    }

    /// Notes that a sign-in is being added; who asks [`Self::is_under_way`] afterwards and hears
    /// "no" goes before any change that begins.
    pub(crate) fn adding(&self) -> Adding {
        self.adding.fetch_add(1, Ordering::SeqCst);
        Adding(Arc::clone(&self.adding))
    }

    fn changes_sign_ins(&self) -> bool {
        self.adding.load(Ordering::SeqCst) > 0 || self.removing.try_lock().is_err()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    fn current(&self) -> Option<Arc<Flow>> {
        self.flow
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_current(&self, flow: Option<Arc<Flow>>) {
        *self.flow.lock().unwrap_or_else(PoisonError::into_inner) = flow;
        self.touch();
    }

    fn find(&self, name: &str) -> Result<Arc<Flow>, UiError> {
        self.current()
            .filter(|flow| flow.id == name)
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))
    }

    fn touch(&self) {
        self.changed
            .send_modify(|version| *version = version.wrapping_add(1));
    }

    /// Counts changes of [`Self::name`].
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// The change that is under way or whose end is not known.
    pub(crate) fn name(&self) -> Option<String> {
        let flow = self.current()?;
        let ended = matches!(
            flow.state(),
            State::Blocked | State::Done | State::NotChanged | State::Over
        );
        (!ended).then(|| flow.id.clone())
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.name().is_some() || !self.held().set_aside.is_empty()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, kept: &AccountId, set_aside: &AccountId) {
        let mut held = self.held();
        held.kept.insert(kept.clone());
        held.set_aside.insert(set_aside.clone());
    }

    fn let_go(&self, kept: &AccountId, set_aside: &AccountId) {
        let mut held = self.held();
        held.kept.remove(kept);
        held.set_aside.remove(set_aside);
    }

    /// Whether the account is kept read-only because the end of a change is not known.
    pub(crate) fn keeps_read_only(&self, account: &AccountId) -> bool {
        self.held().kept.contains(account)
    }

    /// Whether the account's files are sealed because the end of a change is not known: it must
    /// not be opened, and gets no new key.
    pub(crate) fn has_sealed(&self, account: &AccountId) -> bool {
        self.held().set_aside.contains(account)
    }
}

impl App {
    /// Begins to open one mailbox with two sign-ins.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ChangeUnderWay`] while another change is under way
    /// or a sign-in is being added or removed, [`ErrorCode::BadRequest`] for twice the same account,
    /// [`ErrorCode::LinkingForbidden`] where the organisation's file forbids it, [`ErrorCode::Disk`].
    pub async fn begin_link(&self, request: LinkBeginRequest) -> Result<LinkRequest, UiError> {
        self.may_join_sign_ins()?;
        let kept = self.account(&request.kept)?;
        let set_aside = self.account(&request.set_aside)?;
        if kept.id == set_aside.id {
            return Err(UiError::new(ErrorCode::BadRequest));
        }
        let kept_side = self.side_of(&kept).await;
        let set_aside_side = self.side_of(&set_aside).await;
        let open = self.0.linking.journal.open_entries().map_err(disk)?;
        let flow = {
            // From here to `set`: whoever comes second sees the first.
            let mut current = self
                .0
                .linking
                .flow
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let busy = current.as_ref().is_some_and(|flow| {
                !matches!(
                    flow.state(),
                    State::Blocked | State::Done | State::NotChanged | State::Over
                )
            });
            if busy || self.0.linking.changes_sign_ins() || !open.is_empty() {
                return Err(UiError::new(ErrorCode::ChangeUnderWay));
            }
            let id = uuid::Uuid::new_v4().to_string();
            let flow = Flow::new(id, State::Checking, kept_side, set_aside_side);
            *current = Some(Arc::clone(&flow));
            flow
        };
        self.0.linking.touch();
        let name = flow.id.clone();
        let app = self.clone();
        tokio::spawn(async move {
            let (event, told) = app.eligible(&flow).await;
            app.happen(&flow, event, told).await;
        });
        Ok(LinkRequest { flow: name })
    }

    async fn side_of(&self, account: &crate::account::Account) -> Side {
        let record = account.record();
        let connection = match &record.connection {
            Some(id) => self.connection_name(id).await,
            None => None,
        };
        let mut side = Side::of(&record, connection);
        side.view.sign_ins =
            u32::try_from(account.known_identities().await.len()).unwrap_or(u32::MAX);
        side
    }

    /// Takes a step and does what follows from it. An event that does not belong to the state
    /// is left out: what it came from was overtaken.
    fn happen<'a>(
        &'a self,
        flow: &'a Arc<Flow>,
        event: Event,
        told: Option<LinkTroubleView>,
    ) -> futures::future::BoxFuture<'a, bool> {
        Box::pin(async move {
            // Before the page says that nothing was changed, it has to be so.
            let (event, told) = if event.brings_back() && flow.would_take(event) {
                self.bring_back(flow, event, told).await
            } else {
                (event, told)
            };
            let Some(taken) = flow.take(event, told) else {
                tracing::debug!(?event, "an event came too late for a change of sign-ins");
                return false;
            };
            self.0.linking.touch();
            if taken.state == State::Over {
                self.0.linking.set_current(None);
            }
            if let Some(effect) = taken.effect {
                self.begin_effect(flow, effect);
            }
            true
        })
    }

    fn begin_effect(&self, flow: &Arc<Flow>, effect: Effect) {
        let (app, flow) = (self.clone(), Arc::clone(flow));
        let stop = flow.now().stop.clone();
        tokio::spawn(async move {
            // What is looked for, brought back or kept may be so by two tasks: one at a time, and
            // each only where it still belongs.
            let (event, told) = match effect {
                Effect::Look => return app.look(&flow).await,
                Effect::LookLater => return app.look_later(&flow, &stop).await,
                Effect::Undo => return app.undo(&flow).await,
                Effect::UndoLater => return app.undo_later(&flow, &stop).await,
                Effect::Count => app.look_at(&flow).await,
                Effect::Settle => app.settle_unsent(&flow).await,
                Effect::Copy => app.copy_mail(&flow, &stop).await,
                Effect::Seal => app.seal_mailbox(&flow).await,
                Effect::Ask => app.ask_service(&flow).await,
                Effect::AskInBrowser => app.ask_in_browser(&flow).await,
                Effect::Close => app.close_old(&flow).await,
                Effect::CloseLater => {
                    if !app.wait_a_while(FIRST_WAIT, &stop).await {
                        return;
                    }
                    app.close_old(&flow).await
                }
                // Done before the step was taken, or nothing to do.
                Effect::Unseal | Effect::Forget | Effect::Stop => return,
            };
            // What the person may leave is worth nothing once they have.
            let may_leave = matches!(effect, Effect::Count | Effect::Settle | Effect::Copy);
            // The next start goes on from the record.
            let ends = app.0.stopping.is_cancelled();
            if !(ends || may_leave && stop.is_cancelled()) {
                app.happen(&flow, event, told).await;
            }
        });
    }

    async fn person(&self, flow: &str, event: Event) -> Result<Empty, UiError> {
        let flow = self.0.linking.find(flow)?;
        self.person_at(&flow, event).await
    }

    async fn person_at(&self, flow: &Arc<Flow>, event: Event) -> Result<Empty, UiError> {
        if self.happen(flow, event, None).await {
            Ok(Empty {})
        } else {
            Err(UiError::new(ErrorCode::BadRequest))
        }
    }

    pub(crate) async fn swap_link(&self, request: LinkRequest) -> Result<Empty, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        // A sign-in under way was asked for the other mailbox.
        if flow.would_take(Event::Swap) {
            self.cancel_proof(&flow).await;
        }
        self.person_at(&flow, Event::Swap).await
    }

    async fn cancel_proof(&self, flow: &Flow) {
        let attempt = flow.now().attempt.clone();
        if let Some(attempt) = attempt {
            // It may have ended already.
            self.cancel_sign_in(crate::contract::AttemptRequest { attempt })
                .await
                .unwrap_or(Empty {});
        }
    }

    /// Goes to the next page of a change.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::BadRequest`] where there is no next page.
    pub async fn go_on_link(&self, request: LinkGoOnRequest) -> Result<Empty, UiError> {
        let understood = request.understood;
        self.person(&request.flow, Event::GoOn { understood }).await
    }

    pub(crate) async fn back_link(&self, request: LinkRequest) -> Result<Empty, UiError> {
        self.person(&request.flow, Event::Back).await
    }

    pub(crate) async fn look_again_link(&self, request: LinkRequest) -> Result<Empty, UiError> {
        self.person(&request.flow, Event::LookAgain).await
    }

    pub(crate) async fn settle_link(&self, request: LinkSettleRequest) -> Result<Empty, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        flow.with(|now| now.settle = (request.what, request.how));
        self.person_at(&flow, Event::Settle).await
    }

    pub(crate) async fn export_link(&self, request: LinkExportRequest) -> Result<Empty, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        if !matches!(flow.state(), State::Export | State::Exported) {
            return Err(UiError::new(ErrorCode::BadRequest));
        }
        if !self.prepare_copy(&flow, request).await? {
            return Ok(Empty {});
        }
        self.person_at(&flow, Event::Export).await
    }

    /// Confirms a change by the address of the mailbox that is set aside.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::BadRequest`] where nothing is to be confirmed.
    pub async fn confirm_link(&self, request: LinkConfirmRequest) -> Result<Empty, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        let wanted = flow.now().set_aside.type_this().to_owned();
        let typed = same_address(&request.typed, &wanted);
        self.person_at(&flow, Event::Confirm { typed }).await
    }

    /// Gives a change up.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ChangeUnderWay`] once it cannot be stopped.
    pub async fn cancel_link(&self, request: LinkRequest) -> Result<Empty, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        // Taken out first: what is held in a condition stays held until its end.
        if machine::may_be_cancelled(flow.state()) {
            self.cancel_proof(&flow).await;
        }
        self.person_at(&flow, Event::Cancel)
            .await
            .map_err(|_| UiError::new(ErrorCode::ChangeUnderWay))
    }

    /// Where a change stands, now and from now on.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`].
    pub fn link_views(&self, flow: &str) -> Result<watch::Receiver<LinkView>, UiError> {
        Ok(self.0.linking.find(flow)?.watch())
    }

    #[allow(clippy::unused_async, reason = "one shape for all feeds")]
    pub(crate) async fn open_link_feed(
        &self,
        request: LinkRequest,
        sink: FeedSink,
    ) -> Result<OpenFeed, UiError> {
        let mut views = self.link_views(&request.flow)?;
        Ok(OpenFeed::spawn(move |_| async move {
            let mut seq = 0;
            loop {
                let link = views.borrow_and_update().clone();
                if !sink.send(&LinkEvent { seq, link }) {
                    return;
                }
                seq += 1;
                if views.changed().await.is_err() {
                    return;
                }
            }
        }))
    }
}

#[allow(clippy::needless_pass_by_value, reason = "used in map_err")]
fn disk(error: std::io::Error) -> UiError {
    tracing::warn!(%error, "the records of changes cannot be used");
    UiError::new(ErrorCode::Disk)
}

/// Whether two texts are the same address, or the same name; nothing is like nothing: white space and case are ignored, and the domain may
/// be in either of its forms.
fn same_address(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let text = text.to_lowercase();
        match text.rsplit_once('@') {
            Some((local, domain)) => match url::Host::parse(domain) {
                Ok(domain) => format!("{local}@{domain}"),
                Err(_) => text,
            },
            None => text,
        }
    };
    let one = plain(one);
    !one.is_empty() && one == plain(other)
}

#[cfg(test)]
mod tests {
    use super::same_address;

    #[test]
    fn an_address_is_typed_in_any_case_with_any_space_and_either_form_of_its_domain() {
        for typed in [
            "ana@bücher.example",
            " ANA@Bücher.example ",
            "ana@xn--bcher-kva.example",
            "a n a@bücher.example\n",
        ] {
            assert!(same_address(typed, "Ana@bücher.example"), "{typed}");
        }
        for typed in ["", "ana", "ana@bucher.example", "anna@bücher.example"] {
            assert!(!same_address(typed, "Ana@bücher.example"), "{typed}");
        }
    }

    #[test]
    fn nothing_typed_confirms_nothing() {
        for (typed, wanted) in [("", ""), (" ", ""), ("", " \n"), ("", "Choir")] {
            assert!(!same_address(typed, wanted), "{typed:?} {wanted:?}");
        }
        assert!(
            same_address("choir", "Choir"),
            "a name where there is no address"
        );
    }
}
