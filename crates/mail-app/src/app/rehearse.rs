//! The rehearsal as this app's tenant, and its people signed in without anybody at the keyboard.

use super::{App, StartError};
use crate::contract::{BeginSignInRequest, ConfirmSignInRequest, ErrorCode, SignInView, UiError};
use crate::rehearsal::Rehearsal;
use crate::sign_ins::Guide;
use crate::tenant::Tenant;

impl App {
    /// Starts the built-in rehearsal and makes it the tenant.
    pub(crate) async fn begin_rehearsal(&self) -> Result<(), StartError> {
        let config = mail_rehearsal::RehearsalConfig {
            state_dir: Some(self.0.paths.rehearsal()),
            size: self.0.rehearsal_size.unwrap_or(2_000),
            extra_people: std::env::var("BRAID_REHEARSAL_EXTRA_PEOPLE")
                .ok()
                .and_then(|count| count.parse().ok())
                .unwrap_or(0),
            control: true,
            ..mail_rehearsal::RehearsalConfig::default()
        };
        let rehearsal = Rehearsal::start(config).await?;
        *self.0.tenant.write().await = Some(Tenant::of_rehearsal(rehearsal)?);
        self.tenant_has_changed();
        Ok(())
    }

    /// Where the rehearsal's faults can be switched, if it runs.
    pub async fn rehearsal_control(&self) -> Option<String> {
        let tenant = self.0.tenant.read().await;
        tenant
            .as_ref()
            .and_then(Tenant::rehearsal)?
            .description()
            .control_url
            .clone()
    }

    /// Signs a person of the rehearsal in, unless that account is here already.
    pub(super) async fn rehearse(&self, account: &str) -> Result<(), UiError> {
        let person = {
            let tenant = self.0.tenant.read().await;
            let rehearsal = tenant.as_ref().and_then(Tenant::rehearsal);
            let people = rehearsal.map(|rehearsal| rehearsal.description().people.clone());
            let mut people = people.unwrap_or_default().into_iter();
            people.find(|person| person.account.eq_ignore_ascii_case(account))
        };
        let person = person.ok_or_else(|| UiError::new(ErrorCode::NotFound))?;
        let here = self
            .0
            .accounts
            .all()
            .into_iter()
            .any(|account| account.record().subject == person.user);
        if here {
            return Ok(());
        }
        let request = BeginSignInRequest {
            connection: Some(person.connection),
            account: None,
        };
        let attempt = self
            .begin_guided(request, Guide::Rehearsal(person.sign_in_query))
            .await?
            .attempt;
        let mut phases = self.sign_in_phases(&attempt)?;
        loop {
            let phase = phases.borrow_and_update().clone();
            match phase {
                SignInView::Confirm { name, color, .. } => {
                    let request = ConfirmSignInRequest {
                        attempt: attempt.clone(),
                        name,
                        color,
                        restore: false,
                        replaced_data: None,
                    };
                    self.confirm_sign_in(request).await?;
                }
                SignInView::Added { .. }
                | SignInView::Renewed { .. }
                | SignInView::AlreadyHere { .. } => return Ok(()),
                SignInView::Failed { code, detail } => return Err(UiError { code, detail }),
                SignInView::Cancelled
                | SignInView::OtherPerson { .. }
                | SignInView::AlreadyOpens { .. }
                | SignInView::LinkedByItself { .. }
                | SignInView::IdentityAdded { .. }
                | SignInView::Proved { .. } => {
                    return Err(UiError::new(ErrorCode::SignInRefused));
                }
                SignInView::Preparing | SignInView::Waiting | SignInView::Finishing => {}
            }
            phases
                .changed()
                .await
                .map_err(|_| UiError::new(ErrorCode::Bug))?;
        }
    }
}
