//! The tenant's own pages: plain HTML, one style sheet, no script, nothing from elsewhere.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use url::Url;

use super::Tenant;
use super::callers::caller;
use super::cookies::Cookies;
use super::login::redirect;
use super::origins::may_return_to;
use super::sessions::end_session;
use crate::faults::Switch;

const STYLE: &str = include_str!("page.css");

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| STANDARD.encode(Sha256::digest(STYLE)));

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/", get(home))
        .route("/settings", get(settings))
        .route("/logout", get(logout))
}

/// One thing a person can choose.
pub(super) struct Choice {
    pub(super) letter: String,
    /// Which of the account colours, 1 to 3.
    pub(super) color: u8,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) href: String,
}

/// A page of choices with a way out.
pub(super) fn choices(title: &str, lead: &str, choices: &[Choice], cancel: &str) -> Response {
    let mut list = String::new();
    for choice in choices {
        let (href, letter) = (escape(&choice.href), escape(&choice.letter));
        let (title, detail, color) = (escape(&choice.title), escape(&choice.detail), choice.color);
        let item = format!(
            "<li><a class=choice href=\"{href}\"><span class=\"square c{color}\" aria-hidden=true>{letter}</span>\
             <span><b>{title}</b><small>{detail}</small></span></a></li>"
        );
        list.push_str(&item);
    }
    let body = format!(
        "<p>{}</p><ul>{list}</ul><p class=foot><a href=\"{}\">Cancel</a></p>",
        escape(lead),
        escape(cancel)
    );
    document(StatusCode::OK, title, &body, Forms::None)
}

/// A page that says one thing.
pub(super) fn notice(status: StatusCode, title: &str, text: &str) -> Response {
    let body = format!("<p>{}</p>", escape(text));
    document(status, title, &body, Forms::None)
}

/// Whether a page's forms may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forms {
    /// It has none.
    None,
    /// To the tenant itself.
    Own,
}

/// A whole page around `body`, which is HTML and escaped already.
pub(super) fn document(status: StatusCode, title: &str, body: &str, forms: Forms) -> Response {
    let title = escape(title);
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta name=color-scheme content=\"light dark\"><title>{title}</title><style>{STYLE}</style>\
         <main><h1>{title}</h1>{body}</main>\
         <footer>Rehearsal: this sign-in and its people are made up and stay on this computer.</footer></html>"
    );
    let style = STYLE_HASH.as_str();
    // A form of a page that sends no referrer says it comes from nowhere, which is no proof of being our own.
    let (action, referrer) = match forms {
        Forms::None => ("'none'", "no-referrer"),
        Forms::Own => ("'self'", "same-origin"),
    };
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action {action}; frame-ancestors 'none'"
    );
    let policy =
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static(referrer)),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    (status, headers, Html(html)).into_response()
}

/// Text made safe to stand in HTML, between tags or in quotes.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

async fn home() -> Response {
    notice(
        StatusCode::OK,
        "A rehearsal of signing in",
        "Start a sign-in from the app; it leads back here.",
    )
}

#[derive(Deserialize)]
struct Leaving {
    client_id: Option<String>,
    redirect_uri: Option<String>,
    /// `Profile` or `MFA`: which part of the settings comes first.
    start_page: Option<String>,
}

impl Leaving {
    /// Where to go next, if it is the application's.
    fn target(&self, tenant: &Tenant) -> Option<Url> {
        let ours = self.client_id.as_deref() == Some(tenant.config().application_id.as_str());
        let url = Url::parse(self.redirect_uri.as_deref()?).ok()?;
        (ours && may_return_to(&url, tenant.config())).then_some(url)
    }
}

/// Signs this browser out and goes back to the application.
async fn logout(
    State(tenant): State<Tenant>,
    Query(leaving): Query<Leaving>,
    headers: HeaderMap,
) -> Response {
    let Some(target) = leaving.target(&tenant) else {
        return notice(
            StatusCode::BAD_REQUEST,
            "That address is not the app's",
            "You are still signed in here.",
        );
    };
    if let Err(refused) = end_session(&tenant, &headers) {
        return refused.into_response();
    }
    let mut response = redirect(&target);
    let mut cookies = Cookies::new(tenant.config());
    cookies.take_back();
    cookies.write(response.headers_mut());
    response
}

/// Shows who is signed in in this browser, and what belongs to them. There is nothing to change here: the
/// official client does that with calls of its own.
async fn settings(
    State(tenant): State<Tenant>,
    Query(leaving): Query<Leaving>,
    headers: HeaderMap,
) -> Response {
    let user = caller(&tenant, &headers).ok().map(|caller| caller.user);
    let mut parts = match &user {
        Some(user) => account_parts(&tenant, user),
        None => vec!["<p>Nobody is signed in in this browser.</p>".to_owned()],
    };
    if leaving.start_page.as_deref() == Some("MFA") {
        parts.reverse();
    }
    let mut body = parts.concat();
    if let Some(target) = leaving.target(&tenant) {
        let href = escape(target.as_str());
        body.push_str(&format!(
            "<p class=foot><a href=\"{href}\">Back to the app</a></p>"
        ));
    }
    document(StatusCode::OK, "Your account", &body, Forms::None)
}

/// The profile and the second factors of a user, as HTML.
fn account_parts(tenant: &Tenant, user: &str) -> Vec<String> {
    tenant.read(|ledger| {
        let Some((known, person)) = ledger.users.get(user).zip(ledger.person(user)) else {
            return Vec::new();
        };
        let list = |items: Vec<String>| {
            let items: String = items
                .iter()
                .map(|item| format!("<li class=line>{}</li>", escape(item)))
                .collect();
            format!("<ul>{items}</ul>")
        };
        let ways = known
            .identities
            .iter()
            .map(|one| format!("{}, {}", one.connection, one.connection_user_id))
            .collect();
        let profile = format!(
            "<p>You are signed in as <b>{}</b>, {}.</p><h2>Ways to sign in</h2>{}",
            escape(&person.name),
            escape(&person.email),
            list(ways)
        );
        let devices: Vec<String> = known.devices.iter().map(|one| one.name.clone()).collect();
        let factors = if tenant.faults().is_on(Switch::NoDevices) {
            "<p>Second factors are not offered here.</p>".to_owned()
        } else if devices.is_empty() {
            "<p>There is none.</p>".to_owned()
        } else {
            list(devices)
        };
        vec![profile, format!("<h2>Second factors</h2>{factors}")]
    })
}
