//! The few static pages the browser shows after a sign-in.
//!
//! Complete in themselves: no script, no request, nothing of the query in them.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderValue;
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
});

/// What the browser shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    /// The code was taken.
    Welcome,
    /// The service or the person said no.
    Declined,
    /// The answer does not belong to an open attempt, or is not acceptable.
    NotAccepted,
    /// Not an address of ours.
    NotHere,
}

impl Page {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Welcome => (
                "You can close this tab",
                "Braid has your answer and goes on with the sign-in.",
            ),
            Self::Declined => (
                "The sign-in was not completed",
                "You can close this tab and try again in Braid. Nothing was changed.",
            ),
            Self::NotAccepted => (
                "This answer was not accepted",
                "Braid is not waiting for it, or it came too late. You can close this tab and start again in Braid. Nothing was changed.",
            ),
            Self::NotHere => ("Nothing here", "You can close this tab."),
        }
    }

    /// The whole response.
    pub(crate) fn response(self, status: StatusCode) -> Response<Full<Bytes>> {
        let (title, text) = self.words();
        let html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"color-scheme\" content=\"light dark\">\
             <title>{title} – Braid</title><style>{STYLE}</style></head>\
             <body><main><div class=\"mark\" aria-hidden=\"true\"></div>\
             <h1>{title}</h1><p>{text}</p></main></body></html>\n"
        );
        let mut response = Response::new(Full::new(Bytes::from(html)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::from_str(&POLICY) {
            headers.insert("content-security-policy", policy);
        }
        response
    }
}
