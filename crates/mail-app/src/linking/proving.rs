//! Whether a change can be done at all, and the proof of each side by a fresh sign-in.
//!
//! Who signed in is compared with the accounts that are here before anything is kept. Only the
//! side that was asked for is renewed; everybody else's session is ended at once.

use std::sync::Arc;

use mail_auth::{LoginRequest, SignIn, SignedIn};
use mail_model::AccountId;

use super::flow::{Flow, trouble, trouble_in_words};
use super::journal::WayIn;
use super::machine::{Event, State, may_be_cancelled};
use crate::account::Account;
use crate::app::App;
use crate::contract::{
    AttemptView, ErrorCode, LinkProveRequest, LinkSide, LinkTrouble, LinkTroubleView, SignInView,
    UiError,
};
use crate::identities::{FRESH, KnownIdentity, current, several_of_one_connection};
use crate::sign_ins::{Attempt, Guide, discard};

impl App {
    /// Whether the two accounts can be made one, as far as that is known here.
    pub(super) async fn eligible(&self, flow: &Arc<Flow>) -> (Event, Option<LinkTroubleView>) {
        let (kept, set_aside) = match self.both(flow) {
            Ok(both) => both,
            Err(_) => return (Event::Ineligible(LinkTrouble::Unexpected), None),
        };
        if kept.record().issuer != set_aside.record().issuer {
            return (Event::Ineligible(LinkTrouble::NotSwitchedOn), None);
        }
        let known = kept.known_identities().await;
        let others = set_aside.known_identities().await;
        let opens = current(&set_aside.session, &others)
            .is_some_and(|other| known.iter().any(|known| same(known, other)));
        if opens {
            return (Event::Ineligible(LinkTrouble::AlreadyOpens), None);
        }
        let now = self.0.linking.now();
        let kept_is_fresh = kept.signed_in_within(FRESH, now);
        if kept_is_fresh {
            let at = kept.session.details().signed_in_at;
            flow.with(|state| state.kept.proved_at = at.map(mail_model::UnixTime::seconds));
        }
        (Event::Eligible { kept_is_fresh }, None)
    }

    /// The kept account and the one that is set aside.
    pub(super) fn both(&self, flow: &Flow) -> Result<(Arc<Account>, Arc<Account>), UiError> {
        let (kept, set_aside) = {
            let now = flow.now();
            (now.kept.id.clone(), now.set_aside.id.clone())
        };
        Ok((
            self.account(kept.as_str())?,
            self.account(set_aside.as_str())?,
        ))
    }

