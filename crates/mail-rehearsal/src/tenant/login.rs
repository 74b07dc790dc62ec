//! The hosted login page: choose a connection, choose a person, go back to the application.
//!
//! Every choice is a link, so the page needs no script and no form, and a program can make the choice by
//! putting `connection` and `person` into the address itself.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use url::Url;

use super::choosing::{choose_connection, choose_person};
use super::cookies::{AUTH_CODE, AUTHORIZATION, Cookies, SESSION, USER, read};
use super::ledger::{AuthenticationRequest, Ledger, Stage, hash, seconds, secret};
use super::linking::{modes, taken_when_proven};
use super::page::notice;
use super::refusal::Refusal;
use super::returning::Place;
use super::tokens::Tokens;
use super::{Tenant, tokens};
use crate::faults::Switch;
use crate::people::{Linking, Person, connections};

pub(super) fn routes() -> Router<Tenant> {
    Router::new()
        .route("/login", get(login))
        .route("/login/cancel", get(cancel))
}

#[derive(Deserialize)]
struct Chosen {
    state: Option<String>,
    connection: Option<String>,
    person: Option<String>,
}

async fn login(
    State(tenant): State<Tenant>,
    Query(chosen): Query<Chosen>,
    headers: HeaderMap,
) -> Response {
    let Some((id, request)) = open_request(&tenant, chosen.state.as_deref()) else {
        return ended();
    };
    let connection = chosen.connection.or_else(|| request.connection.clone());
    if request.connection.is_some() && connection != request.connection {
        return notice(
            StatusCode::BAD_REQUEST,
            "That is another way in",
            "The app asked for a different connection.",
        );
    }
    if let Some(user) = chosen.person {
        let person = tenant.config().everybody().find(|person| {
            person.user == user
                && connection
                    .as_ref()
                    .is_none_or(|connection| *connection == person.connection)
        });
        return match person {
            Some(person) => finish(&tenant, &id, &Shown::Person(person), &headers)
                .unwrap_or_else(IntoResponse::into_response),
            None => notice(
                StatusCode::NOT_FOUND,
                "Nobody by that name",
                "This person does not sign in here.",
            ),
        };
    }
    if !request.always_ask
        && let Some(session) = signed_in(&tenant, &headers, connection.as_deref())
    {
        return finish(&tenant, &id, &session, &headers)
            .unwrap_or_else(IntoResponse::into_response);
    }
    match connection.and_then(|id| {
        connections()
            .into_iter()
            .find(|known| known.connection_id == id)
    }) {
        Some(connection) => choose_person(tenant.config(), &id, &connection),
        None => choose_connection(&id),
    }
}

/// Sends the person back without having signed in.
async fn cancel(State(tenant): State<Tenant>, Query(chosen): Query<Chosen>) -> Response {
    let Some((id, request)) = open_request(&tenant, chosen.state.as_deref()) else {
        return ended();
    };
    let over = tenant.change(|ledger| {
        if let Some(request) = ledger.requests.get_mut(&id) {
            request.stage = Stage::Over;
        }
        Ok(())
    });
    if let Err(refused) = over {
        return refused.into_response();
    }
    redirect(&back_with_error(
        &tenant,
        &request,
        &id,
        ("access_denied", "The sign-in was cancelled"),
    ))
}

/// The application's address with an OAuth error (RFC 6749 section 4.1.2.1).
fn back_with_error(
    tenant: &Tenant,
    request: &AuthenticationRequest,
    id: &str,
    (error, description): (&str, &str),
) -> Url {
    let mut url = back(tenant, request, id);
    url.query_pairs_mut()
        .append_pair("error", error)
        .append_pair("error_description", description);
    url
}

/// The request a person is here for, while it can still be answered.
fn open_request(tenant: &Tenant, state: Option<&str>) -> Option<(String, AuthenticationRequest)> {
    let id = state?;
    let oldest = tenant
        .now()
        .saturating_sub(seconds(tenant.config().sign_in_life));
    let request = tenant.read(|ledger| ledger.requests.get(id).cloned())?;
    (request.began > oldest && matches!(request.stage, Stage::Open))
        .then(|| (id.to_owned(), request))
}

