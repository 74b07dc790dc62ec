//! The sign-ins that open a mailbox: shown, added, removed.
//!
//! The login service's list is the truth. What it said last is remembered beside the account's
//! mail, for showing it without a connection and for noticing what the service joined by itself.
//! What came of adding or removing one is read from that list before and after, whatever the
//! answer was.

use std::sync::Arc;

use mail_auth::{LinkAnswer, LinkedIdentity, LoginRequest, Profile, Session, SignIn, SignInError};
use mail_model::UnixTime;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::accounts::session_error;
use crate::app::App;
use crate::contract::{
    AccountRequest, AddIdentityRequest, AttemptView, ErrorCode, IdentitiesView, IdentityView,
    RemoveIdentityRequest, SignInView, UiError,
};
use crate::sign_ins::{Attempt, Guide, discard};

/// Where an account remembers them.
const SETTING: &str = "identities";
/// How fresh a sign-in has to be for a change of sign-ins, in seconds.
pub(crate) const FRESH: i64 = 5 * 60;

/// A sign-in as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KnownIdentity {
    pub(crate) connection: String,
    /// The provider's id for the person.
    pub(crate) user: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// Unix seconds.
    pub(crate) since: Option<i64>,
}

impl KnownIdentity {
    fn of(linked: &LinkedIdentity) -> Self {
        let since = linked.linked_time.as_deref();
        Self {
            connection: linked.connection.connection_id.clone(),
            user: linked.connection.user_id.clone(),
            name: linked.name.clone(),
            email: linked.email.clone(),
            since: since.and_then(|text| {
                let time: jiff::Timestamp = text.parse().ok()?;
                Some(time.as_second())
            }),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.connection == other.connection && self.user == other.user
    }
}

fn all_of(profile: &Profile) -> Vec<KnownIdentity> {
    let mut all: Vec<_> = profile
        .linked_identities
        .iter()
        .map(KnownIdentity::of)
        .collect();
    // Stable: where the service says no time, its own order stays.
    all.sort_by_key(|identity| identity.since);
    all
}

impl Account {
    /// The sign-ins that opened this account when the service was last asked; empty before.
    pub(crate) async fn known_identities(&self) -> Vec<KnownIdentity> {
        let Some(open) = self.open() else {
            return Vec::new();
        };
        let known = match open.store.settings_get(SETTING).await {
            Ok(known) => known,
            Err(error) => {
                tracing::warn!(account = %self.id, %error, "sign-ins cannot be read");
                None
            }
        };
        known
            .and_then(|known| serde_json::from_str(&known).ok())
            .unwrap_or_default()
    }

    /// Remembers what the service says now, and gives it.
    pub(crate) async fn remember_identities(&self, profile: &Profile) -> Vec<KnownIdentity> {
        let all = all_of(profile);
        if let (Some(open), Ok(text)) = (self.open(), serde_json::to_string(&all))
            && !self.is_frozen()
            && let Err(error) = open.store.settings_put(SETTING, &text).await
        {
            tracing::warn!(account = %self.id, %error, "sign-ins could not be remembered");
        }
        all
    }

    /// Whether the person has signed in to it within that many seconds.
    pub(crate) fn signed_in_within(&self, seconds: i64, now: UnixTime) -> bool {
        let signed_in = self.session.details().signed_in_at;
        signed_in.is_some_and(|at| now.seconds().saturating_sub(at.seconds()) <= seconds)
    }
}

impl App {
    /// The sign-ins that open a mailbox: as the service says now, or as it said last where it
    /// cannot be asked.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`]; why the service could not be asked, where nothing is remembered.
    pub async fn identities(&self, request: AccountRequest) -> Result<IdentitiesView, UiError> {
        let account = self.account(&request.account)?;
        let all = match account.session.profile().await {
            Ok(profile) => account.remember_identities(&profile).await,
            Err(error) => {
                let known = account.known_identities().await;
                if known.is_empty() {
                    return Err(session_error(error));
                }
                known
            }
        };
        Ok(self.identities_view(&account, &all).await)
    }

    async fn identities_view(&self, account: &Account, all: &[KnownIdentity]) -> IdentitiesView {
        let mut identities = Vec::with_capacity(all.len());
        for identity in all {
            identities.push(self.identity_view(account, identity, all).await);
        }
        IdentitiesView {
            account: account.id.to_string(),
            identities,
        }
    }

    pub(crate) async fn identity_view(
        &self,
        account: &Account,
        identity: &KnownIdentity,
        all: &[KnownIdentity],
    ) -> IdentityView {
        let current = current(&account.session, all);
        IdentityView {
            id: identity.user.clone(),
            connection: identity.connection.clone(),
            connection_name: self
                .connection_name(&identity.connection)
                .await
                .unwrap_or_default(),
            person: identity.email.clone().or_else(|| identity.name.clone()),
            since: identity.since,
            current: current.is_some_and(|current| current.is(identity)),
        }
    }

