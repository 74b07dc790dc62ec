//! Builds the Tauri context from the files at the top of the repository.
#![allow(
    clippy::expect_used,
    reason = "a build that cannot go on stops and says why"
)]

fn main() {
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        // Naming them takes all other commands away from every window.
        .app_manifest(tauri_build::AppManifest::new().commands(&["call", "open", "close"]));
    tauri_build::try_build(attributes)
        .expect("tauri.conf.json and the capabilities are part of the repository");
}
