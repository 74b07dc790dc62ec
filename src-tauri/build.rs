//! Builds the Tauri context from the files at the top of the repository.
fn main() {
    tauri_build::try_build(
        tauri_build::Attributes::new()
            .capabilities_path_pattern("./src-tauri/capabilities/**/*")
            // Naming them takes all other commands away from every window.
            .app_manifest(tauri_build::AppManifest::new().commands(&["call", "open", "close"])),
    )
    .expect("tauri.conf.json and the capabilities are part of the repository");
}