/// Who this browser is signed in as, if by the connection asked for.
fn signed_in(
    tenant: &Tenant,
    headers: &HeaderMap,
    connection: Option<&str>,
) -> Option<Shown<'static>> {
    let cookie = read(headers, SESSION)?;
    let now = tenant.now();
    tenant.read(|ledger| {
        let (_, session) = ledger.session_of(cookie, now)?;
        let fits = connection.is_none_or(|connection| connection == session.connection);
        fits.then(|| Shown::Session {
            user: session.user.clone(),
            connection: session.connection.clone(),
            connection_user_id: session.connection_user_id.clone(),
        })
    })
}

/// How a person showed who they are.
enum Shown<'a> {
    /// To the provider.
    Person(&'a Person),
    /// By a session of their browser.
    Session {
        user: String,
        connection: String,
        connection_user_id: Option<String>,
    },
}

/// What the browser takes back with it.
struct Brought {
    /// The browser's session; a link leaves it as it is.
    session_cookie: Option<String>,
    code: Option<String>,
    tokens: Option<Tokens>,
}

/// Finishes a request with what was shown, and sends the person back to the application.
fn finish(
    tenant: &Tenant,
    id: &str,
    shown: &Shown<'_>,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let cookie = read(headers, SESSION);
    let (request, brought) = tenant.change(|ledger| {
        let request = ledger
            .requests
            .get(id)
            .filter(|request| matches!(request.stage, Stage::Open));
        let request = request.cloned().ok_or(Refusal::NotFound)?;
        let opened = open_user(tenant, ledger, &request, shown);
        if let (Some(kept), Err(_)) = (ledger.requests.get_mut(id), &opened) {
            kept.stage = Stage::Over;
        }
        if opened == Err(Refusal::IdentityConflict) {
            return Ok((request, None));
        }
        let (user, by) = opened?;
        let brought = bring(tenant, ledger, &request, (&user, &by), cookie)?;
        if let Some(kept) = ledger.requests.get_mut(id) {
            kept.stage = brought
                .code
                .as_ref()
                .map_or(Stage::Over, |code| Stage::Code {
                    hash: hash(code),
                    issued: tenant.now(),
                    user,
                    connection: by.0,
                    connection_user_id: by.1,
                });
        }
        Ok((request, Some(brought)))
    })?;
    Ok(match brought {
        Some(brought) => send_back(tenant, id, &request, &brought),
        None => redirect(&back_with_error(
            tenant,
            &request,
            id,
            ("identity_conflict", "This identity belongs to another user"),
        )),
    })
}

/// A connection and what its provider calls the person, where that is known.
type By = (String, Option<String>);

/// The user this request opens, and the identity it was opened with.
fn open_user(
    tenant: &Tenant,
    ledger: &mut Ledger,
    request: &AuthenticationRequest,
    shown: &Shown<'_>,
) -> Result<(String, By), Refusal> {
    let now = tenant.now();
    let of = |person: &Person| {
        let id = person.connection_user_id.clone();
        (person.connection.clone(), Some(id))
    };
    match (shown, &request.link) {
        (Shown::Person(person), None) => {
            let modes = modes(tenant.config(), ledger);
            let linking = |connection: &str| modes.get(connection).copied().unwrap_or(Linking::Off);
            let user = ledger.arrive(person, linking, now);
            Ok((user, of(person)))
        }
        (Shown::Person(person), Some(kept)) => {
            ledger.link(kept, person, taken_when_proven(tenant), now)?;
            Ok((kept.clone(), of(person)))
        }
        (
            Shown::Session {
                user,
                connection,
                connection_user_id,
            },
            None,
        ) => {
            let by = (connection.clone(), connection_user_id.clone());
            Ok((user.clone(), by))
        }
        (Shown::Session { .. }, Some(_)) => Err(Refusal::Unauthorized),
    }
}

