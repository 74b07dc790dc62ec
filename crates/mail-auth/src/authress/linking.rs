//! Linking and unlinking at the service: requests that change who a person is there.
//!
//! Each is made once, over a connection of its own, and never repeated by anybody below: a
//! repeat after a lost answer could act on something else than what the person agreed to.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use super::error::refusal;
use super::{AuthressClient, ConnectionIdentity, Refusal, object};
use crate::http::{self, NetworkError, Reply};

/// What is known after a request that was made once.
#[derive(Debug)]
pub(crate) enum Heard {
    /// 2xx, complete.
    Accepted,
    /// 4xx, in the service's own words.
    Refused {
        status: u16,
        refusal: Refusal,
        retry_after: Option<Duration>,
    },
    /// No byte of the request has left this machine.
    NotSent(NetworkError),
    /// It may have been done.
    Unknown { reason: String },
}

impl AuthressClient {
    /// Makes another identity one more way into `user`: `PATCH /v1/users/{user}/identities`.
    pub(crate) async fn link(
        &self,
        user: &str,
        identity: &ConnectionIdentity,
        bearer: &str,
    ) -> Heard {
        let url = self.tenant.join(&["v1", "users", user, "identities"]);
        let body = object(json!({
            "connectionId": identity.connection_id,
            "connectionUserId": identity.user_id,
        }));
        let http = match http::client_for_one_request(self.tenant.is_loopback()) {
            Ok(http) => http,
            Err(error) => return Heard::NotSent(error),
        };
        let answer = self.send(&http, Method::PATCH, &url, Some(&body), Some(bearer));
        hear(answer.await.map(|answer| answer.reply))
    }

    /// Removes one way in: `DELETE /api/session/identities/{id}`, where `id` is what the
    /// provider calls the person.
    pub(crate) async fn unlink(&self, id: &str, bearer: &str) -> Heard {
        let url = self.tenant.join(&["api", "session", "identities", id]);
        let http = match http::client_for_one_request(self.tenant.is_loopback()) {
            Ok(http) => http,
            Err(error) => return Heard::NotSent(error),
        };
        let answer = self.send(&http, Method::DELETE, &url, None, Some(bearer));
        hear(answer.await.map(|answer| answer.reply))
    }
}

/// What an answer, or its absence, says about a request that was made once.
///
/// 408 is no clear "no": who times out may have passed the request on.
fn hear(answer: Result<Reply, NetworkError>) -> Heard {
    match answer {
        Ok(reply) => match reply.status {
            200..300 => Heard::Accepted,
            408 => Heard::Unknown {
                reason: "status 408".to_owned(),
            },
            status @ 400..500 => Heard::Refused {
                status,
                refusal: refusal(&reply),
                retry_after: reply.retry_after,
            },
            status => Heard::Unknown {
                reason: format!("status {status}"),
            },
        },
        Err(error) if error.is_before_sending() => Heard::NotSent(error),
        Err(error) => Heard::Unknown {
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn asked(address: &str) -> Heard {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_millis(100))
            .build()
            .unwrap();
        hear(http::send(client.patch(address)).await)
    }

    #[tokio::test]
    async fn silence_after_the_request_leaves_it_unknown() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        // Taken by the system's queue and never answered.
        assert!(matches!(
            asked(&address).await,
            Heard::Unknown { reason } if reason == "no answer in time"
        ));
        drop(listener);
    }

    #[tokio::test]
    async fn a_closed_door_means_that_nothing_was_sent() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = format!("http://{}/", socket.local_addr().unwrap());
        assert!(matches!(asked(&address).await, Heard::NotSent(_)));
    }
}