    /// Adds a sign-in that owns nothing yet, by a sign-in in the browser. It goes on in the
    /// `sign_in` feed and ends in [`SignInView::IdentityAdded`].
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProofNeeded`] when the last sign-in is older than
    /// five minutes, [`ErrorCode::ChangeUnderWay`], [`ErrorCode::LinkingForbidden`].
    pub async fn add_identity(&self, request: AddIdentityRequest) -> Result<AttemptView, UiError> {
        self.add_identity_guided(request, Guide::Browser).await
    }

    /// Whether the organisation's own file forbids to open a mailbox with several sign-ins.
    pub(crate) fn is_linking_forbidden(&self) -> bool {
        self.with_config(|config| config.linking == Some(false))
    }

    /// # Errors
    /// [`ErrorCode::LinkingForbidden`].
    pub(crate) fn may_join_sign_ins(&self) -> Result<(), UiError> {
        if self.is_linking_forbidden() {
            return Err(UiError::new(ErrorCode::LinkingForbidden));
        }
        Ok(())
    }

    pub(crate) async fn add_identity_guided(
        &self,
        request: AddIdentityRequest,
        guide: Guide,
    ) -> Result<AttemptView, UiError> {
        self.may_join_sign_ins()?;
        let adding = self.0.linking.adding();
        let account = self.may_change_identities(&request.account)?;
        let parts = self.parts_of_sign_in(Some(&request.connection)).await?;
        let login = LoginRequest {
            connection: Some(request.connection),
            tenant_lookup: None,
            invite: None,
        };
        let app = self.clone();
        Ok(self.begin_attempt(|attempt| async move {
            let _adding = adding;
            let before = account.session.profile().await.map_err(session_error)?;
            let asked = app
                .ask_for_identity(&attempt, &account, parts, login.clone(), guide)
                .await;
            app.compare_identities(&account, &before, login.connection.as_deref(), asked)
                .await
        }))
    }

    /// Lets the browser add a way in to an account. What came of it is only known from the list.
    pub(crate) async fn ask_for_identity(
        &self,
        attempt: &Attempt,
        account: &Account,
        parts: mail_auth::SignInParts,
        login: LoginRequest,
        guide: Guide,
    ) -> Result<(), UiError> {
        let pending = tokio::select! {
            pending = SignIn::begin_linking(parts, &account.session, login) => {
                pending.map_err(begin_error)?
            }
            () = attempt.cancel.cancelled() => return Err(UiError::new(ErrorCode::SignInRefused)),
        };
        let url = pending.url().clone();
        let back = self
            .through_browser(attempt, url, guide, |waiting| async move {
                pending.wait_link(&waiting).await
            })
            .await?;
        // The account keeps the session it has; this one was only for proving.
        if let Some(signed_in) = back.signed_in {
            discard(signed_in).await;
        }
        Ok(())
    }

    /// Says what adding a sign-in came to, by the list and not by the answer.
    async fn compare_identities(
        &self,
        account: &Arc<Account>,
        before: &Profile,
        connection: Option<&str>,
        asked: Result<(), UiError>,
    ) -> Result<SignInView, UiError> {
        let after = match account.session.profile().await {
            Ok(after) => after,
            Err(error) => return Err(asked.err().unwrap_or_else(|| session_error(error))),
        };
        // Another user's list under this account's session: nothing of it is believed.
        if before.user_id != after.user_id {
            return Err(UiError::new(ErrorCode::SignInUntrusted));
        }
        let all = account.remember_identities(&after).await;
        self.0.accounts.members_changed();
        let old = all_of(before);
        let id = account.id.to_string();
        let added = all.iter().find(|new| !old.iter().any(|old| old.is(new)));
        if let Some(added) = added {
            let identity = self.identity_view(account, added, &all).await;
            return Ok(if self.opened_another(account, added).await {
                SignInView::LinkedByItself {
                    account: id,
                    identity,
                }
            } else {
                SignInView::IdentityAdded {
                    account: id,
                    identity,
                }
            });
        }
        asked?;
        let same = all
            .iter()
            .find(|known| Some(known.connection.as_str()) == connection);
        match same {
            Some(same) => Ok(SignInView::AlreadyOpens {
                account: id,
                identity: self.identity_view(account, same, &all).await,
            }),
            None => Err(UiError::new(ErrorCode::SignInRefused)),
        }
    }

    /// Whether another account here was opened by that sign-in when it was last asked.
    async fn opened_another(&self, account: &Account, identity: &KnownIdentity) -> bool {
        for other in self.0.accounts.all() {
            if other.id != account.id
                && other
                    .known_identities()
                    .await
                    .iter()
                    .any(|known| known.is(identity))
            {
                return true;
            }
        }
        false
    }

    /// Removes a sign-in. It brings nothing back that was set aside.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`], [`ErrorCode::ProofNeeded`], [`ErrorCode::LastSignIn`],
    /// [`ErrorCode::ChangeUnderWay`], [`ErrorCode::Refused`] in the service's words, and why it
    /// could not be asked.
    pub async fn remove_identity(
        &self,
        request: RemoveIdentityRequest,
    ) -> Result<IdentitiesView, UiError> {
        let _turn = self.0.linking.one_removal().await;
        let account = self.may_change_identities(&request.account)?;
        let before = account.session.profile().await.map_err(session_error)?;
        let is_it = |known: &KnownIdentity| {
            known.user == request.identity && known.connection == request.connection
        };
        let all = account.remember_identities(&before).await;
        if !all.iter().any(is_it) {
            return Err(UiError::new(ErrorCode::NotFound));
        }
        if all.len() <= 1 {
            return Err(UiError::new(ErrorCode::LastSignIn));
        }
        let answer = account.session.unlink_identity(&request.identity).await;
        let after = account.session.profile().await.map_err(session_error)?;
        let left = account.remember_identities(&after).await;
        self.0.accounts.members_changed();
        if !left.iter().any(is_it) {
            return Ok(self.identities_view(&account, &left).await);
        }
        Err(match answer {
            LinkAnswer::Refused { status: 409, .. } => UiError::new(ErrorCode::LastSignIn),
            LinkAnswer::Refused {
                status: 404 | 405, ..
            } => UiError::new(ErrorCode::NotOffered),
            LinkAnswer::Refused { status: 401, .. } => UiError::new(ErrorCode::SignInAgain),
            LinkAnswer::Refused { status: 429, .. } => UiError::new(ErrorCode::Busy),
            LinkAnswer::Refused { refusal, .. } => {
                UiError::with_detail(ErrorCode::Refused, refusal.title)
            }
            LinkAnswer::NotSent(error) => session_error(error),
            LinkAnswer::Accepted | LinkAnswer::Unknown { .. } => {
                UiError::new(ErrorCode::TenantUnreachable)
            }
        })
    }

