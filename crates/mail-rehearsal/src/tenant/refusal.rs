//! Every way the tenant says no, in the contract's shape `{ title, errorCode, errorId }`.
//!
//! The contract names few error codes; those marked ours are invented here and no client may depend on them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// A refused request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// No token, or one that is not accepted.
    #[error("Sign in first")]
    Unauthorized,
    /// Somebody else's data.
    #[error("This belongs to another user")]
    Forbidden,
    /// No such connection, identity, request or path.
    #[error("There is nothing here by that name")]
    NotFound,
    /// The path is there, but not for this method.
    #[error("This address does not take that method")]
    MethodNotAllowed,
    /// The body is not JSON, or a field has the wrong type.
    #[error("The request cannot be read")]
    InvalidRequest,
    /// The body is not marked as JSON.
    #[error("The request has to be JSON")]
    UnsupportedMediaType,
    /// Another application than this tenant's (ours).
    #[error("The application is not known to this tenant")]
    UnknownApplication,
    /// The redirect address is not the application's (ours).
    #[error("The redirect address does not belong to the application")]
    RedirectUrlNotAllowed,
    /// No `Origin`, or one that is not the application's (ours).
    #[error("The request does not say which application it comes from")]
    OriginNotAllowed,
    /// The proof of work is missing, wrong or old (ours).
    #[error("The request's antiAbuseHash is missing, wrong or too old")]
    AntiAbuseHashInvalid,
    /// Something else than `S256`, or a challenge that is none (ours).
    #[error("The request needs a PKCE challenge of the method S256")]
    CodeChallengeInvalid,
    /// The code is expired, used, tampered with, or not this client's.
    #[error("The code cannot be exchanged")]
    InvalidCode,
    /// There is no session to continue.
    #[error("There is no session to continue")]
    NoSession,
    /// Linking is off (ours).
    #[error("Identities of this connection cannot be linked")]
    LinkingNotAllowed,
    /// A link without saying which connection (ours; the name is the official browser client's).
    #[error("Say which connection the identity is from")]
    InvalidConnection,
    /// Another user has the identity and keeps it (ours).
    #[error("This identity belongs to another user")]
    IdentityConflict,
    /// The last identity of a user stays (ours).
    #[error("The only identity of a user cannot be removed")]
    LastIdentity,
    /// The request was for another host (ours).
    #[error("This tenant does not answer to that name")]
    MisdirectedRequest,
    /// The state could not be saved, so nothing was promised (ours).
    #[error("The tenant could not remember this")]
    NotRemembered,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::LinkingNotAllowed | Self::OriginNotAllowed => {
                StatusCode::FORBIDDEN
            }
            Self::NotFound | Self::NoSession => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LastIdentity | Self::IdentityConflict => StatusCode::CONFLICT,
            Self::MisdirectedRequest => StatusCode::MISDIRECTED_REQUEST,
            Self::NotRemembered => StatusCode::INTERNAL_SERVER_ERROR,
            Self::InvalidRequest
            | Self::UnknownApplication
            | Self::RedirectUrlNotAllowed
            | Self::AntiAbuseHashInvalid
            | Self::CodeChallengeInvalid
            | Self::InvalidConnection
            | Self::InvalidCode => StatusCode::BAD_REQUEST,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound | Self::NoSession => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::InvalidRequest => "InvalidRequest",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::UnknownApplication => "UnknownApplication",
            Self::RedirectUrlNotAllowed => "RedirectUrlNotAllowed",
            Self::OriginNotAllowed => "OriginNotAllowed",
            Self::AntiAbuseHashInvalid => "AntiAbuseHashInvalid",
            Self::CodeChallengeInvalid => "CodeChallengeInvalid",
            Self::InvalidCode => "InvalidCode",
            Self::LinkingNotAllowed => "LinkingNotAllowed",
            Self::InvalidConnection => "InvalidConnection",
            Self::IdentityConflict => "IdentityConflict",
            Self::LastIdentity => "LastIdentity",
            Self::MisdirectedRequest => "MisdirectedRequest",
            Self::NotRemembered => "NotRemembered",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = serde_json::json!({
            "title": self.to_string(),
            "errorCode": self.code(),
            "errorId": uuid::Uuid::new_v4().to_string(),
        });
        if self == Self::InvalidCode
            && let Some(fields) = body.as_object_mut()
        {
            // The token endpoint's own word; clients of it read "not signed in" and do not raise an error.
            fields.insert("error".to_owned(), "invalid_request".into());
        }
        (self.status(), Json(body)).into_response()
    }
}
