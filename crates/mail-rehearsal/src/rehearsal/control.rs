//! What another program can do to a running rehearsal besides faults: what an administrator of the tenant
//! and people elsewhere do.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use crate::mail_server::{Held, MailServer, NewMail};
use crate::people::Linking;
use crate::tenant::{NotSetAside, SetAsideUser, Tenant};

#[derive(Deserialize)]
struct LinkingOrder {
    connection: String,
    linking: Linking,
}

#[derive(Deserialize)]
struct UserOrder {
    user: String,
}

#[derive(Deserialize)]
struct AccountOrder {
    account: String,
}

#[derive(Deserialize)]
struct Delivery {
    /// The name, id or address of a mail account.
    account: String,
    from_name: String,
    from: String,
    subject: String,
    text: String,
}

/// `GET /tenant/set-aside` lists who is set aside; `POST /tenant/bring-back {user}`, `/tenant/linking
/// {connection, linking}`, `/tenant/end-sessions {user}` and `/mail/deliver {account, from_name, from,
/// subject, text}` do what they say. `GET /mail/held?account=` counts. Unknown names are answered with 404.
pub(super) fn routes(tenant: Tenant, mail: MailServer) -> Router {
    let mail = Router::new()
        .route("/mail/deliver", post(deliver))
        .route("/mail/held", get(held))
        .with_state(mail);
    Router::new()
        .route("/tenant/set-aside", get(set_aside))
        .route("/tenant/bring-back", post(bring_back))
        .route("/tenant/linking", post(linking))
        .route("/tenant/end-sessions", post(end_sessions))
        .with_state(tenant)
        .merge(mail)
}

async fn set_aside(State(tenant): State<Tenant>) -> Json<Vec<SetAsideUser>> {
    Json(tenant.set_aside())
}

async fn bring_back(State(tenant): State<Tenant>, Json(order): Json<UserOrder>) -> StatusCode {
    match tenant.bring_back(&order.user) {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(NotSetAside::Unknown) => StatusCode::NOT_FOUND,
        Err(NotSetAside::NotRemembered) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn linking(State(tenant): State<Tenant>, Json(order): Json<LinkingOrder>) -> StatusCode {
    if tenant.set_linking(&order.connection, order.linking) {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}

async fn end_sessions(State(tenant): State<Tenant>, Json(order): Json<UserOrder>) -> StatusCode {
    tenant.end_sessions_of(&order.user);
    StatusCode::NO_CONTENT
}

async fn held(
    State(mail): State<MailServer>,
    Query(of): Query<AccountOrder>,
) -> Result<Json<Held>, StatusCode> {
    let held = mail.held(&of.account).map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(Json(held))
}

async fn deliver(State(mail): State<MailServer>, Json(order): Json<Delivery>) -> StatusCode {
    let delivered = mail.deliver(
        &order.account,
        &NewMail {
            from_name: &order.from_name,
            from: &order.from,
            subject: &order.subject,
            text: &order.text,
            answers: None,
        },
    );
    if delivered.is_ok() {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
