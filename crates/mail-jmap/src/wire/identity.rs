//! RFC 8621 section 6: `Identity`.

use mail_model::remote::SourceError;
use mail_model::{Identity, IdentityId};
use serde::Deserialize;

use crate::fault::bad_answer;

#[derive(Debug, Deserialize)]
pub(crate) struct IdentityWire {
    id: String,
    #[serde(default)]
    name: String,
    email: String,
}

impl IdentityWire {
    pub(crate) fn take(self) -> Result<Identity, SourceError> {
        Ok(Identity {
            id: IdentityId::new(self.id).map_err(|_| bad_answer("an identity id is malformed"))?,
            name: self.name,
            email: self.email,
        })
    }
}
