//! Every call of the page that names something, with what belongs to nobody or to another
//! account: not found, and the same answer for both.

use mail_app::ErrorCode;
use serde_json::{Value, json};

use crate::life::inbox;
use crate::world::World;

/// Far above any local key: it is nobody's, whatever is fetched meanwhile.
const NOBODYS: i64 = 1_000_000_007;

/// Calls that name nothing, each with why it is not in the table.
const WITHOUT_IDS: [&str; 14] = [
    "tenant.connect",
    "tenant.rehearse",
    "tenant.forget",
    "vault.retry",
    "vault.session_only",
    "preferences.set",
    "window.painted",
    "sessions.list",
    "separation.view",
    "separation.check",
    "separation.save",
    // Names what becomes of everything: an account only where several are here.
    "one_account.set",
    // May name nobody, which is another call; the table has the one with a name.
    "sign_in.begin",
    "account.sync",
];

/// What each call is asked, with somebody else's or nobody's id in each place.
fn table(own: &str, other: &str) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        (
            "sign_in.begin",
            json!({ "connection": null, "account": "nobody" }),
        ),
        ("account.sync", json!({ "account": "nobody" })),
        (
            "one_account.set",
            json!({ "on": true, "keep": "nobody", "data": null }),
        ),
    ];
    for nobody in ["nobody", "../accounts", "", "%2e%2e"] {
        for call in [
            "account.pause",
            "account.resume",
            "account.lock",
            "account.unlock",
            "account.choose_picture",
            "account.remove_picture",
            "account.removal",
            "account.kept_texts",
            "account.remove",
            "session.support",
            "session.devices",
            "session.settings_page",
            "identities.list",
        ] {
            all.push((call, json!({ "account": nobody })));
        }
        for call in ["sign_in.reopen", "sign_in.cancel"] {
            all.push((call, json!({ "attempt": nobody })));
        }
        all.extend([
            ("account.sign_out", json!({ "account": nobody, "data": "wiped" })),
            (
                "account.keep_texts",
                json!({ "account": nobody, "days": 30, "octets": null }),
            ),
            ("session.remove_device", json!({ "account": nobody, "device": "d" })),
            (
                "account.update",
                json!({ "account": nobody, "name": "x", "color": "teal", "letter": null, "unread_mark": "dot" }),
            ),
            (
                "sign_in.confirm",
                json!({ "attempt": nobody, "name": "x", "color": "teal" }),
            ),
            ("identity.add", json!({ "account": nobody, "connection": "github" })),
            (
                "identity.remove",
                json!({ "account": nobody, "connection": "github", "identity": "1" }),
            ),
            ("link.begin", json!({ "kept": nobody, "set_aside": own })),
            ("link.begin", json!({ "kept": own, "set_aside": nobody })),
            ("link.prove", json!({ "flow": nobody, "side": "kept" })),
            ("link.go_on", json!({ "flow": nobody, "understood": true })),
            ("link.settle", json!({ "flow": nobody, "what": "queue", "how": "drop" })),
            (
                "link.export",
                json!({ "flow": nobody, "eml": false, "passphrase": null, "retry": false }),
            ),
            ("link.confirm", json!({ "flow": nobody, "typed": "x" })),
            ("link.recovery_pack", json!({ "journal": nobody })),
            ("group.create", json!({ "name": "x", "accounts": [own, nobody] })),
            ("group.update", json!({ "group": nobody, "name": "x", "accounts": [own] })),
            ("group.delete", json!({ "group": nobody })),
            ("rail.reorder", json!({ "groups": [], "accounts": [own, nobody] })),
            ("rail.reorder", json!({ "groups": [nobody], "accounts": [own, other] })),
            ("list.window", json!({ "list": nobody, "from": 0, "to": 10 })),
        ]);
        for call in ["link.swap", "link.back", "link.look_again", "link.cancel"] {
            all.push((call, json!({ "flow": nobody })));
        }
    }
    // An account that is here is no sealed copy.
    for nobody in ["nobody", "../accounts", own] {
        all.extend([
            ("sealed.restore", json!({ "sealed": nobody })),
            ("sealed.destroy", json!({ "sealed": nobody })),
            ("sealed.keep", json!({ "sealed": nobody, "days": 30 })),
        ]);
    }
    for (account, message) in [
        ("nobody", 1),
        ("", 1),
        (own, NOBODYS),
        (other, NOBODYS),
        (own, -1),
    ] {
        let target = json!({ "kind": "message", "account": account, "message": message });
        all.extend([
            (
                "message.load",
                json!({ "account": account, "message": message }),
            ),
            (
                "message.mark",
                json!({ "targets": [target], "mark": "seen", "set": true }),
            ),
            (
                "attachment.open",
                json!({ "account": account, "message": message, "index": 0 }),
            ),
            (
                "attachment.save",
                json!({ "account": account, "message": message, "index": 0 }),
            ),
        ]);
    }
    all
}

/// The calls the page's types name.
fn calls() -> Vec<String> {
    let declared = mail_app::typescript();
    let rows = declared
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.split_once("\": { request:"));
    rows.map(|(name, _)| name.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_anothers_or_nobodys_is_not_found() {
    let world = World::with_messages(30).await;
    let app = world.start().await;
    let (work, personal) = world.two_accounts(&app).await;
    let before = (app.accounts_now().await.len(), inbox(&app).await.len());
    let calls = calls();
    assert!(calls.len() > 50, "{calls:?}");
    let table = table(&work.id, &personal.id);
    for call in &calls {
        let is_there = table.iter().any(|(name, _)| name == call);
        assert!(
            is_there || WITHOUT_IDS.contains(&call.as_str()),
            "{call} is not tried with foreign ids"
        );
    }
    for (call, payload) in table {
        let answer = app.call(call, payload.clone()).await;
        let code = answer.map_err(|error| error.code);
        assert_eq!(code, Err(ErrorCode::NotFound), "{call} {payload}");
    }
    let after = (app.accounts_now().await.len(), inbox(&app).await.len());
    assert_eq!(after, before);
    app.stop().await;
}
