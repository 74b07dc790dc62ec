//! The devices a person confirms sign-ins with.

use reqwest::Method;
use serde::Deserialize;

use super::{AuthressClient, AuthressError, parse};

/// A device the person confirms sign-ins with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// The service's id for it.
    #[serde(rename = "deviceId")]
    pub id: String,
    /// What the person calls it.
    #[serde(default)]
    pub name: Option<String>,
    /// What kind it is (`WebAuthN`, `TOTP`), as the server writes it.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
}

impl AuthressClient {
    /// `GET /api/session/devices`; `None` if the service has no such thing.
    pub(crate) async fn devices(&self, bearer: &str) -> Result<Option<Vec<Device>>, AuthressError> {
        #[derive(Deserialize)]
        struct Devices {
            devices: Vec<Device>,
        }
        let url = self.tenant.join(&["api", "session", "devices"]);
        let reply = self
            .retrying(|| self.once(Method::GET, &url, None, Some(bearer)))
            .await;
        match reply {
            Ok(reply) => {
                let found: Devices = parse(&reply, "the devices")?;
                Ok(Some(found.devices))
            }
            Err(
                AuthressError::Refused {
                    status: 404 | 405, ..
                }
                | AuthressError::Busy { status: 501, .. },
            ) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `DELETE /api/session/devices/{id}`.
    pub(crate) async fn remove_device(&self, id: &str, bearer: &str) -> Result<(), AuthressError> {
        let url = self.tenant.join(&["api", "session", "devices", id]);
        self.once(Method::DELETE, &url, None, Some(bearer))
            .await
            .map(drop)
    }
}