    /// Proves one side by a fresh sign-in. It goes on in the `sign_in` feed and ends in
    /// [`SignInView::Proved`].
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ChangeUnderWay`] once it cannot be stopped.
    pub async fn prove_link(&self, request: LinkProveRequest) -> Result<AttemptView, UiError> {
        self.prove_guided(request, Guide::Browser).await
    }

    /// The same by the rehearsal's own way, for a program without a browser.
    ///
    /// # Errors
    /// As for [`Self::prove_link`]; [`ErrorCode::NotFound`] too for somebody the rehearsal does
    /// not know.
    pub async fn rehearse_proof(&self, request: LinkProveRequest) -> Result<AttemptView, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        let id = flow.now().side(request.side).id.clone();
        let subject = self.account(id.as_str())?.record().subject;
        let query = {
            let tenant = self.tenant().read().await;
            let rehearsal = tenant.as_ref().and_then(crate::tenant::Tenant::rehearsal);
            let people = rehearsal.map(|rehearsal| rehearsal.description().people.clone());
            people
                .unwrap_or_default()
                .into_iter()
                .find(|person| person.user == subject)
                .map(|person| person.sign_in_query)
        };
        let query = query.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let guide = Guide::Rehearsal(query);
        if request.side == LinkSide::SetAside {
            flow.with(|now| now.guide = guide.clone());
        }
        self.prove_guided(request, guide).await
    }

    pub(crate) async fn prove_guided(
        &self,
        request: LinkProveRequest,
        guide: Guide,
    ) -> Result<AttemptView, UiError> {
        let flow = self.0.linking.find(&request.flow)?;
        let before_choice = matches!(
            flow.state(),
            State::Checking | State::Blocked | State::NotChanged | State::Done
        );
        if before_choice || !may_be_cancelled(flow.state()) {
            return Err(UiError::new(ErrorCode::ChangeUnderWay));
        }
        let side = request.side;
        let account = {
            let id = flow.now().side(side).id.clone();
            self.account(id.as_str())?
        };
        let connection = account.record().connection;
        let parts = self.parts_of_sign_in(connection.as_deref()).await?;
        let login = LoginRequest {
            connection,
            tenant_lookup: None,
            invite: None,
        };
        let app = self.clone();
        let of = Arc::clone(&flow);
        let begun = self.begin_attempt(|attempt| async move {
            let proved = app
                .proof(&attempt, &of, (parts, login), &account, guide)
                .await;
            of.with(|now| now.attempt = None);
            app.tell_proof(&of, &account.id, &proved, attempt.cancel.is_cancelled())
                .await;
            proved
        });
        flow.with(|now| now.attempt = Some(begun.attempt.clone()));
        Ok(begun)
    }

    async fn proof(
        &self,
        attempt: &Attempt,
        flow: &Arc<Flow>,
        (parts, login): (mail_auth::SignInParts, LoginRequest),
        account: &Arc<Account>,
        guide: Guide,
    ) -> Result<SignInView, UiError> {
        let pending = tokio::select! {
            pending = SignIn::begin(parts, login) => pending?,
            () = attempt.cancel.cancelled() => return Ok(SignInView::Cancelled),
        };
        let url = pending.url().clone();
        let signed_in = self
            .through_browser(attempt, url, guide, |waiting| async move {
                pending.wait(&waiting).await
            })
            .await?;
        let turn = self.one_change().await;
        if self.account(account.id.as_str()).is_err() || !may_be_cancelled(flow.state()) {
            discard(signed_in).await;
            return Err(UiError::new(ErrorCode::NotFound));
        }
        let record = account.record();
        let who = &signed_in.identity;
        if who.issuer == record.issuer && who.subject == record.subject {
            self.renew(account, signed_in).await?;
            drop(turn);
            // For the count of sign-ins, for noticing what the service joins by itself, and for
            // knowing which of them was used.
            let known = match account.session.profile().await {
                Ok(profile) => Some(account.remember_identities(&profile).await),
                Err(_) => None,
            };
            flow.with(|now| {
                let Some(side) = now.side_of(&account.id) else {
                    return;
                };
                let side = now.side_mut(side);
                side.proved_with = known
                    .as_ref()
                    .and_then(|known| current(&account.session, known))
                    .map(WayIn::known);
                if let Some(known) = &known {
                    side.view.sign_ins = u32::try_from(known.len()).unwrap_or(u32::MAX);
                }
            });
            return Ok(SignInView::Proved {
                account: account.id.to_string(),
            });
        }
        // Nothing is changed from here on; the lists are asked for without a turn.
        drop(turn);
        let found = self.somebody_else(flow, account, &signed_in).await;
        discard(signed_in).await;
        Ok(found)
    }

    /// What it means that another person came back than the one who was to be proved.
    async fn somebody_else(
        &self,
        flow: &Flow,
        account: &Account,
        signed_in: &SignedIn,
    ) -> SignInView {
        let who = &signed_in.identity;
        let side = flow.now().side_of(&account.id);
        let other = self.both(flow).ok().map(|(kept, set_aside)| match side {
            Some(LinkSide::SetAside) => kept,
            _ => set_aside,
        });
        let other = other.filter(|other| {
            let record = other.record();
            record.issuer == who.issuer && record.subject == who.subject
        });
        let stranger = SignInView::OtherPerson {
            expected: account.record().email,
            found: who.email.clone().unwrap_or_default(),
        };
        // The kept mailbox was opened while the other sign-in was asked for.
        let (Some(other), Some(LinkSide::SetAside)) = (other, side) else {
            return stranger;
        };
        let id = other.id.to_string();
        if who.connection == other.record().connection {
            return SignInView::AlreadyHere { account: id };
        }
        let before = other.known_identities().await;
        let all = match other.session.profile().await {
            Ok(profile) => other.remember_identities(&profile).await,
            Err(_) => before.clone(),
        };
        let opened = all
            .iter()
            .find(|known| Some(&known.connection) == who.connection.as_ref());
        let Some(opened) = opened else {
            return stranger;
        };
        let identity = self.identity_view(&other, opened, &all).await;
        if before.iter().any(|known| same(known, opened)) {
            SignInView::AlreadyOpens {
                account: id,
                identity,
            }
        } else {
            SignInView::LinkedByItself {
                account: id,
                identity,
            }
        }
    }

    /// That nobody can tell which of several sign-ins of one connection was used.
    pub(super) async fn which_is_unclear(&self, account: &Account) -> Option<LinkTroubleView> {
        let known = account.known_identities().await;
        if current(&account.session, &known).is_some() {
            return None;
        }
        let several = several_of_one_connection(&account.session, &known)?;
        let connection = match account.session.details().connection {
            Some(id) => self.connection_name(&id).await.or(Some(id)),
            None => None,
        };
        Some(LinkTroubleView {
            detail: connection,
            number: i64::try_from(several).ok(),
            ..trouble(LinkTrouble::SignInUnclear)
        })
    }

    /// Tells the change what came of a proof.
    async fn tell_proof(
        &self,
        flow: &Arc<Flow>,
        account: &AccountId,
        proved: &Result<SignInView, UiError>,
        given_up: bool,
    ) {
        let told = match proved {
            Ok(SignInView::Proved { .. }) => {
                let at = self.0.linking.now().seconds();
                // The person may have chosen the other mailbox meanwhile.
                let side = flow.with(|now| {
                    let side = now.side_of(account)?;
                    now.side_mut(side).proved_at = Some(at);
                    Some(side)
                });
                let Some(side) = side else { return };
                // What is joined is this one sign-in, so it has to be known which.
                if side == LinkSide::SetAside
                    && let Ok(account) = self.account(account.as_str())
                    && let Some(told) = self.which_is_unclear(&account).await
                {
                    self.happen(flow, Event::NotProved(told.kind), Some(told))
                        .await;
                    return;
                }
                // Elsewhere it only makes the proof last longer.
                self.happen(flow, Event::Proved(side), None).await;
                return;
            }
            Ok(SignInView::AlreadyHere { .. }) => trouble(LinkTrouble::SamePerson),
            Ok(SignInView::AlreadyOpens { .. }) => trouble(LinkTrouble::AlreadyOpens),
            Ok(SignInView::LinkedByItself { .. }) => trouble(LinkTrouble::LinkedByItself),
            Ok(SignInView::OtherPerson { found, .. }) => {
                trouble_in_words(LinkTrouble::WrongPerson, found.clone())
            }
            Ok(_) => trouble(LinkTrouble::NotFinished),
            Err(_) if given_up => trouble(LinkTrouble::NotFinished),
            Err(error) => of_error(error),
        };
        self.happen(flow, Event::NotProved(told.kind), Some(told))
            .await;
    }
}

/// What a sign-in's failure means for a change.
pub(super) fn of_error(error: &UiError) -> LinkTroubleView {
    let kind = match error.code {
        ErrorCode::SignInExpired | ErrorCode::SignInRefused | ErrorCode::Browser => {
            LinkTrouble::NotFinished
        }
        ErrorCode::SignInUntrusted => LinkTrouble::NotOurs,
        ErrorCode::Clock => LinkTrouble::Clock,
        ErrorCode::TenantUnreachable | ErrorCode::Offline => LinkTrouble::Offline,
        ErrorCode::VaultLocked | ErrorCode::VaultMissing => LinkTrouble::Keyring,
        ErrorCode::SignInAgain => LinkTrouble::KeptExpired,
        ErrorCode::LinkingForbidden => LinkTrouble::Forbidden,
        ErrorCode::NotOffered => LinkTrouble::NotSwitchedOn,
        ErrorCode::SignInTaken => LinkTrouble::BelongsElsewhere,
        ErrorCode::Busy => LinkTrouble::TooMany,
        _ => LinkTrouble::Unexpected,
    };
    LinkTroubleView {
        detail: error.detail.clone(),
        ..trouble(kind)
    }
}

fn same(one: &KnownIdentity, other: &KnownIdentity) -> bool {
    one.connection == other.connection && one.user == other.user
}