    fn may_change_identities(&self, account: &str) -> Result<Arc<Account>, UiError> {
        let account = self.account(account)?;
        if self.0.linking.is_under_way() {
            return Err(UiError::new(ErrorCode::ChangeUnderWay));
        }
        if !account.signed_in_within(FRESH, self.0.linking.now()) {
            return Err(UiError::new(ErrorCode::ProofNeeded));
        }
        Ok(account)
    }

    /// What a sign-in by this connection works with.
    pub(crate) async fn parts_of_sign_in(
        &self,
        connection: Option<&str>,
    ) -> Result<mail_auth::SignInParts, UiError> {
        let tenant = self.tenant().read().await;
        let tenant = tenant
            .as_ref()
            .ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        Ok(tenant.sign_in_parts(connection))
    }
}

/// The sign-in that opened the present session. The tenant may say what its provider calls the
/// person; where it does not, it is the only one of its connection, or the one with the session's
/// address. Where a connection has several and nothing tells them apart, nobody knows.
pub(crate) fn current<'a>(
    session: &Session,
    all: &'a [KnownIdentity],
) -> Option<&'a KnownIdentity> {
    let details = session.details();
    let connection = details.connection?;
    let identity = details.identity?;
    let candidates: Vec<_> = all
        .iter()
        .filter(|known| known.connection == connection)
        .collect();
    let used = identity.connection_user_id.as_deref();
    if let Some(used) = candidates
        .iter()
        .find(|known| Some(known.user.as_str()) == used)
    {
        return Some(*used);
    }
    match candidates.as_slice() {
        [only] => Some(*only),
        several => {
            let mut named = several
                .iter()
                .filter(|known| known.email.is_some() && known.email == identity.email);
            match (named.next(), named.next()) {
                (Some(one), None) => Some(*one),
                _ => None,
            }
        }
    }
}

/// How many sign-ins of the session's connection open the mailbox, where it is not one.
pub(crate) fn several_of_one_connection(session: &Session, all: &[KnownIdentity]) -> Option<usize> {
    let connection = session.details().connection?;
    let of_it = all.iter().filter(|known| known.connection == connection);
    Some(of_it.count()).filter(|several| *several > 1)
}

fn begin_error(error: SignInError) -> UiError {
    use mail_auth::AuthressError;

    match error {
        SignInError::Login(AuthressError::Refused {
            status: 403,
            refusal,
        }) => UiError::with_detail(ErrorCode::LinkingForbidden, refusal.title),
        SignInError::Login(AuthressError::Refused {
            status: 404 | 405 | 501,
            ..
        }) => UiError::new(ErrorCode::NotOffered),
        SignInError::Token(_) | SignInError::Login(AuthressError::Refused { status: 401, .. }) => {
            UiError::new(ErrorCode::SignInAgain)
        }
        error => error.into(),
    }
}