/// Makes the browser's session, and the code and tokens the request asks for.
fn bring(
    tenant: &Tenant,
    ledger: &mut Ledger,
    request: &AuthenticationRequest,
    (user, (connection, connection_user_id)): (&str, &By),
    shown: Option<&str>,
) -> Result<Brought, Refusal> {
    let what = request.returning();
    let code = what.code.map(|_| secret());
    if request.link.is_some() {
        return Ok(Brought {
            session_cookie: None,
            code,
            tokens: None,
        });
    }
    let now = tenant.now();
    let ends = now.saturating_add(seconds(tenant.config().session_life));
    let same = shown.filter(|cookie| {
        let session = ledger.session_of(cookie, now).map(|(_, session)| session);
        session.is_some_and(|session| {
            session.user == user
                && session.connection == *connection
                && session.connection_user_id == *connection_user_id
        })
    });
    let continued = same.and_then(|cookie| ledger.continue_session(cookie, now, ends));
    let (session_id, session_cookie) = match continued {
        Some((session_id, _, cookie)) => (session_id, cookie),
        None => {
            let by = (connection.as_str(), connection_user_id.as_deref());
            ledger.begin_session(user, by, &request.audiences, ends)
        }
    };
    let mut session = ledger
        .sessions
        .get(&session_id)
        .cloned()
        .ok_or(Refusal::NoSession)?;
    session.audiences.clone_from(&request.audiences);
    let tokens = match what.tokens {
        Some(_) => Some(tokens::issue(tenant, ledger, &session_id, &session)?),
        None => None,
    };
    Ok(Brought {
        session_cookie: Some(session_cookie),
        code,
        tokens,
    })
}

fn send_back(
    tenant: &Tenant,
    id: &str,
    request: &AuthenticationRequest,
    brought: &Brought,
) -> Response {
    let what = request.returning();
    let mut url = back(tenant, request, id);
    let mut cookies = Cookies::new(tenant.config());
    if let Some(cookie) = &brought.session_cookie {
        cookies.session(cookie);
    }
    let page = &request.redirect_url;
    match (&brought.code, what.code) {
        (Some(code), Some(Place::Query)) => {
            url.query_pairs_mut().append_pair("code", code);
        }
        (Some(code), Some(Place::Cookie)) => {
            cookies.message(AUTH_CODE, code, seconds(tenant.config().code_life), page);
            url.query_pairs_mut().append_pair("code", "cookie");
        }
        _ => {}
    }
    match (&brought.tokens, what.tokens) {
        (Some(tokens), Some(Place::Query)) => {
            url.query_pairs_mut()
                .append_pair("access_token", &tokens.access)
                .append_pair("id_token", &tokens.id)
                .append_pair("expires_in", &tokens.expires_in.to_string());
        }
        (Some(tokens), Some(Place::Cookie)) => {
            cookies.message(AUTHORIZATION, &tokens.access, tokens.expires_in, page);
            cookies.message(USER, &tokens.id, tokens.expires_in, page);
        }
        _ => {}
    }
    let mut response = redirect(&url);
    cookies.write(response.headers_mut());
    response
}

/// The application's address with what every return carries.
fn back(tenant: &Tenant, request: &AuthenticationRequest, id: &str) -> Url {
    let mut url = request.redirect_url.clone();
    if !tenant.faults().is_on(Switch::NoNonce) {
        url.query_pairs_mut().append_pair("nonce", id);
    }
    url.query_pairs_mut()
        .append_pair("iss", &tenant.config().issuer_text());
    url
}

/// Sends the browser to `url` and leaves nothing of it behind.
pub(super) fn redirect(url: &Url) -> Response {
    let Ok(location) = HeaderValue::from_str(url.as_str()) else {
        return Refusal::RedirectUrlNotAllowed.into_response();
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    (StatusCode::FOUND, headers).into_response()
}

fn ended() -> Response {
    notice(
        StatusCode::NOT_FOUND,
        "This sign-in has ended",
        "Go back to the app and start again.",
    )
}
