//! What the window may do, read from its configuration: nothing here may grow unnoticed.

use std::path::Path;

use serde_json::{Value, json};

fn read(path: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn the_page_may_ask_for_three_commands_and_nothing_else() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri/capabilities");
    let files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, ["main.json"]);
    let capability = read("src-tauri/capabilities/main.json");
    assert_eq!(
        capability["permissions"],
        json!(["allow-call", "allow-open", "allow-close"])
    );
    assert_eq!(capability["windows"], json!(["main"]));
    assert!(capability.get("remote").is_none());
}

#[test]
fn the_page_loads_nothing_from_outside_and_frames_only_mail() {
    let configuration = read("tauri.conf.json");
    let app = &configuration["app"];
    assert_eq!(app["withGlobalTauri"], false);
    assert_eq!(app["security"]["freezePrototype"], true);
    assert!(app["security"].get("assetProtocol").is_none());
    let policy = app["security"]["csp"].as_str().unwrap();
    let expected = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' mail:; font-src 'self'; \
        connect-src ipc: http://ipc.localhost; frame-src mail:; form-action 'none'; base-uri 'none'; object-src 'none'";
    assert_eq!(policy, expected);
    assert!(
        app["security"]
            .get("dangerousDisableAssetCspModification")
            .is_none()
    );
    assert_eq!(
        app["windows"],
        json!([]),
        "windows are opened in one place, with their guards"
    );
}
