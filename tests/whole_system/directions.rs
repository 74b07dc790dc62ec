//! The directions of ARCHITECTURE.md, read from the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Dependencies of every package of the workspace, without those only tests have.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
            .collect()
    };
    packages
        .iter()
        .map(|package| (package["name"].as_str().unwrap().to_owned(), of(package)))
        .collect()
}

#[test]
fn every_crate_knows_only_those_it_may_know() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("mail-model", &[][..]),
        ("mail-mime", &["mail-model"]),
        ("mail-store", &["mail-model"]),
        ("mail-auth", &["mail-model", "mail-tls"]),
        ("mail-jmap", &["mail-model", "mail-tls"]),
        ("mail-engine", &["mail-model", "mail-store"]),
        ("mail-rehearsal", &[]),
        ("mail-testkit", &[]),
        ("mail-tls", &[]),
        (
            "mail-app",
            &[
                "mail-auth",
                "mail-engine",
                "mail-jmap",
                "mail-mime",
                "mail-model",
                "mail-rehearsal",
                "mail-store",
            ],
        ),
        ("braid-cli", &["mail-app"]),
        ("braid", &["mail-app"]),
    ]);
    let found = dependencies();
    let ours: BTreeSet<_> = found.keys().cloned().collect();
    assert_eq!(
        ours.iter().map(String::as_str).collect::<Vec<_>>(),
        allowed.keys().copied().collect::<Vec<_>>()
    );
    for (package, dependencies) in &found {
        let may = allowed[package.as_str()];
        for dependency in dependencies.intersection(&ours) {
            assert!(
                may.contains(&dependency.as_str()),
                "{package} must not know {dependency}"
            );
        }
    }
}

#[test]
fn dangerous_libraries_have_one_home() {
    let homes = [
        ("tauri", "braid"),
        ("sqlx", "mail-store"),
        ("keyring-core", "mail-auth"),
        ("jsonwebtoken", "mail-auth"),
        ("ammonia", "mail-mime"),
    ];
    for (package, dependencies) in dependencies() {
        for (library, home) in homes {
            // The rehearsal and the test front sign tokens, so that others can verify them.
            let signs = library == "jsonwebtoken"
                && ["mail-rehearsal", "mail-testkit"].contains(&package.as_str());
            assert!(
                package == home || signs || !dependencies.contains(library),
                "{package} must not know {library}"
            );
        }
    }
}

#[test]
fn only_one_file_of_the_page_knows_the_window() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src");
    let mut all = Vec::new();
    sources(&root, &mut all);
    let knowing: Vec<_> = all
        .iter()
        .filter(|path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("@tauri-apps/"))
        })
        .map(|path| path.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    assert_eq!(knowing, ["host/tauri.ts"]);
}
