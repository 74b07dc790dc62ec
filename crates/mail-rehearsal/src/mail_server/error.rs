//! How requests, methods and single objects fail (RFC 8620 sections 3.6 and 5.3).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A whole request is refused (RFC 7807 problem details).
#[derive(Debug)]
pub(crate) enum RequestError {
    UnknownCapability(String),
    NotJson,
    NotRequest(&'static str),
    /// The name of the limit.
    Limit(&'static str),
}

impl RequestError {
    /// The problem details.
    pub(crate) fn to_json(&self) -> Value {
        let (kind, detail, limit) = match self {
            Self::UnknownCapability(name) => (
                "unknownCapability",
                format!("{name} is not offered here"),
                None,
            ),
            Self::NotJson => ("notJSON", "the request is not JSON".to_owned(), None),
            Self::NotRequest(detail) => ("notRequest", (*detail).to_owned(), None),
            Self::Limit(limit) => (
                "limit",
                format!("the request goes beyond {limit}"),
                Some(*limit),
            ),
        };
        let mut body = json!({
            "type": format!("urn:ietf:params:jmap:error:{kind}"),
            "status": 400,
            "detail": detail,
        });
        if let (Some(limit), Some(body)) = (limit, body.as_object_mut()) {
            body.insert("limit".to_owned(), limit.into());
        }
        body
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        problem(StatusCode::BAD_REQUEST, &self.to_json())
    }
}

/// An answer with problem details.
pub(crate) fn problem(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// A method is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum MethodError {
    AccountNotFound,
    AnchorNotFound,
    CannotCalculateChanges,
    FromAccountNotFound,
    InvalidArguments(String),
    InvalidResultReference(String),
    RequestTooLarge,
    ServerFail,
    StateMismatch,
    /// What the rehearsal was told to answer.
    Told(String),
    TooManyChanges,
    UnknownMethod,
    UnsupportedFilter(String),
    UnsupportedSort(String),
}

impl MethodError {
    /// The arguments of the `error` response.
    pub(crate) fn to_json(&self) -> Value {
        let (kind, detail) = match self {
            Self::AccountNotFound => ("accountNotFound", None),
            Self::AnchorNotFound => ("anchorNotFound", None),
            Self::CannotCalculateChanges => ("cannotCalculateChanges", None),
            Self::FromAccountNotFound => ("fromAccountNotFound", None),
            Self::InvalidArguments(detail) => ("invalidArguments", Some(detail)),
            Self::InvalidResultReference(detail) => ("invalidResultReference", Some(detail)),
            Self::RequestTooLarge => ("requestTooLarge", None),
            Self::ServerFail => ("serverFail", None),
            Self::StateMismatch => ("stateMismatch", None),
            Self::Told(kind) => (kind.as_str(), None),
            Self::TooManyChanges => ("tooManyChanges", None),
            Self::UnknownMethod => ("unknownMethod", None),
            Self::UnsupportedFilter(detail) => ("unsupportedFilter", Some(detail)),
            Self::UnsupportedSort(detail) => ("unsupportedSort", Some(detail)),
        };
        match detail {
            Some(detail) => json!({ "type": kind, "description": detail }),
            None => json!({ "type": kind }),
        }
    }
}

impl From<super::state::CannotCalculate> for MethodError {
    fn from(_: super::state::CannotCalculate) -> Self {
        Self::CannotCalculateChanges
    }
}

/// One object of a `/set` is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SetError {
    kind: &'static str,
    description: Option<String>,
    more: Vec<(&'static str, Value)>,
}

impl SetError {
    /// An error of that type.
    pub(crate) const fn new(kind: &'static str) -> Self {
        Self {
            kind,
            description: None,
            more: Vec::new(),
        }
    }

    /// With words.
    pub(crate) fn because(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// With a further member.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        self.more.push((name, value));
        self
    }

    /// `invalidProperties`, naming them.
    pub(crate) fn properties(names: &[&str]) -> Self {
        Self::new("invalidProperties").with("properties", json!(names))
    }

    /// The SetError object.
    pub(crate) fn to_json(&self) -> Value {
        let mut out = json!({ "type": self.kind });
        if let Some(out) = out.as_object_mut() {
            if let Some(description) = &self.description {
                out.insert("description".to_owned(), description.clone().into());
            }
            for (name, value) in &self.more {
                out.insert((*name).to_owned(), value.clone());
            }
        }
        out
    }
}
